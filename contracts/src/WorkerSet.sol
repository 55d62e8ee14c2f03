// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Governed} from "./Governed.sol";
import {Penalties} from "./Penalties.sol";
import {Roster} from "./Roster.sol";
import {EpochState, ILivingArtwork} from "./interfaces/ILivingArtwork.sol";
import {IPainter} from "./interfaces/IPainter.sol";
import {IWorkerSet} from "./interfaces/IWorkerSet.sol";
import {Phase, Round, Rules, Seat, SeatState, Tally, Terms, Worker} from "./interfaces/WorkerTypes.sol";
import {Commitments, Result} from "./libraries/Commitments.sol";

/// @title WorkerSet
/// @notice The painting authority that nobody has to trust: bonded workers who commit to a result before any of
/// them shows one. What a quorum of one determinism class agrees on, bit for bit, is the picture.
///
/// A round of painting goes through three phases:
///
/// | phase      | what happens                      | ends                                                      |
/// | ---------- | --------------------------------- | --------------------------------------------------------- |
/// | Committing | workers of the snapshot `commit`  | after its share of the round, or when nobody is left to    |
/// | Revealing  | whoever committed may `reveal`    | after its share of the round, or when everybody has        |
/// | Over       | anybody may `finalize` a quorum   | at the round's deadline; at once when there is no quorum   |
///
/// A round without a quorum may be reopened with the same seed; what was revealed goes on counting.
/// @dev A quorum is a majority of the accepted class's workers: two that lie alike outvote one that doesn't, which
/// no commitment prevents. Classes are the workers' own word. No step's cost grows with the number of workers.
contract WorkerSet is Penalties, IPainter {
    using SafeCast for uint256;

    /// @dev What finalizing costs besides what is measured: the transaction itself, and crediting the caller.
    uint256 private constant OVERHEAD = 33_400;

    /// @dev What it costs more to credit a caller who was owed nothing.
    uint256 private constant FIRST_CREDIT = 17_100;

    /// @notice The artwork that is painted.
    ILivingArtwork public immutable artwork;

    mapping(uint256 epoch => Round round) private _rounds;
    mapping(uint256 epoch => mapping(bytes32 resultHash => Tally tally)) private _tallies;

    /// @dev Each worker's newest seat. An older one is settled before another takes its place.
    mapping(address account => Seat seat) private _seats;

    /// @param governance_ the timelock, which is also the treasury that slashes go to.
    /// @param artwork_ the artwork; may have no code yet, since its address is computed in advance.
    /// @param rules_ the first rules.
    /// @param classes the determinism classes that are listed from the start.
    /// @param accepted the class whose results count; zero for none yet.
    constructor(
        address governance_,
        ILivingArtwork artwork_,
        Rules memory rules_,
        bytes32[] memory classes,
        bytes32 accepted
    ) Governed(governance_) Roster(rules_, classes, accepted) {
        if (address(artwork_) == address(0)) revert ZeroAddress();
        artwork = artwork_;
    }

    // ------------------------------------------------------------------------------------------- the artwork

    /// @inheritdoc IPainter
    function ready() external view returns (bool) {
        return acceptedClass != 0 && activeOf(acceptedClass) >= _rules[_rulesVersion].quorum;
    }

    /// @inheritdoc IPainter
    /// @dev From here on nothing changes who may paint the epoch, how many must agree, or what it costs and pays.
    function epochSealed(uint256 epoch) external {
        _checkArtwork();
        Rules storage rules_ = _rules[_rulesVersion];
        bytes32 accepted = acceptedClass;
        uint32 eligible = _classes[accepted].active;
        uint256 quorum = Math.max(rules_.quorum, uint256(eligible) / 2 + 1);
        uint256 fee = Math.min(rules_.renderFee, pool);
        _lastSealed = epoch.toUint64();
        Terms storage term = _terms[epoch];
        term.acceptedClass = accepted;
        term.quorum = quorum.toUint32();
        term.eligible = eligible;
        term.allCount = _activeInAll;
        term.rulesVersion = _rulesVersion;
        term.fee = fee.toUint96();
        emit EpochAccepted(epoch, accepted, quorum, eligible, fee);
        if (fee != 0) _setPool(pool - fee, "escrowed");
    }

    /// @inheritdoc IPainter
    function roundOpened(uint256 epoch, uint256 number, uint48 deadline, bytes32 recipeHash) external {
        _checkArtwork();
        Terms storage term = _terms[epoch];
        Round storage round = _rounds[epoch];
        Rules storage rules_ = _rules[term.rulesVersion];
        uint48 opened = uint48(block.timestamp);
        uint48 length = deadline - opened;
        term.recipeHash = recipeHash;
        round.number = number.toUint16();
        round.commitUntil = opened + length * rules_.commitMilli / 1000;
        round.revealUntil = opened + length * (rules_.commitMilli + rules_.revealMilli) / 1000;
        round.deadline = deadline;
        round.before += round.revealed;
        round.committed = 0;
        round.revealed = 0;
        emit PaintingOpened(epoch, number, round.commitUntil, round.revealUntil, deadline);
        // Everybody's result is known already, or enough equal ones are.
        if (_phase(round, term) != Phase.Committing) emit RevealsOpened(epoch, number);
    }

    /// @inheritdoc IPainter
    function roundOver(uint256 epoch) external view returns (bool) {
        Terms storage term = _terms[epoch];
        return _phase(_rounds[epoch], term) == Phase.Over && term.best < term.quorum;
    }

    // ---------------------------------------------------------------------------------------------- painting

    /// @inheritdoc IWorkerSet
    function commit(uint256 epoch, bytes32 commitment) external {
        Round storage round = _rounds[epoch];
        Terms storage term = _terms[epoch];
        uint16 number = round.number;
        Seat storage seat = _seats[msg.sender];
        if (number == 0) revert NoRound(epoch);
        if (commitment == 0) revert EmptyCommitment();
        if (!inSnapshot(epoch, msg.sender)) revert NotInSnapshot(epoch, msg.sender);
        if (seat.epoch == epoch) {
            if (seat.revealed) revert AlreadyRevealed(epoch, msg.sender);
            if (seat.round == number) revert AlreadyCommitted(epoch, number, msg.sender);
        }
        if (_phase(round, term) != Phase.Committing) revert CommitsClosed(epoch, number);
        // Whatever is open is of an epoch that has ended, or of a round that has passed: it can be settled.
        _settle(msg.sender);
        Worker storage worker = _workers[msg.sender];
        uint128 least = _rules[term.rulesVersion].minBond;
        if (worker.bond < least) revert BondTooLow(worker.bond, least);
        seat.epoch = epoch.toUint64();
        seat.round = number;
        seat.state = SeatState.Committed;
        seat.revealed = false;
        seat.word = commitment;
        uint32 committed = ++round.committed;
        emit Committed(epoch, number, msg.sender, worker.classId, commitment);
        if (committed + round.before == term.allCount) emit RevealsOpened(epoch, number);
    }

    /// @inheritdoc IWorkerSet
    function reveal(uint256 epoch, Result calldata result, bytes32 manifestHash, bytes32 salt) external {
        Round storage round = _rounds[epoch];
        Terms storage term = _terms[epoch];
        Seat storage seat = _seats[msg.sender];
        uint16 number = round.number;
        if (seat.epoch != epoch || seat.round != number || seat.state != SeatState.Committed) {
            revert NotCommitted(epoch, msg.sender);
        }
        if (_phase(round, term) == Phase.Committing) revert RevealsNotOpen(round.commitUntil);
        if (block.timestamp > round.revealUntil) revert Expired(round.revealUntil);
        if (result.pixelHash == 0 || result.thumbHash == 0 || result.fileHash == 0) {
            revert ILivingArtwork.EmptyResult();
        }
        bytes32 classId = _workers[msg.sender].classId;
        bytes32 resultHash = Commitments.resultHash(term.recipeHash, result);
        bytes32 shown = commitmentOf(epoch, number, msg.sender, classId, resultHash, manifestHash, salt);
        if (shown != seat.word) revert CommitmentMismatch(seat.word, shown);
        seat.state = SeatState.Revealed;
        seat.revealed = true;
        seat.word = resultHash;
        ++round.revealed;
        bool counted = classId == term.acceptedClass;
        if (counted) _tallyUp(term, _tallies[epoch][resultHash]);
        emit Revealed(epoch, number, msg.sender, resultHash, result, manifestHash, counted);
    }

    /// @inheritdoc IWorkerSet
    function finalize(uint256 epoch, Result calldata result)
        external
        nonReentrant
        returns (uint256 generation)
    {
        uint256 gasBefore = gasleft();
        Terms storage term = _terms[epoch];
        Round storage round = _rounds[epoch];
        if (term.finalized) revert AlreadyFinalized(epoch);
        Phase phase = _phase(round, term);
        if (phase == Phase.None) revert NoRound(epoch);
        if (phase != Phase.Over) revert RevealsOpen(epoch, round.number);
        bytes32 resultHash = Commitments.resultHash(term.recipeHash, result);
        Tally memory tally = _tallies[epoch][resultHash];
        if (tally.count < term.quorum) revert NoQuorum(resultHash, tally.count, term.quorum);
        term.finalized = true;
        uint256 fee = term.fee;
        uint256 dust = fee % tally.count;
        if (dust != 0) {
            term.fee = (fee - dust).toUint96();
            _setPool(pool + dust, "dust");
        }
        generation = artwork.anchor(epoch, result, tally.first);
        uint256 reimbursed = _reimburse(gasBefore);
        emit ResultFinalized(epoch, generation, resultHash, tally.count, msg.sender, reimbursed);
    }

    /// @inheritdoc IWorkerSet
    function resolve(address account) external {
        if (_settle(account) || _updateMembership(account)) return;
        _checkResolved(account);
        revert NothingToResolve(account);
    }

    /// @inheritdoc IWorkerSet
    function releaseFee(uint256 epoch) external {
        Terms storage term = _terms[epoch];
        uint256 fee = term.fee;
        if (fee == 0 || artwork.stateOf(epoch) != EpochState.Failed) revert NoFeeToRelease(epoch);
        term.fee = 0;
        emit FeeReleased(epoch, fee);
        _setPool(pool + fee, "released");
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IWorkerSet
    function terms(uint256 epoch) external view returns (Terms memory) {
        return _terms[epoch];
    }

    /// @inheritdoc IWorkerSet
    function roundOf(uint256 epoch) external view returns (Round memory) {
        return _rounds[epoch];
    }

    /// @inheritdoc IWorkerSet
    function phaseOf(uint256 epoch) external view returns (Phase) {
        return _phase(_rounds[epoch], _terms[epoch]);
    }

    /// @inheritdoc IWorkerSet
    function seats(uint256 epoch, address account) external view returns (Seat memory seat) {
        if (_seats[account].epoch == epoch) seat = _seats[account];
    }

    /// @inheritdoc IWorkerSet
    function tallies(uint256 epoch, bytes32 resultHash) external view returns (Tally memory) {
        return _tallies[epoch][resultHash];
    }

    /// @inheritdoc IWorkerSet
    function commitmentOf(
        uint256 epoch,
        uint256 round,
        address worker,
        bytes32 classId,
        bytes32 resultHash,
        bytes32 manifestHash,
        bytes32 salt
    ) public view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid, address(this), epoch, round, worker, classId, resultHash, manifestHash, salt
            )
        );
    }

    // --------------------------------------------------------------------------------------------- internals

    /// @inheritdoc Roster
    /// @dev A commitment that can't be revealed any more was silence, whatever became of the epoch. A revealed one
    /// waits for the epoch's end: then it earned its share, or differed inside the accepted class, or neither.
    function _settle(address account) internal override returns (bool) {
        Seat storage seat = _seats[account];
        SeatState state = seat.state;
        if (state != SeatState.Committed && state != SeatState.Revealed) return false;
        uint256 epoch = seat.epoch;
        if (state == SeatState.Committed) {
            Round storage round = _rounds[epoch];
            if (round.number == seat.round && block.timestamp <= round.revealUntil) return false;
            seat.state = SeatState.Settled;
            _slashSilence(account, epoch, seat.round);
            return true;
        }
        Terms storage term = _terms[epoch];
        if (!term.finalized) {
            if (artwork.stateOf(epoch) != EpochState.Failed) return false;
            seat.state = SeatState.Settled;
            return true;
        }
        seat.state = SeatState.Settled;
        if (_workers[account].classId != term.acceptedClass) return true;
        // A quorum is a majority, so that no other result has as many.
        uint256 count = _tallies[epoch][seat.word].count;
        if (count < term.quorum) {
            _slashMismatch(account, epoch, seat.round);
        } else if (term.fee != 0) {
            uint256 share = term.fee / count;
            emit FeeCredited(epoch, account, share);
            _credit(account, share, "fee");
        }
        return true;
    }

    /// @inheritdoc Roster
    function _checkResolved(address account) internal view override {
        SeatState state = _seats[account].state;
        if (state == SeatState.Committed || state == SeatState.Revealed) {
            revert Unresolved(account, _seats[account].epoch);
        }
    }

    /// @dev Counts one more for a result.
    function _tallyUp(Terms storage term, Tally storage tally) private {
        uint32 count = tally.count + 1;
        tally.count = count;
        if (count == 1) tally.first = msg.sender;
        if (count > term.best) term.best = count;
    }

    /// @dev Credits the caller with the gas used since `gasBefore`, as far as the pool and the rules' price reach.
    function _reimburse(uint256 gasBefore) private returns (uint256 amount) {
        uint256 price = Math.min(tx.gasprice, _rules[_rulesVersion].maxGasPrice);
        uint256 overhead = credits[msg.sender] == 0 ? OVERHEAD + FIRST_CREDIT : OVERHEAD;
        amount = Math.min((gasBefore - gasleft() + overhead) * price, pool);
        if (amount == 0) return 0;
        _setPool(pool - amount, "reimbursed");
        _credit(msg.sender, amount, "gas");
    }

    /// @dev Where a round stands.
    function _phase(Round storage round, Terms storage term) private view returns (Phase) {
        if (round.number == 0) return Phase.None;
        uint32 committed = round.committed;
        bool closed = block.timestamp > round.commitUntil || committed + round.before >= term.allCount
            || term.best >= term.quorum;
        if (!closed) return Phase.Committing;
        return
            committed > round.revealed && block.timestamp <= round.revealUntil ? Phase.Revealing : Phase.Over;
    }

    /// @dev Reverts unless the artwork calls.
    function _checkArtwork() private view {
        if (msg.sender != address(artwork)) revert NotArtwork(msg.sender);
    }
}
