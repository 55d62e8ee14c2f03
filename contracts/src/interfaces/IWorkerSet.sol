// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Result} from "../libraries/Commitments.sol";
import {Phase, Round, Rules, Seat, Slash, SlashState, Tally, Terms, Worker} from "./WorkerTypes.sol";

/// @title IWorkerSet
/// @notice Bonded workers who paint: each commits to a result, then reveals it; what a quorum of one determinism
/// class agrees on is the picture.
interface IWorkerSet {
    // ------------------------------------------------------------------------------------------------ events

    /// @notice An account became a worker, of a class, from an epoch on. `uri`: where it serves what it painted.
    event WorkerRegistered(address indexed worker, bytes32 indexed classId, uint256 firstEpoch, string uri);

    /// @notice A worker serves what it painted elsewhere.
    event UriSet(address indexed worker, string uri);

    /// @notice A worker's bond is `bond` now. `reason`: register, add, silence, mismatch, returned, withdrawn.
    event BondChanged(address indexed worker, uint256 bond, bytes32 reason);

    /// @notice A worker leaves: it paints no epoch after the last, and may take its bond from then on.
    event ExitRequested(address indexed worker, uint256 lastEpoch, uint48 withdrawableAt);

    /// @notice A worker's bond is under the least: it paints no epoch after the last.
    event WorkerDropped(address indexed worker, uint256 lastEpoch);

    /// @notice A dropped worker's bond is enough again: it may paint from the first epoch on.
    event WorkerReturned(address indexed worker, uint256 firstEpoch);

    /// @notice The epochs that are sealed from now on go by these rules.
    event RulesSet(Rules rules);

    /// @notice Workers of a class may paint, or may not any more, the epochs that are sealed from now on.
    event ClassListed(bytes32 indexed classId, bool listed);

    /// @notice The results of another class count for the epochs that are sealed from now on.
    event AcceptedClassSet(bytes32 previous, bytes32 current);

    /// @notice An epoch was sealed: who may paint it, by what quorum and for what fee.
    event EpochAccepted(
        uint256 indexed epoch, bytes32 acceptedClass, uint256 quorum, uint256 eligible, uint256 fee
    );

    /// @notice A round opened, with its last seconds to commit, to reveal and to finalize.
    event PaintingOpened(
        uint256 indexed epoch, uint256 indexed round, uint48 commitUntil, uint48 revealUntil, uint48 deadline
    );

    /// @notice A worker committed to a result.
    event Committed(
        uint256 indexed epoch, uint256 round, address indexed worker, bytes32 classId, bytes32 commitment
    );

    /// @notice There is nobody left to commit: reveals are open before `commitUntil`.
    event RevealsOpened(uint256 indexed epoch, uint256 round);

    /// @notice A worker revealed its result. `counted`: it is of the accepted class.
    event Revealed(
        uint256 indexed epoch,
        uint256 round,
        address indexed worker,
        bytes32 resultHash,
        Result result,
        bytes32 manifestHash,
        bool counted
    );

    /// @notice A quorum's result was anchored; `by` is owed what it cost.
    event ResultFinalized(
        uint256 indexed epoch,
        uint256 generation,
        bytes32 resultHash,
        uint256 winners,
        address by,
        uint256 reimbursed
    );

    /// @notice A worker who revealed the winning result is owed its share of the fee.
    event FeeCredited(uint256 indexed epoch, address indexed worker, uint256 amount);

    /// @notice A failed epoch's fee went back to the pool.
    event FeeReleased(uint256 indexed epoch, uint256 amount);

    /// @notice Part of a bond was taken. `reason`: silence (final; `challengeUntil` is 0) or mismatch (held back).
    event Slashed(
        uint256 indexed slashId,
        address indexed worker,
        uint256 indexed epoch,
        uint256 round,
        bytes32 reason,
        uint256 amount,
        uint48 challengeUntil
    );

    /// @notice A worker challenged a slash; `uri` says why.
    event SlashChallenged(uint256 indexed slashId, address indexed worker, string uri, uint48 decideUntil);

    /// @notice A slash went to the treasury (`upheld`) or back to the bond.
    event SlashSettled(uint256 indexed slashId, address indexed worker, bool upheld, uint256 amount);

    /// @notice The pool holds `pool` now. `reason`: funded, escrowed, dust, released, reimbursed, recalled.
    event PoolChanged(uint256 pool, bytes32 reason);

    /// @notice An account is owed more. `reason`: fee, gas, slash, recalled.
    event Credited(address indexed account, uint256 amount, bytes32 reason);

