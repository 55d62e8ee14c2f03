// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Governed} from "../src/Governed.sol";
import {IWorkerSet} from "../src/interfaces/IWorkerSet.sol";
import {Workers} from "./utils/Workers.sol";
import {HostileWorker} from "./utils/Hostile.sol";

/// @notice What is paid, what is taken, and that not a wei goes astray.
contract PurseTest is Workers {
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

    // -------------------------------------------------------------------------------------------------- pool

    function test_fund_isForAnybody_andSendingIsFunding() public {
        vm.deal(stranger, 3 ether);
        vm.startPrank(stranger);
        vm.expectEmit(address(set));
        emit IWorkerSet.PoolChanged(11 ether, "funded");
        set.fund{value: 1 ether}();
        (bool ok,) = address(set).call{value: 2 ether}("");
        assertTrue(ok);
        assertEq(set.pool(), 13 ether);
        vm.expectRevert(IWorkerSet.NothingToTransfer.selector);
        set.fund();
        vm.stopPrank();
        _assertSolvent();
    }

    function test_recall_givesThePoolBackToTheTreasury_byVoteAlone() public {
        vm.expectRevert(IWorkerSet.NothingToTransfer.selector);
        _govern();
        set.recall(10 ether + 1);
        vm.expectRevert(IWorkerSet.NothingToTransfer.selector);
        _govern();
        set.recall(0);
        vm.expectEmit(address(set));
        emit IWorkerSet.Credited(address(timelock), 10 ether, "recalled");
        _govern();
        set.recall(10 ether);
        assertEq(set.pool(), 0);
        _govern();
        set.withdrawCredit(address(timelock));
        assertEq(address(timelock).balance, 10 ether);
        _assertSolvent();
    }

    function test_theFee_isWhatThePoolReaches() public {
        _govern();
        set.recall(10 ether - 5);
        epoch = _begin();
        assertEq(set.terms(epoch).fee, 5);
        _three(epoch, 7, 7, 7);
        set.finalize(epoch, _picture(7));
        set.resolve(chen);
        assertEq(set.credits(chen), 1);
        assertEq(set.pool(), 2, "the dust");
        set.resolve(bela);
        set.resolve(anna);
        _assertSolvent();
        // With an empty pool there is no fee, and the artwork goes on.
        _govern();
        set.recall(2);
        epoch = _begin();
        assertEq(set.terms(epoch).fee, 0);
        _three(epoch, 7, 7, 7);
        set.finalize(epoch, _picture(7));
        set.resolve(bela);
        assertEq(set.credits(bela), 1);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoFeeToRelease.selector, epoch));
        set.releaseFee(epoch);
        _assertSolvent();
    }

    function test_releaseFee_revertsUnlessTheEpochFailed() public {
        epoch = _seal();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoFeeToRelease.selector, epoch));
        set.releaseFee(epoch);
        skip(SEED_TIMEOUT + 1);
        artwork.failEpoch(epoch);
        set.releaseFee(epoch);
        assertEq(set.pool(), 10 ether);
        _assertSolvent();
    }

    function test_releaseFee_revertsForAnAnchoredEpoch_whoseWinnersAreOwed() public {
        _mismatch();
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NoFeeToRelease.selector, epoch));
        set.releaseFee(epoch);
    }

    function test_nobodyIsPaidTwice() public {
        _mismatch();
        set.resolve(bela);
        uint256 owed = set.credits(bela);
        assertEq(owed, FEE / 2);
        vm.expectRevert(abi.encodeWithSelector(IWorkerSet.NothingToResolve.selector, bela));
        set.resolve(bela);
        vm.startPrank(bela);
        set.requestExit();
        assertEq(set.credits(bela), owed);
        vm.expectRevert(Governed.ZeroAddress.selector);
        set.withdrawCredit(address(0));
        uint256 before = bela.balance;
        set.withdrawCredit(bela);
        assertEq(bela.balance, before + owed);
        vm.expectRevert(IWorkerSet.NothingToTransfer.selector);
        set.withdrawCredit(bela);
        vm.stopPrank();
        _assertSolvent();
    }

    function test_theNextCommitment_settlesTheLastOne() public {
        _mismatch();
        uint256 next = _begin();
        vm.expectEmit(address(set));
        emit IWorkerSet.FeeCredited(epoch, bela, FEE / 2);
        _commit(bela, next, _picture(8));
        assertEq(set.credits(bela), FEE / 2);
        assertEq(set.seats(epoch, bela).word, 0, "its older seat is only in the log");
        _assertSolvent();
    }

    function test_finalizing_isReimbursed_upToTheRulesPrice() public {
        epoch = _begin();
        _three(epoch, 7, 7, 7);
        vm.txGasPrice(20 gwei);
        vm.prank(stranger);
        uint256 gas = gasleft();
        set.finalize(epoch, _picture(7));
        gas -= gasleft();
        uint256 paid = set.credits(stranger);
        assertGt(paid, gas * 20 gwei);
        assertLt(paid, (gas + 80_000) * 20 gwei);
        _assertSolvent();

        set.resolve(anna);
        set.resolve(bela);
        epoch = _begin();
        _three(epoch, 8, 8, 0);
        vm.txGasPrice(20_000 gwei);
        gas = gasleft();
        set.finalize(epoch, _picture(8));
        gas -= gasleft();
        assertLt(set.credits(address(this)), (gas + 80_000) * GAS_PRICE);
    }

    function test_finalizing_isReimbursedAsFarAsThePoolReaches() public {
        epoch = _begin();
        uint256 left = set.pool();
        _govern();
        set.recall(left - 3);
        _three(epoch, 7, 7, 7);
        vm.txGasPrice(20 gwei);
        vm.prank(stranger);
        set.finalize(epoch, _picture(7));
        assertEq(set.credits(stranger), 3 + FEE % 3);
        assertEq(set.pool(), 0);
        _assertSolvent();
    }

    // -------------------------------------------------------------------------------------------- reentrancy

    function test_aHostileWorker_getsItsBondOnce() public {
        HostileWorker hostile = new HostileWorker{value: 5 ether}(set);
        hostile.act(abi.encodeCall(set.register, (CLASS, "")), BOND);
        hostile.act(abi.encodeCall(set.requestExit, ()), 0);
        hostile.whenPaid(abi.encodeCall(set.withdrawBond, (address(hostile))));
        hostile.whenPaid(abi.encodeCall(set.withdrawCredit, (address(hostile))));
        hostile.whenPaid(abi.encodeCall(set.requestExit, ()));
        hostile.whenPaid(abi.encodeCall(set.resolve, (address(hostile))));
        skip(EXIT_DELAY);
        hostile.act(abi.encodeCall(set.withdrawBond, (address(hostile))), 0);
        assertEq(address(hostile).balance, 5 ether);
        assertEq(hostile.tries(), 4);
        for (uint256 i = 0; i < 4; ++i) {
            assertFalse(hostile.went(i));
        }
        bytes memory guarded =
            abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(hostile.answers(0), guarded);
        assertEq(hostile.answers(1), guarded);
        _assertSolvent();
    }

    function test_aHostileWorker_getsItsCreditOnce_andItsRefusalHurtsItAlone() public {
        HostileWorker hostile = new HostileWorker{value: 5 ether}(set);
        hostile.act(abi.encodeCall(set.register, (CLASS, "")), BOND);
        epoch = _begin();
        bytes32 vow = _commitment(address(hostile), epoch, _picture(7));
        hostile.act(abi.encodeCall(set.commit, (epoch, vow)), 0);
        _commit(anna, epoch, _picture(7));
        _three(epoch, 0, 7, 7);
        _reveal(anna, epoch, _picture(7));
        hostile.act(abi.encodeCall(set.reveal, (epoch, _picture(7), MANIFEST, _salt(address(hostile)))), 0);
        hostile.whenPaid(abi.encodeCall(set.withdrawCredit, (address(hostile))));
        hostile.whenPaid(abi.encodeCall(set.finalize, (epoch, _picture(7))));
        hostile.whenPaid(abi.encodeCall(set.releaseFee, (epoch)));
        hostile.whenPaid(abi.encodeCall(set.resolve, (address(hostile))));
        set.finalize(epoch, _picture(7));
        set.resolve(address(hostile));
        hostile.act(abi.encodeCall(set.withdrawCredit, (address(hostile))), 0);
        assertEq(address(hostile).balance, 5 ether - BOND + FEE / 4);
        for (uint256 i = 0; i < 4; ++i) {
            assertFalse(hostile.went(i));
        }
        set.resolve(anna);
        vm.prank(anna);
        set.withdrawCredit(anna);

        hostile.refuse();
        hostile.act(abi.encodeCall(set.requestExit, ()), 0);
        skip(EXIT_DELAY);
        vm.expectRevert("no, thank you");
        hostile.act(abi.encodeCall(set.withdrawBond, (address(hostile))), 0);
        hostile.act(abi.encodeCall(set.withdrawBond, (stranger)), 0);
        assertEq(stranger.balance, BOND);
        _assertSolvent();
    }

    function test_etherThatIsForcedUponIt_isNobodys() public {
        vm.deal(address(set), address(set).balance + 1 ether);
        assertEq(address(set).balance, 1 ether + 10 ether + 4 * uint256(BOND));
        assertEq(set.pool(), 10 ether);
    }
}
