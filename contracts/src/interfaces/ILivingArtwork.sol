// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Result} from "../libraries/Commitments.sol";
import {ISlots} from "./ISlots.sol";

/// @notice Where an epoch stands. Anchored and Failed are final.
/// @param None it has not begun.
/// @param Open votes are collected for it.
/// @param Sealed its parameters, parent, painter and source of randomness are frozen; it has no seed yet.
/// @param Seeded its seed is drawn; it is being painted.
/// @param Anchored its generation is on the chain.
/// @param Failed it ended without a generation.
enum EpochState {
    None,
    Open,
    Sealed,
    Seeded,
    Anchored,
    Failed
}

/// @notice One turn of the artwork: from the votes to a generation, or to none.
/// @param state where it stands.
/// @param openedAt when it opened.
/// @param endsAt from when on it can be sealed; the parameters in force just before count.
/// @param sealedAt when it was sealed.
/// @param deadline after which the state it is in may be given up: the seed's, then the round's; 0 while open.
/// @param refixes how often its round of randomness was fixed anew.
/// @param paintRound the number of its rounds of painting.
/// @param paramsVersion the frozen version of the parameters.
/// @param source the frozen source of randomness.
/// @param painter the frozen painting authority.
/// @param parameters the contract that held the frozen parameters.
/// @param round the fixed round of randomness.
/// @param generation the generation that it led to; 0 when none (yet).
/// @param modelId the model that paints it.
/// @param paramsHash commitment to the frozen parameters.
/// @param parentHead the lineage head that it builds on.
/// @param seed the drawn seed.
/// @param recipeHash commitment to all that it is painted from.
struct Epoch {
    EpochState state;
    uint48 openedAt;
    uint48 endsAt;
    uint48 sealedAt;
    uint48 deadline;
    uint16 refixes;
    uint16 paintRound;
    address source;
    uint96 paramsVersion;
    address painter;
    address parameters;
    uint256 round;
    uint256 generation;
    bytes32 modelId;
    bytes32 paramsHash;
    bytes32 parentHead;
    bytes32 seed;
    bytes32 recipeHash;
}

/// @notice One anchored picture.
/// @param epoch the epoch that led to it; 0 for a founding generation.
/// @param modelId the model that painted it.
/// @param parentHead the lineage head before it.
/// @param head the lineage head after it.
/// @param seed the seed that it was painted from.
/// @param recipeHash commitment to all that it was painted from.
/// @param resultHash commitment to the picture and its recipe.
/// @param result the picture's hashes.
/// @param painter who is credited for painting it.
/// @param founding true when the deployer anchored it, with a stated seed, before the first epoch.
/// @param portrait the data contract of its neural portrait; zero when none is attached.
/// @param proofHash the hash of its portrait's proof; zero when it is unproved.
struct Generation {
    uint256 epoch;
    bytes32 modelId;
    bytes32 parentHead;
    bytes32 head;
    bytes32 seed;
    bytes32 recipeHash;
    bytes32 resultHash;
    Result result;
    address painter;
    bool founding;
    address portrait;
    bytes32 proofHash;
}

/// @title ILivingArtwork
/// @notice The record of the artwork as its parts, and everybody else, see it.
interface ILivingArtwork is ISlots {
    /// @notice An epoch opened: votes that are executed before `endsAt` count for it.
    event EpochOpened(uint256 indexed epoch, uint48 endsAt);

    /// @notice An epoch's decision was frozen, together with a future round of randomness.
    event EpochSealed(
        uint256 indexed epoch,
        uint256 indexed paramsVersion,
        bytes32 paramsHash,
        bytes32 parentHead,
        address source,
        uint256 round
    );

    /// @notice A round of randomness lapsed and another was fixed by the same rule; `count` counts them.
    event SeedRefixed(uint256 indexed epoch, uint256 round, uint256 count);

    /// @notice An epoch's seed was drawn, which completes its recipe.
    event SeedDrawn(uint256 indexed epoch, bytes32 seed, bytes32 randomness, bytes32 recipeHash);

    /// @notice A round of painting opened.
    event RoundOpened(uint256 indexed epoch, uint256 round, address painter, uint48 deadline);

    /// @notice An epoch ended without a generation; `reason` is "seed" or "paint" in ASCII.
    event EpochFailed(uint256 indexed epoch, bytes32 reason);

    /// @notice A generation joined the lineage; `parent` is the lineage head before it.
    event GenerationAnchored(
        uint256 indexed generation,
        bytes32 indexed modelId,
        bytes32 parent,
        uint256 indexed epoch,
        bytes32 seed,
        bytes32 recipeHash,
        bytes32 resultHash,
        bytes32 pixelHash,
        bytes32 fileHash,
        address painter,
        bool founding
    );

    /// @notice A neural portrait was attached to a generation.
    event PortraitAttached(uint256 indexed generation, address pointer, bytes32 codehash);

    /// @notice A proof of a portrait was attached to a generation.
    event ProofAttached(uint256 indexed generation, bytes32 proofHash);

    /// @notice A painting authority reports a dispute over a generation. It changes nothing by itself.
    event Disputed(uint256 indexed generation, address indexed by, bytes32 reason);

    /// @notice The founding is over: the deployer's only power is gone.
    event FoundingClosed();

    /// @notice The caller isn't the founder, or the founding is closed.
    error NotFounder(address caller);

    /// @notice The caller isn't the part that may do this.
    error NotPart(bytes32 slot, address caller);

    /// @notice The epoch is in another state than this call needs.
    error EpochNotIn(uint256 epoch, EpochState expected, EpochState actual);

    /// @notice It is too early: this can be done from `readyAt` on.
    error TooEarly(uint48 readyAt);

    /// @notice It is too late: this could be done up to `deadline`.
    error TooLate(uint48 deadline);

    /// @notice The epoch before hasn't come to its end yet.
    error PreviousEpochUnfinished(uint256 epoch);

    /// @notice The painting authority can't take on an epoch now.
    error PainterNotReady(address painter);

    /// @notice The round of randomness has not lapsed.
    error RoundNotLapsed(uint256 round);

    /// @notice The round may not be fixed anew, or no further round of painting may be opened.
    error NoRoundsLeft(uint256 epoch);

    /// @notice A result's hash is zero.
    error EmptyResult();

    /// @notice There is no such generation.
    error UnknownGeneration(uint256 generation);

    /// @notice This can be attached to a generation once only, and not be empty.
    error NotAttachable(uint256 generation);

    /// @notice A rule of time makes no sense.
    error InvalidConfig();

    /// @notice The number of generations so far, which is the newest one's number.
    function generations() external view returns (uint256);

    /// @notice A generation by its number, which is its token's id.
    function generationOf(uint256 generation) external view returns (Generation memory);

    /// @notice Where an epoch stands.
    function stateOf(uint256 epoch) external view returns (EpochState);

    /// @notice Anchors an epoch's result. Only the epoch's painting authority, within the round.
    function anchor(uint256 epoch, Result calldata result, address credited)
        external
        returns (uint256 generation);

    /// @notice Reports a dispute over a generation. Only a painting authority.
    function dispute(uint256 generation, bytes32 reason) external;
}