    /// @notice An account took what it was owed.
    event CreditWithdrawn(address indexed account, address to, uint256 amount);

    // ------------------------------------------------------------------------------------------------ errors

    /// @notice The caller isn't the artwork.
    error NotArtwork(address caller);

    /// @notice A rule is out of bounds.
    error InvalidRules();

    /// @notice The class isn't listed.
    error ClassNotListed(bytes32 classId);

    /// @notice The class is listed already, or isn't.
    error ClassUnchanged(bytes32 classId, bool listed);

    /// @notice The class's results count: another must be accepted before it leaves the list.
    error ClassInUse(bytes32 classId);

    /// @notice The account is a worker already.
    error AlreadyRegistered(address worker);

    /// @notice The account isn't a worker.
    error NotWorker(address account);

    /// @notice The worker has asked to leave.
    error Leaving(address worker);

    /// @notice The worker hasn't asked to leave.
    error NotLeaving(address worker);

    /// @notice The bond is under the least.
    error BondTooLow(uint256 bond, uint256 least);

    /// @notice Nothing was sent, or there is nothing to take.
    error NothingToTransfer();

    /// @notice The address of what a worker serves is too long.
    error UriTooLong(uint256 length, uint256 most);

    /// @notice It is too early: this can be done from `readyAt` on.
    error NotYet(uint48 readyAt);

    /// @notice It is too late: this could be done up to `deadline`.
    error Expired(uint48 deadline);

    /// @notice What follows from the worker's last commitment can't be settled yet.
    error Unresolved(address worker, uint256 epoch);

    /// @notice There is nothing to settle of the worker's.
    error NothingToResolve(address worker);

    /// @notice Slashes of the worker's aren't settled.
    error SlashesOpen(address worker, uint256 count);

    /// @notice No round of painting has opened for the epoch.
    error NoRound(uint256 epoch);

    /// @notice A commitment is not zero.
    error EmptyCommitment();

    /// @notice The worker wasn't among the epoch's workers when it was sealed.
    error NotInSnapshot(uint256 epoch, address worker);

    /// @notice The worker has committed in this round.
    error AlreadyCommitted(uint256 epoch, uint256 round, address worker);

    /// @notice The worker has revealed a result for this epoch, which goes on counting.
    error AlreadyRevealed(uint256 epoch, address worker);

    /// @notice The round takes no commitments any more.
    error CommitsClosed(uint256 epoch, uint256 round);

    /// @notice The worker has no commitment in this round that isn't revealed.
    error NotCommitted(uint256 epoch, address worker);

    /// @notice Reveals open after the commitments: at `commitUntil` plus one, or when all have committed.
    error RevealsNotOpen(uint48 commitUntil);

    /// @notice What is revealed isn't what was committed to.
    error CommitmentMismatch(bytes32 expected, bytes32 actual);

    /// @notice Results are still being revealed.
    error RevealsOpen(uint256 epoch, uint256 round);

    /// @notice Too few have revealed this result.
    error NoQuorum(bytes32 resultHash, uint256 count, uint256 quorum);

    /// @notice The epoch's result is anchored.
    error AlreadyFinalized(uint256 epoch);

    /// @notice The epoch holds no fee that could be released: it hasn't failed, or nothing was held.
    error NoFeeToRelease(uint256 epoch);

    /// @notice The slash is in another state than this call needs.
    error SlashNotIn(uint256 slashId, SlashState expected, SlashState actual);

    // ----------------------------------------------------------------------------------------------- workers

    /// @notice Becomes a worker with the ether that is sent as its bond.
    /// @param classId its determinism class, which stays until it has left; must be listed.
    /// @param uri where it serves the lineage and its attestations; may be empty.
    function register(bytes32 classId, string calldata uri) external payable;

    /// @notice Says anew where the caller serves the lineage and its attestations.
    function setUri(string calldata uri) external;

    /// @notice Adds the ether that is sent to a worker's bond. Anybody may.
    function addBond(address worker) external payable;

    /// @notice Asks to leave: the caller paints no epoch that is sealed from now on.
    function requestExit() external;

    /// @notice Takes the caller's bond, once its delay is over and nothing of it is in question.
    function withdrawBond(address to) external;

    // ---------------------------------------------------------------------------------------------- painting

    /// @notice Commits to a result without showing it.
    /// @param epoch the epoch that is painted.
    /// @param commitment what `commitmentOf` gives.
    function commit(uint256 epoch, bytes32 commitment) external;

