// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochState, ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {Deployed} from "./utils/Deployed.sol";
import {StubbornPainter} from "./utils/Parts.sol";

/// @notice A round of painting that its painter calls over ends before its deadline.
contract RoundsTest is Deployed {
    function _assertEpoch(uint256 number, EpochState expected) private view {
        assertEq(uint8(artwork.epochs(number).state), uint8(expected));
    }

    function _setSlot(bytes32 name, address part) private {
        vm.prank(address(timelock));
        artwork.setSlot(name, part);
    }

    function test_aRoundThatItsPainterCallsOver_isReopenedBeforeItsDeadline_andTheLastOneFailsTheEpoch()
        public
    {
        StubbornPainter other = new StubbornPainter();
        _setSlot("painter", address(other));
        uint256 number = _seal();
        assertEq(other.sealedEpoch(), number);
        _draw(number);
        assertEq(other.recipeHash(), artwork.epochs(number).recipeHash);
        other.setAnswer(abi.encode(true));
        vm.expectRevert(
            abi.encodeWithSelector(
                ILivingArtwork.TooEarly.selector, artwork.epochs(number).deadline + PAINT_PERIOD + 1
            )
        );
        artwork.failEpoch(number);
        artwork.reopenRound(number);
        artwork.reopenRound(number);
        assertEq(other.rounds(), MAX_ROUNDS);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NoRoundsLeft.selector, number));
        artwork.reopenRound(number);
        artwork.failEpoch(number);
        _assertEpoch(number, EpochState.Failed);
    }

    function test_aPainterThatSaysNothingSensible_hasNotSaidThatARoundIsOver() public {
        StubbornPainter other = new StubbornPainter();
        _setSlot("painter", address(other));
        uint256 number = _seal();
        _draw(number);
        uint48 deadline = artwork.epochs(number).deadline;
        bytes[6] memory answers = [
            bytes(""),
            abi.encode(false),
            abi.encode(2),
            hex"01",
            abi.encode(true, true),
            abi.encode(type(uint256).max)
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            other.setAnswer(answers[i]);
            vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, deadline + 1));
            artwork.reopenRound(number);
        }
        vm.warp(deadline + 1);
        artwork.reopenRound(number);
        vm.warp(artwork.epochs(number).deadline + 1);
        artwork.reopenRound(number);
        vm.expectRevert(
            abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, artwork.epochs(number).deadline + 1)
        );
        artwork.failEpoch(number);
    }

    function test_aPainterThatIsNotTheEpochs_hasNoSayInIt() public {
        uint256 number = _seal();
        StubbornPainter other = new StubbornPainter();
        other.setAnswer(abi.encode(true));
        _setSlot("painter", address(other));
        _draw(number);
        assertFalse(painter.roundOver(number));
        vm.expectRevert(
            abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, artwork.epochs(number).deadline + 1)
        );
        artwork.reopenRound(number);
    }
}
