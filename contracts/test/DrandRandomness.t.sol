// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {DrandRandomness} from "../src/DrandRandomness.sol";
import {Epoch, EpochState, ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {IRandomnessSource} from "../src/interfaces/IRandomnessSource.sol";
import {BlsBn254} from "../src/libraries/BlsBn254.sol";
import {Commitments} from "../src/libraries/Commitments.sol";
import {Deployed} from "./utils/Deployed.sol";

/// @notice The facts of drand's evmnet, and two of its rounds as they were published.
library Evmnet {
    uint64 internal constant GENESIS = 1727521075;
    uint32 internal constant PERIOD = 3;
    uint32 internal constant DELAY = 120;

    uint256 internal constant LATE = 12345678;

    function key() internal pure returns (uint256[4] memory) {
        return [
            0x07e1d1d335df83fa98462005690372c643340060d205306a9aa8106b6bd0b382,
            0x0557ec32c2ad488e4d4f6008f89a346f18492092ccc0d594610de2732c8b808f,
            0x0095685ae3a85ba243747b1b2f426049010f6b73a0cf1d389351d5aaaa1047f6,
            0x297d3a4f9749b33eb2d904c9d9ebf17224150ddd7abd7567a9bec6c74480ee0b
        ];
    }

    function first() internal pure returns (uint256 x, uint256 y) {
        x = 0x11f812d738a36b2210dc88c2d635ad8039588205f42445d6de09e6530165c346;
        y = 0x2a23aca348c84badcf8df5321ac24577b7963d5b0d780bc4626baedb45cde373;
    }

    function late() internal pure returns (uint256 x, uint256 y) {
        x = 0x1f82751a21ca166dcc2c804ddd5846cb5f0f8f4ded7e93a8ec9b34cdc885d99a;
        y = 0x26353f2dbf384155cc898695316de8ce942f167a0faf3906ca066ebc7200aa86;
    }
}

/// @notice Calls to the library, each a call of its own.
contract Bls {
    function hashToG1(bytes memory message, bytes memory tag) external view returns (uint256, uint256) {
        return BlsBn254.hashToG1(message, tag);
    }

    function mapToG1(uint256 u) external view returns (uint256, uint256) {
        return BlsBn254.mapToG1(u);
    }

    function isG1(uint256 x, uint256 y) external pure returns (bool) {
        return BlsBn254.isG1(x, y);
    }

    function isG2(uint256[4] memory point) external view returns (bool) {
        return BlsBn254.isG2(point);
    }

    function verify(uint256 sx, uint256 sy, uint256 hx, uint256 hy, uint256[4] memory key)
        external
        view
        returns (bool)
    {
        return BlsBn254.verify(sx, sy, hx, hy, key);
    }
}

/// @notice Randomness that a drand network signs: real rounds, and everything that isn't one.
contract DrandRandomnessTest is Test {
    uint256 private constant P = BlsBn254.P;

    DrandRandomness private drand;

    function setUp() public {
        drand = new DrandRandomness(Evmnet.key(), Evmnet.GENESIS, Evmnet.PERIOD, Evmnet.DELAY);
        vm.warp(drand.timeOf(Evmnet.LATE) + 1);
    }

    // ------------------------------------------------------------------------------------------ published rounds

    function test_deliver_acceptsThePublishedRounds() public view {
        (uint256 x, uint256 y) = Evmnet.first();
        assertEq(drand.deliver(1, abi.encode(x, y)), sha256(abi.encodePacked(x, y)));
        (x, y) = Evmnet.late();
        assertEq(drand.deliver(Evmnet.LATE, abi.encode(x, y)), sha256(abi.encodePacked(x, y)));
    }

    function test_gas_ofAPublishedRound() public {
        (uint256 x, uint256 y) = Evmnet.late();
        bytes memory proof = abi.encode(x, y);
        drand.deliver(Evmnet.LATE, proof);
        vm.snapshotGasLastCall("Drand", "deliver (view)");
    }

    function test_deliver_revertsForAnotherRoundsSignature() public {
        (uint256 x, uint256 y) = Evmnet.late();
        // The round before it can't be passed off as it either.
        uint256[3] memory others = [Evmnet.LATE - 1, Evmnet.LATE - 2, 1];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(DrandRandomness.WrongSignature.selector, others[i]));
            drand.deliver(others[i], abi.encode(x, y));
        }
        (x, y) = Evmnet.first();
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.WrongSignature.selector, 2));
        drand.deliver(2, abi.encode(x, y));
    }

    function test_deliver_revertsForTheNegatedPoint() public {
        (uint256 x, uint256 y) = Evmnet.late();
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.WrongSignature.selector, Evmnet.LATE));
        drand.deliver(Evmnet.LATE, abi.encode(x, P - y));
    }

    function test_deliver_revertsForAPointThatIsNotOnTheCurve() public {
        (uint256 x, uint256 y) = Evmnet.late();
        _expectNotAPoint(x, y ^ 1);
        _expectNotAPoint(x ^ 1, y);
        _expectNotAPoint(y, x);
        // Infinity, which would be a signature under a key that is infinity too.
        _expectNotAPoint(0, 0);
        // The same point told otherwise: coordinates are told in one way.
        _expectNotAPoint(x + P, y);
        _expectNotAPoint(x, y + P);
        _expectNotAPoint(type(uint256).max, type(uint256).max);
    }

    function _expectNotAPoint(uint256 x, uint256 y) private {
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.NotAPoint.selector, x, y));
        drand.deliver(Evmnet.LATE, abi.encode(x, y));
    }

    function test_deliver_revertsForAnyOtherLength() public {
        (uint256 x, uint256 y) = Evmnet.late();
        bytes[4] memory proofs =
            [bytes(""), abi.encode(x), abi.encode(x, y, uint256(0)), abi.encodePacked(x, uint248(y))];
        for (uint256 i = 0; i < proofs.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(DrandRandomness.ProofLength.selector, proofs[i].length));
            drand.deliver(Evmnet.LATE, proofs[i]);
        }
    }

    function testFuzz_deliver_revertsForATamperedSignature(uint256 word, uint8 bit) public {
        uint256[2] memory point;
        (point[0], point[1]) = Evmnet.late();
        point[word % 2] ^= 1 << bit;
        _expectNotAPoint(point[0], point[1]);
    }

    /// @dev Points of the curve are easy to make; none of them signs the round.
    function testFuzz_deliver_revertsForAnyOtherPoint(bytes memory message) public {
        (uint256 x, uint256 y) = BlsBn254.hashToG1(message, "A_TAG");
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.WrongSignature.selector, Evmnet.LATE));
        drand.deliver(Evmnet.LATE, abi.encode(x, y));
    }

    // ----------------------------------------------------------------------------------------------------- rounds

    function test_aRoundIsPendingThenReady_andNeverLapses() public {
        uint256 round = drand.fix();
        uint256 readyAt = drand.timeOf(round);
        assertEq(uint8(drand.status(round)), uint8(IRandomnessSource.Status.Pending));
        vm.warp(readyAt - 1);
        assertEq(uint8(drand.status(round)), uint8(IRandomnessSource.Status.Pending));
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.RoundPending.selector, round, readyAt));
        drand.deliver(round, "");
        vm.warp(readyAt);
        assertEq(uint8(drand.status(round)), uint8(IRandomnessSource.Status.Ready));
        vm.warp(readyAt + 100 * 365 days);
        assertEq(uint8(drand.status(round)), uint8(IRandomnessSource.Status.Ready));
    }

    function test_aSignatureKnownTooEarly_isNotTaken() public {
        uint256 readyAt = drand.timeOf(Evmnet.LATE);
        vm.warp(readyAt - 1);
        (uint256 x, uint256 y) = Evmnet.late();
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.RoundPending.selector, Evmnet.LATE, readyAt));
        drand.deliver(Evmnet.LATE, abi.encode(x, y));
    }

    function test_fix_isTheRuleThatIsPublished() public {
        vm.warp(1_800_000_000);
        assertEq(drand.fix(), (uint256(1_800_000_000) + 120 - 1727521075) / 3 + 1);
        assertEq(drand.timeOf(1), 1727521075);
        // Before the network begins its first round is the one.
        vm.warp(1727521075 - 121);
        assertEq(drand.fix(), 1);
        vm.warp(1727521075 - 120);
        assertEq(drand.fix(), 1);
    }

    /// @dev Whatever the times: the round that is fixed isn't due yet, is due within the delay, and is the
    /// newest such round.
    function testFuzz_fix_isNeverARoundThatMayBeKnown(
        uint64 now_,
        uint64 genesis,
        uint32 period,
        uint32 delay
    ) public {
        now_ = uint64(bound(now_, 1, type(uint48).max));
        genesis = uint64(bound(genesis, 0, type(uint48).max));
        period = uint32(bound(period, 1, type(uint32).max));
        delay = uint32(bound(delay, period, type(uint32).max));
        vm.warp(now_);
        DrandRandomness source = new DrandRandomness(Evmnet.key(), genesis, period, delay);
        uint256 round = source.fix();
        assertGt(source.timeOf(round), block.timestamp);
        assertEq(uint8(source.status(round)), uint8(IRandomnessSource.Status.Pending));
        if (uint256(now_) + delay >= genesis) {
            assertLe(source.timeOf(round), uint256(now_) + delay);
            assertGt(source.timeOf(round + 1), uint256(now_) + delay);
        }
    }

    function test_rounds_areNumberedAsTheNetworkDoes() public {
        uint256[3] memory unknown = [uint256(0), uint256(type(uint64).max) + 1, type(uint256).max];
        for (uint256 i = 0; i < unknown.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(DrandRandomness.UnknownRound.selector, unknown[i]);
            vm.expectRevert(refusal);
            drand.timeOf(unknown[i]);
            vm.expectRevert(refusal);
            drand.status(unknown[i]);
            vm.expectRevert(refusal);
            drand.hashOf(unknown[i]);
            vm.expectRevert(refusal);
            drand.deliver(unknown[i], "");
        }
        drand.timeOf(type(uint64).max);
    }

    // ----------------------------------------------------------------------------------------------- construction

    function test_constructor_revertsForTimesThatMakeNoSense() public {
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.InvalidTimes.selector, 0, 120));
        new DrandRandomness(Evmnet.key(), Evmnet.GENESIS, 0, 120);
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.InvalidTimes.selector, 3, 2));
        new DrandRandomness(Evmnet.key(), Evmnet.GENESIS, 3, 2);
    }

    function test_constructor_revertsForAKeyThatIsNone() public {
        uint256[4] memory zero;
        _expectKeyRefused(zero);
        uint256[4] memory key = Evmnet.key();
        key[3] ^= 1;
        _expectKeyRefused(key);
        key = Evmnet.key();
        // The words in another order, as other libraries write them.
        (key[0], key[1], key[2], key[3]) = (key[1], key[0], key[3], key[2]);
        _expectKeyRefused(key);
        assertEq(abi.encode(drand.publicKey()), abi.encode(Evmnet.key()));
    }

    function _expectKeyRefused(uint256[4] memory key) private {
        vm.expectRevert(DrandRandomness.InvalidPublicKey.selector);
        new DrandRandomness(key, Evmnet.GENESIS, Evmnet.PERIOD, Evmnet.DELAY);
    }
}

