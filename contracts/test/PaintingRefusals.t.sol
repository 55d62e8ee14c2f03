// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {IWorkerSet} from "../src/interfaces/IWorkerSet.sol";
import {Result} from "../src/libraries/Commitments.sol";
import {Workers} from "./utils/Workers.sol";

/// @notice What is refused of whoever may not paint, or not yet, or not any more.
contract PaintingRefusalsTest is Workers {
    function test_commit_revertsForWhoeverMayNot_andWhenItMayNot() public {
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoRound.selector, 1));
        vm.prank(anna);
        set.commit(1, "vow");
        uint256 number = _seal();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoRound.selector, number));
        vm.prank(anna);
        set.commit(number, "vow");
        _draw(number);
        vm.startPrank(anna);
        vm.expectRevert(IWorkerSet.EmptyCommitment.selector);
        set.commit(number, 0);
        set.commit(number, "vow");
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.AlreadyCommitted.selector, number, 1, anna));
        set.commit(number, "another vow");
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotInSnapshot.selector, number, stranger));
        vm.prank(stranger);
        set.commit(number, "vow");
        vm.warp(set.roundOf(number).commitUntil + 1);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.CommitsClosed.selector, number, 1));
        vm.prank(bela);
        set.commit(number, "vow");
    }

    function test_commit_takesTheLastSecond() public {
        uint256 number = _begin();
        vm.warp(set.roundOf(number).commitUntil);
        _commit(anna, number, _picture(7));
        vm.warp(set.roundOf(number).revealUntil);
        _reveal(anna, number, _picture(7));
    }

    function test_reveal_revertsUntilCommitsClose_andAfterItsTime() public {
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        _commit(bela, number, _picture(7));
        uint48 commitUntil = set.roundOf(number).commitUntil;
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.RevealsNotOpen.selector, commitUntil));
        _reveal(anna, number, _picture(7));
        _closeCommits(number);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotCommitted.selector, number, chen));
        _reveal(chen, number, _picture(7));
        _reveal(anna, number, _picture(7));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotCommitted.selector, number, anna));
        _reveal(anna, number, _picture(7));
        _closeReveals(number);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.Expired.selector, set.roundOf(number).revealUntil));
        _reveal(bela, number, _picture(7));
        artwork.reopenRound(number);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotCommitted.selector, number, bela));
        _reveal(bela, number, _picture(7));
    }

    function test_reveal_revertsWhenAnythingDiffersFromTheCommitment() public {
        uint256 number = _begin();
        _commit(anna, number, _picture(7));
        _closeCommits(number);
        bytes32 expected = set.seats(number, anna).word;
        bytes32 mine = _resultHash(number, _picture(7));
        bytes32 other = _resultHash(number, _picture(8));
        vm.startPrank(anna);
        bytes32 actual = set.commitmentOf(number, 1, anna, CLASS, other, MANIFEST, _salt(anna));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.CommitmentMismatch.selector, expected, actual));
        set.reveal(number, _picture(8), MANIFEST, _salt(anna));
        actual = set.commitmentOf(number, 1, anna, CLASS, mine, "forged", _salt(anna));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.CommitmentMismatch.selector, expected, actual));
        set.reveal(number, _picture(7), "forged", _salt(anna));
        actual = set.commitmentOf(number, 1, anna, CLASS, mine, MANIFEST, "salt");
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.CommitmentMismatch.selector, expected, actual));
        set.reveal(number, _picture(7), MANIFEST, "salt");
        vm.stopPrank();
    }

    function test_reveal_revertsForAResultThatCouldNotBeAnchored() public {
        uint256 number = _begin();
        Result[3] memory empty = [_picture(7), _picture(7), _picture(7)];
        (empty[0].pixelHash, empty[1].thumbHash, empty[2].fileHash) = (0, 0, 0);
        address[3] memory three = [anna, bela, chen];
        for (uint256 i = 0; i < 3; ++i) {
            _commit(three[i], number, empty[i]);
        }
        _closeCommits(number);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(ILivingArtwork.EmptyResult.selector);
            _reveal(three[i], number, empty[i]);
        }
    }

    function test_aCommitment_isWorthNothingInAnotherHand() public {
        uint256 number = _begin();
        bytes32 vow = _commitment(anna, number, _picture(7));
        vm.prank(bela);
        set.commit(number, vow);
        _closeCommits(number);
        bytes32 shown =
            set.commitmentOf(number, 1, bela, CLASS, _resultHash(number, _picture(7)), MANIFEST, _salt(anna));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.CommitmentMismatch.selector, vow, shown));
        vm.prank(bela);
        set.reveal(number, _picture(7), MANIFEST, _salt(anna));
    }

    function test_finalize_revertsWithoutARound_beforeItsTime_andTwice() public {
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoRound.selector, 1));
        set.finalize(1, _picture(7));
        uint256 number = _begin();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.RevealsOpen.selector, number, 1));
        set.finalize(number, _picture(7));
        _three(number, 7, 7, 8);
        bytes32 resultHash = _resultHash(number, _picture(8));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoQuorum.selector, resultHash, 1, 2));
        set.finalize(number, _picture(8));
        set.finalize(number, _picture(7));
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.AlreadyFinalized.selector, number));
        set.finalize(number, _picture(7));
    }

    function test_onlyTheArtwork_tellsOfEpochsAndRounds() public {
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotArtwork.selector, stranger));
        vm.prank(stranger);
        set.epochSealed(1);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NotArtwork.selector, stranger));
        vm.prank(stranger);
        set.roundOpened(1, 1, 1, "recipe");
    }
}
