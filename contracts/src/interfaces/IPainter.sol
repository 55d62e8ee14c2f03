// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IPainter
/// @notice The authority that paints: it decides which result is anchored, and who is credited for it.
interface IPainter {
    /// @notice True when it can take on an epoch; the artwork seals none while it is false.
    function ready() external view returns (bool);

    /// @notice The artwork opened a round of painting. Only the artwork may say so.
    /// @param epoch the epoch to paint.
    /// @param round the round's number, from 1; a later round keeps the seed.
    /// @param deadline the last time at which a result can be anchored in this round.
    function roundOpened(uint256 epoch, uint256 round, uint48 deadline) external;
}
