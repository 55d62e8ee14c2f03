// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {WorkerSet} from "../../src/WorkerSet.sol";

/// @notice A worker that is a contract, and calls back whenever it is paid.
contract HostileWorker {
    WorkerSet private immutable SET;
    bytes[] private calls;

    /// @notice What the calls back came to: whether each went through, and what it answered.
    bool[] public went;
    bytes[] public answers;
    bool public refuses;

    constructor(WorkerSet set) payable {
        SET = set;
    }

    receive() external payable {
        require(!refuses, "no, thank you");
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = address(SET).call(calls[i]);
            went.push(ok);
            answers.push(answer);
        }
    }

    /// @notice Calls the set as this worker.
    function act(bytes calldata data, uint256 value) external {
        (bool ok, bytes memory answer) = address(SET).call{value: value}(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    /// @notice Calls the set like this whenever it is paid.
    function whenPaid(bytes calldata data) external {
        calls.push(data);
    }

    /// @notice Takes no money.
    function refuse() external {
        refuses = true;
    }

    /// @notice How many calls back there were.
    function tries() external view returns (uint256) {
        return went.length;
    }
}
