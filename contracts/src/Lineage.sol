// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Slots} from "./Slots.sol";
import {IArtToken} from "./interfaces/IArtToken.sol";
import {Generation, ILivingArtwork} from "./interfaces/ILivingArtwork.sol";
import {Commitments, Result} from "./libraries/Commitments.sol";

/// @title Lineage
/// @notice The generations of an artwork, chained: each one's head commits to it and to all before it. What is
/// recorded is for ever; a portrait and its proof may be added later, once each.
abstract contract Lineage is Slots, ILivingArtwork {
    using SafeCast for uint256;

    /// @dev The names of the slots whose parts may add to a generation.
    bytes32 internal constant PORTRAIT = "portrait";
    bytes32 internal constant PROOF = "proof";

    /// @notice The token whose ids are the generations' numbers.
    IArtToken public immutable token;

    /// @notice The number of generations so far, which is the newest one's number.
    uint256 public generations;

    /// @notice The lineage head: it commits to every generation so far. Zero before the first.
    bytes32 public head;

    /// @dev What only the lineage knows of a generation: the rest follows from where it came from.
    /// @param result the picture's hashes.
    /// @param painter who is credited for painting it.
    /// @param epoch the epoch that led to it; 0 for a founding generation.
    /// @param portrait the data contract of its neural portrait, once one is attached.
    /// @param proofHash the hash of its portrait's proof, once one is attached.
    struct Entry {
        Result result;
        address painter;
        uint96 epoch;
        address portrait;
        bytes32 proofHash;
    }

    /// @dev What a generation was painted from.
    /// @param modelId the model that painted it.
    /// @param parentHead the lineage head before it.
    /// @param seed the seed that it was painted from.
    /// @param recipeHash commitment to all that it was painted from.
    struct Origin {
        bytes32 modelId;
        bytes32 parentHead;
        bytes32 seed;
        bytes32 recipeHash;
    }

    mapping(uint256 number => Entry entry) private _entries;

    /// @param token_ the token; the artwork must be its minter.
    constructor(IArtToken token_) {
        if (address(token_) == address(0)) revert ZeroAddress();
        token = token_;
    }

    /// @notice Attaches a generation's neural portrait. Only the part in the slot "portrait", once.
    /// @param generation the generation.
    /// @param pointer the contract whose code is the portrait's data.
    function attachPortrait(uint256 generation, address pointer) external {
        _checkPart(PORTRAIT);
        Entry storage record = _known(generation);
        if (record.portrait != address(0) || pointer.code.length == 0) revert NotAttachable(generation);
        record.portrait = pointer;
        emit PortraitAttached(generation, pointer, pointer.codehash);
        token.refreshMetadata(generation);
    }

    /// @notice Attaches the proof of a generation's portrait. Only the part in the slot "proof", once.
    /// @param generation the generation.
    /// @param proofHash the hash of the proof.
    function attachProof(uint256 generation, bytes32 proofHash) external {
        _checkPart(PROOF);
        Entry storage record = _known(generation);
        if (record.proofHash != 0 || proofHash == 0) revert NotAttachable(generation);
        record.proofHash = proofHash;
        emit ProofAttached(generation, proofHash);
        token.refreshMetadata(generation);
    }

    /// @inheritdoc ILivingArtwork
    function generationOf(uint256 generation) external view returns (Generation memory record) {
        Entry storage entry = _known(generation);
        Origin memory origin = _originOf(generation, entry.epoch);
        record.epoch = entry.epoch;
        record.modelId = origin.modelId;
        record.parentHead = origin.parentHead;
        record.seed = origin.seed;
        record.recipeHash = origin.recipeHash;
        record.result = entry.result;
        record.resultHash = Commitments.resultHash(origin.recipeHash, record.result);
        record.head = Commitments.head(origin.parentHead, generation, origin.recipeHash, record.resultHash);
        record.painter = entry.painter;
        record.founding = entry.epoch == 0;
        record.portrait = entry.portrait;
        record.proofHash = entry.proofHash;
    }

    /// @dev Adds a generation to the lineage and mints its token.
    /// @param epoch the epoch that led to it; 0 for a founding one.
    /// @param origin what it was painted from, which `_originOf` finds again; its parent must be the lineage head.
    /// @param result the picture's hashes.
    /// @param painter who is credited for painting it.
    /// @param recipient who receives its token.
    function _anchor(
        uint256 epoch,
        Origin memory origin,
        Result memory result,
        address painter,
        address recipient
    ) internal returns (uint256 generation) {
        if (result.pixelHash == 0 || result.thumbHash == 0 || result.fileHash == 0) {
            revert EmptyResult();
        }
        generation = ++generations;
        bytes32 resultHash = Commitments.resultHash(origin.recipeHash, result);
        head = Commitments.head(origin.parentHead, generation, origin.recipeHash, resultHash);
        Entry memory entry;
        entry.result = result;
        entry.painter = painter;
        entry.epoch = epoch.toUint96();
        _record(generation, entry);
        _emitAnchored(generation, entry, origin, resultHash);
        token.mint(recipient, generation);
    }

    /// @dev Writes what is known of a new generation, and not the zeros that stand there already.
    function _record(uint256 generation, Entry memory entry) private {
        Entry storage record = _entries[generation];
        record.result = entry.result;
        record.painter = entry.painter;
        record.epoch = entry.epoch;
    }

    /// @dev Tells of a generation. (By itself, since the event's eleven fields fill the stack.)
    function _emitAnchored(uint256 generation, Entry memory entry, Origin memory origin, bytes32 resultHash)
        private
    {
        emit GenerationAnchored(
            generation,
            origin.modelId,
            origin.parentHead,
            entry.epoch,
            origin.seed,
            origin.recipeHash,
            resultHash,
            entry.result.pixelHash,
            entry.result.fileHash,
            entry.painter,
            entry.epoch == 0
        );
    }

    /// @dev What a generation was painted from.
    /// @param generation its number.
    /// @param epoch the epoch that led to it; 0 for a founding one.
    function _originOf(uint256 generation, uint256 epoch) internal view virtual returns (Origin memory);

    /// @dev The generation, when there is one of that number; reverts otherwise.
    function _known(uint256 generation) internal view returns (Entry storage) {
        if (generation == 0 || generation > generations) revert UnknownGeneration(generation);
        return _entries[generation];
    }

    /// @dev Reverts unless the part in the slot calls.
    function _checkPart(bytes32 name) internal view {
        if (msg.sender != slot(name)) revert NotPart(name, msg.sender);
    }
}
