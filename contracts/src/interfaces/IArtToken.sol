// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IArtToken
/// @notice What the artwork asks of its token.
interface IArtToken {
    /// @notice Mints the token of a generation.
    function mint(address to, uint256 id) external;

    /// @notice Announces that a token's metadata changed (ERC-4906).
    function refreshMetadata(uint256 id) external;
}
