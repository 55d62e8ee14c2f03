// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRandomnessSource} from "./interfaces/IRandomnessSource.sol";

/// @title BlockhashRandomness
/// @notice Randomness from the hash of a block that doesn't exist yet when it is fixed.
/// @dev For private chains and demos: whoever builds the block may withhold it, and a keeper who acts alone may
/// let a round lapse. A round is a block's number. Where the chain serves old hashes (EIP-2935), a round can be
/// delivered for 8,191 blocks, elsewhere for 256; which of them is probed when the contract is deployed.
contract BlockhashRandomness is IRandomnessSource {
    /// @notice The system contract that serves the hashes of past blocks (EIP-2935).
    address public constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @notice How many blocks ahead a round is fixed.
    uint256 public constant DELAY = 2;

    /// @notice True when the chain served past hashes by EIP-2935 at deployment.
    bool public immutable hasHistory;

    /// @notice The round's block has not been built and followed by another yet.
    error RoundPending(uint256 round);

    /// @notice The chain doesn't know the hash of the round's block any more.
    error RoundLapsed(uint256 round);

    constructor() {
        bytes32 served = _fromHistory(block.number - 1);
        hasHistory = served != 0 && served == blockhash(block.number - 1);
    }

    /// @notice For how many blocks a round can be delivered.
    function window() external view returns (uint256) {
        return hasHistory ? 8191 : 256;
    }

    /// @inheritdoc IRandomnessSource
    function fix() external view returns (uint256 round) {
        return block.number + DELAY;
    }

    /// @inheritdoc IRandomnessSource
    function status(uint256 round) external view returns (Status) {
        if (block.number <= round) return Status.Pending;
        return _hashOf(round) == 0 ? Status.Lapsed : Status.Ready;
    }

    /// @inheritdoc IRandomnessSource
    /// @dev The proof is not used: the chain itself knows the hash.
    function deliver(uint256 round, bytes calldata) external view returns (bytes32 randomness) {
        if (block.number <= round) revert RoundPending(round);
        randomness = _hashOf(round);
        if (randomness == 0) revert RoundLapsed(round);
    }

    /// @dev The hash of a past block; zero when the chain doesn't know it any more.
    function _hashOf(uint256 number) private view returns (bytes32 hash) {
        hash = blockhash(number);
        if (hash == 0 && hasHistory) hash = _fromHistory(number);
    }

    /// @dev The hash that the history contract serves; zero when it serves none.
    function _fromHistory(uint256 number) private view returns (bytes32) {
        (bool ok, bytes memory answer) = HISTORY.staticcall(abi.encode(number));
        return ok && answer.length == 32 ? abi.decode(answer, (bytes32)) : bytes32(0);
    }
}
