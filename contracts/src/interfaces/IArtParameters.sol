// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IArtParameters
/// @notice What the artwork asks of its governed parameters. Every change of one makes a new version.
interface IArtParameters {
    /// @notice The version in force now; the first is 1.
    function version() external view returns (uint256);

    /// @notice The version that was in force just before the time `t`; 0 when there was none yet.
    function versionBefore(uint48 t) external view returns (uint256);

    /// @notice The commitment to all parameters as of a version.
    function paramsHash(uint256 version_) external view returns (bytes32);

    /// @notice The id of the model that paints, as of a version.
    function modelAt(uint256 version_) external view returns (bytes32);

    /// @notice The length of an epoch in seconds, as of a version.
    function epochLengthAt(uint256 version_) external view returns (uint48);
}
