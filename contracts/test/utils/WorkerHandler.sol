// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StdUtils} from "forge-std/StdUtils.sol";
import {LivingArtwork} from "../../src/LivingArtwork.sol";
import {WorkerSet} from "../../src/WorkerSet.sol";
import {Epoch, EpochState} from "../../src/interfaces/ILivingArtwork.sol";
import {
    Phase,
    Round,
    Rules,
    Seat,
    SeatState,
    Slash,
    SlashState,
    Terms,
    Worker
} from "../../src/interfaces/WorkerTypes.sol";
import {Commitments, Result} from "../../src/libraries/Commitments.sol";
import {WorkerLog} from "./WorkerLog.sol";

/// @notice Workers who join, paint, lie, keep silent, complain and leave; a governance that changes its mind; and
/// keepers. What it calls is due, so each call must go through; it knows by itself what must come of it.
contract WorkerHandler is WorkerLog, StdUtils {
    bytes32 private constant CLASS = keccak256("a class");
    bytes32 private constant OTHER = keccak256("another class");

    LivingArtwork private immutable ARTWORK;
    address private immutable TIMELOCK;

    /// @notice Everybody who may be a worker or be owed something.
    address[] public accounts;

    /// @notice What was attempted and what came of it; `idle` counts the times that nothing could be done.
    uint256 public attempts;
    uint256 public successes;
    uint256 public idle;
    uint256 public refusals;
    uint256 public anchored;
    uint256 public failed;
    uint256 public reopened;

    /// @notice What went in and out, in wei.
    uint256 public paidIn;
    uint256 public takenOut;

    /// @notice The lineage head as the handler computes it.
    bytes32 public head;

    /// @dev What each worker painted last, for which epoch, and how often each was revealed in the accepted class.
    mapping(address worker => uint256) private _painted;
    mapping(address worker => uint256) private _lastEpoch;
    mapping(uint256 epoch => mapping(uint256 picture => uint256)) private _counts;
    mapping(uint256 epoch => uint256) private _quorums;

    modifier reads() {
        vm.recordLogs();
        _;
        _read();
    }

    constructor(LivingArtwork artwork, WorkerSet set, address timelock, address[] memory workers)
        WorkerLog(set)
    {
        ARTWORK = artwork;
        TIMELOCK = timelock;
        head = artwork.head();
        pool = set.pool();
        paidIn = address(set).balance;
        (listed[CLASS], listed[OTHER]) = (true, true);
        for (uint256 i = 0; i < workers.length; ++i) {
            Worker memory worker = set.workers(workers[i]);
            accounts.push(workers[i]);
            vm.deal(workers[i], 1000 ether);
            bonds[workers[i]] = worker.bond;
            classOf[workers[i]] = worker.classId;
            active[workers[i]] = worker.classId != 0;
        }
        accounts.push(timelock);
        accounts.push(address(this));
    }

    receive() external payable {}

    function everybody() external view returns (address[] memory) {
        return accounts;
    }

    // ---------------------------------------------------------------------------------------------- painting

    /// @notice The cycle's next steps.
    function advance(uint256 seed) external reads {
        _steps(seed, 1 + seed % 32);
    }

    function _steps(uint256 seed, uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            _step(uint256(keccak256(abi.encode(seed, i))));
        }
    }

    function _step(uint256 seed) private {
        uint256 open = ARTWORK.currentEpoch();
        EpochState state = ARTWORK.stateOf(open - 1);
        if (state == EpochState.Sealed) return _draw(open - 1, seed % 12 == 0);
        if (state != EpochState.Seeded) return _seal(open);
        Phase phase = SET.phaseOf(open - 1);
        if (phase == Phase.Committing) _commit(open - 1, seed);
        else if (phase == Phase.Revealing) _reveal(open - 1, seed);
        else _end(open - 1, seed % 10 == 0);
    }

    function _seal(uint256 epoch) private {
        _gather();
        if (!SET.ready()) return _switch();
        uint48 endsAt = ARTWORK.epochs(epoch).endsAt;
        if (block.timestamp < endsAt) vm.warp(endsAt);
        ++attempts;
        ARTWORK.sealEpoch();
        ++successes;
        _read();
        uint256 eligible;
        uint256 allCount;
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (!active[accounts[i]]) continue;
            if (classOf[accounts[i]] == SET.acceptedClass()) ++eligible;
            if (listed[classOf[accounts[i]]]) ++allCount;
        }
        Terms memory term = SET.terms(epoch);
        require(term.eligible == eligible && term.allCount == allCount, "another number of workers");
        uint256 quorum = SET.rules().quorum;
        _quorums[epoch] = eligible / 2 + 1 > quorum ? eligible / 2 + 1 : quorum;
    }

    /// @dev Sees to it that the accepted class has workers enough, as far as they can be had: new ones join, and
    /// whoever has too little for rules that changed adds to its bond or is dropped.
    function _gather() private {
        bytes32 accepted = SET.acceptedClass();
        uint128 least = SET.rules().minBond;
        for (uint256 i = 0; i < accounts.length - 2; ++i) {
            address account = accounts[i];
            Worker memory worker = SET.workers(account);
            if (worker.classId == 0 && !SET.ready()) {
                _pay(account, abi.encodeCall(SET.register, (accepted, "")), least);
            } else if (
                worker.withdrawableAt != 0 && !SET.ready() && _isSettled(account) && worker.openSlashes == 0
            ) {
                _leave(account);
            } else if (worker.classId != 0 && worker.withdrawableAt == 0 && worker.bond < least) {
                if (i % 4 != 0) _pay(account, abi.encodeCall(SET.addBond, (account)), least - worker.bond);
                else if (active[account]) _pay(address(this), abi.encodeCall(SET.resolve, (account)), 0);
            }
        }
    }

    /// @dev Too few are left of the accepted class: the governance accepts the other one.
    function _switch() private {
        bytes32 another = SET.acceptedClass() == CLASS ? OTHER : CLASS;
        if (!SET.isListed(another)) _pay(TIMELOCK, abi.encodeCall(SET.listClass, (another, true)), 0);
        _pay(TIMELOCK, abi.encodeCall(SET.setAcceptedClass, (another)), 0);
        ++idle;
    }

    function _draw(uint256 epoch, bool late) private {
        ++attempts;
        if (late) {
            vm.warp(ARTWORK.epochs(epoch).deadline + 1);
            ARTWORK.failEpoch(epoch);
            ++failed;
        } else {
            if (block.number <= ARTWORK.epochs(epoch).round) vm.roll(ARTWORK.epochs(epoch).round + 1);
            ARTWORK.drawSeed(epoch, "");
        }
        ++successes;
    }

    function _commit(uint256 epoch, uint256 seed) private {
        Round memory round = SET.roundOf(epoch);
        for (uint256 i = 0; i < accounts.length && seed % 30 != 0; ++i) {
            address worker = accounts[addmod(seed, i, accounts.length)];
            if (!_mayCommit(epoch, round.number, worker)) continue;
            // Most paint the picture that is right; some another, alone or alike.
            uint256 picture = epoch * 10 + (seed % 10 < 7 ? 1 : seed % 5);
            (_painted[worker], _lastEpoch[worker]) = (picture, epoch);
            bytes32 commitment = SET.commitmentOf(
                epoch,
                round.number,
                worker,
                classOf[worker],
                Commitments.resultHash(ARTWORK.epochs(epoch).recipeHash, _picture(picture)),
                "manifest",
                "salt"
            );
            _pay(worker, abi.encodeCall(SET.commit, (epoch, commitment)), 0);
            return;
        }
        vm.warp(round.commitUntil + 1);
    }

    function _mayCommit(uint256 epoch, uint256 round, address worker) private view returns (bool) {
        Seat memory seat = SET.seats(epoch, worker);
        if (!SET.inSnapshot(epoch, worker) || seat.revealed || seat.round == round) return false;
        return SET.workers(worker).bond >= SET.rulesOf(epoch).minBond + _due(worker);
    }

    function _reveal(uint256 epoch, uint256 seed) private {
        for (uint256 i = 0; i < accounts.length && seed % 20 != 0; ++i) {
            address worker = accounts[addmod(seed, i, accounts.length)];
            if (SET.seats(epoch, worker).state != SeatState.Committed) continue;
            if (SET.seats(epoch, worker).round != SET.roundOf(epoch).number) continue;
            uint256 picture = _painted[worker];
            if (classOf[worker] == SET.terms(epoch).acceptedClass) ++_counts[epoch][picture];
            _pay(worker, abi.encodeCall(SET.reveal, (epoch, _picture(picture), "manifest", "salt")), 0);
            return;
        }
        vm.warp(SET.roundOf(epoch).revealUntil + 1);
    }

    /// @dev Ends a round that is over: by its result, or by another round, or for good.
    function _end(uint256 epoch, bool late) private {
        Epoch memory record = ARTWORK.epochs(epoch);
        uint256 winner;
        for (uint256 picture = epoch * 10; picture < epoch * 10 + 5; ++picture) {
            if (_counts[epoch][picture] >= _quorums[epoch]) winner = picture;
        }
        require((winner == 0) == SET.roundOver(epoch), "the set sees another quorum");
        if (late) vm.warp(record.deadline + 1);
        ++attempts;
        if (winner != 0 && block.timestamp <= record.deadline) {
            vm.txGasPrice(winner % 100 * 1 gwei);
            uint256 generation = SET.finalize(epoch, _picture(winner));
            bytes32 resultHash = Commitments.resultHash(record.recipeHash, _picture(winner));
            head = keccak256(abi.encode("HEAD_V1", head, generation, record.recipeHash, resultHash));
            ++anchored;
        } else if (winner != 0 && record.paintRound < ARTWORK.maxRounds()) {
            vm.warp(record.deadline + 1);
            ARTWORK.reopenRound(epoch);
            ++reopened;
        } else if (record.paintRound < ARTWORK.maxRounds()) {
            ARTWORK.reopenRound(epoch);
            ++reopened;
        } else {
            ARTWORK.failEpoch(epoch);
            ++failed;
        }
        ++successes;
    }

    // --------------------------------------------------------------------------------------- roster and purse

    /// @notice Somebody joins, adds to a bond, leaves, or takes its bond: whatever is next for it.
    function move(uint256 seed, uint256 amount) external reads {
        address account = accounts[seed % (accounts.length - 2)];
        Worker memory worker = SET.workers(account);
        amount = bound(amount, 1, 2 ether);
        if (worker.classId == 0) {
            bytes32 classId = seed % 3 != 0 || !SET.isListed(OTHER) ? CLASS : OTHER;
            if (!SET.isListed(classId)) classId = SET.isListed(CLASS) ? CLASS : OTHER;
            _pay(account, abi.encodeCall(SET.register, (classId, "uri")), SET.rules().minBond + amount);
        } else if (worker.withdrawableAt == 0) {
            if (seed % 4 != 0) _pay(account, abi.encodeCall(SET.addBond, (account)), amount);
            else _pay(account, abi.encodeCall(SET.requestExit, ()), 0);
        } else {
            _leave(account);
        }
    }

    /// @dev Somebody who is leaving takes its bond, or is refused it while anything is open.
    function _leave(address account) private {
        Worker memory worker = SET.workers(account);
        if (block.timestamp < worker.withdrawableAt) vm.warp(worker.withdrawableAt);
        bool open = !_isSettled(account) && !_isOver(account);
        if (open || worker.openSlashes != 0 || _wouldDiffer(account)) {
            return _mustFail(account, abi.encodeCall(SET.withdrawBond, (account)));
        }
        uint256 before = account.balance;
        _pay(account, abi.encodeCall(SET.withdrawBond, (account)), 0);
        takenOut += account.balance - before;
    }

    /// @notice What is due of somebody's last commitment is settled, or a failed epoch's fee is released.
    function settle(uint256 seed) external reads {
        for (uint256 i = 0; i < accounts.length; ++i) {
            address account = accounts[addmod(seed, i, accounts.length)];
            if (_isSettled(account) || !_isOver(account)) continue;
            _pay(address(this), abi.encodeCall(SET.resolve, (account)), 0);
            require(_isSettled(account), "settled, and still open");
            return;
        }
        for (uint256 epoch = 1; epoch < ARTWORK.currentEpoch(); ++epoch) {
            if (ARTWORK.stateOf(epoch) != EpochState.Failed || SET.terms(epoch).fee == 0) continue;
            return _pay(address(this), abi.encodeCall(SET.releaseFee, (epoch)), 0);
        }
        _steps(seed, 6);
    }

    /// @notice A slash's next step: a challenge, a decision, or time.
    function dispute(uint256 seed) external reads {
        uint256 count = SET.slashCount();
        for (uint256 i = 0; i < count; ++i) {
            uint256 id = 1 + addmod(seed, i, count);
            Slash memory slash = SET.slashes(id);
            if (slash.state != SlashState.Open && slash.state != SlashState.Challenged) continue;
            uint48 until = slash.state == SlashState.Open ? slash.challengeUntil : slash.decideUntil;
            if (seed % 3 == 0 && block.timestamp <= until) vm.warp(until + 1);
            if (block.timestamp > until) {
                return _pay(address(this), abi.encodeCall(SET.settleSlash, (id)), 0);
            } else if (slash.state == SlashState.Open) {
                return _pay(slash.worker, abi.encodeCall(SET.challenge, (id, "why")), 0);
            }
            return _pay(TIMELOCK, abi.encodeCall(SET.decide, (id, seed % 2 == 0)), 0);
        }
        _steps(seed, 12);
    }

    /// @notice Money comes into the pool, or goes to whom it is owed.
    function pay(uint256 seed, uint256 amount) external reads {
        if (seed % 4 == 0) {
            vm.deal(address(this), 10 ether);
            return _pay(address(this), abi.encodeCall(SET.fund, ()), bound(amount, 1, 10 ether));
        }
        if (seed % 16 == 1 && SET.pool() != 0) {
            return _pay(TIMELOCK, abi.encodeCall(SET.recall, (bound(amount, 1, SET.pool()))), 0);
        }
        for (uint256 i = 0; i < accounts.length; ++i) {
            address account = accounts[addmod(seed, i, accounts.length)];
            if (SET.credits(account) == 0) continue;
            uint256 before = account.balance;
            _pay(account, abi.encodeCall(SET.withdrawCredit, (account)), 0);
            takenOut += account.balance - before;
            return;
        }
        _steps(seed, 6);
    }

    /// @notice The governance changes its mind.
    function govern(uint256 seed, uint256 amount) external reads {
        if (seed % 3 == 0) {
            Rules memory rules = SET.rules();
            rules.minBond = uint128(bound(amount, 0.5 ether, 2 ether));
            rules.silenceSlash = uint128(bound(amount >> 8, 1, rules.minBond));
            rules.mismatchSlash = uint128(bound(amount >> 16, 1, rules.minBond));
            rules.renderFee = uint128(bound(amount >> 24, 0, 1 ether));
            rules.quorum = uint16(bound(amount >> 32, 1, 3));
            return _pay(TIMELOCK, abi.encodeCall(SET.setRules, (rules)), 0);
        }
        bytes32 accepted = SET.acceptedClass();
        bytes32 another = accepted == CLASS ? OTHER : CLASS;
        if (seed % 3 == 1 || !SET.isListed(another)) {
            return _pay(TIMELOCK, abi.encodeCall(SET.listClass, (another, !SET.isListed(another))), 0);
        }
        if (seed % 6 == 2) _pay(TIMELOCK, abi.encodeCall(SET.setAcceptedClass, (another)), 0);
        else _steps(seed, 6);
    }

    /// @notice Somebody tries what isn't due: it must be refused.
    function meddle(uint256 what, uint256 seed) external reads {
        uint256 epoch = ARTWORK.currentEpoch() - 1;
        address account = accounts[seed % accounts.length];
        if (what % 5 == 0 && _isSettled(account) && SET.workers(account).classId == 0) {
            _mustFail(address(this), abi.encodeCall(SET.resolve, (account)));
        } else if (what % 5 == 1 && ARTWORK.stateOf(epoch) != EpochState.Failed) {
            _mustFail(account, abi.encodeCall(SET.releaseFee, (epoch)));
        } else if (what % 5 == 2 && ARTWORK.stateOf(epoch) != EpochState.Seeded) {
            // The right picture of an epoch that is over, or hasn't begun to be painted.
            _mustFail(account, abi.encodeCall(SET.finalize, (epoch, _picture(epoch * 10 + 1))));
        } else if (what % 5 == 3 && !SET.inSnapshot(epoch, account)) {
            _mustFail(account, abi.encodeCall(SET.commit, (epoch, "vow")));
        } else if (what % 5 == 4 && SET.workers(account).withdrawableAt == 0) {
            _mustFail(account, abi.encodeCall(SET.withdrawBond, (account)));
        } else {
            ++idle;
        }
    }

    // --------------------------------------------------------------------------------------------- internals

    /// @dev Makes a call that must go through.
    function _pay(address from, bytes memory data, uint256 value) private {
        ++attempts;
        if (from.balance < value) vm.deal(from, value);
        vm.prank(from);
        (bool ok, bytes memory answer) = address(SET).call{value: value}(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        paidIn += value;
        ++successes;
        _read();
    }

    /// @dev Makes a call that must be refused.
    function _mustFail(address from, bytes memory data) private {
        _read();
        vm.prank(from);
        (bool ok,) = address(SET).call(data);
        require(!ok, "something that wasn't due was let through");
        // What a refused call said before it was refused is recorded too, though no chain keeps it.
        vm.getRecordedLogs();
        ++refusals;
    }

    /// @dev True when the worker's last commitment's consequences are known.
    function _isOver(address worker) private view returns (bool) {
        Seat memory seat = _seatOf(worker);
        if (seat.state == SeatState.Revealed) return ARTWORK.stateOf(seat.epoch) >= EpochState.Anchored;
        Round memory round = SET.roundOf(seat.epoch);
        return round.number != seat.round || block.timestamp > round.revealUntil;
    }

    /// @inheritdoc WorkerLog
    function _isSettled(address worker) internal view override returns (bool) {
        SeatState state = _seatOf(worker).state;
        return state != SeatState.Committed && state != SeatState.Revealed;
    }

    /// @dev True when settling what the worker revealed would hold back part of its bond.
    function _wouldDiffer(address worker) private view returns (bool) {
        Seat memory seat = _seatOf(worker);
        if (seat.state != SeatState.Revealed || ARTWORK.stateOf(seat.epoch) != EpochState.Anchored) {
            return false;
        }
        return classOf[worker] == SET.terms(seat.epoch).acceptedClass
            && _counts[seat.epoch][_painted[worker]] < _quorums[seat.epoch];
    }

    /// @dev The worker's newest seat; empty when it has none.
    function _seatOf(address worker) private view returns (Seat memory) {
        return SET.seats(_lastEpoch[worker], worker);
    }

    /// @dev What settling the worker's last commitment takes from its bond.
    function _due(address worker) private view returns (uint256) {
        Seat memory seat = _seatOf(worker);
        if (seat.state == SeatState.Committed) return SET.rulesOf(seat.epoch).silenceSlash;
        return _wouldDiffer(worker) ? SET.rulesOf(seat.epoch).mismatchSlash : 0;
    }

    function _picture(uint256 number) private pure returns (Result memory) {
        return Result(keccak256(abi.encode(number)), keccak256("thumbs"), keccak256("file"));
    }
}
