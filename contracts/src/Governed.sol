// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Governed
/// @notice A contract that obeys one address for good: the timelock of the artwork's governor.
/// @dev The address is immutable. There is no owner, no admin and nothing to renounce: whoever deploys a
/// governed contract has no power over it.
abstract contract Governed {
    /// @notice The only address that may change this contract's settings.
    address public immutable governance;

    /// @notice The caller isn't the governance.
    error NotGovernance(address caller);

    /// @notice An address that must not be zero was zero.
    error ZeroAddress();

    /// @dev Lets only the governance through.
    modifier onlyGovernance() {
        _checkGovernance();
        _;
    }

    /// @param governance_ the timelock; may have no code yet, since its address is computed in advance.
    constructor(address governance_) {
        if (governance_ == address(0)) revert ZeroAddress();
        governance = governance_;
    }

    /// @dev Reverts with `NotGovernance` unless the governance calls.
    function _checkGovernance() internal view {
        if (msg.sender != governance) revert NotGovernance(msg.sender);
    }
}
