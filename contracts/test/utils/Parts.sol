// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAigc, IRoyaltyInfo} from "../../src/interfaces/ITokenParts.sol";
import {IPainter} from "../../src/interfaces/IPainter.sol";
import {IRandomnessSource} from "../../src/interfaces/IRandomnessSource.sol";
import {ILivingArtwork} from "../../src/interfaces/ILivingArtwork.sol";
import {Result} from "../../src/libraries/Commitments.sol";

/// @notice A painting authority that can fail in each way that the artwork must survive.
contract StubbornPainter is IPainter {
    bool public ready = true;
    bool public refuses;
    uint256 public rounds;
    uint256 public sealedEpoch;
    bytes32 public recipeHash;
    bytes private answer;

    function set(bool ready_, bool refuses_) external {
        ready = ready_;
        refuses = refuses_;
    }

    function epochSealed(uint256 epoch) external {
        sealedEpoch = epoch;
    }

    function roundOpened(uint256, uint256, uint48, bytes32 recipeHash_) external {
        require(!refuses, "refused");
        recipeHash = recipeHash_;
        ++rounds;
    }

    /// @dev What it says of a round, in raw bytes, so that it can answer nonsense; a revert when there is nothing.
    function setAnswer(bytes calldata answer_) external {
        answer = answer_;
    }

    function roundOver(uint256) external view returns (bool) {
        require(answer.length != 0, "no answer");
        bytes memory raw = answer;
        assembly ("memory-safe") {
            return(add(raw, 32), mload(raw))
        }
    }

    function anchor(ILivingArtwork artwork, uint256 epoch, Result calldata result)
        external
        returns (uint256)
    {
        return artwork.anchor(epoch, result, address(this));
    }

    function dispute(ILivingArtwork artwork, uint256 generation, bytes32 reason) external {
        artwork.dispute(generation, reason);
    }
}

/// @notice A source of randomness whose rounds are what the test says.
contract ScriptedRandomness is IRandomnessSource {
    Status public now_;
    bool public broken;
    uint256 public rounds = 100;

    function set(Status now__, bool broken_) external {
        now_ = now__;
        broken = broken_;
        ++rounds;
    }

    function fix() external view returns (uint256) {
        return rounds;
    }

    function status(uint256) external view returns (Status) {
        require(!broken, "broken");
        return now_;
    }

    function deliver(uint256 round, bytes calldata proof) external view returns (bytes32) {
        require(!broken && now_ == Status.Ready, "no");
        return keccak256(abi.encode(round, proof));
    }
}

/// @notice Royalties of five percent.
contract FivePercent is IRoyaltyInfo {
    function royaltyInfo(uint256, uint256 salePrice) external view returns (address, uint256) {
        return (address(this), salePrice / 20);
    }
}

/// @notice Accepts content data whose proof is the prompt's hash; a prompt is its token's number.
contract HashedAigc is IAigc {
    function addAigcData(
        address,
        uint256,
        bytes calldata prompt,
        bytes calldata aigcData,
        bytes calldata proof
    ) external pure {
        require(verify(prompt, aigcData, proof), "unproved");
    }

    function update(address, bytes calldata prompt, bytes calldata) external pure returns (uint256) {
        return abi.decode(prompt, (uint256));
    }

    function verify(bytes calldata prompt, bytes calldata, bytes calldata proof) public pure returns (bool) {
        return keccak256(prompt) == bytes32(proof);
    }
}
