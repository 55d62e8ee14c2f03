// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Roster} from "./Roster.sol";
import {IWorkerSet} from "./interfaces/IWorkerSet.sol";
import {Rules, Slash, SlashState, Worker} from "./interfaces/WorkerTypes.sol";

/// @title Penalties
/// @notice What bonds are for. A commitment that isn't revealed costs at once, since nothing can be said for it. A
/// result that differs from the quorum's, inside its determinism class, costs what is held back at first: the
/// worker may challenge it, and the governance may give it back. What is lost goes to the treasury.
abstract contract Penalties is Roster {
    using SafeCast for uint256;

    /// @inheritdoc IWorkerSet
    uint256 public slashCount;

    mapping(uint256 slashId => Slash slash) private _slashes;

    /// @inheritdoc IWorkerSet
    function challenge(uint256 slashId, string calldata uri) external {
        Slash storage slash = _inState(slashId, SlashState.Open);
        if (msg.sender != slash.worker) revert NotWorker(msg.sender);
        if (block.timestamp > slash.challengeUntil) revert Expired(slash.challengeUntil);
        _checkUri(uri);
        uint48 decideUntil = uint48(block.timestamp) + _rules[_terms[slash.epoch].rulesVersion].resolvePeriod;
        slash.state = SlashState.Challenged;
        slash.decideUntil = decideUntil;
        emit SlashChallenged(slashId, msg.sender, uri, decideUntil);
    }

    /// @inheritdoc IWorkerSet
    function decide(uint256 slashId, bool upheld) external onlyGovernance {
        Slash storage slash = _inState(slashId, SlashState.Challenged);
        if (block.timestamp > slash.decideUntil) revert Expired(slash.decideUntil);
        _close(slashId, slash, upheld);
    }

    /// @inheritdoc IWorkerSet
    /// @dev Silence upholds: a governance that can't be bothered changes nothing.
    function settleSlash(uint256 slashId) external {
        Slash storage slash = _slashes[slashId];
        uint48 until = slash.decideUntil;
        if (slash.state != SlashState.Challenged) {
            _inState(slashId, SlashState.Open);
            until = slash.challengeUntil;
        }
        if (block.timestamp <= until) revert NotYet(until + 1);
        _close(slashId, slash, true);
    }

    /// @inheritdoc IWorkerSet
    function slashes(uint256 slashId) external view returns (Slash memory) {
        return _slashes[slashId];
    }

    /// @dev Takes what silence costs from a worker's bond, for good.
    function _slashSilence(address account, uint256 epoch, uint16 round) internal {
        Rules storage rules_ = _rules[_terms[epoch].rulesVersion];
        (uint256 slashId, uint256 amount) = _take(account, epoch, round, rules_.silenceSlash, "silence");
        _slashes[slashId].state = SlashState.Upheld;
        emit Slashed(slashId, account, epoch, round, "silence", amount, 0);
        _credit(governance, amount, "slash");
    }

    /// @dev Holds back what a mismatch costs from a worker's bond.
    function _slashMismatch(address account, uint256 epoch, uint16 round) internal {
        Rules storage rules_ = _rules[_terms[epoch].rulesVersion];
        (uint256 slashId, uint256 amount) = _take(account, epoch, round, rules_.mismatchSlash, "mismatch");
        uint48 challengeUntil = uint48(block.timestamp) + rules_.challengePeriod;
        _slashes[slashId].state = SlashState.Open;
        _slashes[slashId].challengeUntil = challengeUntil;
        ++_workers[account].openSlashes;
        emit Slashed(slashId, account, epoch, round, "mismatch", amount, challengeUntil);
    }

    /// @dev Takes up to `cost` from a worker's bond and writes down for what.
    function _take(address account, uint256 epoch, uint16 round, uint256 cost, bytes32 reason)
        private
        returns (uint256 slashId, uint256 amount)
    {
        Worker storage worker = _workers[account];
        // The rules keep a cost within the least bond, and a bond can't shrink while a commitment is unsettled.
        amount = Math.min(cost, worker.bond);
        slashId = ++slashCount;
        Slash storage slash = _slashes[slashId];
        slash.worker = account;
        slash.amount = amount.toUint128();
        slash.epoch = epoch.toUint64();
        slash.round = round;
        _setBond(account, worker, worker.bond - amount, reason);
        _updateMembership(account);
    }

    /// @dev Ends a slash: what was held back goes to the treasury, or back to the bond.
    function _close(uint256 slashId, Slash storage slash, bool upheld) private {
        address account = slash.worker;
        uint256 amount = slash.amount;
        Worker storage worker = _workers[account];
        slash.state = upheld ? SlashState.Upheld : SlashState.Overturned;
        --worker.openSlashes;
        emit SlashSettled(slashId, account, upheld, amount);
        if (upheld) {
            _credit(governance, amount, "slash");
        } else {
            _setBond(account, worker, worker.bond + amount, "returned");
            _updateMembership(account);
        }
    }

    /// @dev The slash, when it is in the state; reverts otherwise.
    function _inState(uint256 slashId, SlashState expected) private view returns (Slash storage slash) {
        slash = _slashes[slashId];
        if (slash.state != expected) revert SlashNotIn(slashId, expected, slash.state);
    }
}
