// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochState, Generation} from "../../src/interfaces/ILivingArtwork.sol";
import {Terms} from "../../src/interfaces/WorkerTypes.sol";
import {Commitments} from "../../src/libraries/Commitments.sol";
import {Ledger, Workers} from "../utils/Workers.sol";
import {WorkerHandler} from "../utils/WorkerHandler.sol";

/// @notice What holds of a set of workers whatever happens.
contract WorkerInvariants is Workers {
    WorkerHandler private handler;
    address[] private everybody;

    function setUp() public override {
        super.setUp();
        address[] memory workers = new address[](8);
        (workers[0], workers[1], workers[2], workers[3]) = (anna, bela, chen, dora);
        for (uint256 i = 4; i < 8; ++i) {
            workers[i] = makeAddr(vm.toString(i));
        }
        handler = new WorkerHandler(artwork, set, address(timelock), workers);
        everybody = handler.everybody();
        targetContract(address(handler));
    }

    /// forge-config: default.invariant.runs = 5
    /// forge-config: ci.invariant.runs = 48
    /// @dev In one go, so that what is tried is tried once: a run is long. What can't heal is looked at in the end.
    function invariant_workersAndTheirMoney() public {
        _everyWeiIsAccountedFor();
        _whoIsCounted_isWhoMayPaint();
    }

    function _everyWeiIsAccountedFor() private view {
        assertEq(address(set).balance, handler.paidIn() - handler.takenOut());
        assertEq(address(set).balance, Ledger.owed(set, everybody, artwork.currentEpoch()));
        // And the log alone says where each one is.
        uint256 sum = handler.pool() + handler.feesHeld() + handler.slashesHeld();
        assertEq(set.pool(), handler.pool());
        for (uint256 i = 0; i < everybody.length; ++i) {
            assertEq(set.workers(everybody[i]).bond, handler.bonds(everybody[i]));
            assertEq(set.credits(everybody[i]), handler.credits(everybody[i]));
            sum += handler.bonds(everybody[i]) + handler.credits(everybody[i]);
        }
        assertEq(address(set).balance, sum);
    }

    function _anEpochIsAnchoredOnce_byAQuorum() private view {
        uint256 seen;
        for (uint256 epoch = 1; epoch < artwork.currentEpoch(); ++epoch) {
            Terms memory term = set.terms(epoch);
            bool isAnchored = artwork.stateOf(epoch) == EpochState.Anchored;
            assertEq(term.finalized, isAnchored);
            assertEq(handler.results(epoch), isAnchored ? 1 : 0);
            if (!isAnchored) continue;
            ++seen;
            assertGe(handler.winners(epoch), term.quorum);
            assertGt(2 * handler.winners(epoch), term.eligible, "a majority");
            Generation memory generation = artwork.generationOf(artwork.epochs(epoch).generation);
            assertEq(set.tallies(epoch, generation.resultHash).count, handler.winners(epoch));
            assertEq(set.tallies(epoch, generation.resultHash).first, generation.painter);
            assertLe(handler.paidOut(epoch), term.fee);
        }
        assertEq(seen, handler.anchored());
    }

    function _theLineageIsOneChain() private view {
        bytes32 head;
        for (uint256 number = 1; number <= artwork.generations(); ++number) {
            Generation memory generation = artwork.generationOf(number);
            assertEq(generation.parentHead, head);
            assertEq(generation.resultHash, Commitments.resultHash(generation.recipeHash, generation.result));
            head = Commitments.head(head, number, generation.recipeHash, generation.resultHash);
            assertEq(generation.head, head);
        }
        assertEq(artwork.head(), head);
        assertEq(artwork.head(), handler.head());
    }

    function _whoIsCounted_isWhoMayPaint() private view {
        bytes32[2] memory classes = [CLASS, OTHER];
        for (uint256 i = 0; i < 2; ++i) {
            uint256 count;
            for (uint256 j = 0; j < everybody.length; ++j) {
                bool active = set.workers(everybody[j]).lastEpoch == type(uint64).max;
                assertEq(active, handler.active(everybody[j]));
                if (active && set.workers(everybody[j]).classId == classes[i]) ++count;
                assertEq(set.workers(everybody[j]).openSlashes, handler.openSlashes(everybody[j]));
            }
            assertEq(set.activeOf(classes[i]), set.isListed(classes[i]) ? count : 0);
        }
    }

    /// @dev Whatever state the set is in, the artwork goes on: what is unfinished can be ended.
    function _theSetHoldsNoEpochForEver() private {
        uint256 number = artwork.currentEpoch() - 1;
        EpochState state = artwork.stateOf(number);
        if (state != EpochState.Sealed && state != EpochState.Seeded) return;
        uint256 snapshot = vm.snapshotState();
        vm.warp(artwork.epochs(number).deadline + PAINT_PERIOD + 1);
        artwork.failEpoch(number);
        uint256 fee = set.terms(number).fee;
        if (fee != 0) set.releaseFee(number);
        for (uint256 i = 0; i < everybody.length; ++i) {
            if (uint8(set.seats(number, everybody[i]).state) % 3 != 0) set.resolve(everybody[i]);
        }
        assertEq(address(set).balance, Ledger.owed(set, everybody, number + 1));
        vm.revertToState(snapshot);
    }

    function afterInvariant() public {
        _anEpochIsAnchoredOnce_byAQuorum();
        _theLineageIsOneChain();
        _theSetHoldsNoEpochForEver();
        assertGt(handler.attempts(), 0);
        assertEq(handler.successes(), handler.attempts());
        // A run is long enough to paint, and most of what is tried is due.
        if (handler.attempts() < 150) return;
        assertGt(handler.anchored(), 0);
        assertGt(handler.refusals(), 0);
        assertGt(handler.successes(), 9 * handler.idle());
    }
}
