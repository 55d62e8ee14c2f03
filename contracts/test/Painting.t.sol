// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochState, Generation, ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {IWorkerSet} from "../src/interfaces/IWorkerSet.sol";
import {Phase, Round, Rules, Tally, Terms} from "../src/interfaces/WorkerTypes.sol";
import {Result} from "../src/libraries/Commitments.sol";
import {Workers} from "./utils/Workers.sol";

/// @notice An epoch painted by bonded workers: they commit, reveal, and a quorum's result is anchored.
contract PaintingTest is Workers {
    function _assertPhase(uint256 number, Phase expected) private view {
        assertEq(uint8(set.phaseOf(number)), uint8(expected));
    }

    function _assertEpoch(uint256 number, EpochState expected) private view {
        assertEq(uint8(artwork.stateOf(number)), uint8(expected));
    }

    // ------------------------------------------------------------------------------------------ a good round

    function test_threeAgree_theirPictureIsAnchoredAndTheyArePaid() public {
        assertTrue(set.ready());
        uint256 number = _seal();
        Terms memory term = set.terms(number);
        assertEq(term.acceptedClass, CLASS);
        assertEq(term.quorum, 2);
        assertEq(term.eligible, 3);
        assertEq(term.allCount, 4);
        assertEq(term.fee, FEE);
        assertEq(set.pool(), 10 ether - FEE);
        assertEq(set.lastSealed(), number);

        uint48 opened = uint48(block.timestamp);
        vm.expectEmit(address(set));
        emit IWorkerSet.PaintingOpened(number, 1, opened + 360, opened + 540, opened + 600);
        _draw(number);
        assertEq(set.terms(number).recipeHash, artwork.epochs(number).recipeHash);
        _assertPhase(number, Phase.Committing);
        Result memory picture = _picture(7);
        bytes32 resultHash = _resultHash(number, picture);
        bytes32 commitment = _commitment(anna, number, picture);
        assertEq(set.commitmentOf(number, 1, anna, CLASS, resultHash, MANIFEST, _salt(anna)), commitment);
        vm.expectEmit(address(set));
        emit IWorkerSet.Committed(number, 1, anna, CLASS, commitment);
        _commit(anna, number, picture);
        assertEq(set.seats(number, anna).word, commitment);
        _commit(bela, number, picture);
        _commit(chen, number, picture);

        _closeCommits(number);
        _assertPhase(number, Phase.Revealing);
        vm.expectEmit(address(set));
        emit IWorkerSet.Revealed(number, 1, bela, resultHash, picture, MANIFEST, true);
        _reveal(bela, number, picture);
        _reveal(anna, number, picture);
        _reveal(chen, number, picture);
        _assertPhase(number, Phase.Over);

        vm.expectEmit(address(set));
        emit IWorkerSet.ResultFinalized(number, 7, resultHash, 3, stranger, 0);
        vm.txGasPrice(0);
        vm.prank(stranger);
        assertEq(set.finalize(number, picture), 7);
        Generation memory generation = artwork.generationOf(7);
        assertEq(generation.painter, bela, "who revealed it first is credited");
        assertEq(generation.resultHash, resultHash);
        assertEq(token.ownerOf(7), address(timelock));
        _assertEpoch(number, EpochState.Anchored);

        set.resolve(anna);
        set.resolve(bela);
        set.resolve(chen);
        assertEq(set.credits(anna), FEE / 3);
        assertEq(set.credits(bela), FEE / 3);
        assertEq(set.pool(), 10 ether - FEE + FEE % 3, "the dust is the pool's again");
        _assertSolvent();
    }

    function test_whenEverybodyHasCommitted_revealsOpen_andWhenEverybodyHasRevealed_theyAreOver() public {
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        _commit(bela, number, _picture(7));
        _commit(chen, number, _picture(7));
        vm.expectEmit(address(set));
        emit IWorkerSet.RevealsOpened(number, 1);
        _commit(dora, number, _picture(8));
        _assertPhase(number, Phase.Revealing);
        _reveal(anna, number, _picture(7));
        _reveal(bela, number, _picture(7));
        _reveal(chen, number, _picture(7));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.RevealsOpen.selector, number, 1));
        set.finalize(number, _picture(7));
        bytes32 resultHash = _resultHash(number, _picture(8));
        vm.expectEmit(address(set));
        emit IWorkerSet.Revealed(number, 1, dora, resultHash, _picture(8), MANIFEST, false);
        _reveal(dora, number, _picture(8));
        set.finalize(number, _picture(7));
        set.resolve(dora);
        assertEq(set.workers(dora).bond, BOND, "another class is never punished for another result");
        assertEq(set.credits(dora), 0);
        _assertSolvent();
    }

    function test_anotherClass_neverCounts_howeverManyItIs() public {
        for (uint256 i = 0; i < 4; ++i) {
            _join(makeAddr(vm.toString(i)), OTHER);
        }
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        for (uint256 i = 0; i < 4; ++i) {
            _commit(makeAddr(vm.toString(i)), number, _picture(7));
        }
        _closeCommits(number);
        _reveal(anna, number, _picture(7));
        for (uint256 i = 0; i < 4; ++i) {
            _reveal(makeAddr(vm.toString(i)), number, _picture(7));
        }
        bytes32 resultHash = _resultHash(number, _picture(7));
        Tally memory tally = set.tallies(number, resultHash);
        assertEq(tally.count, 1);
        assertEq(tally.first, anna);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoQuorum.selector, resultHash, 1, 2));
        set.finalize(number, _picture(7));
    }

    function test_theQuorumIsAMajority_ofTheWorkersAtSealing() public {
        for (uint256 i = 0; i < 4; ++i) {
            _join(makeAddr(vm.toString(i)), CLASS);
        }
        uint256 number = _seal();
        assertEq(set.terms(number).eligible, 7);
        assertEq(set.terms(number).quorum, 4);
        _join(makeAddr("late"), CLASS);
        assertEq(set.terms(number).quorum, 4);
        assertFalse(set.inSnapshot(number, makeAddr("late")));
        assertEq(set.activeOf(CLASS), 8);
    }

    function test_twoLiarsWhoLieAlike_win_andTheHonestOneMayComplain() public {
        uint256 number = _begin();
        _three(number, 7, 8, 8);
        set.finalize(number, _picture(8));
        set.resolve(anna);
        assertEq(set.workers(anna).bond, BOND - MISMATCH);
        assertEq(set.workers(anna).openSlashes, 1);
        _assertSolvent();
    }

    // -------------------------------------------------------------------------------------- rounds that fail

    function test_twoLieDifferently_theRoundReopensAtOnce_andWhatWasRevealedCounts() public {
        _join(makeAddr("Emil"), CLASS);
        address emil = makeAddr("Emil");
        uint256 number = _begin();
        assertEq(set.terms(number).quorum, 3);
        bytes32 recipe = artwork.epochs(number).recipeHash;
        _three(number, 7, 7, 8);
        assertTrue(set.roundOver(number));
        assertEq(set.terms(number).best, 2);
        artwork.reopenRound(number);
        assertFalse(set.roundOver(number));
        assertEq(artwork.epochs(number).recipeHash, recipe, "the seed stays");
        assertEq(set.roundOf(number).before, 3);
        bytes32 vow = _commitment(anna, number, _picture(8));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.AlreadyRevealed.selector, number, anna));
        vm.prank(anna);
        set.commit(number, vow);

        _commit(dora, number, _picture(9));
        vm.expectEmit(address(set));
        emit IWorkerSet.RevealsOpened(number, 2);
        _commit(emil, number, _picture(7));
        _reveal(emil, number, _picture(7));
        _reveal(dora, number, _picture(9));
        uint256 generation = set.finalize(number, _picture(7));
        assertEq(artwork.generationOf(generation).painter, anna);
        set.resolve(emil);
        assertEq(set.credits(emil), FEE / 3);
    }

    function test_whenAllHaveRevealedWithoutAQuorum_everyRoundIsOverAtOnce_andTheEpochFails() public {
        uint256 number = _begin();
        _commit(dora, number, _picture(4));
        _three(number, 1, 2, 3);
        assertFalse(set.roundOver(number), "Dora may still reveal");
        _reveal(dora, number, _picture(4));
        assertTrue(set.roundOver(number));
        vm.expectEmit(address(set));
        emit IWorkerSet.RevealsOpened(number, 2);
        artwork.reopenRound(number);
        assertTrue(set.roundOver(number));
        bytes32 vow = _commitment(stranger, number, _picture(1));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotInSnapshot.selector, number, stranger));
        vm.prank(stranger);
        set.commit(number, vow);
        artwork.reopenRound(number);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NoRoundsLeft.selector, number));
        artwork.reopenRound(number);
        artwork.failEpoch(number);
        _assertEpoch(number, EpochState.Failed);

        vm.expectEmit(address(set));
        emit IWorkerSet.FeeReleased(number, FEE);
        set.releaseFee(number);
        assertEq(set.pool(), 10 ether);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoFeeToRelease.selector, number));
        set.releaseFee(number);
        set.resolve(anna);
        assertEq(set.workers(anna).bond, BOND, "a failed epoch knows no mismatch");
        assertEq(set.credits(anna), 0);
        _assertSolvent();
    }

    function test_whenNobodyCommits_theRoundIsOverWhenCommitsClose_andNobodyIsPunished() public {
        uint256 number = _begin();
        vm.warp(set.roundOf(number).commitUntil);
        assertFalse(set.roundOver(number));
        vm.expectRevert(
            abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, artwork.epochs(number).deadline + 1)
        );
        artwork.reopenRound(number);
        skip(1);
        assertTrue(set.roundOver(number));
        artwork.reopenRound(number);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NothingToResolve.selector, anna));
        set.resolve(anna);
    }

    function test_theLastRoundsEarlyEnd_failsTheEpochBeforeItsDeadline() public {
        uint256 number = _begin();
        for (uint256 round = 1; round <= MAX_ROUNDS; ++round) {
            if (round != 1) artwork.reopenRound(number);
            _closeCommits(number);
        }
        assertLt(block.timestamp, artwork.epochs(number).deadline);
        artwork.failEpoch(number);
        _assertEpoch(number, EpochState.Failed);
    }

    function test_aQuorumThatNobodyFinalizedInTime_isFinalizedInTheNextRound() public {
        uint256 number = _begin();
        _three(number, 7, 7, 0);
        assertFalse(set.roundOver(number));
        vm.warp(artwork.epochs(number).deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ILivingArtwork.TooLate.selector, artwork.epochs(number).deadline)
        );
        set.finalize(number, _picture(7));
        artwork.reopenRound(number);
        _assertPhase(number, Phase.Over);
        bytes32 vow = _commitment(chen, number, _picture(7));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.CommitsClosed.selector, number, 2));
        vm.prank(chen);
        set.commit(number, vow);
        set.finalize(number, _picture(7));
    }

    function test_afterSilence_aWorkerWithBondEnough_mayTryAgain() public {
        set.addBond{value: SILENCE}(chen);
        uint256 number = _begin();
        _commit(chen, number, _picture(7));
        _three(number, 7, 8, 0);
        assertFalse(set.roundOver(number));
        _closeReveals(number);
        artwork.reopenRound(number);
        vm.expectEmit(address(set));
        emit IWorkerSet.Slashed(1, chen, number, 1, "silence", SILENCE, 0);
        _commit(chen, number, _picture(7));
        assertEq(set.workers(chen).bond, BOND);
        assertEq(set.credits(address(timelock)), SILENCE);
        _closeCommits(number);
        _reveal(chen, number, _picture(7));
        set.finalize(number, _picture(7));
        _assertSolvent();
    }

    // ------------------------------------------------------------------------------------------------- fuzz

    /// @dev Whatever three workers paint, or whether they do: the picture that two agree on is anchored, in
    /// whatever order they reveal; each is paid, punished or neither as the rules say, and every wei is accounted
    /// for.
    function testFuzz_aRound_comesOutAsTheRulesSay(uint8[3] calldata paints, bool[3] calldata silent) public {
        address[3] memory three = [anna, bela, chen];
        uint256 number = _begin();
        uint256[4] memory counts;
        for (uint256 i = 0; i < 3; ++i) {
            if (paints[i] % 4 != 0) _commit(three[i], number, _picture(paints[i] % 4));
        }
        _closeCommits(number);
        for (uint256 i = 0; i < 3; ++i) {
            if (paints[i] % 4 == 0 || silent[i]) continue;
            _reveal(three[i], number, _picture(paints[i] % 4));
            ++counts[paints[i] % 4];
        }
        _closeReveals(number);
        uint256 winner;
        for (uint256 i = 1; i < 4; ++i) {
            if (counts[i] >= 2) winner = i;
        }
        assertEq(set.roundOver(number), winner == 0);
        if (winner != 0) set.finalize(number, _picture(winner));
        for (uint256 i = 0; i < 3; ++i) {
            uint256 paint = paints[i] % 4;
            bool pays = paint != 0 && !silent[i];
            if (paint != 0 && (silent[i] || winner != 0)) set.resolve(three[i]);
            uint256 bond = set.workers(three[i]).bond;
            if (paint != 0 && silent[i]) assertEq(bond, BOND - SILENCE);
            else if (pays && winner != 0 && paint != winner) assertEq(bond, BOND - MISMATCH);
            else assertEq(bond, BOND);
            uint256 share = pays && winner != 0 && paint == winner ? FEE / counts[winner] : 0;
            assertEq(set.credits(three[i]), share);
        }
        _assertSolvent();
    }

    function testFuzz_theWindows_areTheSharesOfTheRound(uint16 commits, uint16 reveals) public {
        commits = uint16(bound(commits, 1, 998));
        reveals = uint16(bound(reveals, 1, 999 - commits));
        Rules memory rules = _rules();
        (rules.commitMilli, rules.revealMilli) = (commits, reveals);
        vm.prank(address(timelock));
        set.setRules(rules);
        uint256 number = _begin();
        Round memory round = set.roundOf(number);
        assertEq(round.deadline, block.timestamp + PAINT_PERIOD);
        assertEq(round.commitUntil, block.timestamp + uint256(PAINT_PERIOD) * commits / 1000);
        assertEq(round.revealUntil, block.timestamp + uint256(PAINT_PERIOD) * (commits + reveals) / 1000);
        assertLe(round.revealUntil, round.deadline);
    }
}
