// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Purse} from "./Purse.sol";
import {IWorkerSet} from "./interfaces/IWorkerSet.sol";
import {Rules, Terms, Worker} from "./interfaces/WorkerTypes.sol";

/// @title Roster
/// @notice Who may paint: bonded workers, each of one determinism class, by the governance's rules.
/// @dev Who was a worker when an epoch was sealed is told by epochs' numbers, so that nothing ever loops over the
/// workers: whoever joins does so from the epoch that is sealed next, whoever leaves stays for the one that was
/// sealed last. Classes are listed and unlisted in the same way.
abstract contract Roster is Purse {
    using SafeCast for uint256;

    /// @dev A class of workers. Its workers may paint the epochs from its first to its last.
    struct ClassRecord {
        uint64 firstEpoch;
        uint64 lastEpoch;
        uint32 active;
    }

    /// @dev The longest that a delay may be: a bond in trouble must come free in somebody's life.
    uint48 internal constant LONGEST = 365 days;

    /// @dev The longest address of what a worker serves, in bytes.
    uint256 internal constant LONGEST_URI = 256;

    /// @dev The last epoch of whoever hasn't left.
    uint64 internal constant FOREVER = type(uint64).max;

    /// @inheritdoc IWorkerSet
    bytes32 public acceptedClass;

    uint64 internal _lastSealed;
    uint24 internal _rulesVersion;

    /// @dev How many active workers there are in all listed classes.
    uint32 internal _activeInAll;

    mapping(uint24 version => Rules rules) internal _rules;
    mapping(bytes32 classId => ClassRecord record) internal _classes;
    mapping(address account => Worker worker) internal _workers;
    mapping(uint256 epoch => Terms terms) internal _terms;

    /// @param rules_ the first rules.
    /// @param classes the classes that are listed from the start.
    /// @param accepted the class whose results count; zero for none yet.
    constructor(Rules memory rules_, bytes32[] memory classes, bytes32 accepted) {
        _setRules(rules_);
        for (uint256 i = 0; i < classes.length; ++i) {
            _listClass(classes[i], true);
        }
        _setAcceptedClass(accepted);
    }

    // ----------------------------------------------------------------------------------------------- workers

    /// @inheritdoc IWorkerSet
    function register(bytes32 classId, string calldata uri) external payable {
        Worker storage worker = _workers[msg.sender];
        if (worker.classId != 0) revert AlreadyRegistered(msg.sender);
        if (!isListed(classId)) revert ClassNotListed(classId);
        uint128 least = _rules[_rulesVersion].minBond;
        if (msg.value < least) revert BondTooLow(msg.value, least);
        _checkUri(uri);
        uint64 firstEpoch = _lastSealed + 1;
        worker.classId = classId;
        worker.bond = msg.value.toUint128();
        worker.firstEpoch = firstEpoch;
        worker.lastEpoch = FOREVER;
        _count(classId, true);
        emit WorkerRegistered(msg.sender, classId, firstEpoch, uri);
        emit BondChanged(msg.sender, msg.value, "register");
    }

    /// @inheritdoc IWorkerSet
    function setUri(string calldata uri) external {
        _registered(msg.sender);
        _checkUri(uri);
        emit UriSet(msg.sender, uri);
    }

    /// @inheritdoc IWorkerSet
    function addBond(address account) external payable {
        Worker storage worker = _registered(account);
        if (worker.withdrawableAt != 0) revert Leaving(account);
        if (msg.value == 0) revert NothingToTransfer();
        _setBond(account, worker, worker.bond + msg.value, "add");
        _updateMembership(account);
    }

    /// @inheritdoc IWorkerSet
    function requestExit() external {
        _settle(msg.sender);
        Worker storage worker = _registered(msg.sender);
        if (worker.withdrawableAt != 0) revert Leaving(msg.sender);
        if (worker.lastEpoch == FOREVER) {
            worker.lastEpoch = _lastSealed;
            _count(worker.classId, false);
        }
        uint48 withdrawableAt = uint48(block.timestamp) + _rules[_rulesVersion].exitDelay;
        worker.withdrawableAt = withdrawableAt;
        emit ExitRequested(msg.sender, worker.lastEpoch, withdrawableAt);
    }

    /// @inheritdoc IWorkerSet
    function withdrawBond(address to) external nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        Worker storage worker = _registered(msg.sender);
        uint48 withdrawableAt = worker.withdrawableAt;
        if (withdrawableAt == 0) revert NotLeaving(msg.sender);
        if (block.timestamp < withdrawableAt) revert NotYet(withdrawableAt);
        _settle(msg.sender);
        _checkResolved(msg.sender);
        if (worker.openSlashes != 0) revert SlashesOpen(msg.sender, worker.openSlashes);
        uint256 amount = worker.bond;
        delete _workers[msg.sender];
        emit BondChanged(msg.sender, 0, "withdrawn");
        Address.sendValue(payable(to), amount);
    }

    // -------------------------------------------------------------------------------------------- governance

    /// @inheritdoc IWorkerSet
    function setRules(Rules calldata rules_) external onlyGovernance {
        _setRules(rules_);
    }

    /// @inheritdoc IWorkerSet
    function listClass(bytes32 classId, bool listed) external onlyGovernance {
        _listClass(classId, listed);
    }

    /// @inheritdoc IWorkerSet
    function setAcceptedClass(bytes32 classId) external onlyGovernance {
        _setAcceptedClass(classId);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IWorkerSet
    function rules() external view returns (Rules memory) {
        return _rules[_rulesVersion];
    }

    /// @inheritdoc IWorkerSet
    function rulesOf(uint256 epoch) external view returns (Rules memory) {
        return _rules[_terms[epoch].rulesVersion];
    }

    /// @inheritdoc IWorkerSet
    function isListed(bytes32 classId) public view returns (bool) {
        return _classes[classId].lastEpoch == FOREVER;
    }

    /// @inheritdoc IWorkerSet
    function activeOf(bytes32 classId) public view returns (uint256) {
        return isListed(classId) ? _classes[classId].active : 0;
    }

    /// @inheritdoc IWorkerSet
    function lastSealed() external view returns (uint256) {
        return _lastSealed;
    }

    /// @inheritdoc IWorkerSet
    function workers(address account) external view returns (Worker memory) {
        return _workers[account];
    }

    /// @inheritdoc IWorkerSet
    function inSnapshot(uint256 epoch, address account) public view returns (bool) {
        Worker storage worker = _workers[account];
        if (epoch < worker.firstEpoch || epoch > worker.lastEpoch || _terms[epoch].quorum == 0) return false;
        ClassRecord storage record = _classes[worker.classId];
        return epoch >= record.firstEpoch && epoch <= record.lastEpoch;
    }

    // --------------------------------------------------------------------------------------------- internals

    /// @dev Settles what follows from a worker's last commitment, if it can be; true when something was settled.
    function _settle(address account) internal virtual returns (bool);

    /// @dev Reverts with `Unresolved` when a commitment of the worker's isn't settled.
    function _checkResolved(address account) internal view virtual;

    /// @dev Drops a worker whose bond is under the least, or lets one return whose bond is enough again; true when
    /// either happened. Whoever returns before another epoch is sealed hasn't been away.
    function _updateMembership(address account) internal returns (bool) {
        Worker storage worker = _workers[account];
        if (worker.classId == 0 || worker.withdrawableAt != 0) return false;
        bool active = worker.lastEpoch == FOREVER;
        bool enough = worker.bond >= _rules[_rulesVersion].minBond;
        if (active == enough) return false;
        _count(worker.classId, enough);
        if (enough) {
            worker.firstEpoch = _resumed(worker.firstEpoch, worker.lastEpoch);
            worker.lastEpoch = FOREVER;
            emit WorkerReturned(account, worker.firstEpoch);
        } else {
            worker.lastEpoch = _lastSealed;
            emit WorkerDropped(account, _lastSealed);
        }
        return true;
    }

    /// @dev Records a worker's bond.
    function _setBond(address account, Worker storage worker, uint256 bond, bytes32 reason) internal {
        worker.bond = bond.toUint128();
        emit BondChanged(account, bond, reason);
    }

    /// @dev The worker; reverts when the account isn't one.
    function _registered(address account) internal view returns (Worker storage worker) {
        worker = _workers[account];
        if (worker.classId == 0) revert NotWorker(account);
    }

    /// @dev Counts a worker of a class in, or out.
    function _count(bytes32 classId, bool joins) private {
        ClassRecord storage record = _classes[classId];
        record.active = joins ? record.active + 1 : record.active - 1;
        if (record.lastEpoch == FOREVER) _activeInAll = joins ? _activeInAll + 1 : _activeInAll - 1;
    }

    /// @dev The first epoch of whoever resumes: the one before it was interrupted, when no epoch was sealed since.
    function _resumed(uint64 firstEpoch, uint64 lastEpoch) private view returns (uint64) {
        return lastEpoch == _lastSealed && firstEpoch != 0 ? firstEpoch : _lastSealed + 1;
    }

    /// @dev Checks and records rules.
    function _setRules(Rules memory rules_) private {
        if (
            rules_.silenceSlash == 0 || rules_.silenceSlash > rules_.minBond || rules_.mismatchSlash == 0
                || rules_.mismatchSlash > rules_.minBond || rules_.quorum == 0 || rules_.commitMilli == 0
                || rules_.revealMilli == 0 || uint256(rules_.commitMilli) + rules_.revealMilli >= 1000
                || rules_.exitDelay > LONGEST || rules_.challengePeriod == 0
                || rules_.challengePeriod > LONGEST || rules_.resolvePeriod == 0
                || rules_.resolvePeriod > LONGEST
        ) revert InvalidRules();
        _rules[++_rulesVersion] = rules_;
        emit RulesSet(rules_);
    }

    /// @dev Lists or unlists a class.
    function _listClass(bytes32 classId, bool listed) private {
        ClassRecord storage record = _classes[classId];
        if (isListed(classId) == listed) revert ClassUnchanged(classId, listed);
        if (classId == 0) revert ClassNotListed(classId);
        if (listed) {
            record.firstEpoch = _resumed(record.firstEpoch, record.lastEpoch);
            record.lastEpoch = FOREVER;
            _activeInAll += record.active;
        } else {
            if (classId == acceptedClass) revert ClassInUse(classId);
            record.lastEpoch = _lastSealed;
            _activeInAll -= record.active;
        }
        emit ClassListed(classId, listed);
    }

    /// @dev Checks and records the class whose results count.
    function _setAcceptedClass(bytes32 classId) private {
        if (classId != 0 && !isListed(classId)) revert ClassNotListed(classId);
        emit AcceptedClassSet(acceptedClass, classId);
        acceptedClass = classId;
    }

    /// @dev Reverts when the address of what a worker serves is too long.
    function _checkUri(string calldata uri) internal pure {
        if (bytes(uri).length > LONGEST_URI) revert UriTooLong(bytes(uri).length, LONGEST_URI);
    }
}
