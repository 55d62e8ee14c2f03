// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Slots} from "./Slots.sol";
import {IArtToken} from "./interfaces/IArtToken.sol";
import {Generation, ILivingArtwork} from "./interfaces/ILivingArtwork.sol";
import {Commitments} from "./libraries/Commitments.sol";

/// @title Lineage
/// @notice The generations of an artwork, chained: each one's head commits to it and to all before it. What is
/// recorded is for ever; a portrait and its proof may be added later, once each.
abstract contract Lineage is Slots, ILivingArtwork {
    /// @dev The names of the slots whose parts may add to a generation.
    bytes32 internal constant PORTRAIT = "portrait";
    bytes32 internal constant PROOF = "proof";

    /// @notice The token whose ids are the generations' numbers.
    IArtToken public immutable token;

    /// @notice The number of generations so far, which is the newest one's number.
    uint256 public generations;

    /// @notice The lineage head: it commits to every generation so far. Zero before the first.
    bytes32 public head;

    mapping(uint256 number => Generation generation) private _generations;

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
        Generation storage record = _known(generation);
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
        Generation storage record = _known(generation);
        if (record.proofHash != 0 || proofHash == 0) revert NotAttachable(generation);
        record.proofHash = proofHash;
        emit ProofAttached(generation, proofHash);
        token.refreshMetadata(generation);
    }

    /// @inheritdoc ILivingArtwork
    function generationOf(uint256 generation) external view returns (Generation memory) {
        return _known(generation);
    }

    /// @dev Adds a generation to the lineage and mints its token.
    /// @param record the generation with its epoch (0 for a founding one), model, seed, recipe, result and painter;
    /// its place in the lineage is filled in here.
    /// @param recipient who receives its token.
    function _anchor(Generation memory record, address recipient) internal returns (uint256 generation) {
        if (record.result.pixelHash == 0 || record.result.thumbHash == 0 || record.result.fileHash == 0) {
            revert EmptyResult();
        }
        generation = ++generations;
        record.parentHead = head;
        record.resultHash = Commitments.resultHash(record.recipeHash, record.result);
        record.head = Commitments.head(record.parentHead, generation, record.recipeHash, record.resultHash);
        record.founding = record.epoch == 0;
        head = record.head;
        _generations[generation] = record;
        _emitAnchored(generation, record);
        token.mint(recipient, generation);
    }

    /// @dev Tells of a generation. (By itself, since the event's eleven fields fill the stack.)
    function _emitAnchored(uint256 generation, Generation memory record) private {
        emit GenerationAnchored(
            generation,
            record.modelId,
            record.parentHead,
            record.epoch,
            record.seed,
            record.recipeHash,
            record.resultHash,
            record.result.pixelHash,
            record.result.fileHash,
            record.painter,
            record.founding
        );
    }

    /// @dev The generation, when there is one of that number; reverts otherwise.
    function _known(uint256 generation) internal view returns (Generation storage) {
        if (generation == 0 || generation > generations) revert UnknownGeneration(generation);
        return _generations[generation];
    }

    /// @dev Reverts unless the part in the slot calls.
    function _checkPart(bytes32 name) internal view {
        if (msg.sender != slot(name)) revert NotPart(name, msg.sender);
    }
}
