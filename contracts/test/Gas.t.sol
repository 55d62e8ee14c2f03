// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Result} from "../src/libraries/Commitments.sol";
import {Deployed} from "./utils/Deployed.sol";
import {Workers} from "./utils/Workers.sol";

/// @notice What the artwork's life costs, held against the committed figures in `snapshots/`.
/// @dev A figure that moved fails the tests; when it is meant to, write it anew:
/// `FORGE_SNAPSHOT_CHECK=false FORGE_SNAPSHOT_EMIT=true forge test --match-contract GasTest`.
contract GasTest is Deployed {
    function _note(string memory what) private {
        vm.snapshotGasLastCall("Murmuration", what);
    }

    /// forge-config: default.isolate = true
    function test_gas_ofOneEpoch() public {
        Ballot memory ballot = _propose(
            tomas, address(parameters), abi.encodeCall(parameters.setPrompt, ("a heron in the reeds"))
        );
        _note("propose");
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        _note("castVote");
        vm.prank(tomas);
        governor.castVoteWithReason(ballot.id, 1, "herons stand still");
        _note("castVoteWithReason");
        skip(VOTING_PERIOD + LATE_EXTENSION + 1);
        _queue(ballot);
        _note("queue");
        skip(TIMELOCK_DELAY);
        _execute(ballot);
        _note("execute setPrompt");

        uint256 number = _seal();
        _note("sealEpoch");
        vm.roll(artwork.epochs(number).round + 1);
        artwork.drawSeed(number, "");
        _note("drawSeed");
        Result memory picture = _picture(7);
        vm.prank(operator);
        painter.anchor(number, picture);
        _note("anchor");
    }

    /// @dev The dearest vote: the first one, which makes the quorum, and so late that it extends the vote.
    /// forge-config: default.isolate = true
    function test_gas_ofALateQuorum() public {
        Ballot memory ballot = _propose(
            tomas, address(parameters), abi.encodeCall(parameters.setPrompt, ("a heron in the reeds"))
        );
        vm.warp(governor.proposalDeadline(ballot.id) - 1);
        _vote(mira, ballot, 1);
        _note("castVote (late quorum)");
    }

    /// forge-config: default.isolate = true
    function test_gas_ofAnEpochInTrouble() public {
        uint256 number = _seal();
        vm.roll(block.number + 9000);
        artwork.refixSeed(number);
        _note("refixSeed");
        _draw(number);
        vm.warp(artwork.epochs(number).deadline + 1);
        artwork.reopenRound(number);
        _note("reopenRound");
        vm.warp(artwork.epochs(number).deadline + PAINT_PERIOD + 1);
        artwork.failEpoch(number);
        _note("failEpoch");
    }

    /// forge-config: default.isolate = true
    function test_gas_ofTheToken() public {
        vm.prank(mira);
        token.transferFrom(mira, stranger, 1);
        _note("transferFrom");
        vm.prank(mira);
        token.delegate(yuki);
        _note("delegate");
        artwork.generationOf(1);
        token.tokenURI(1);
        _note("tokenURI (view)");
    }
}

/// @notice What an epoch costs that bonded workers paint, from their first epoch and from the next, when what they
/// write has been written before.
/// @dev Its figures are written anew in the same way.
contract GasOfWorkersTest is Workers {
    function _note(string memory what) private {
        vm.snapshotGasLastCall("Murmuration", what);
    }

    /// forge-config: default.isolate = true
    function test_gas_ofAnEpochPaintedByWorkers() public {
        _paintOne(7, "");
        _paintOne(8, ", again");
        vm.prank(anna);
        set.withdrawCredit(anna);
        _note("withdrawCredit");
    }

    /// forge-config: default.isolate = true
    function test_gas_ofWorkersInTrouble() public {
        uint256 number = _begin();
        _commit(dora, number, _picture(7));
        _three(number, 8, 7, 7);
        _closeReveals(number);
        set.finalize(number, _picture(7));
        set.resolve(anna);
        _note("resolve (mismatch)");
        set.resolve(dora);
        _note("resolve (silence)");
        vm.prank(anna);
        set.challenge(1, "https://anna.example/why");
        _note("challenge");
        vm.prank(address(timelock));
        set.decide(1, false);
        _note("decide");
        vm.prank(chen);
        set.requestExit();
        _note("requestExit (and resolve)");
        skip(EXIT_DELAY);
        vm.prank(chen);
        set.withdrawBond(chen);
        _note("withdrawBond");
        _join(chen, CLASS);
        _note("register");

        number = _begin();
        _closeCommits(number);
        artwork.reopenRound(number);
        _note("reopenRound (workers)");
        _closeCommits(number);
        artwork.reopenRound(number);
        _closeCommits(number);
        artwork.failEpoch(number);
        _note("failEpoch (workers)");
        set.releaseFee(number);
        _note("releaseFee");
    }

    /// @dev An epoch with three workers, the second of whom is measured, since it is neither the first nor the last.
    function _paintOne(uint256 picture, string memory when) private {
        uint256 number = _seal();
        _note(string.concat("sealEpoch (workers)", when));
        _draw(number);
        _note(string.concat("drawSeed (workers)", when));
        _commit(anna, number, _picture(picture));
        _commit(bela, number, _picture(picture));
        _note(string.concat("commit", when));
        _commit(chen, number, _picture(picture));
        _closeCommits(number);
        _reveal(anna, number, _picture(picture));
        _note(string.concat("reveal (first)", when));
        _reveal(bela, number, _picture(picture));
        _note(string.concat("reveal", when));
        _reveal(chen, number, _picture(picture));
        vm.prank(stranger);
        set.finalize(number, _picture(picture));
        _note(string.concat("finalize", when));
        set.resolve(anna);
        _note(string.concat("resolve (winner)", when));
    }
}
