// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";
import {ArtParameters} from "../../src/ArtParameters.sol";
import {LivingArtwork} from "../../src/LivingArtwork.sol";
import {SoloPainter} from "../../src/SoloPainter.sol";
import {Epoch, EpochState, Generation} from "../../src/interfaces/ILivingArtwork.sol";
import {Commitments, Result} from "../../src/libraries/Commitments.sol";
import {Deployed} from "../utils/Deployed.sol";

/// @notice Drives the cycle as keepers, voters, a slow operator and long stops would. It knows by itself what
/// must happen, and remembers it.
contract EpochHandler is CommonBase, StdUtils {
    LivingArtwork private immutable ARTWORK;
    ArtParameters private immutable PARAMETERS;
    SoloPainter private immutable PAINTER;
    address private immutable TIMELOCK;

    /// @notice What was attempted and what came of it.
    uint256 public attempts;
    uint256 public successes;
    uint256 public refusals;
    uint256 public anchored;
    uint256 public failed;

    /// @notice When each version of the parameters came into force, from version 1 on.
    uint48[] public versionTimes;

    /// @notice The lineage head as the handler computes it.
    bytes32 public head;

    constructor(LivingArtwork artwork, ArtParameters parameters, SoloPainter painter, address timelock) {
        ARTWORK = artwork;
        PARAMETERS = parameters;
        PAINTER = painter;
        TIMELOCK = timelock;
        head = artwork.head();
        versionTimes.push(uint48(block.timestamp) - 1);
    }

    /// @notice A vote changes a parameter.
    function change(uint256 seed, uint256 wait) external {
        vm.warp(block.timestamp + bound(wait, 0, 40));
        ++attempts;
        vm.startPrank(TIMELOCK);
        if (seed % 4 == 0) PARAMETERS.setSteps(1 + seed % 100);
        else if (seed % 4 == 1) PARAMETERS.setMood(seed % 8 == 1 ? "calm" : unicode"unruhig – still");
        else if (seed % 4 == 2) PARAMETERS.setModel(keccak256(abi.encode(seed)));
        else PARAMETERS.setEpochLength(10 + seed % 200);
        vm.stopPrank();
        versionTimes.push(uint48(block.timestamp));
        ++successes;
    }

    /// @notice The cycle's next step in good order; `late` lets the time for it pass first, now and then.
    function advance(uint256 wait, uint256 late) external {
        ++attempts;
        uint256 open = ARTWORK.currentEpoch();
        EpochState unfinished = open == 1 ? EpochState.None : ARTWORK.epochs(open - 1).state;
        if (unfinished == EpochState.Sealed) _seed(open - 1, late % 5 == 0);
        else if (unfinished == EpochState.Seeded) _result(open - 1, late % 4 == 0);
        else _seal(open, bound(wait, 0, 300));
        ++successes;
    }

    /// @notice Somebody tries what isn't due: it must be refused.
    function meddle(uint256 what, uint256 number) external {
        uint256 open = ARTWORK.currentEpoch();
        number = bound(number, 0, open + 1);
        Epoch memory epoch = ARTWORK.epochs(number);
        bool ok = true;
        if (what % 5 == 0) {
            if (block.timestamp >= ARTWORK.epochs(open).endsAt) return;
            try ARTWORK.sealEpoch() {}
            catch {
                ok = false;
            }
        } else if (what % 5 == 1) {
            if (epoch.state == EpochState.Sealed) return;
            try ARTWORK.drawSeed(number, "") {}
            catch {
                ok = false;
            }
        } else if (what % 5 == 2) {
            if (epoch.state == EpochState.Seeded) return;
            try ARTWORK.reopenRound(number) {}
            catch {
                ok = false;
            }
        } else if (what % 5 == 3) {
            if (epoch.deadline != 0 && block.timestamp > epoch.deadline) return;
            if (epoch.state == EpochState.Sealed) return;
            try ARTWORK.failEpoch(number) {}
            catch {
                ok = false;
            }
        } else {
            // Not the painter's contract, whatever the state.
            try ARTWORK.anchor(number, _picture(number), address(this)) {}
            catch {
                ok = false;
            }
        }
        require(!ok, "something that wasn't due was let through");
        ++refusals;
    }

    /// @notice How many versions there are.
    function versions() external view returns (uint256) {
        return versionTimes.length;
    }

    function _seal(uint256 open, uint256 wait) private {
        uint48 endsAt = ARTWORK.epochs(open).endsAt;
        uint256 due = block.timestamp > endsAt ? block.timestamp : endsAt;
        vm.warp(due + wait);
        ARTWORK.sealEpoch();
    }

    function _seed(uint256 number, bool late) private {
        Epoch memory epoch = ARTWORK.epochs(number);
        if (late) {
            // A long stop: the round lapses, and is fixed anew or, after too many, given up.
            vm.roll(block.number + 9000);
            if (epoch.refixes < ARTWORK.maxRefixes()) {
                ARTWORK.refixSeed(number);
            } else {
                ARTWORK.failEpoch(number);
                ++failed;
            }
            return;
        }
        if (block.number <= epoch.round) vm.roll(epoch.round + 1);
        ARTWORK.drawSeed(number, "");
    }

    function _result(uint256 number, bool late) private {
        Epoch memory epoch = ARTWORK.epochs(number);
        if (late || block.timestamp > epoch.deadline) {
            if (block.timestamp <= epoch.deadline) vm.warp(epoch.deadline + 1);
            if (epoch.paintRound < ARTWORK.maxRounds()) {
                ARTWORK.reopenRound(number);
            } else {
                ARTWORK.failEpoch(number);
                ++failed;
            }
            return;
        }
        Result memory result = _picture(number);
        vm.prank(PAINTER.operator());
        uint256 generation = PAINTER.anchor(number, result);
        bytes32 resultHash = Commitments.resultHash(epoch.recipeHash, result);
        head = keccak256(abi.encode("HEAD_V1", head, generation, epoch.recipeHash, resultHash));
        ++anchored;
    }

    function _picture(uint256 number) private pure returns (Result memory) {
        return Result(keccak256(abi.encode(number)), keccak256("thumbs"), keccak256("file"));
    }
}

