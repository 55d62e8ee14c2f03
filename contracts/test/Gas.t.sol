// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Result} from "../src/libraries/Commitments.sol";
import {Deployed} from "./utils/Deployed.sol";

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
