// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IPainter
/// @notice The authority that paints: it decides which result is anchored, and who is credited for it.
interface IPainter {
    /// @notice True when it can take on an epoch; the artwork seals none while it is false.
    function ready() external view returns (bool);

    /// @notice The artwork sealed an epoch that this authority will paint: who may paint it, and by what rules, is
    /// frozen now. Only the artwork may say so.
    /// @param epoch the epoch.
    function epochSealed(uint256 epoch) external;

    /// @notice The artwork opened a round of painting. Only the artwork may say so.
    /// @param epoch the epoch to paint.
    /// @param round the round's number, from 1; a later round keeps the seed.
    /// @param deadline the last time at which a result can be anchored in this round.
    /// @param recipeHash commitment to all that is painted from; the results are bound to it.
    function roundOpened(uint256 epoch, uint256 round, uint48 deadline, bytes32 recipeHash) external;

    /// @notice True when the round that is open can't come to a result any more: it may be reopened, or the epoch
    /// be failed, before its deadline.
    /// @param epoch the epoch that is painted.
    function roundOver(uint256 epoch) external view returns (bool);
}
