// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the governance sets. An epoch goes by what was set when it was sealed.
/// @param minBond the least bond, in wei, with which a worker may paint.
/// @param renderFee what is paid for an epoch's picture, in wei, as far as the pool reaches.
/// @param silenceSlash what a commitment costs that isn't revealed, in wei; at most `minBond`.
/// @param mismatchSlash what another result than the accepted class's costs inside it, in wei; at most `minBond`.
/// @param quorum the least number of equal results; an epoch asks for a majority of its workers if that is more.
/// @param commitMilli the share of a round in which workers commit, in thousandths.
/// @param revealMilli the share of a round in which they reveal, in thousandths; the rest is left to finalize.
/// @param exitDelay seconds from the request to leave to the bond's return.
/// @param challengePeriod seconds in which a worker may challenge a slash for a mismatch.
/// @param resolvePeriod seconds that the governance has to decide on a challenge.
/// @param maxGasPrice the highest price of gas that finalizing is reimbursed at, in wei.
struct Rules {
    uint128 minBond;
    uint128 renderFee;
    uint128 silenceSlash;
    uint128 mismatchSlash;
    uint16 quorum;
    uint16 commitMilli;
    uint16 revealMilli;
    uint48 exitDelay;
    uint48 challengePeriod;
    uint48 resolvePeriod;
    uint64 maxGasPrice;
}

/// @notice A worker. It may paint the epochs from its first to its last.
/// @param classId its determinism class, by its own word; zero when the account isn't a worker.
/// @param bond what it stands to lose, in wei, without what is held back by open slashes.
/// @param firstEpoch the first epoch that it may paint.
/// @param lastEpoch the last epoch that it may paint; 2^64 - 1 while it neither left nor was dropped.
/// @param withdrawableAt from when on it may take its bond; 0 while it hasn't asked to leave.
/// @param openSlashes how many of its slashes aren't settled.
struct Worker {
    bytes32 classId;
    uint128 bond;
    uint64 firstEpoch;
    uint64 lastEpoch;
    uint48 withdrawableAt;
    uint32 openSlashes;
}

/// @notice What was frozen for an epoch when it was sealed, and what has come of it.
/// @param acceptedClass the determinism class whose results count.
/// @param recipeHash commitment to what is painted; zero until the first round opened.
/// @param quorum the number of equal results that it takes.
/// @param eligible how many workers of the accepted class there were.
/// @param allCount how many workers of all listed classes there were.
/// @param best the greatest number of equal results that counted so far.
/// @param rulesVersion the version of the rules that it goes by.
/// @param finalized true when its result was anchored.
/// @param fee what is held for those who paint it, in wei.
struct Terms {
    bytes32 acceptedClass;
    bytes32 recipeHash;
    uint32 quorum;
    uint32 eligible;
    uint32 allCount;
    uint32 best;
    uint24 rulesVersion;
    bool finalized;
    uint96 fee;
}

/// @notice An epoch's newest round of painting.
/// @param number the round's number; 0 when none has opened.
/// @param commitUntil the last second to commit.
/// @param revealUntil the last second to reveal.
/// @param deadline the last second to finalize.
/// @param committed how many have committed in it.
/// @param revealed how many of them have revealed.
/// @param before how many had revealed in the rounds before it.
struct Round {
    uint16 number;
    uint48 commitUntil;
    uint48 revealUntil;
    uint48 deadline;
    uint32 committed;
    uint32 revealed;
    uint32 before;
}

/// @notice Where a round stands.
/// @param None no round has opened.
/// @param Committing workers commit.
/// @param Revealing workers reveal.
/// @param Over all that may be revealed was: it is finalized, or comes to nothing.
enum Phase {
    None,
    Committing,
    Revealing,
    Over
}

/// @notice Where a worker's newest commitment stands.
/// @param Empty there is none.
/// @param Committed it isn't revealed.
/// @param Revealed it is revealed; what follows from it isn't settled.
/// @param Settled it is settled.
enum SeatState {
    Empty,
    Committed,
    Revealed,
    Settled
}

/// @notice A worker's part in an epoch.
/// @param epoch the epoch.
/// @param round the round that it committed in.
/// @param state where it stands.
/// @param revealed true when it was revealed, settled or not.
/// @param word the commitment; the hash of the result once that was revealed.
struct Seat {
    uint64 epoch;
    uint16 round;
    SeatState state;
    bool revealed;
    bytes32 word;
}

/// @notice How many revealed a result in the accepted class, and who did first.
struct Tally {
    uint32 count;
    address first;
}

/// @notice Where a slash stands. Upheld and Overturned are final.
enum SlashState {
    None,
    Open,
    Challenged,
    Upheld,
    Overturned
}

/// @notice A slash.
/// @param worker whose bond it was taken from.
/// @param challengeUntil the last second to challenge it; 0 when it can't be.
/// @param decideUntil the last second for the governance to decide; 0 while it isn't challenged.
/// @param amount how much, in wei.
/// @param epoch the epoch that it was for.
/// @param round the round that it was for.
/// @param state where it stands.
struct Slash {
    address worker;
    uint48 challengeUntil;
    uint48 decideUntil;
    uint128 amount;
    uint64 epoch;
    uint16 round;
    SlashState state;
}
