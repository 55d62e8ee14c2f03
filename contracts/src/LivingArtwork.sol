// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Governed} from "./Governed.sol";
import {Lineage} from "./Lineage.sol";
import {Slots} from "./Slots.sol";
import {IArtParameters} from "./interfaces/IArtParameters.sol";
import {IArtToken} from "./interfaces/IArtToken.sol";
import {Epoch, EpochState, ILivingArtwork} from "./interfaces/ILivingArtwork.sol";
import {IPainter} from "./interfaces/IPainter.sol";
import {IRandomnessSource} from "./interfaces/IRandomnessSource.sol";
import {Commitments, Result} from "./libraries/Commitments.sol";

/// @title LivingArtwork
/// @notice The record of a living artwork. Voters' decisions become epochs, epochs become generations, and a
/// lineage head chains every generation to all before it.
///
/// An epoch is Open, then Sealed, Seeded and Anchored; or it is Failed, which leaves no token and the parent as
/// it was. Sealing an epoch opens the next, whose sealing waits until this one has come to its end. Each state
/// can be left by anybody:
///
/// | state  | left by                                                      | or, when that can't be             |
/// | ------ | ------------------------------------------------------------ | ---------------------------------- |
/// | Open   | `sealEpoch` from its end on, once the painter is ready        | a vote replaces the part at fault  |
/// | Sealed | `drawSeed`; `refixSeed` when the round has lapsed             | `failEpoch` after the seed timeout |
/// | Seeded | `anchor` within the round; `reopenRound` when it is over      | `failEpoch` after the last round   |
///
/// @dev There is no owner and no proxy. Replaceable parts sit in slots that only the governance sets; an epoch
/// keeps the parts that it was sealed with.
contract LivingArtwork is Lineage {
    using SafeCast for uint256;

    /// @notice The rules of time, fixed for good.
    /// @param seedTimeout seconds after sealing, from when on an epoch without a seed may be failed.
    /// @param paintPeriod seconds that a round of painting lasts.
    /// @param maxRounds rounds of painting that an epoch gets, at least 1.
    /// @param maxRefixes how often an epoch's round of randomness may be fixed anew.
    struct Config {
        uint48 seedTimeout;
        uint48 paintPeriod;
        uint16 maxRounds;
        uint16 maxRefixes;
    }

    /// @notice What is plugged in from the start.
    /// @param parameters the governed parameters (`IArtParameters`).
    /// @param randomness the source of randomness (`IRandomnessSource`).
    /// @param painter the painting authority (`IPainter`).
    /// @param recipient who receives the tokens: the treasury, until there is an auction.
    /// @param registry the models that may be chosen (`IModelRegistry`); zero: any may.
    struct Parts {
        address parameters;
        address randomness;
        address painter;
        address recipient;
        address registry;
    }

    /// @dev The longest that a rule of time may be: an epoch in trouble must come to an end in somebody's life.
    uint48 private constant LONGEST = 365 days;

    /// @dev The slots' names.
    bytes32 private constant PARAMETERS = "parameters";
    bytes32 private constant RANDOMNESS = "randomness";
    bytes32 private constant PAINTER = "painter";
    bytes32 private constant RECIPIENT = "recipient";
    bytes32 private constant REGISTRY = "registry";

    /// @dev Why an epoch failed.
    bytes32 private constant REASON_SEED = "seed";
    bytes32 private constant REASON_PAINT = "paint";

    /// @notice Seconds after sealing, from when on an epoch without a seed may be failed.
    uint48 public immutable seedTimeout;

    /// @notice Seconds that a round of painting lasts.
    uint48 public immutable paintPeriod;

    /// @notice Rounds of painting that an epoch gets.
    uint16 public immutable maxRounds;

    /// @notice How often an epoch's round of randomness may be fixed anew.
    uint16 public immutable maxRefixes;

    /// @notice Who may anchor the founding generations; nobody once the founding is closed.
    address public founder;

    /// @notice The open epoch; 0 before the founding is closed.
    uint256 public currentEpoch;

    mapping(uint256 number => Epoch epoch) private _epochs;

    /// @dev What the founding generations were painted from; the other ones' is what their epochs hold.
    mapping(uint256 generation => Origin origin) private _origins;

    /// @param governance_ the timelock.
    /// @param founder_ who anchors the founding generations; its power ends with `closeFounding`.
    /// @param token_ the token; the artwork must be its minter.
    /// @param config the rules of time.
    /// @param parts what is plugged in from the start.
    constructor(
        address governance_,
        address founder_,
        IArtToken token_,
        Config memory config,
        Parts memory parts
    ) Governed(governance_) Lineage(token_) {
        if (founder_ == address(0)) revert ZeroAddress();
        if (config.seedTimeout == 0 || config.seedTimeout > LONGEST) revert InvalidConfig();
        if (config.paintPeriod == 0 || config.paintPeriod > LONGEST) revert InvalidConfig();
        if (config.maxRounds == 0) revert InvalidConfig();
        founder = founder_;
        seedTimeout = config.seedTimeout;
        paintPeriod = config.paintPeriod;
        maxRounds = config.maxRounds;
        maxRefixes = config.maxRefixes;
        _setSlot(PARAMETERS, parts.parameters);
        _setSlot(RANDOMNESS, parts.randomness);
        _setSlot(PAINTER, parts.painter);
        _setSlot(RECIPIENT, parts.recipient);
        if (parts.registry != address(0)) _setSlot(REGISTRY, parts.registry);
    }

    // ---------------------------------------------------------------------------------------------- founding

    /// @notice Anchors a founding generation: one painted before the first epoch, with a stated seed.
    /// @param to who receives its token.
    /// @param modelId the model that painted it.
    /// @param paramsHash commitment to the parameters it was painted with.
    /// @param seed the stated seed.
    /// @param result the picture's hashes.
    /// @return generation its number.
    function foundGeneration(
        address to,
        bytes32 modelId,
        bytes32 paramsHash,
        bytes32 seed,
        Result calldata result
    ) external returns (uint256 generation) {
        _checkFounder();
        bytes32 recipe = Commitments.recipeHash(address(this), 0, paramsHash, head, seed);
        Origin memory origin = Origin(modelId, head, seed, recipe);
        _origins[generations + 1] = origin;
        generation = _anchor(0, origin, result, msg.sender, to);
    }

    /// @notice Ends the founding for good, gives up the founder's power and opens the first epoch.
    function closeFounding() external {
        _checkFounder();
        founder = address(0);
        emit FoundingClosed();
        IArtParameters parameters = IArtParameters(slot(PARAMETERS));
        _open(1, parameters.epochLengthAt(parameters.version()));
    }

    // ------------------------------------------------------------------------------------------------ epochs

    /// @notice Seals the open epoch, once its time is up, and opens the next. Anybody may.
    /// @dev What counts is the version in force just before the epoch's end, whenever the sealing happens: nobody
    /// gains by racing an execution. The round of randomness lies in the future, so nobody can try seeds.
    function sealEpoch() external {
        uint256 number = currentEpoch;
        Epoch storage epoch = _inState(number, EpochState.Open);
        if (block.timestamp < epoch.endsAt) revert TooEarly(epoch.endsAt);
        if (number > 1) {
            EpochState previous = _epochs[number - 1].state;
            if (previous != EpochState.Anchored && previous != EpochState.Failed) {
                revert PreviousEpochUnfinished(number - 1);
            }
        }
        address painter = slot(PAINTER);
        if (!IPainter(painter).ready()) revert PainterNotReady(painter);

        IArtParameters parameters = IArtParameters(slot(PARAMETERS));
        uint256 version = parameters.versionBefore(epoch.endsAt);
        // Parameters that were plugged in after the epoch's end have no version from before it: their first counts.
        if (version == 0) version = 1;
        address source = slot(RANDOMNESS);
        uint256 round = IRandomnessSource(source).fix();
        bytes32 paramsHash = parameters.paramsHash(version);
        bytes32 parentHead = head;

        epoch.state = EpochState.Sealed;
        epoch.sealedAt = uint48(block.timestamp);
        epoch.deadline = uint48(block.timestamp) + seedTimeout;
        epoch.paramsVersion = version.toUint96();
        epoch.paramsHash = paramsHash;
        epoch.modelId = parameters.modelAt(version);
        epoch.parameters = address(parameters);
        epoch.parentHead = parentHead;
        epoch.painter = painter;
        epoch.source = source;
        epoch.round = round;
        emit EpochSealed(number, version, paramsHash, parentHead, source, round);

        _open(number + 1, parameters.epochLengthAt(version));
        IPainter(painter).epochSealed(number);
    }

    /// @notice Fixes another round of randomness when the first has lapsed. Anybody may.
    function refixSeed(uint256 number) external {
        Epoch storage epoch = _inState(number, EpochState.Sealed);
        if (epoch.refixes >= maxRefixes) revert NoRoundsLeft(number);
        IRandomnessSource source = IRandomnessSource(epoch.source);
        if (source.status(epoch.round) != IRandomnessSource.Status.Lapsed) {
            revert RoundNotLapsed(epoch.round);
        }
        uint256 round = source.fix();
        epoch.round = round;
        uint16 count = ++epoch.refixes;
        emit SeedRefixed(number, round, count);
    }

    /// @notice Draws the seed of a sealed epoch from its source's randomness, and opens painting. Anybody may.
    /// @param number the epoch.
    /// @param proof what the source needs to check its randomness.
    function drawSeed(uint256 number, bytes calldata proof) external {
        Epoch storage epoch = _inState(number, EpochState.Sealed);
        bytes32 randomness = IRandomnessSource(epoch.source).deliver(epoch.round, proof);
        bytes32 paramsHash = epoch.paramsHash;
        bytes32 seed = Commitments.seed(address(this), number, paramsHash, randomness);
        bytes32 recipe = Commitments.recipeHash(address(this), number, paramsHash, epoch.parentHead, seed);
        epoch.state = EpochState.Seeded;
        epoch.seed = seed;
        epoch.recipeHash = recipe;
        emit SeedDrawn(number, seed, randomness, recipe);
        _openRound(number, epoch);
    }

    /// @notice Opens another round of painting when one has passed without a result; it keeps the seed. Anybody may,
    /// after the round's deadline, or as soon as the painter says that the round is over.
    function reopenRound(uint256 number) external {
        Epoch storage epoch = _inState(number, EpochState.Seeded);
        if (!_isRoundOver(number, epoch)) revert TooEarly(epoch.deadline + 1);
        if (epoch.paintRound >= maxRounds) revert NoRoundsLeft(number);
        _openRound(number, epoch);
    }

    /// @notice Ends an epoch that can't come to a generation: no token, and the parent stays. Anybody may.
    /// @dev Without a seed: after the seed timeout, or at once when its last round of randomness has lapsed.
    /// Without a result: when the last round of painting is over, or when nobody has reopened one for as long as a
    /// round lasts (so that a painter that refuses to be told of a round can't hold the epoch for ever).
    function failEpoch(uint256 number) external {
        Epoch storage epoch = _epochs[number];
        bytes32 reason;
        if (epoch.state == EpochState.Sealed) {
            if (block.timestamp <= epoch.deadline && !_isOutOfRandomness(epoch)) {
                revert TooEarly(epoch.deadline + 1);
            }
            reason = REASON_SEED;
        } else {
            _inState(number, EpochState.Seeded);
            if (epoch.paintRound < maxRounds) {
                uint48 from = epoch.deadline + paintPeriod + 1;
                if (block.timestamp < from) revert TooEarly(from);
            } else if (!_isRoundOver(number, epoch)) {
                revert TooEarly(epoch.deadline + 1);
            }
            reason = REASON_PAINT;
        }
        epoch.state = EpochState.Failed;
        emit EpochFailed(number, reason);
    }

    /// @inheritdoc ILivingArtwork
    function anchor(uint256 number, Result calldata result, address credited)
        external
        returns (uint256 generation)
    {
        Epoch storage epoch = _inState(number, EpochState.Seeded);
        if (msg.sender != epoch.painter) revert NotPart(PAINTER, msg.sender);
        if (block.timestamp > epoch.deadline) revert TooLate(epoch.deadline);
        epoch.state = EpochState.Anchored;
        Origin memory origin = Origin(epoch.modelId, epoch.parentHead, epoch.seed, epoch.recipeHash);
        generation = _anchor(number, origin, result, credited, slot(RECIPIENT));
        epoch.generation = generation;
    }

    /// @inheritdoc ILivingArtwork
    function dispute(uint256 generation, bytes32 reason) external {
        if (msg.sender != _epochs[_known(generation).epoch].painter) _checkPart(PAINTER);
        emit Disputed(generation, msg.sender, reason);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @notice An epoch by its number, from 1.
    function epochs(uint256 number) external view returns (Epoch memory) {
        return _epochs[number];
    }

    /// @inheritdoc ILivingArtwork
    function stateOf(uint256 number) external view returns (EpochState) {
        return _epochs[number].state;
    }

    // ---------------------------------------------------------------------------------------------- internals

    /// @inheritdoc Slots
    /// @dev Other parameters are a decision like any other: a due epoch is sealed first, so that it is painted with
    /// what was in force at its end. When it can't be, the part at fault may be the very one that this vote
    /// replaces: then the vote goes on. Other parts are taken as they are found at sealing, so that a faulty one
    /// can be replaced before it costs another epoch.
    function setSlot(bytes32 name, address part) external override onlyGovernance {
        uint256 number = currentEpoch;
        if (name == PARAMETERS && number != 0 && block.timestamp >= _epochs[number].endsAt) {
            try this.sealEpoch() {} catch {}
        }
        _setSlot(name, part);
    }

    /// @inheritdoc Slots
    function _checkSlot(bytes32 name, address part) internal view override {
        if (name == PARAMETERS || name == RANDOMNESS || name == PAINTER) {
            if (part.code.length == 0) revert InvalidSlot(name, part);
        } else if (name == RECIPIENT) {
            if (part == address(0)) revert InvalidSlot(name, part);
        } else if (name == REGISTRY) {
            if (part != address(0) && part.code.length == 0) revert InvalidSlot(name, part);
        } else if (name != PORTRAIT && name != PROOF) {
            revert UnknownSlot(name);
        }
    }

    /// @dev Opens the epoch `number` for `length` seconds.
    function _open(uint256 number, uint48 length) private {
        Epoch storage epoch = _epochs[number];
        uint48 endsAt = uint48(block.timestamp) + length;
        epoch.state = EpochState.Open;
        epoch.openedAt = uint48(block.timestamp);
        epoch.endsAt = endsAt;
        currentEpoch = number;
        emit EpochOpened(number, endsAt);
    }

    /// @dev Opens the next round of painting and tells the painter.
    function _openRound(uint256 number, Epoch storage epoch) private {
        uint16 round = ++epoch.paintRound;
        uint48 deadline = uint48(block.timestamp) + paintPeriod;
        epoch.deadline = deadline;
        address painter = epoch.painter;
        emit RoundOpened(number, round, painter, deadline);
        IPainter(painter).roundOpened(number, round, deadline, epoch.recipeHash);
    }

    /// @dev True when the round's deadline has passed, or when its painter says that it can't come to a result any
    /// more. A painter that fails to answer has said nothing: then the deadline decides.
    function _isRoundOver(uint256 number, Epoch storage epoch) private view returns (bool) {
        if (block.timestamp > epoch.deadline) return true;
        (bool ok, bytes memory answer) =
            epoch.painter.staticcall(abi.encodeCall(IPainter.roundOver, (number)));
        return ok && answer.length == 32 && abi.decode(answer, (uint256)) == 1;
    }

    /// @inheritdoc Lineage
    function _originOf(uint256 generation, uint256 number) internal view override returns (Origin memory) {
        if (number == 0) return _origins[generation];
        Epoch storage epoch = _epochs[number];
        return Origin(epoch.modelId, epoch.parentHead, epoch.seed, epoch.recipeHash);
    }

    /// @dev True when the epoch's last permitted round of randomness has lapsed.
    function _isOutOfRandomness(Epoch storage epoch) private view returns (bool) {
        return epoch.refixes >= maxRefixes
            && IRandomnessSource(epoch.source).status(epoch.round) == IRandomnessSource.Status.Lapsed;
    }

    /// @dev The epoch, when it is in the state; reverts otherwise.
    function _inState(uint256 number, EpochState expected) private view returns (Epoch storage epoch) {
        epoch = _epochs[number];
        if (epoch.state != expected) revert EpochNotIn(number, expected, epoch.state);
    }

    /// @dev Reverts unless the founder calls and the founding isn't closed.
    function _checkFounder() private view {
        if (msg.sender != founder) revert NotFounder(msg.sender);
    }
}