/// @notice What holds of the artwork whatever happens.
contract EpochInvariants is Deployed {
    EpochHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = new EpochHandler(artwork, parameters, painter, address(timelock));
        targetContract(address(handler));
    }

    function invariant_theLineageIsOneChain() public view {
        bytes32 head;
        for (uint256 number = 1; number <= artwork.generations(); ++number) {
            Generation memory generation = artwork.generationOf(number);
            assertEq(generation.parentHead, head);
            head = Commitments.head(head, number, generation.recipeHash, generation.resultHash);
            assertEq(generation.head, head);
            assertNotEq(token.ownerOf(number), address(0));
        }
        assertEq(artwork.head(), head);
        assertEq(artwork.head(), handler.head());
    }

    function invariant_oneEpochIsOpen_andAtMostOneUnfinished() public view {
        uint256 current = artwork.currentEpoch();
        for (uint256 number = 1; number <= current + 1; ++number) {
            EpochState state = artwork.epochs(number).state;
            if (number == current) assertEq(uint8(state), uint8(EpochState.Open));
            else if (number > current) assertEq(uint8(state), uint8(EpochState.None));
            else if (number + 1 < current) assertGe(uint8(state), uint8(EpochState.Anchored));
        }
    }

    function invariant_anEpochHasOneGenerationOrNone() public view {
        uint256 seen;
        for (uint256 number = 1; number < artwork.currentEpoch(); ++number) {
            Epoch memory epoch = artwork.epochs(number);
            if (epoch.state == EpochState.Anchored) {
                assertEq(artwork.generationOf(epoch.generation).epoch, number);
                assertEq(artwork.generationOf(epoch.generation).modelId, epoch.modelId);
                assertEq(epoch.generation, 6 + ++seen);
            } else {
                assertEq(epoch.generation, 0);
            }
        }
        assertEq(artwork.generations(), 6 + seen);
        assertEq(seen, handler.anchored());
    }

    function invariant_anEpochIsPaintedFromWhatWasInForceAtItsEnd() public view {
        for (uint256 number = 1; number < artwork.currentEpoch(); ++number) {
            Epoch memory epoch = artwork.epochs(number);
            uint256 expected;
            for (uint256 version = 1; version <= handler.versions(); ++version) {
                if (handler.versionTimes(version - 1) < epoch.endsAt) expected = version;
            }
            assertEq(epoch.paramsVersion, expected);
            assertEq(epoch.paramsHash, parameters.paramsHash(expected));
            assertEq(epoch.modelId, parameters.modelAt(expected));
        }
    }

    function invariant_theNewestVersionCommitsToTheValues() public view {
        bytes32[] memory keys = parameters.keys();
        bytes32[] memory hashes = new bytes32[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            hashes[i] = keccak256(parameters.valueOf(keys[i]));
        }
        uint256 version = parameters.version();
        assertEq(version, handler.versions());
        assertEq(parameters.paramsHash(version), keccak256(abi.encode("PARAMS_V1", keys, hashes)));
        assertEq(parameters.versionBefore(uint48(block.timestamp) + 1), version);
    }

    function invariant_everyStateCanBeLeft() public {
        uint256 current = artwork.currentEpoch();
        uint256 snapshot = vm.snapshotState();
        if (current > 1 && artwork.epochs(current - 1).state < EpochState.Anchored) {
            vm.warp(artwork.epochs(current - 1).deadline + PAINT_PERIOD + 1);
            artwork.failEpoch(current - 1);
        }
        if (block.timestamp < artwork.epochs(current).endsAt) vm.warp(artwork.epochs(current).endsAt);
        artwork.sealEpoch();
        vm.revertToState(snapshot);
    }

    function invariant_theTreasuryNeverVotes() public view {
        assertEq(token.getVotes(address(timelock)), 0);
    }

    function afterInvariant() public view {
        assertGt(handler.attempts(), 0);
        assertEq(handler.successes(), handler.attempts());
        // A run is long enough to paint something, and to see what isn't due refused.
        if (handler.attempts() >= 30) assertGt(handler.anchored() + handler.failed(), 0);
    }
}
