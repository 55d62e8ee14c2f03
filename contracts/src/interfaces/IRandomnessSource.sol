// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IRandomnessSource
/// @notice A source that fixes a round in the future, whose value nobody knows yet, and delivers it later.
interface IRandomnessSource {
    /// @notice Where a round stands.
    /// @param Pending its value doesn't exist yet.
    /// @param Ready its value can be delivered.
    /// @param Lapsed its value can't be delivered any more: another round must be fixed.
    enum Status {
        Pending,
        Ready,
        Lapsed
    }

    /// @notice The round to fix now: one whose value can't be known or chosen by anybody yet.
    function fix() external view returns (uint256 round);

    /// @notice Where the round stands.
    function status(uint256 round) external view returns (Status);

    /// @notice The round's value. Reverts unless it is ready and the proof holds.
    /// @param round the round that was fixed.
    /// @param proof what the source needs to check the value; empty where the chain itself knows it.
    function deliver(uint256 round, bytes calldata proof) external view returns (bytes32 randomness);
}
