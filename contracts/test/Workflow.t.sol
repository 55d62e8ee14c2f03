// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {Epoch, EpochState, Generation, ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {Commitments, Result} from "../src/libraries/Commitments.sol";
import {Deployed} from "./utils/Deployed.sol";

/// @notice The whole story: one vote becomes one picture.
contract WorkflowTest is Deployed {
    function test_aVoteBecomesAPicture() public {
        // The founding: six generations, four collectors, an open epoch.
        assertEq(artwork.generations(), 6);
        assertEq(artwork.currentEpoch(), 1);
        assertEq(token.getVotes(mira), 2);
        assertEq(token.getVotes(tomas), 1);
        bytes32 foundingHead = artwork.head();

        // Tomas proposes; the snapshot lies in the future.
        Ballot memory ballot = _propose(
            tomas, address(parameters), abi.encodeCall(parameters.setPrompt, ("a heron in the reeds"))
        );
        _assertState(ballot, IGovernor.ProposalState.Pending);

        // Mira and Tomas are for it, Yuki is against.
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        _vote(tomas, ballot, 1);
        _vote(yuki, ballot, 0);
        (uint256 against, uint256 inFavour,) = governor.proposalVotes(ballot.id);
        assertEq(inFavour, 3);
        assertEq(against, 1);

        // It is carried, queued, and executed by a stranger: version 2 is in force.
        skip(VOTING_PERIOD + 1);
        _assertState(ballot, IGovernor.ProposalState.Succeeded);
        _queue(ballot);
        skip(TIMELOCK_DELAY);
        vm.prank(stranger);
        _execute(ballot);
        assertEq(parameters.version(), 2);
        assertEq(parameters.valueOf("prompt"), bytes("a heron in the reeds"));

        // The epoch in which that was executed is sealed with it; the next opens at once.
        Epoch memory open = artwork.epochs(1);
        if (block.timestamp < open.endsAt) {
            vm.warp(open.endsAt);
        } else {
            // It ended before the execution: that epoch is painted as it was, and the change is the next one's.
            _paint();
            vm.warp(artwork.epochs(2).endsAt);
        }
        uint256 number = artwork.currentEpoch();
        bytes32 parent = artwork.head();
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.EpochSealed(
            number, 2, parameters.paramsHash(2), parent, address(randomness), block.number + 2
        );
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.EpochOpened(number + 1, uint48(block.timestamp) + EPOCH);
        artwork.sealEpoch();

        // The seed comes from a block that nobody could know.
        vm.roll(artwork.epochs(number).round + 1);
        bytes32 hash = blockhash(artwork.epochs(number).round);
        bytes32 seed = keccak256(
            abi.encode(
                "EPOCH_SEED_V1", block.chainid, address(artwork), number, parameters.paramsHash(2), hash
            )
        );
        bytes32 recipe = keccak256(
            abi.encode(
                "RECIPE_V1", block.chainid, address(artwork), number, parameters.paramsHash(2), parent, seed
            )
        );
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.SeedDrawn(number, seed, hash, recipe);
        artwork.drawSeed(number, "");

        // The operator paints and anchors; the treasury receives the token, which has no vote.
        Result memory picture = _picture(99);
        uint256 next = artwork.generations() + 1;
        bytes32 resultHash = Commitments.resultHash(recipe, picture);
        vm.expectEmit(address(artwork));
        emit ILivingArtwork.GenerationAnchored(
            next,
            MODEL,
            parent,
            number,
            seed,
            recipe,
            resultHash,
            picture.pixelHash,
            picture.fileHash,
            operator,
            false
        );
        vm.prank(operator);
        assertEq(painter.anchor(number, picture), next);
        assertEq(token.ownerOf(next), address(timelock));
        assertEq(token.getVotes(address(timelock)), 0);
        assertEq(artwork.head(), keccak256(abi.encode("HEAD_V1", parent, next, recipe, resultHash)));
        assertNotEq(artwork.head(), foundingHead);

        Generation memory generation = artwork.generationOf(next);
        assertEq(generation.epoch, number);
        assertEq(generation.parentHead, parent);
        assertEq(generation.seed, seed);
        assertEq(generation.painter, operator);
        assertFalse(generation.founding);
        assertEq(uint8(artwork.epochs(number).state), uint8(EpochState.Anchored));
        assertEq(artwork.epochs(number).generation, next);
    }

    function test_proposalsThatChangeDifferentThingsCompose() public {
        Ballot memory one =
            _propose(mira, address(parameters), abi.encodeCall(parameters.setMood, ("restless")));
        Ballot memory two = _propose(ines, address(parameters), abi.encodeCall(parameters.setSteps, (40)));
        skip(VOTING_DELAY + 1);
        _vote(mira, one, 1);
        _vote(ines, two, 1);
        skip(VOTING_PERIOD + 1);
        _queue(one);
        _queue(two);
        skip(TIMELOCK_DELAY);
        _execute(two);
        _execute(one);
        assertEq(parameters.version(), 3);
        assertEq(parameters.valueOf("mood"), bytes("restless"));
        assertEq(parameters.valueOf("steps"), abi.encode(40));
    }

    function test_theTreasurySendsATokenToABuyer_whoVotesWithoutATransaction() public {
        (, uint256 generation) = _paint();
        _pass(
            address(token),
            abi.encodeWithSignature(
                "transferFrom(address,address,uint256)", address(timelock), stranger, generation
            )
        );
        assertEq(token.ownerOf(generation), stranger);
        assertEq(token.delegates(stranger), stranger);
        assertEq(token.getVotes(stranger), 1);

        Ballot memory ballot = _propose(mira, address(parameters), abi.encodeCall(parameters.setSteps, (9)));
        skip(VOTING_DELAY + 1);
        _vote(stranger, ballot, 1);
        (, uint256 inFavour,) = governor.proposalVotes(ballot.id);
        assertEq(inFavour, 1);
    }

    function test_twentyEpochsInARowMakeOneLineage() public {
        for (uint256 i = 0; i < 20; ++i) {
            _paint();
        }
        assertEq(artwork.generations(), 26);
        bytes32 head;
        for (uint256 number = 1; number <= 26; ++number) {
            Generation memory generation = artwork.generationOf(number);
            assertEq(generation.parentHead, head);
            head = Commitments.head(head, number, generation.recipeHash, generation.resultHash);
            assertEq(generation.head, head);
        }
        assertEq(artwork.head(), head);
    }
}
