// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IWorkerSet} from "../src/interfaces/IWorkerSet.sol";
import {Rules, Slash, SlashState} from "../src/interfaces/WorkerTypes.sol";
import {Workers} from "./utils/Workers.sol";

/// @notice What silence and a mismatch cost, and how that is contested.
contract PenaltiesTest is Workers {
    uint256 private epoch;

    function _govern() private {
        vm.prank(address(timelock));
    }

    /// @dev Anna differs from Bela and Chen, inside their class, and is resolved: slash 1.
    function _mismatch() private returns (uint256 slashId) {
        epoch = _begin();
        _three(epoch, 8, 7, 7);
        set.finalize(epoch, _picture(7));
        set.resolve(anna);
        return set.slashCount();
    }

    function _assertSlash(uint256 slashId, SlashState expected) private view {
        assertEq(uint8(set.slashes(slashId).state), uint8(expected));
    }

    function test_aMismatch_isHeldBack_andUpheldWhenNobodyChallengesIt() public {
        epoch = _begin();
        _three(epoch, 8, 7, 7);
        set.finalize(epoch, _picture(7));
        uint48 until = uint48(block.timestamp) + CHALLENGE;
        vm.expectEmit(address(set));
        emit IWorkerSet.Slashed(1, anna, epoch, 1, "mismatch", MISMATCH, until);
        set.resolve(anna);
        Slash memory slash = set.slashes(1);
        assertEq(slash.worker, anna);
        assertEq(slash.epoch, epoch);
        assertEq(slash.round, 1);
        assertEq(slash.amount, MISMATCH);
        assertEq(set.credits(address(timelock)), 0);
        assertEq(set.activeOf(CLASS), 2, "its bond is too low for now");
        _assertSolvent();

        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotYet.selector, until + 1));
        set.settleSlash(1);
        skip(1);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.Expired.selector, until));
        vm.prank(anna);
        set.challenge(1, "");
        vm.expectEmit(address(set));
        emit IWorkerSet.SlashSettled(1, anna, true, MISMATCH);
        set.settleSlash(1);
        assertEq(set.credits(address(timelock)), MISMATCH);
        assertEq(set.workers(anna).bond, BOND - MISMATCH);
        _assertSolvent();
    }

    function test_aChallengedSlash_isGivenBackByTheGovernance() public {
        _mismatch();
        uint48 until = uint48(block.timestamp) + RESOLVE;
        vm.expectEmit(address(set));
        emit IWorkerSet.SlashChallenged(1, anna, "https://anna.example/why", until);
        vm.prank(anna);
        set.challenge(1, "https://anna.example/why");
        vm.warp(until);
        vm.expectEmit(address(set));
        emit IWorkerSet.BondChanged(anna, BOND, "returned");
        vm.expectEmit(address(set));
        emit IWorkerSet.WorkerReturned(anna, 1);
        _govern();
        set.decide(1, false);
        _assertSlash(1, SlashState.Overturned);
        assertEq(set.workers(anna).openSlashes, 0);
        assertEq(set.activeOf(CLASS), 3);
        _assertSolvent();
    }

    function test_aChallengedSlash_isUpheldByTheGovernance_orByItsSilence() public {
        _mismatch();
        vm.prank(anna);
        set.challenge(1, "");
        uint256 snapshot = vm.snapshotState();
        _govern();
        set.decide(1, true);
        _assertSlash(1, SlashState.Upheld);
        assertEq(set.credits(address(timelock)), MISMATCH);
        _assertSolvent();

        vm.revertToState(snapshot);
        uint48 until = set.slashes(1).decideUntil;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotYet.selector, until + 1));
        set.settleSlash(1);
        skip(1);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.Expired.selector, until));
        _govern();
        set.decide(1, false);
        set.settleSlash(1);
        _assertSlash(1, SlashState.Upheld);
        assertEq(set.credits(address(timelock)), MISMATCH);
        _assertSolvent();
    }

    function test_aBondStays_whileASlashIsOpen() public {
        _mismatch();
        vm.startPrank(anna);
        set.requestExit();
        skip(EXIT_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.SlashesOpen.selector, anna, 1));
        set.withdrawBond(anna);
        set.challenge(1, "");
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.SlashesOpen.selector, anna, 1));
        set.withdrawBond(anna);
        vm.stopPrank();
        _govern();
        set.decide(1, false);
        assertEq(set.activeOf(CLASS), 2, "who is leaving doesn't return");
        uint256 before = anna.balance;
        vm.prank(anna);
        set.withdrawBond(anna);
        assertEq(anna.balance, before + BOND);
        _assertSolvent();
    }

    function test_slashes_revertOutOfOrder_andForOthers() public {
        _mismatch();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotWorker.selector, bela));
        vm.prank(bela);
        set.challenge(1, "");
        vm.expectRevert(
            abi.encodeWithSelector(IWorkerSet.SlashNotIn.selector, 1, SlashState.Challenged, SlashState.Open)
        );
        _govern();
        set.decide(1, false);
        vm.expectRevert(
            abi.encodeWithSelector(IWorkerSet.SlashNotIn.selector, 2, SlashState.Open, SlashState.None)
        );
        set.settleSlash(2);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.UriTooLong.selector, 257, 256));
        vm.prank(anna);
        set.challenge(1, string(new bytes(257)));
        skip(CHALLENGE + 1);
        set.settleSlash(1);
        vm.expectRevert(
            abi.encodeWithSelector(IWorkerSet.SlashNotIn.selector, 1, SlashState.Open, SlashState.Upheld)
        );
        set.settleSlash(1);
        vm.expectRevert(
            abi.encodeWithSelector(IWorkerSet.SlashNotIn.selector, 1, SlashState.Open, SlashState.Upheld)
        );
        vm.prank(anna);
        set.challenge(1, "");
    }

    function test_silence_isFinal() public {
        epoch = _begin();
        _commit(anna, epoch, _picture(7));
        _closeReveals(epoch);
        vm.expectEmit(address(set));
        emit IWorkerSet.Slashed(1, anna, epoch, 1, "silence", SILENCE, 0);
        set.resolve(anna);
        _assertSlash(1, SlashState.Upheld);
        assertEq(set.workers(anna).openSlashes, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IWorkerSet.SlashNotIn.selector, 1, SlashState.Open, SlashState.Upheld)
        );
        vm.prank(anna);
        set.challenge(1, "");
        _assertSolvent();
    }

    function test_silenceOfAnotherClass_costsTheSame() public {
        epoch = _begin();
        _commit(dora, epoch, _picture(7));
        _closeReveals(epoch);
        set.resolve(dora);
        assertEq(set.workers(dora).bond, BOND - SILENCE);
        _assertSolvent();
    }

    function testFuzz_aSlash_neverTakesMoreThanTheBond_andGoesToTheTreasuryOrBack(
        uint128 minBond,
        uint128 cost,
        bool upheld
    ) public {
        minBond = uint128(bound(minBond, 1, 5 ether));
        cost = uint128(bound(cost, 1, minBond));
        Rules memory rules = _rules();
        (rules.minBond, rules.silenceSlash, rules.mismatchSlash) = (minBond, 1, cost);
        _govern();
        set.setRules(rules);
        if (minBond > BOND) {
            set.addBond{value: minBond - BOND}(anna);
            set.addBond{value: minBond - BOND}(bela);
            set.addBond{value: minBond - BOND}(chen);
        }
        uint256 bond = set.workers(anna).bond;
        uint256 id = _mismatch();
        assertEq(set.workers(anna).bond, bond - cost);
        _assertSolvent();
        vm.prank(anna);
        set.challenge(id, "");
        _govern();
        set.decide(id, upheld);
        assertEq(set.workers(anna).bond, upheld ? bond - cost : bond);
        assertEq(set.credits(address(timelock)), upheld ? cost : 0);
        _assertSolvent();
    }
}