    /// @notice Shows the result that the caller committed to in this round.
    /// @param epoch the epoch that is painted.
    /// @param result the picture's hashes.
    /// @param manifestHash the hash of the worker's attestation.
    /// @param salt what kept the commitment from being guessed.
    function reveal(uint256 epoch, Result calldata result, bytes32 manifestHash, bytes32 salt) external;

    /// @notice Anchors the result that a quorum revealed. Anybody may; the gas is reimbursed from the pool.
    /// @return generation the number of the new generation.
    function finalize(uint256 epoch, Result calldata result) external returns (uint256 generation);

    /// @notice Settles what follows from a worker's last commitment, and whether its bond suffices. Anybody may.
    function resolve(address worker) external;

    /// @notice Puts a failed epoch's fee back into the pool. Anybody may.
    function releaseFee(uint256 epoch) external;

    // ---------------------------------------------------------------------------------------------- slashes

    /// @notice Challenges a slash. Only the worker, within the period for it.
    /// @param uri where it says why.
    function challenge(uint256 slashId, string calldata uri) external;

    /// @notice Decides on a challenged slash. Only the governance, within the period for it.
    function decide(uint256 slashId, bool upheld) external;

    /// @notice Upholds a slash that wasn't challenged, or not decided on, in time. Anybody may.
    function settleSlash(uint256 slashId) external;

    // ------------------------------------------------------------------------------------------------- money

    /// @notice Adds the ether that is sent to the pool that painting is paid from.
    function fund() external payable;

    /// @notice Takes what the caller is owed.
    function withdrawCredit(address to) external;

    // -------------------------------------------------------------------------------------------- governance

    /// @notice Sets the rules for the epochs that are sealed from now on. Only the governance.
    function setRules(Rules calldata rules_) external;

    /// @notice Lists or unlists a class for the epochs that are sealed from now on. Only the governance.
    function listClass(bytes32 classId, bool listed) external;

    /// @notice Names the class whose results count; zero: none, and no epoch is sealed. Only the governance.
    function setAcceptedClass(bytes32 classId) external;

    /// @notice Takes ether out of the pool, to the governance's credit: a set that paints no more keeps nothing.
    /// Only the governance.
    function recall(uint256 amount) external;

    // ------------------------------------------------------------------------------------------------- views

    /// @notice The rules for the epochs that are sealed from now on.
    function rules() external view returns (Rules memory);

    /// @notice The rules that an epoch goes by.
    function rulesOf(uint256 epoch) external view returns (Rules memory);

    /// @notice The class whose results count for the epochs that are sealed from now on.
    function acceptedClass() external view returns (bytes32);

    /// @notice True when workers of the class may paint the epochs that are sealed from now on.
    function isListed(bytes32 classId) external view returns (bool);

    /// @notice How many workers of a class may paint the epochs that are sealed from now on.
    function activeOf(bytes32 classId) external view returns (uint256);

    /// @notice The newest epoch that was sealed with this set as its painter.
    function lastSealed() external view returns (uint256);

    /// @notice A worker.
    function workers(address worker) external view returns (Worker memory);

    /// @notice True when a worker may paint an epoch that was sealed.
    function inSnapshot(uint256 epoch, address worker) external view returns (bool);

    /// @notice What was frozen for an epoch, and what has come of it.
    function terms(uint256 epoch) external view returns (Terms memory);

    /// @notice An epoch's newest round of painting.
    function roundOf(uint256 epoch) external view returns (Round memory);

    /// @notice Where an epoch's newest round stands.
    function phaseOf(uint256 epoch) external view returns (Phase);

    /// @notice A worker's part in an epoch; empty when it has committed to a later one, or not to this one.
    function seats(uint256 epoch, address worker) external view returns (Seat memory);

    /// @notice How many revealed a result in the accepted class of an epoch, and who did first.
    function tallies(uint256 epoch, bytes32 resultHash) external view returns (Tally memory);

    /// @notice A slash by its number, from 1.
    function slashes(uint256 slashId) external view returns (Slash memory);

    /// @notice How many slashes there have been, which is the newest one's number.
    function slashCount() external view returns (uint256);

    /// @notice What painting is paid from, in wei.
    function pool() external view returns (uint256);

    /// @notice What an account is owed, in wei.
    function credits(address account) external view returns (uint256);

    /// @notice What a worker commits to.
    function commitmentOf(
        uint256 epoch,
        uint256 round,
        address worker,
        bytes32 classId,
        bytes32 resultHash,
        bytes32 manifestHash,
        bytes32 salt
    ) external view returns (bytes32);
}
