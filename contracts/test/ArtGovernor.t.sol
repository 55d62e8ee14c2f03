// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {ArtGovernor} from "../src/ArtGovernor.sol";
import {Deployed} from "./utils/Deployed.sol";

/// @notice How collectors decide: proposals, votes, the quorum, the guardian.
contract ArtGovernorTest is Deployed {
    /// @dev A harmless change to vote on.
    function _change(address proposer) private returns (Ballot memory) {
        return _propose(proposer, address(parameters), abi.encodeCall(parameters.setSteps, (30)));
    }

    // ------------------------------------------------------------------------------------------------ quorum

    function test_quorum_isAShareRoundedUp_andAtLeastTheMinimum() public {
        assertEq(governor.quorum(block.timestamp - 1), 1, "10 % of 6 is 0.6: one vote");
        _pass(address(governor), abi.encodeCall(governor.updateQuorumNumerator, (20)));
        skip(1);
        assertEq(governor.quorum(block.timestamp - 1), 2, "20 % of 6 is 1.2: two votes");
        _pass(address(governor), abi.encodeCall(governor.updateMinVotes, (3)));
        skip(1);
        assertEq(governor.quorum(block.timestamp - 1), 3, "the minimum");
        assertEq(governor.minVotes(), 3);
    }

    function test_quorum_ofAProposalKeepsToItsSnapshot() public {
        Ballot memory ballot = _change(mira);
        skip(VOTING_DELAY + 1);
        uint256 snapshot = governor.proposalSnapshot(ballot.id);
        uint256 before = governor.quorum(snapshot);
        vm.prank(address(timelock));
        token.setExcluded(stranger, true);
        _pass(address(governor), abi.encodeCall(governor.updateMinVotes, (4)));
        assertEq(governor.quorum(snapshot), before);
        assertEq(governor.minVotes(snapshot), 1);
    }

    function test_fiveHundredUnsoldTokens_leaveTheGovernanceMoving() public {
        vm.startPrank(address(artwork));
        for (uint256 id = 7; id < 507; ++id) {
            token.mint(address(timelock), id);
        }
        vm.stopPrank();
        skip(1);
        assertEq(token.balanceOf(address(timelock)), 500);
        assertEq(governor.quorum(block.timestamp - 1), 1);

        Ballot memory ballot = _change(tomas);
        skip(VOTING_DELAY + 1);
        _vote(tomas, ballot, 1);
        skip(VOTING_PERIOD + LATE_EXTENSION + 1);
        _queue(ballot);
        skip(TIMELOCK_DELAY);
        _execute(ballot);
        assertEq(parameters.valueOf("steps"), abi.encode(30));
    }

    function test_updateMinVotes_revertsForZeroAndForMoreThanThereAre() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 wanted = i == 0 ? 0 : 7;
            Ballot memory ballot =
                _propose(mira, address(governor), abi.encodeCall(governor.updateMinVotes, (wanted)));
            skip(VOTING_DELAY + 1);
            _vote(mira, ballot, 1);
            skip(VOTING_PERIOD + LATE_EXTENSION + 1);
            _queue(ballot);
            skip(TIMELOCK_DELAY);
            vm.expectRevert(abi.encodeWithSelector(ArtGovernor.InvalidMinVotes.selector, wanted));
            _execute(ballot);
        }
    }

    function test_updateMinVotes_revertsForAnybodyButTheTimelock() public {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, mira));
        vm.prank(mira);
        governor.updateMinVotes(2);
    }

    function testFuzz_quorum_isTheFormula(uint8 percent, uint8 minVotes, uint8 minted) public {
        percent = uint8(bound(percent, 0, 100));
        vm.startPrank(address(artwork));
        for (uint256 id = 7; id < 7 + uint256(minted); ++id) {
            token.mint(stranger, id);
        }
        vm.stopPrank();
        uint256 supply = 6 + uint256(minted);
        ArtGovernor.Config memory config = _governorConfig();
        config.quorumPercent = percent;
        config.minVotes = bound(minVotes, 1, supply);
        ArtGovernor other = new ArtGovernor(config);
        skip(1);
        uint256 share = (supply * percent + 99) / 100;
        uint256 expected = share > config.minVotes ? share : config.minVotes;
        assertEq(other.quorum(block.timestamp - 1), expected);
    }

    // ------------------------------------------------------------------------------------------------ voting

    function test_propose_revertsWithoutAVote() public {
        address[] memory targets = new address[](1);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, stranger, 0, 1)
        );
        vm.prank(stranger);
        governor.propose(targets, new uint256[](1), new bytes[](1), "mine");
    }

    function test_propose_revertsForACopyistOfASignedDescription() public {
        string memory description = string.concat("a change#proposer=", vm.toString(mira));
        address[] memory targets = new address[](1);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorRestrictedProposer.selector, ines));
        vm.prank(ines);
        governor.propose(targets, new uint256[](1), new bytes[](1), description);
    }

    function test_tokensBoughtAfterTheSnapshot_buyNoVote() public {
        Ballot memory ballot = _change(mira);
        skip(VOTING_DELAY + 1);
        vm.prank(ines);
        token.transferFrom(ines, stranger, 2);
        _vote(stranger, ballot, 1);
        _vote(ines, ballot, 0);
        (uint256 against, uint256 inFavour,) = governor.proposalVotes(ballot.id);
        assertEq(inFavour, 0);
        assertEq(against, 2);
    }

    function test_aTie_isNotCarried() public {
        Ballot memory ballot = _change(mira);
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        _vote(ines, ballot, 0);
        skip(VOTING_PERIOD + LATE_EXTENSION + 1);
        _assertState(ballot, IGovernor.ProposalState.Defeated);
    }

    function test_aLateQuorum_extendsTheVote() public {
        Ballot memory ballot = _change(mira);
        uint256 deadline = governor.proposalDeadline(ballot.id);
        vm.warp(deadline - 1);
        _vote(yuki, ballot, 1);
        assertEq(governor.proposalDeadline(ballot.id), deadline - 1 + LATE_EXTENSION);
        skip(3);
        _vote(mira, ballot, 0);
        assertEq(governor.proposalDeadline(ballot.id), deadline - 1 + LATE_EXTENSION, "once");
    }

    function test_aLateVote_afterAnEarlyQuorum_orWithoutOne_extendsNothing() public {
        Ballot memory ballot = _change(mira);
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        uint256 deadline = governor.proposalDeadline(ballot.id);
        vm.warp(deadline - 1);
        _vote(yuki, ballot, 1);
        assertEq(governor.proposalDeadline(ballot.id), deadline);

        ballot = _change(mira);
        vm.warp(governor.proposalDeadline(ballot.id) - 1);
        deadline = governor.proposalDeadline(ballot.id);
        _vote(yuki, ballot, 0);
        assertEq(governor.proposalDeadline(ballot.id), deadline, "votes against make no quorum");
    }

    function testFuzz_aVoteIsExtended_whenItsQuorumComesLate(
        uint8[4] calldata waits,
        uint8[4] calldata choices
    ) public {
        address[4] memory voters = [mira, ines, tomas, yuki];
        _raiseMinVotes(3);
        Ballot memory ballot = _change(mira);
        skip(VOTING_DELAY + 1);
        uint256 deadline = governor.proposalDeadline(ballot.id);
        uint256 expected = deadline;
        uint256 inFavour;
        for (uint256 i = 0; i < 4; ++i) {
            skip(waits[i] % 24);
            if (block.timestamp > expected) break;
            uint8 support = choices[i] % 3;
            _vote(voters[i], ballot, support);
            uint256 before = inFavour;
            if (support != 0) inFavour += i < 2 ? 2 : 1;
            if (before < 3 && inFavour >= 3 && block.timestamp + LATE_EXTENSION > deadline) {
                expected = block.timestamp + LATE_EXTENSION;
            }
            assertEq(governor.proposalDeadline(ballot.id), expected);
        }
    }

    function _raiseMinVotes(uint256 least) private {
        _pass(address(governor), abi.encodeCall(governor.updateMinVotes, (least)));
        skip(1);
    }

    function test_castVoteBySig_countsForTheSigner() public {
        (address signer, uint256 key) = makeAddrAndKey("signer");
        vm.prank(mira);
        token.transferFrom(mira, signer, 1);
        skip(1);
        Ballot memory ballot = _change(ines);
        skip(VOTING_DELAY + 1);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)"),
                ballot.id,
                uint8(1),
                signer,
                0
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Murmuration Governor"),
                keccak256("1"),
                block.chainid,
                address(governor)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, structHash)));
        vm.prank(stranger);
        governor.castVoteBySig(ballot.id, 1, signer, abi.encodePacked(r, s, v));
        assertTrue(governor.hasVoted(ballot.id, signer));
    }

    function test_execute_revertsBeforeTheTimelocksDelay() public {
        Ballot memory ballot = _change(mira);
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        skip(VOTING_PERIOD + LATE_EXTENSION + 1);
        assertTrue(governor.proposalNeedsQueuing(ballot.id));
        _queue(ballot);
        skip(TIMELOCK_DELAY - 1);
        vm.expectRevert();
        _execute(ballot);
    }

    // ---------------------------------------------------------------------------------------------- guardian

    function test_theGuardianCancelsAnything_untilItsTimeIsUp() public {
        Ballot memory ballot = _change(mira);
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        skip(VOTING_PERIOD + LATE_EXTENSION + 1);
        _queue(ballot);
        vm.prank(guardian);
        governor.cancel(ballot.targets, ballot.values, ballot.calldatas, ballot.descriptionHash);
        _assertState(ballot, IGovernor.ProposalState.Canceled);

        vm.warp(guardianUntil);
        Ballot memory later = _change(mira);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, later.id, guardian));
        vm.prank(guardian);
        governor.cancel(later.targets, later.values, later.calldatas, later.descriptionHash);
    }

    function test_theProposerCancelsWhilePending_andNobodyElseEver() public {
        Ballot memory ballot = _change(mira);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, ballot.id, ines));
        vm.prank(ines);
        governor.cancel(ballot.targets, ballot.values, ballot.calldatas, ballot.descriptionHash);
        vm.prank(mira);
        governor.cancel(ballot.targets, ballot.values, ballot.calldatas, ballot.descriptionHash);
        _assertState(ballot, IGovernor.ProposalState.Canceled);
    }

    function test_theGuardianCanDoNothingElse() public {
        vm.startPrank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, guardian));
        governor.updateMinVotes(2);
        vm.expectRevert();
        timelock.updateDelay(0);
        vm.stopPrank();
    }

    // --------------------------------------------------------------------------------------------- deployment

    function test_constructor_revertsForAMeaninglessQuorumOrDelay() public {
        ArtGovernor.Config memory config = _governorConfig();
        config.minVotes = 0;
        vm.expectRevert(abi.encodeWithSelector(ArtGovernor.InvalidMinVotes.selector, 0));
        new ArtGovernor(config);
        config.minVotes = 1;
        config.votingDelay = 0;
        vm.expectRevert(abi.encodeWithSelector(ArtGovernor.InvalidVotingDelay.selector, 0));
        new ArtGovernor(config);
    }

    function test_setVotingDelay_revertsForZero() public {
        Ballot memory ballot = _propose(mira, address(governor), abi.encodeCall(governor.setVotingDelay, (0)));
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        skip(VOTING_PERIOD + LATE_EXTENSION + 1);
        _queue(ballot);
        skip(TIMELOCK_DELAY);
        vm.expectRevert(abi.encodeWithSelector(ArtGovernor.InvalidVotingDelay.selector, 0));
        _execute(ballot);
    }

    function test_theNames() public view {
        assertEq(governor.name(), "Murmuration Governor");
        assertEq(governor.version(), "1");
        assertEq(governor.CLOCK_MODE(), "mode=timestamp");
        assertEq(governor.clock(), uint48(block.timestamp));
        assertEq(governor.guardian(), guardian);
    }
}
