// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {ILivingArtwork, Generation} from "./interfaces/ILivingArtwork.sol";
import {ITokenMetadata} from "./interfaces/ITokenParts.sol";

/// @title TokenMetadata
/// @notice A token's metadata, made by the chain alone from the record of its generation.
/// @dev It says what the chain knows and shows no picture: there is none on the chain before a portrait is
/// attached, and the part that draws it takes this one's slot. No text in it comes from outside, so there is
/// nothing to escape.
contract TokenMetadata is ITokenMetadata {
    using Strings for uint256;
    using Strings for address;

    /// @notice The artwork whose record is told.
    ILivingArtwork public immutable artwork;

    /// @param artwork_ the artwork; may have no code yet, since its address is computed in advance.
    constructor(ILivingArtwork artwork_) {
        artwork = artwork_;
    }

    /// @inheritdoc ITokenMetadata
    function tokenURI(uint256 id) external view returns (string memory) {
        return _json(string.concat(_name(id), _attributes(artwork.generationOf(id))));
    }

    /// @inheritdoc ITokenMetadata
    function contractURI() external pure returns (string memory) {
        return _json(
            '{"name":"Murmuration","symbol":"MURM","description":"A living artwork. Its collectors decide by vote'
            ' what is painted next, a diffusion model paints it, and the chain keeps every generation."}'
        );
    }

    /// @dev The object's head: name and description.
    function _name(uint256 id) private pure returns (string memory) {
        string memory number = id.toString();
        return string.concat(
            '{"name":"Murmuration, generation ',
            number,
            '","description":"Generation ',
            number,
            " of a living artwork that its collectors govern. The hashes commit to the picture and to the recipe"
            ' it was painted from.","attributes":['
        );
    }

    /// @dev The object's attributes and its end.
    function _attributes(Generation memory g) private pure returns (string memory) {
        string memory origin = string.concat(
            g.founding ? _text("Origin", "founding") : _text("Origin", "voted"),
            ",",
            '{"display_type":"number","trait_type":"Epoch","value":',
            g.epoch.toString(),
            "},",
            _hash("Model", g.modelId),
            ",",
            _text("Painter", g.painter.toChecksumHexString())
        );
        string memory hashes = string.concat(
            _hash("Parent head", g.parentHead),
            ",",
            _hash("Lineage head", g.head),
            ",",
            _hash("Seed", g.seed),
            ",",
            _hash("Recipe hash", g.recipeHash),
            ",",
            _hash("Result hash", g.resultHash)
        );
        string memory picture = string.concat(
            _hash("Pixel hash", g.result.pixelHash),
            ",",
            _hash("Thumbnail hash", g.result.thumbHash),
            ",",
            _hash("File hash", g.result.fileHash)
        );
        string memory later = string.concat(
            _text("Portrait", g.portrait == address(0) ? "none" : g.portrait.toChecksumHexString()),
            ",",
            g.proofHash == 0 ? _text("Proof", "unproved") : _hash("Proof", g.proofHash)
        );
        return string.concat(origin, ",", hashes, ",", picture, ",", later, "]}");
    }

    /// @dev One attribute.
    function _text(string memory name, string memory value) private pure returns (string memory) {
        return string.concat('{"trait_type":"', name, '","value":"', value, '"}');
    }

    /// @dev One attribute whose value is 32 bytes.
    function _hash(string memory name, bytes32 value) private pure returns (string memory) {
        return _text(name, uint256(value).toHexString(32));
    }

    /// @dev JSON as a data URI.
    function _json(string memory json) private pure returns (string memory) {
        return string.concat("data:application/json;base64,", Base64.encode(bytes(json)));
    }
}