/// @notice The artwork with this source plugged in by vote: a published round becomes an epoch's seed.
contract DrandEpochTest is Deployed {
    DrandRandomness private drand;
    uint256 private due;

    /// @dev As elsewhere, but at the time at which an epoch's end fixes the published round.
    function setUp() public override {
        drand = new DrandRandomness(Evmnet.key(), Evmnet.GENESIS, Evmnet.PERIOD, Evmnet.DELAY);
        due = drand.timeOf(Evmnet.LATE);
        vm.roll(1000);
        vm.warp(due - Evmnet.DELAY - EPOCH);
        _deploy();
        _found();
        artwork.closeFounding();
        vm.prank(address(timelock));
        artwork.setSlot("randomness", address(drand));
    }

    function test_anEpochSealedInTime_getsThatRoundAndIsSeeded() public {
        uint256 number = _seal();
        assertEq(artwork.epochs(number).source, address(drand));
        assertEq(artwork.epochs(number).round, Evmnet.LATE);
        assertGt(due, block.timestamp);

        (uint256 x, uint256 y) = Evmnet.late();
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.RoundPending.selector, Evmnet.LATE, due));
        artwork.drawSeed(number, abi.encode(x, y));

        vm.warp(due);
        bytes32 randomness = sha256(abi.encodePacked(x, y));
        vm.prank(stranger);
        artwork.drawSeed(number, abi.encode(x, y));
        Epoch memory epoch = artwork.epochs(number);
        assertEq(uint8(epoch.state), uint8(EpochState.Seeded));
        assertEq(epoch.seed, Commitments.seed(address(artwork), number, epoch.paramsHash, randomness));
    }

    function test_aWrongRound_seedsNothing_andTheRightOneMayComeLate() public {
        uint256 number = _seal();
        vm.warp(due + SEED_TIMEOUT + 1);
        (uint256 x, uint256 y) = Evmnet.first();
        vm.expectRevert(abi.encodeWithSelector(DrandRandomness.WrongSignature.selector, Evmnet.LATE));
        artwork.drawSeed(number, abi.encode(x, y));
        assertEq(uint8(artwork.epochs(number).state), uint8(EpochState.Sealed));
        (x, y) = Evmnet.late();
        artwork.drawSeed(number, abi.encode(x, y));
        assertEq(uint8(artwork.epochs(number).state), uint8(EpochState.Seeded));
    }

    /// @dev A silent network gives nobody a choice: no other round is fixed, and when the time is up the epoch
    /// ends without a picture.
    function test_aTimeout_waitsThenFails_andNeverFixesAnotherRound() public {
        uint256 number = _seal();
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.RoundNotLapsed.selector, Evmnet.LATE));
            artwork.refixSeed(number);
            skip(SEED_TIMEOUT / 4);
        }
        skip(SEED_TIMEOUT);
        assertEq(artwork.epochs(number).round, Evmnet.LATE);
        artwork.failEpoch(number);
        assertEq(uint8(artwork.epochs(number).state), uint8(EpochState.Failed));
        assertEq(artwork.generations(), 6);
    }
}

