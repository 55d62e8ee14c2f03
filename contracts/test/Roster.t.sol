// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../src/Governed.sol";
import {IWorkerSet} from "../src/interfaces/IWorkerSet.sol";
import {Rules, Worker} from "../src/interfaces/WorkerTypes.sol";
import {Workers} from "./utils/Workers.sol";

/// @notice Who may paint: bonds, classes, rules, and who belongs to which epoch.
contract RosterTest is Workers {
    uint64 private constant FOREVER = type(uint64).max;

    function _govern() private {
        vm.prank(address(timelock));
    }

    /// @dev Takes the open epoch to its end without a generation.
    function _failOne() private returns (uint256 number) {
        number = _seal();
        skip(SEED_TIMEOUT + 1);
        artwork.failEpoch(number);
    }

    // ----------------------------------------------------------------------------------------------- joining

    function test_register_makesAWorkerFromTheNextEpochOn() public {
        uint256 number = _seal();
        address emil = makeAddr("Emil");
        vm.deal(emil, 5 ether);
        vm.expectEmit(address(set));
        emit IWorkerSet.WorkerRegistered(emil, OTHER, number + 1, "https://emil.example");
        vm.expectEmit(address(set));
        emit IWorkerSet.BondChanged(emil, 2 ether, "register");
        vm.prank(emil);
        set.register{value: 2 ether}(OTHER, "https://emil.example");
        Worker memory worker = set.workers(emil);
        assertEq(worker.classId, OTHER);
        assertEq(worker.bond, 2 ether);
        assertEq(worker.firstEpoch, number + 1);
        assertEq(worker.lastEpoch, FOREVER);
        assertEq(set.activeOf(OTHER), 2);
        assertFalse(set.inSnapshot(number, emil));
        assertFalse(set.inSnapshot(number + 1, emil), "which isn't sealed yet");
        skip(SEED_TIMEOUT + 1);
        artwork.failEpoch(number);
        _seal();
        assertTrue(set.inSnapshot(number + 1, emil));
    }

    function test_register_revertsForWhoIsAWorker_withTooLittle_orWithoutAListedClass() public {
        vm.deal(stranger, 5 ether);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.AlreadyRegistered.selector, anna));
        vm.prank(anna);
        set.register{value: BOND}(OTHER, "");
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.BondTooLow.selector, BOND - 1, BOND));
        set.register{value: BOND - 1}(CLASS, "");
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassNotListed.selector, bytes32("no class")));
        set.register{value: BOND}("no class", "");
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassNotListed.selector, bytes32(0)));
        set.register{value: BOND}(0, "");
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.UriTooLong.selector, 257, 256));
        set.register{value: BOND}(CLASS, string(new bytes(257)));
        vm.stopPrank();
    }

    function test_setUri_isForWorkers() public {
        vm.expectEmit(address(set));
        emit IWorkerSet.UriSet(anna, "https://elsewhere.example");
        vm.prank(anna);
        set.setUri("https://elsewhere.example");
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.UriTooLong.selector, 300, 256));
        vm.prank(anna);
        set.setUri(string(new bytes(300)));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotWorker.selector, stranger));
        vm.prank(stranger);
        set.setUri("");
    }

    function test_addBond_isForWorkersWhoStay_andIsNotNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotWorker.selector, stranger));
        set.addBond{value: 1}(stranger);
        vm.expectRevert(IWorkerSet.NothingToTransfer.selector);
        set.addBond(anna);
        vm.expectEmit(address(set));
        emit IWorkerSet.BondChanged(anna, BOND + 1, "add");
        set.addBond{value: 1}(anna);
        vm.prank(anna);
        set.requestExit();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.Leaving.selector, anna));
        set.addBond{value: 1}(anna);
        _assertSolvent();
    }

    // ----------------------------------------------------------------------------------------------- leaving

    function test_aWorkerLeaves_withItsBond_afterTheDelay_andMayComeBackInAnotherClass() public {
        uint256 number = _seal();
        uint48 readyAt = uint48(block.timestamp) + EXIT_DELAY;
        vm.expectEmit(address(set));
        emit IWorkerSet.ExitRequested(chen, number, readyAt);
        vm.prank(chen);
        set.requestExit();
        assertEq(set.activeOf(CLASS), 2);
        assertTrue(set.inSnapshot(number, chen), "it may still paint what was sealed with it");
        vm.startPrank(chen);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.Leaving.selector, chen));
        set.requestExit();
        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotYet.selector, readyAt));
        set.withdrawBond(chen);
        vm.warp(readyAt);
        vm.expectRevert(Governed.ZeroAddress.selector);
        set.withdrawBond(address(0));
        vm.expectEmit(address(set));
        emit IWorkerSet.BondChanged(chen, 0, "withdrawn");
        set.withdrawBond(stranger);
        assertEq(stranger.balance, BOND);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotWorker.selector, chen));
        set.withdrawBond(stranger);
        set.register{value: BOND}(OTHER, "");
        vm.stopPrank();
        assertEq(set.workers(chen).firstEpoch, number + 1);
        assertEq(set.activeOf(OTHER), 2);
        assertFalse(set.inSnapshot(number, chen));
        _assertSolvent();
    }

    function test_requestExitAndWithdrawBond_areForWorkersInOrder() public {
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotWorker.selector, stranger));
        vm.prank(stranger);
        set.requestExit();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotWorker.selector, stranger));
        vm.prank(stranger);
        set.withdrawBond(stranger);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotLeaving.selector, anna));
        vm.prank(anna);
        set.withdrawBond(anna);
    }

    function test_aBondStays_whileACommitmentIsUnresolved() public {
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        vm.prank(anna);
        set.requestExit();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.Unresolved.selector, anna, number));
        set.resolve(anna);
        _closeCommits(number);
        _reveal(anna, number, _picture(7));
        skip(EXIT_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.Unresolved.selector, anna, number));
        vm.prank(anna);
        set.withdrawBond(anna);
        artwork.reopenRound(number);
        _three(number, 0, 7, 8);
        set.finalize(number, _picture(7));
        uint256 before = anna.balance;
        vm.prank(anna);
        set.withdrawBond(anna);
        assertEq(anna.balance, before + BOND);
        assertEq(set.credits(anna), FEE / 2, "leaving settles what it earned");
        _assertSolvent();
    }

    function test_whoeverKeepsSilentAndLeaves_paysForIt() public {
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        _closeReveals(number);
        vm.prank(anna);
        set.requestExit();
        skip(EXIT_DELAY);
        vm.prank(anna);
        set.withdrawBond(stranger);
        assertEq(stranger.balance, BOND - SILENCE);
        assertEq(set.credits(address(timelock)), SILENCE);
        _assertSolvent();
    }

    function test_aDroppedWorker_returnsWithABondThatIsEnough_withoutAGapIfItIsQuick() public {
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        _closeReveals(number);
        vm.expectEmit(address(set));
        emit IWorkerSet.WorkerDropped(anna, number);
        set.resolve(anna);
        assertEq(set.activeOf(CLASS), 2);
        artwork.reopenRound(number);
        bytes32 vow = _commitment(anna, number, _picture(7));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.BondTooLow.selector, BOND - SILENCE, BOND));
        vm.prank(anna);
        set.commit(number, vow);
        vm.expectEmit(address(set));
        emit IWorkerSet.WorkerReturned(anna, 1);
        set.addBond{value: SILENCE}(anna);
        assertTrue(set.inSnapshot(number, anna));
        _commit(anna, number, _picture(7));
        _three(number, 0, 7, 7);
        _reveal(anna, number, _picture(7));
        set.finalize(number, _picture(7));
        assertEq(set.activeOf(CLASS), 3);
        _assertSolvent();
    }

    function test_aDroppedWorker_whoReturnsLater_missesWhatWasSealedMeanwhile() public {
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        _three(number, 0, 7, 7);
        _closeReveals(number);
        set.finalize(number, _picture(7));
        set.resolve(anna);
        uint256 next = _begin();
        assertFalse(set.inSnapshot(next, anna));
        vm.prank(anna);
        set.requestExit();
        assertEq(set.workers(anna).lastEpoch, number, "it left with the epoch that it was dropped in");
        set.resolve(bela);
        set.addBond{value: 1}(bela);
        assertEq(set.workers(bela).firstEpoch, 1);

        _commit(chen, next, _picture(8));
        _closeReveals(next);
        set.resolve(chen);
        vm.warp(artwork.epochs(next).deadline + 1);
        artwork.reopenRound(next);
        skip(2 * PAINT_PERIOD + 2);
        artwork.failEpoch(next);
        set.addBond{value: SILENCE}(chen);
        assertEq(set.workers(chen).firstEpoch, 1, "nothing was sealed without it");
    }

    function test_whenTheLeastBondRises_anybodyMayHaveTheUnderbondedDropped() public {
        Rules memory rules = _rules();
        rules.minBond = 3 ether;
        _govern();
        set.setRules(rules);
        vm.expectEmit(address(set));
        emit IWorkerSet.WorkerDropped(dora, 0);
        vm.prank(stranger);
        set.resolve(dora);
        assertEq(set.activeOf(OTHER), 0);
        _failOne();
        rules.minBond = 1 ether;
        _govern();
        set.setRules(rules);
        vm.expectEmit(address(set));
        emit IWorkerSet.WorkerReturned(dora, 2);
        set.resolve(dora);
        assertEq(set.activeOf(OTHER), 1);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NothingToResolve.selector, dora));
        set.resolve(dora);
    }

    function test_aSealedEpoch_keepsItsRules() public {
        uint256 number = _begin();
        Rules memory rules = _rules();
        (rules.minBond, rules.silenceSlash, rules.quorum) = (5 ether, 5 ether, 3);
        _govern();
        set.setRules(rules);
        assertEq(set.rules().minBond, 5 ether);
        assertEq(set.rulesOf(number).minBond, BOND);
        _commit(anna, number, _picture(7));
        _closeReveals(number);
        set.resolve(anna);
        assertEq(set.workers(anna).bond, BOND - SILENCE);
        assertEq(set.terms(number).quorum, 2);
    }

    // ------------------------------------------------------------------------------------------------- fuzz

    /// @dev Whoever comes and goes whenever: what an epoch counts at sealing is who belongs to it then, and those
    /// who belonged go on belonging until they have taken their bond.
    function testFuzz_whoBelongsToAnEpoch_isWhoWasThereAtSealing(uint8[24] calldata steps) public {
        address[4] memory all = [anna, bela, chen, dora];
        bool[4][] memory was = new bool[4][](25);
        uint256 last;
        for (uint256 i = 0; i < steps.length; ++i) {
            address who = all[steps[i] % 4];
            Worker memory worker = set.workers(who);
            if (steps[i] % 3 == 0 && set.ready()) {
                last = _failOne();
                uint256 eligible;
                uint256 allCount;
                for (uint256 j = 0; j < 4; ++j) {
                    Worker memory each = set.workers(all[j]);
                    was[last][j] = each.classId != 0 && each.withdrawableAt == 0;
                    if (was[last][j]) ++allCount;
                    if (was[last][j] && each.classId == CLASS) ++eligible;
                    assertEq(set.inSnapshot(last, all[j]), was[last][j]);
                }
                assertEq(set.terms(last).eligible, eligible);
                assertEq(set.terms(last).allCount, allCount);
            } else if (worker.classId == 0) {
                _join(who, steps[i] % 5 == 0 ? OTHER : CLASS);
            } else if (worker.withdrawableAt == 0) {
                vm.prank(who);
                set.requestExit();
                for (uint256 j = 0; last != 0 && j < 4; ++j) {
                    if (all[j] == who) assertEq(set.inSnapshot(last, who), was[last][j]);
                }
            } else {
                vm.warp(block.timestamp + EXIT_DELAY);
                vm.prank(who);
                set.withdrawBond(who);
                // Whoever has taken its bond is gone for good: it comes back as another worker.
                for (uint256 j = 0; j < 4; ++j) {
                    if (all[j] == who) was[last][j] = false;
                    assertEq(last != 0 && set.inSnapshot(last, all[j]), was[last][j]);
                }
            }
        }
        _assertSolvent();
    }
}
