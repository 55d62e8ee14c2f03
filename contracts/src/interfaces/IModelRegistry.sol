// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IModelRegistry
/// @notice Says which models may be chosen. Without a registry any non-zero id may be.
interface IModelRegistry {
    /// @notice True when the model may be chosen for the epochs to come.
    function isActive(bytes32 modelId) external view returns (bool);
}
