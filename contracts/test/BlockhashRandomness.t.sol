// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {BlockhashRandomness} from "../src/BlockhashRandomness.sol";
import {IRandomnessSource} from "../src/interfaces/IRandomnessSource.sol";

/// @notice Randomness from block hashes beside EIP-2935's own code, as a chain runs it: from the block in which
/// the fork begins on, the system writes the parent's hash at each block's start.
contract BlockhashHistoryTest is Test {
    /// @dev The runtime code that EIP-2935 gives, and who alone may write to it.
    bytes private constant CODE =
        hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";
    address private constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;

    BlockhashRandomness private source;
    address private history;

    function setUp() public {
        vm.roll(20_000);
        history = new BlockhashRandomness().HISTORY();
        vm.etch(history, CODE);
        _next();
        source = new BlockhashRandomness();
    }

    /// @dev The next block begins.
    function _next() private {
        vm.roll(block.number + 1);
        vm.prank(SYSTEM);
        (bool ok,) = history.call(abi.encode(blockhash(block.number - 1)));
        assertTrue(ok);
    }

    function _status(uint256 round) private view returns (uint8) {
        return uint8(source.status(round));
    }

    function test_theChainsOwnHistory_isFoundAtDeployment() public view {
        assertTrue(source.hasHistory());
        assertEq(source.window(), 8191);
    }

    function test_aRound_isServedForTheWholeWindow_andIsAlwaysTheSame() public {
        uint256 round = source.fix();
        while (block.number <= round) {
            assertEq(_status(round), uint8(IRandomnessSource.Status.Pending));
            _next();
        }
        bytes32 value = source.deliver(round, "");
        assertEq(value, blockhash(round));
        // Past the 256 blocks of BLOCKHASH only the history knows it.
        vm.roll(round + 257);
        assertEq(blockhash(round), 0);
        assertEq(source.deliver(round, ""), value);
        vm.roll(round + 8191);
        assertEq(_status(round), uint8(IRandomnessSource.Status.Ready));
        assertEq(source.deliver(round, ""), value);
        vm.roll(round + 8192);
        assertEq(_status(round), uint8(IRandomnessSource.Status.Lapsed));
        vm.expectRevert(abi.encodeWithSelector(BlockhashRandomness.RoundLapsed.selector, round));
        source.deliver(round, "");
    }

    function test_aHistoryThatBeganAfterTheRound_knowsNothingOfIt() public {
        // The fork came while an epoch waited: what was never written is zero, and zero is no hash.
        uint256 round = block.number - 300;
        assertEq(_status(round), uint8(IRandomnessSource.Status.Lapsed));
        vm.expectRevert(abi.encodeWithSelector(BlockhashRandomness.RoundLapsed.selector, round));
        source.deliver(round, "");
    }

    function testFuzz_fix_isAlwaysABlockThatDoesNotExistYet(uint64 number) public {
        vm.roll(bound(number, 1, type(uint64).max - 2));
        uint256 round = source.fix();
        assertGt(round, block.number);
        assertEq(_status(round), uint8(IRandomnessSource.Status.Pending));
        vm.expectRevert(abi.encodeWithSelector(BlockhashRandomness.RoundPending.selector, round));
        source.deliver(round, "");
    }

    /// @dev Whatever somebody says as a proof: the value is the chain's.
    function testFuzz_deliver_doesNotListenToProofs(bytes calldata proof) public {
        uint256 round = source.fix();
        vm.roll(round + 1);
        assertEq(source.deliver(round, proof), blockhash(round));
    }
}
