// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What was painted, as three hashes that anybody can recompute from the picture.
/// @param pixelHash sha256("PIXELS_V1" || width || height || RGB8 rows).
/// @param thumbHash sha256("THUMBS_V1" || 128x128 thumbnail || 16x16 thumbnail), integer box filter.
/// @param fileHash sha256 of the canonical PNG, whose deflate blocks are stored, not compressed.
struct Result {
    bytes32 pixelHash;
    bytes32 thumbHash;
    bytes32 fileHash;
}

/// @title Commitments
/// @notice The hashes by which the artwork commits to its parameters, seeds, recipes, results and lineage.
/// @dev Each has its own domain, so that a value of one kind can never pass for one of another kind.
library Commitments {
    /// @notice Commitment to a set of parameters.
    /// @param keys the parameters' keys in registration order.
    /// @param valueHashes keccak256 of each value's bytes, in the same order.
    /// @dev A later key makes the lists longer, which changes no earlier hash and can equal none.
    function paramsHash(bytes32[] memory keys, bytes32[] memory valueHashes) internal pure returns (bytes32) {
        return keccak256(abi.encode("PARAMS_V1", keys, valueHashes));
    }

    /// @notice The seed of an epoch: nobody can choose it, since the randomness is fixed before it exists.
    function seed(address artwork, uint256 epoch, bytes32 params, bytes32 randomness)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode("EPOCH_SEED_V1", block.chainid, artwork, epoch, params, randomness));
    }

    /// @notice Commitment to everything a picture is painted from, its parent included.
    function recipeHash(address artwork, uint256 epoch, bytes32 params, bytes32 parentHead, bytes32 seed_)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode("RECIPE_V1", block.chainid, artwork, epoch, params, parentHead, seed_));
    }

    /// @notice Commitment to a picture painted from a recipe: what painters must agree on.
    function resultHash(bytes32 recipe, Result memory result) internal pure returns (bytes32) {
        return keccak256(abi.encode("RESULT_V1", recipe, result.pixelHash, result.thumbHash, result.fileHash));
    }

    /// @notice The lineage head after a generation: it chains all generations before it.
    function head(bytes32 parentHead, uint256 generation, bytes32 recipe, bytes32 result)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("HEAD_V1", parentHead, generation, recipe, result));
    }
}
