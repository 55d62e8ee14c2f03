// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {Vm} from "forge-std/Vm.sol";
import {WorkerSet} from "../../src/WorkerSet.sol";
import {IWorkerSet} from "../../src/interfaces/IWorkerSet.sol";

/// @notice Reads the set of workers' log as a mirror does, and refuses what must not happen: somebody is paid for
/// an epoch twice, an epoch comes to a result twice, a slash is settled twice, or a bond leaves while a slash is
/// open.
abstract contract WorkerLog is CommonBase {
    WorkerSet internal immutable SET;

    /// @notice What the log alone says.
    uint256 public pool;
    mapping(address account => uint256) public bonds;
    mapping(address account => uint256) public credits;
    mapping(address worker => bytes32) public classOf;
    mapping(address worker => bool) public active;
    mapping(address worker => uint256) public openSlashes;
    mapping(bytes32 classId => bool) public listed;
    mapping(uint256 epoch => uint256) public feeHeld;
    mapping(uint256 epoch => uint256) public results;
    mapping(uint256 epoch => mapping(address worker => bool)) public paid;
    mapping(uint256 slashId => uint256) public heldBack;
    mapping(uint256 epoch => uint256) public winners;
    mapping(uint256 epoch => uint256) public paidOut;
    mapping(bytes32 reason => uint256) public seen;
    uint256 public slashesHeld;
    uint256 public feesHeld;
    uint256 public slashed;

    constructor(WorkerSet set) {
        SET = set;
    }

    /// @dev Reads what was logged since the last time.
    function _read() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(SET)) _one(logs[i]);
        }
    }

    function _one(Vm.Log memory entry) private {
        bytes32 kind = entry.topics[0];
        if (kind == IWorkerSet.PoolChanged.selector) {
            bytes32 reason;
            uint256 before = pool;
            (pool, reason) = abi.decode(entry.data, (uint256, bytes32));
            ++seen[reason];
            if (reason == "dust") feesHeld -= pool - before;
        } else if (kind == IWorkerSet.BondChanged.selector) {
            _bond(_account(entry.topics[1]), entry.data);
        } else if (kind == IWorkerSet.Credited.selector) {
            (uint256 amount, bytes32 reason) = abi.decode(entry.data, (uint256, bytes32));
            credits[_account(entry.topics[1])] += amount;
            ++seen[reason];
        } else if (kind == IWorkerSet.CreditWithdrawn.selector) {
            (, uint256 amount) = abi.decode(entry.data, (address, uint256));
            address account = _account(entry.topics[1]);
            require(amount == credits[account], "took something else than it was owed");
            credits[account] = 0;
            ++seen["credit"];
        } else if (kind == IWorkerSet.ClassListed.selector) {
            listed[entry.topics[1]] = abi.decode(entry.data, (bool));
        } else {
            _membership(kind, entry);
            _painting(kind, entry);
            _slash(kind, entry);
        }
    }

    function _bond(address worker, bytes memory data) private {
        (uint256 bond, bytes32 reason) = abi.decode(data, (uint256, bytes32));
        if (reason == "withdrawn") {
            require(openSlashes[worker] == 0, "a bond left with an open slash");
            require(_isSettled(worker), "a bond left with a commitment that wasn't settled");
        }
        bonds[worker] = bond;
        ++seen[reason];
    }

    function _membership(bytes32 kind, Vm.Log memory entry) private {
        address worker = entry.topics.length > 1 ? _account(entry.topics[1]) : address(0);
        if (kind == IWorkerSet.WorkerRegistered.selector) {
            (active[worker], classOf[worker]) = (true, entry.topics[2]);
        } else if (kind == IWorkerSet.WorkerReturned.selector) {
            require(!active[worker], "returned without having been away");
            active[worker] = true;
            ++seen["back"];
        } else if (kind == IWorkerSet.WorkerDropped.selector) {
            require(active[worker], "dropped twice");
            active[worker] = false;
            ++seen["dropped"];
        } else if (kind == IWorkerSet.ExitRequested.selector) {
            active[worker] = false;
        }
    }

    function _painting(bytes32 kind, Vm.Log memory entry) private {
        uint256 epoch = entry.topics.length > 1 ? uint256(entry.topics[1]) : 0;
        if (kind == IWorkerSet.EpochAccepted.selector) {
            (,,, uint256 fee) = abi.decode(entry.data, (bytes32, uint256, uint256, uint256));
            feeHeld[epoch] = fee;
            feesHeld += fee;
        } else if (kind == IWorkerSet.ResultFinalized.selector) {
            (,, uint256 count,,) = abi.decode(entry.data, (uint256, bytes32, uint256, address, uint256));
            require(++results[epoch] == 1, "an epoch came to two results");
            winners[epoch] = count;
        } else if (kind == IWorkerSet.FeeCredited.selector) {
            address worker = _account(entry.topics[2]);
            uint256 amount = abi.decode(entry.data, (uint256));
            require(!paid[epoch][worker], "paid twice");
            require(amount == feeHeld[epoch] / winners[epoch], "paid something else than a share");
            paid[epoch][worker] = true;
            paidOut[epoch] += amount;
            feesHeld -= amount;
        } else if (kind == IWorkerSet.FeeReleased.selector) {
            require(results[epoch] == 0 && paidOut[epoch] == 0, "released a fee that is owed");
            feesHeld -= abi.decode(entry.data, (uint256));
        }
    }

    function _slash(bytes32 kind, Vm.Log memory entry) private {
        if (kind == IWorkerSet.Slashed.selector) {
            (,, uint256 amount, uint48 until) = abi.decode(entry.data, (uint256, bytes32, uint256, uint48));
            require(uint256(entry.topics[1]) == ++slashed, "a slash has another's number");
            if (until == 0) return;
            ++openSlashes[_account(entry.topics[2])];
            heldBack[uint256(entry.topics[1])] = amount;
            slashesHeld += amount;
        } else if (kind == IWorkerSet.SlashSettled.selector) {
            (, uint256 amount) = abi.decode(entry.data, (bool, uint256));
            require(heldBack[uint256(entry.topics[1])] == amount && amount != 0, "settled twice");
            --openSlashes[_account(entry.topics[2])];
            heldBack[uint256(entry.topics[1])] = 0;
            slashesHeld -= amount;
        }
    }

    /// @dev True when nothing can follow from the worker's last commitment any more.
    function _isSettled(address worker) internal view virtual returns (bool);

    function _account(bytes32 topic) internal pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
