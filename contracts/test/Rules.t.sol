// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../src/Governed.sol";
import {WorkerSet} from "../src/WorkerSet.sol";
import {ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {IWorkerSet} from "../src/interfaces/IWorkerSet.sol";
import {Rules} from "../src/interfaces/WorkerTypes.sol";
import {Workers} from "./utils/Workers.sol";

/// @notice What the governance sets for a set of workers, and within which bounds.
contract RulesTest is Workers {
    function _govern() private {
        vm.prank(address(timelock));
    }

    function test_classes_areListedByVote_forTheEpochsToCome() public {
        uint256 number = _seal();
        vm.expectEmit(address(set));
        emit IWorkerSet.ClassListed(OTHER, false);
        _govern();
        set.listClass(OTHER, false);
        assertFalse(set.isListed(OTHER));
        assertEq(set.activeOf(OTHER), 0);
        assertTrue(set.inSnapshot(number, dora));
        skip(SEED_TIMEOUT + 1);
        artwork.failEpoch(number);
        number = _seal();
        assertFalse(set.inSnapshot(number, dora));
        assertEq(set.terms(number).allCount, 3);
        vm.prank(dora);
        set.requestExit();
        _govern();
        set.listClass(OTHER, true);
        assertEq(set.activeOf(OTHER), 0, "Dora left meanwhile");
        _join(makeAddr("Emil"), OTHER);
        skip(SEED_TIMEOUT + 1);
        artwork.failEpoch(number);
        number = _seal();
        assertEq(set.terms(number).allCount, 4);
        assertFalse(set.inSnapshot(number - 1, makeAddr("Emil")));
        assertTrue(set.inSnapshot(number, makeAddr("Emil")));
    }

    function test_listClass_revertsWithoutAChange_forZero_andForTheAcceptedOne() public {
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassUnchanged.selector, OTHER, true));
        set.listClass(OTHER, true);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassUnchanged.selector, bytes32("x"), false));
        set.listClass("x", false);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassNotListed.selector, bytes32(0)));
        set.listClass(0, true);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassInUse.selector, CLASS));
        set.listClass(CLASS, false);
        vm.stopPrank();
    }

    function test_whileNoClassIsAccepted_orTooFewAreOfIt_noEpochIsSealed() public {
        vm.warp(artwork.epochs(1).endsAt);
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassNotListed.selector, bytes32("x")));
        set.setAcceptedClass("x");
        vm.expectEmit(address(set));
        emit IWorkerSet.AcceptedClassSet(CLASS, 0);
        set.setAcceptedClass(0);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.PainterNotReady.selector, address(set)));
        artwork.sealEpoch();
        _govern();
        set.setAcceptedClass(OTHER);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.PainterNotReady.selector, address(set)));
        artwork.sealEpoch();
        _join(makeAddr("Emil"), OTHER);
        artwork.sealEpoch();
        assertEq(set.terms(1).acceptedClass, OTHER);
        assertEq(set.terms(1).quorum, 2);
    }

    function test_setRules_revertsOutOfBounds() public {
        for (uint256 i = 0; i < 13; ++i) {
            Rules memory rules = _rules();
            if (i == 0) rules.silenceSlash = 0;
            if (i == 1) rules.silenceSlash = BOND + 1;
            if (i == 2) rules.mismatchSlash = 0;
            if (i == 3) rules.mismatchSlash = BOND + 1;
            if (i == 4) rules.quorum = 0;
            if (i == 5) rules.commitMilli = 0;
            if (i == 6) rules.revealMilli = 0;
            if (i == 7) rules.revealMilli = 400;
            if (i == 8) rules.exitDelay = 365 days + 1;
            if (i == 9) rules.challengePeriod = 0;
            if (i == 10) rules.challengePeriod = 365 days + 1;
            if (i == 11) rules.resolvePeriod = 0;
            if (i == 12) rules.resolvePeriod = 365 days + 1;
            _govern();
            vm.expectRevert(IWorkerSet.InvalidRules.selector);
            set.setRules(rules);
        }
        Rules memory wide = _rules();
        (wide.commitMilli, wide.revealMilli) = (65_535, 65_535);
        _govern();
        vm.expectRevert(IWorkerSet.InvalidRules.selector);
        set.setRules(wide);
    }

    function test_onlyTheGovernance_sets() public {
        bytes memory refusal = abi.encodeWithSelector(Governed.NotGovernance.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(refusal);
        set.setRules(_rules());
        vm.expectRevert(refusal);
        set.listClass("x", true);
        vm.expectRevert(refusal);
        set.setAcceptedClass(OTHER);
        vm.expectRevert(refusal);
        set.recall(1);
        vm.expectRevert(refusal);
        set.decide(1, true);
        vm.stopPrank();
    }

    function test_constructor_revertsWithoutAnArtwork_orWithAClassThatIsNotListed() public {
        bytes32[] memory none = new bytes32[](0);
        vm.expectRevert(Governed.ZeroAddress.selector);
        new WorkerSet(address(timelock), ILivingArtwork(address(0)), _rules(), none, 0);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.ClassNotListed.selector, CLASS));
        new WorkerSet(address(timelock), artwork, _rules(), none, CLASS);
        WorkerSet empty = new WorkerSet(address(timelock), artwork, _rules(), none, 0);
        assertFalse(empty.ready());
        assertEq(empty.governance(), address(timelock));
    }
}
