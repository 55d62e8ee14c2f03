// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Governed} from "./Governed.sol";
import {IWorkerSet} from "./interfaces/IWorkerSet.sol";

/// @title Purse
/// @notice The money of a set of workers: a pool that painting is paid from, and what is owed to whom.
/// @dev Nothing is ever sent to anybody who didn't ask for it in that very call. What the contract holds is, to
/// the wei, the bonds, the pool, the fees of sealed epochs, the open slashes and the credits; ether that is forced
/// upon it only adds.
abstract contract Purse is Governed, ReentrancyGuardTransient, IWorkerSet {
    /// @inheritdoc IWorkerSet
    uint256 public pool;

    /// @inheritdoc IWorkerSet
    mapping(address account => uint256 amount) public credits;

    /// @notice Ether that is sent is put into the pool.
    receive() external payable {
        _fund();
    }

    /// @inheritdoc IWorkerSet
    function fund() external payable {
        _fund();
    }

    /// @inheritdoc IWorkerSet
    function withdrawCredit(address to) external nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        uint256 amount = credits[msg.sender];
        if (amount == 0) revert NothingToTransfer();
        credits[msg.sender] = 0;
        emit CreditWithdrawn(msg.sender, to, amount);
        Address.sendValue(payable(to), amount);
    }

    /// @inheritdoc IWorkerSet
    function recall(uint256 amount) external onlyGovernance {
        if (amount == 0 || amount > pool) revert NothingToTransfer();
        _setPool(pool - amount, "recalled");
        _credit(governance, amount, "recalled");
    }

    /// @dev Records what an account is owed more.
    function _credit(address account, uint256 amount, bytes32 reason) internal {
        credits[account] += amount;
        emit Credited(account, amount, reason);
    }

    /// @dev Records what the pool holds.
    function _setPool(uint256 amount, bytes32 reason) internal {
        pool = amount;
        emit PoolChanged(amount, reason);
    }

    /// @dev Puts what was sent into the pool.
    function _fund() private {
        if (msg.value == 0) revert NothingToTransfer();
        _setPool(pool + msg.value, "funded");
    }
}