/// @notice The arithmetic behind it. That points are the right ones, and not only points, is shown by the
/// published rounds, and by a second implementation in Python (tests/contracts/test_drand.py).
contract BlsBn254Test is Test {
    Bls private bls = new Bls();

    function testFuzz_hashToG1_isAPointAndAnotherForEachMessageAndTag(bytes memory message, bytes memory tag)
        public
        view
    {
        vm.assume(tag.length < 256);
        (uint256 x, uint256 y) = bls.hashToG1(message, tag);
        assertTrue(bls.isG1(x, y));
        (uint256 x2,) = bls.hashToG1(abi.encodePacked(message, uint8(0)), tag);
        assertNotEq(x, x2);
        if (tag.length < 255) {
            (x2,) = bls.hashToG1(message, abi.encodePacked(tag, uint8(0)));
            assertNotEq(x, x2);
        }
    }

    function testFuzz_mapToG1_isAPointOfTheSameParity(uint256 u) public view {
        u %= BlsBn254.P;
        (uint256 x, uint256 y) = bls.mapToG1(u);
        assertTrue(bls.isG1(x, y));
        assertEq(y & 1, u & 1);
    }

    function test_mapToG1_takesWhereTheFormulaDividesByZero() public view {
        // 4u^2 = 1 and 4u^2 = -1 make a factor zero, whose inverse counts as zero; -1 is no square here.
        uint256 half = (BlsBn254.P + 1) / 2;
        uint256[4] memory odd = [0, half, BlsBn254.P - half, BlsBn254.P - 1];
        for (uint256 i = 0; i < odd.length; ++i) {
            (uint256 x, uint256 y) = bls.mapToG1(odd[i]);
            assertTrue(bls.isG1(x, y));
        }
    }

    function test_hashToG1_revertsForATagThatIsTooLong() public {
        vm.expectRevert(abi.encodeWithSelector(BlsBn254.TagTooLong.selector, 256));
        bls.hashToG1("", new bytes(256));
        bls.hashToG1("", new bytes(255));
    }

    function test_verify_revertsWhereThePrecompiledContractRefuses() public {
        vm.expectRevert(abi.encodeWithSelector(BlsBn254.PrecompileFailed.selector, 8));
        bls.verify(1, 1, 1, 2, Evmnet.key());
    }

    /// @dev A chain may lack the precompiled contracts, or give them other prices: then it is said, and nothing is
    /// taken for a point.
    function test_whereAPrecompiledContractIsMissing_itIsNamed() public {
        vm.mockCallRevert(address(6), bytes(""), "");
        vm.expectRevert(abi.encodeWithSelector(BlsBn254.PrecompileFailed.selector, 6));
        bls.hashToG1("", "A_TAG");
        vm.mockCallRevert(address(5), bytes(""), "");
        vm.expectRevert(abi.encodeWithSelector(BlsBn254.PrecompileFailed.selector, 5));
        bls.hashToG1("", "A_TAG");
    }

    function test_isG1_knowsTheGenerator() public view {
        assertTrue(bls.isG1(1, 2));
        assertTrue(bls.isG1(1, BlsBn254.P - 2));
        assertFalse(bls.isG1(2, 1));
        assertFalse(bls.isG1(0, 0));
    }

    function test_isG2_refusesAPointOfTheTwistOutsideTheGroup() public view {
        // On the curve y^2 = x^3 + 3 / (9 + i), with x = 1, but multiplied by the group's order it isn't infinity.
        uint256[4] memory point = [
            0,
            1,
            0x0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4,
            0x2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb
        ];
        assertFalse(bls.isG2(point));
        assertTrue(bls.isG2(Evmnet.key()));
    }
}
