// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ArtParameters} from "../src/ArtParameters.sol";
import {Governed} from "../src/Governed.sol";
import {LivingArtwork} from "../src/LivingArtwork.sol";
import {IArtToken} from "../src/interfaces/IArtToken.sol";
import {Epoch, EpochState, Generation, ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {IRandomnessSource} from "../src/interfaces/IRandomnessSource.sol";
import {ISlots} from "../src/interfaces/ISlots.sol";
import {Result} from "../src/libraries/Commitments.sol";
import {Deployed} from "./utils/Deployed.sol";
import {ScriptedRandomness, StubbornPainter} from "./utils/Parts.sol";

/// @notice Epochs that go wrong still end, and only who may does what.
contract LivingArtworkTest is Deployed {
    function _assertEpoch(uint256 number, EpochState expected) private view {
        assertEq(uint8(artwork.epochs(number).state), uint8(expected));
    }

    function _setSlot(bytes32 name, address part) private {
        vm.prank(address(timelock));
        artwork.setSlot(name, part);
    }

    // ---------------------------------------------------------------------------------------------- founding

    function test_foundGeneration_recordsAPictureWithAStatedSeed() public view {
        Generation memory generation = artwork.generationOf(2);
        assertTrue(generation.founding);
        assertEq(generation.epoch, 0);
        assertEq(generation.seed, bytes32(uint256(2)));
        assertEq(generation.painter, address(this));
        assertEq(generation.parentHead, artwork.generationOf(1).head);
        assertEq(
            generation.recipeHash,
            keccak256(
                abi.encode(
                    "RECIPE_V1",
                    block.chainid,
                    address(artwork),
                    uint256(0),
                    keccak256("params"),
                    generation.parentHead,
                    generation.seed
                )
            )
        );
        assertEq(token.ownerOf(2), ines);
    }

    function test_closeFounding_endsTheFoundersPowerForGood() public {
        assertEq(artwork.founder(), address(0));
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotFounder.selector, address(this)));
        artwork.foundGeneration(stranger, MODEL, 0, 0, _picture(7));
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotFounder.selector, address(this)));
        artwork.closeFounding();
    }

    function test_foundGeneration_revertsForAnybodyButTheFounder() public {
        _deploy();
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotFounder.selector, stranger));
        vm.prank(stranger);
        artwork.foundGeneration(stranger, MODEL, 0, 0, _picture(1));
        vm.expectRevert(
            abi.encodeWithSelector(ILivingArtwork.EpochNotIn.selector, 0, EpochState.Open, EpochState.None)
        );
        artwork.sealEpoch();
    }

    // ----------------------------------------------------------------------------------------------- sealing

    function test_sealEpoch_revertsBeforeTheEpochsEnd() public {
        uint48 endsAt = artwork.epochs(1).endsAt;
        vm.warp(endsAt - 1);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, endsAt));
        artwork.sealEpoch();
        vm.warp(endsAt);
        artwork.sealEpoch();
    }

    function test_sealEpoch_revertsWhileTheOneBeforeIsUnfinished() public {
        uint256 number = _seal();
        vm.warp(artwork.epochs(number + 1).endsAt);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.PreviousEpochUnfinished.selector, number));
        artwork.sealEpoch();
        _draw(number);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.PreviousEpochUnfinished.selector, number));
        artwork.sealEpoch();
    }

    function test_sealEpoch_revertsWhileThereIsNoPainter_andVotingGoesOn() public {
        vm.prank(address(timelock));
        painter.setOperator(address(0));
        vm.warp(artwork.epochs(1).endsAt);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.PainterNotReady.selector, address(painter)));
        artwork.sealEpoch();
        vm.prank(address(timelock));
        painter.setOperator(operator);
        artwork.sealEpoch();
    }

    function test_executingLateGainsNothing_theVersionAtTheEndCounts() public {
        uint48 endsAt = artwork.epochs(1).endsAt;
        vm.warp(endsAt - 1);
        vm.prank(address(timelock));
        parameters.setSteps(10);
        vm.warp(endsAt);
        vm.prank(address(timelock));
        parameters.setSteps(99);
        artwork.sealEpoch();
        assertEq(artwork.epochs(1).paramsVersion, 2);
        assertEq(artwork.epochs(1).paramsHash, parameters.paramsHash(2));
    }

    function testFuzz_sealEpoch_freezesTheVersionBeforeTheEnd(uint8[6] calldata gaps, uint16 late) public {
        uint48 endsAt = artwork.epochs(1).endsAt;
        uint256 expected = 1;
        for (uint256 i = 0; i < gaps.length; ++i) {
            skip(gaps[i]);
            vm.prank(address(timelock));
            parameters.setSteps(1 + i);
            if (block.timestamp < endsAt) expected = parameters.version();
        }
        if (block.timestamp < endsAt) vm.warp(endsAt);
        skip(late);
        artwork.sealEpoch();
        assertEq(artwork.epochs(1).paramsVersion, expected);
        assertEq(artwork.epochs(2).endsAt, block.timestamp + EPOCH);
    }

    function test_theLengthOfTheNextEpoch_isThatOfTheFrozenVersion() public {
        vm.prank(address(timelock));
        parameters.setEpochLength(1000);
        _seal();
        assertEq(artwork.epochs(2).endsAt, block.timestamp + 1000);
    }

    function test_retiringAModel_leavesASealedEpochAsItIs() public {
        uint256 number = _seal();
        vm.prank(address(timelock));
        parameters.setModel("another");
        _draw(number);
        vm.prank(operator);
        uint256 generation = painter.anchor(number, _picture(7));
        assertEq(artwork.generationOf(generation).modelId, MODEL);
    }

    // ------------------------------------------------------------------------------------------------- seeds

    function test_drawSeed_revertsBeforeTheBlockExists() public {
        uint256 number = _seal();
        vm.expectRevert();
        artwork.drawSeed(number, "");
        vm.roll(artwork.epochs(number).round);
        vm.expectRevert();
        artwork.drawSeed(number, "");
        vm.roll(artwork.epochs(number).round + 1);
        artwork.drawSeed(number, "");
        _assertEpoch(number, EpochState.Seeded);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILivingArtwork.EpochNotIn.selector, number, EpochState.Sealed, EpochState.Seeded
            )
        );
        artwork.drawSeed(number, "");
    }

    function test_aLapsedRound_isFixedAnew_countedAndBounded() public {
        uint256 number = _seal();
        uint256 round = artwork.epochs(number).round;
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.RoundNotLapsed.selector, round));
        artwork.refixSeed(number);
        for (uint16 i = 1; i <= MAX_REFIXES; ++i) {
            vm.roll(block.number + 9000);
            vm.expectRevert();
            artwork.drawSeed(number, "");
            vm.expectEmit(address(artwork));
            emit ILivingArtwork.SeedRefixed(number, block.number + 2, i);
            artwork.refixSeed(number);
        }
        vm.roll(block.number + 9000);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NoRoundsLeft.selector, number));
        artwork.refixSeed(number);
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.EpochFailed(number, "seed");
        artwork.failEpoch(number);
    }

    function test_afterAnOvernightStop_aRefixedRoundStillGivesTheSeed() public {
        uint256 number = _seal();
        vm.roll(block.number + 9000);
        skip(12 hours);
        artwork.refixSeed(number);
        _draw(number);
        vm.prank(operator);
        painter.anchor(number, _picture(7));
        _assertEpoch(number, EpochState.Anchored);
    }

    function test_failEpoch_revertsWhileASeedMayStillCome() public {
        uint256 number = _seal();
        uint48 deadline = artwork.epochs(number).deadline;
        assertEq(deadline, block.timestamp + SEED_TIMEOUT);
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, deadline + 1));
        artwork.failEpoch(number);
        vm.warp(deadline + 1);
        artwork.failEpoch(number);
        _assertEpoch(number, EpochState.Failed);
    }

    function test_aDeadSource_failsTheEpoch_andTheNextUsesAnother() public {
        ScriptedRandomness dead = new ScriptedRandomness();
        _setSlot("randomness", address(dead));
        uint256 number = _seal();
        dead.set(IRandomnessSource.Status.Pending, true);
        bytes32 parent = artwork.head();
        vm.warp(artwork.epochs(number).deadline + 1);
        artwork.failEpoch(number);
        assertEq(artwork.head(), parent);
        assertEq(artwork.generations(), 6);

        _setSlot("randomness", address(randomness));
        (, uint256 generation) = _paint();
        assertEq(generation, 7);
        assertEq(artwork.generationOf(7).parentHead, parent);
    }

    function test_theSourceOfASealedEpoch_isTheOneItWasSealedWith() public {
        ScriptedRandomness source = new ScriptedRandomness();
        _setSlot("randomness", address(source));
        uint256 number = _seal();
        _setSlot("randomness", address(randomness));
        source.set(IRandomnessSource.Status.Ready, false);
        vm.expectEmit(true, false, false, false, address(artwork));
        emit ILivingArtwork.SeedDrawn(number, 0, 0, 0);
        artwork.drawSeed(number, "proof");
        assertEq(artwork.epochs(number).source, address(source));
    }

    // ----------------------------------------------------------------------------------------------- painting

    function test_anchor_revertsAfterTheRound_andAReopenedRoundKeepsTheSeed() public {
        uint256 number = _seal();
        _draw(number);
        bytes32 seed = artwork.epochs(number).seed;
        uint48 deadline = artwork.epochs(number).deadline;
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, deadline + 1));
        artwork.reopenRound(number);

        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.TooLate.selector, deadline));
        vm.prank(operator);
        painter.anchor(number, _picture(7));

        vm.expectEmit(address(artwork));
        emit ILivingArtwork.RoundOpened(number, 2, address(painter), uint48(block.timestamp) + PAINT_PERIOD);
        artwork.reopenRound(number);
        assertEq(artwork.epochs(number).seed, seed);
        vm.warp(artwork.epochs(number).deadline);
        vm.prank(operator);
        painter.anchor(number, _picture(7));
    }

    function test_anEpochThatNobodyPaints_failsAfterItsRounds() public {
        uint256 number = _seal();
        _draw(number);
        for (uint256 round = 1; round < MAX_ROUNDS; ++round) {
            vm.warp(artwork.epochs(number).deadline + 1);
            vm.expectRevert();
            artwork.failEpoch(number);
            artwork.reopenRound(number);
        }
        uint48 deadline = artwork.epochs(number).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.TooEarly.selector, deadline + 1));
        artwork.failEpoch(number);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NoRoundsLeft.selector, number));
        artwork.reopenRound(number);
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.EpochFailed(number, "paint");
        artwork.failEpoch(number);
        vm.expectRevert();
        artwork.failEpoch(number);
        _paint();
    }

    function test_aPainterThatRefusesRounds_cantHoldAnEpochForEver() public {
        StubbornPainter stubborn = new StubbornPainter();
        _setSlot("painter", address(stubborn));
        uint256 number = _seal();
        _draw(number);
        assertEq(stubborn.rounds(), 1);
        stubborn.set(true, true);
        vm.warp(artwork.epochs(number).deadline + 1);
        vm.expectRevert("refused");
        artwork.reopenRound(number);
        skip(PAINT_PERIOD);
        artwork.failEpoch(number);
        _assertEpoch(number, EpochState.Failed);
    }

    function test_anchor_revertsForAnybodyButTheEpochsPainter() public {
        uint256 number = _seal();
        _draw(number);
        StubbornPainter other = new StubbornPainter();
        _setSlot("painter", address(other));
        vm.expectRevert(
            abi.encodeWithSelector(ILivingArtwork.NotPart.selector, bytes32("painter"), address(other))
        );
        other.anchor(artwork, number, _picture(7));
        vm.prank(operator);
        painter.anchor(number, _picture(7));
        (number,) = (_seal(), 0);
        _draw(number);
        other.anchor(artwork, number, _picture(8));
        assertEq(artwork.generationOf(8).painter, address(other));
    }

    function test_anchor_revertsForAnEmptyHashAndTwice() public {
        uint256 number = _seal();
        vm.expectRevert();
        vm.prank(operator);
        painter.anchor(number, _picture(7));
        _draw(number);
        for (uint256 i = 0; i < 3; ++i) {
            Result memory result = _picture(7);
            if (i == 0) result.pixelHash = 0;
            if (i == 1) result.thumbHash = 0;
            if (i == 2) result.fileHash = 0;
            vm.expectRevert(ILivingArtwork.EmptyResult.selector);
            vm.prank(operator);
            painter.anchor(number, result);
        }
        vm.startPrank(operator);
        painter.anchor(number, _picture(7));
        vm.expectRevert(
            abi.encodeWithSelector(
                ILivingArtwork.EpochNotIn.selector, number, EpochState.Seeded, EpochState.Anchored
            )
        );
        painter.anchor(number, _picture(8));
        vm.stopPrank();
    }

    function test_theTokenGoesToTheRecipientOfTheDay() public {
        uint256 number = _seal();
        _draw(number);
        _setSlot("recipient", stranger);
        vm.prank(operator);
        painter.anchor(number, _picture(7));
        assertEq(token.ownerOf(7), stranger);
        assertEq(token.getVotes(stranger), 1);
    }

    // --------------------------------------------------------------------------------------- portrait and proof

    function test_portraitAndProof_areAttachedOnce_byTheirParts() public {
        address portraits = makeAddr("portraits");
        address proofs = makeAddr("proofs");
        _setSlot("portrait", portraits);
        _setSlot("proof", proofs);
        address pointer = address(metadata);

        vm.startPrank(portraits);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotAttachable.selector, 3));
        artwork.attachPortrait(3, stranger);
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.PortraitAttached(3, pointer, pointer.codehash);
        artwork.attachPortrait(3, pointer);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotAttachable.selector, 3));
        artwork.attachPortrait(3, pointer);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotPart.selector, bytes32("proof"), portraits));
        artwork.attachProof(3, "proof");
        vm.stopPrank();

        vm.startPrank(proofs);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotAttachable.selector, 3));
        artwork.attachProof(3, 0);
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.ProofAttached(3, "proof");
        artwork.attachProof(3, "proof");
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.NotAttachable.selector, 3));
        artwork.attachProof(3, "proof");
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.UnknownGeneration.selector, 7));
        artwork.attachProof(7, "proof");
        vm.stopPrank();

        assertEq(artwork.generationOf(3).portrait, pointer);
        assertEq(artwork.generationOf(3).proofHash, "proof");
    }

    function test_dispute_isReportedByThePainterOfThenOrOfNow() public {
        (uint256 number, uint256 generation) = _paint();
        assertEq(artwork.epochs(number).painter, address(painter));
        StubbornPainter other = new StubbornPainter();
        vm.expectRevert(
            abi.encodeWithSelector(ILivingArtwork.NotPart.selector, bytes32("painter"), address(other))
        );
        other.dispute(artwork, generation, "mismatch");
        _setSlot("painter", address(other));
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.Disputed(generation, address(other), "mismatch");
        other.dispute(artwork, generation, "mismatch");
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.Disputed(generation, address(painter), "mismatch");
        vm.prank(operator);
        painter.dispute(generation, "mismatch");
    }

    function test_generationOf_revertsForWhatThereIsNot() public {
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.UnknownGeneration.selector, 0));
        artwork.generationOf(0);
        vm.expectRevert(abi.encodeWithSelector(ILivingArtwork.UnknownGeneration.selector, 7));
        artwork.generationOf(7);
    }

    // ------------------------------------------------------------------------------------------------- slots

    function test_setSlot_parametersSealsADueEpochFirst() public {
        ArtParameters later = new ArtParameters(address(timelock), artwork, _initial());
        vm.warp(artwork.epochs(1).endsAt);
        _setSlot("parameters", address(later));
        _assertEpoch(1, EpochState.Sealed);
        assertEq(artwork.epochs(1).parameters, address(parameters));
        assertEq(artwork.slot("parameters"), address(later));
    }

    function test_setSlot_replacesAPartThatKeepsADueEpochFromBeingSealed() public {
        vm.prank(address(timelock));
        painter.setOperator(address(0));
        StubbornPainter other = new StubbornPainter();
        vm.warp(artwork.epochs(1).endsAt);
        _setSlot("painter", address(other));
        _assertEpoch(1, EpochState.Open);
        artwork.sealEpoch();
        assertEq(artwork.epochs(1).painter, address(other));
    }

    function test_parametersPluggedInAfterTheEnd_countFromTheirFirstVersion() public {
        vm.prank(address(timelock));
        painter.setOperator(address(0));
        vm.warp(artwork.epochs(1).endsAt + 5);
        ArtParameters later = new ArtParameters(address(timelock), artwork, _initial());
        _setSlot("parameters", address(later));
        vm.prank(address(timelock));
        painter.setOperator(operator);
        artwork.sealEpoch();
        assertEq(artwork.epochs(1).paramsVersion, 1);
        assertEq(artwork.epochs(1).parameters, address(later));
        assertEq(artwork.epochs(1).paramsHash, later.paramsHash(1));
    }

    function test_setSlot_revertsForWhatCantBeThere() public {
        bytes32[3] memory contracts = [bytes32("parameters"), "randomness", "painter"];
        vm.startPrank(address(timelock));
        for (uint256 i = 0; i < contracts.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ISlots.InvalidSlot.selector, contracts[i], stranger));
            artwork.setSlot(contracts[i], stranger);
        }
        vm.expectRevert(abi.encodeWithSelector(ISlots.InvalidSlot.selector, bytes32("recipient"), address(0)));
        artwork.setSlot("recipient", address(0));
        vm.expectRevert(abi.encodeWithSelector(ISlots.InvalidSlot.selector, bytes32("registry"), stranger));
        artwork.setSlot("registry", stranger);
        artwork.setSlot("registry", address(0));
        vm.expectRevert(abi.encodeWithSelector(ISlots.UnknownSlot.selector, bytes32("hat")));
        artwork.setSlot("hat", stranger);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Governed.NotGovernance.selector, stranger));
        vm.prank(stranger);
        artwork.setSlot("recipient", stranger);
    }

    function test_constructor_revertsForMeaninglessRules() public {
        LivingArtwork.Config[5] memory bad = [
            LivingArtwork.Config(0, 1, 1, 0),
            LivingArtwork.Config(366 days, 1, 1, 0),
            LivingArtwork.Config(1, 0, 1, 0),
            LivingArtwork.Config(1, 366 days, 1, 0),
            LivingArtwork.Config(1, 1, 0, 0)
        ];
        IArtToken arts = IArtToken(address(token));
        LivingArtwork.Parts memory parts = _parts();
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(ILivingArtwork.InvalidConfig.selector);
            new LivingArtwork(address(timelock), address(this), arts, bad[i], parts);
        }
        vm.expectRevert(Governed.ZeroAddress.selector);
        new LivingArtwork(address(timelock), address(0), arts, _config(), parts);
        vm.expectRevert(Governed.ZeroAddress.selector);
        new LivingArtwork(address(timelock), address(this), IArtToken(address(0)), _config(), parts);
    }

    function test_constructor_plugsInARegistry_ifThereIsOne() public {
        assertEq(artwork.slot("registry"), address(0));
        LivingArtwork.Parts memory parts = _parts();
        parts.registry = address(metadata);
        LivingArtwork other =
            new LivingArtwork(address(timelock), address(this), IArtToken(address(token)), _config(), parts);
        assertEq(other.slot("registry"), address(metadata));
        parts.registry = stranger;
        vm.expectRevert(abi.encodeWithSelector(ISlots.InvalidSlot.selector, bytes32("registry"), stranger));
        new LivingArtwork(address(timelock), address(this), IArtToken(address(token)), _config(), parts);
    }

    function test_epochs_tellsEverythingOfOne() public {
        (uint256 number, uint256 generation) = _paint();
        Epoch memory epoch = artwork.epochs(number);
        assertEq(epoch.paintRound, 1);
        assertEq(epoch.refixes, 0);
        assertEq(epoch.generation, generation);
        assertEq(epoch.modelId, MODEL);
        assertEq(epoch.sealedAt, epoch.openedAt + EPOCH);
        assertEq(epoch.recipeHash, artwork.generationOf(generation).recipeHash);
        _assertEpoch(number + 9, EpochState.None);
    }
}
