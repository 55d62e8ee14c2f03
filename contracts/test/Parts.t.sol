// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {BlockhashRandomness} from "../src/BlockhashRandomness.sol";
import {Governed} from "../src/Governed.sol";
import {SoloPainter} from "../src/SoloPainter.sol";
import {Generation, ILivingArtwork} from "../src/interfaces/ILivingArtwork.sol";
import {IRandomnessSource} from "../src/interfaces/IRandomnessSource.sol";
import {Utf8} from "../src/libraries/Utf8.sol";
import {Deployed} from "./utils/Deployed.sol";

/// @notice The single operator.
contract SoloPainterTest is Deployed {
    function test_anchorAndDispute_revertForAnybodyButTheOperator() public {
        vm.expectRevert(abi.encodeWithSelector(SoloPainter.NotOperator.selector, stranger));
        vm.prank(stranger);
        painter.anchor(1, _picture(1));
        vm.expectRevert(abi.encodeWithSelector(SoloPainter.NotOperator.selector, stranger));
        vm.prank(stranger);
        painter.dispute(1, "mine");
    }

    function test_setOperator_handsTheBrushOver_byVoteAlone() public {
        vm.expectRevert(abi.encodeWithSelector(Governed.NotGovernance.selector, operator));
        vm.prank(operator);
        painter.setOperator(stranger);

        vm.expectEmit(address(painter));
        emit SoloPainter.OperatorSet(operator, stranger);
        vm.prank(address(timelock));
        painter.setOperator(stranger);
        uint256 number = _seal();
        _draw(number);
        vm.prank(stranger);
        uint256 generation = painter.anchor(number, _picture(7));
        assertEq(artwork.generationOf(generation).painter, stranger);
    }

    function test_onlyTheArtworkTellsOfEpochsAndRounds() public {
        vm.expectRevert(abi.encodeWithSelector(SoloPainter.NotArtwork.selector, stranger));
        vm.prank(stranger);
        painter.roundOpened(1, 1, 1, "recipe");
        vm.expectRevert(abi.encodeWithSelector(SoloPainter.NotArtwork.selector, stranger));
        vm.prank(stranger);
        painter.epochSealed(1);
    }

    function test_constructor_revertsWithoutAnArtwork() public {
        vm.expectRevert(Governed.ZeroAddress.selector);
        new SoloPainter(address(timelock), ILivingArtwork(address(0)), operator);
    }
}

/// @notice Randomness from a block that doesn't exist yet.
contract BlockhashRandomnessTest is Deployed {
    function _status(BlockhashRandomness source, uint256 round) private view returns (uint8) {
        return uint8(source.status(round));
    }

    function test_aRoundIsPendingThenReadyThenLapsed() public {
        uint256 round = randomness.fix();
        assertEq(round, block.number + 2);
        assertFalse(randomness.hasHistory());
        assertEq(randomness.window(), 256);
        vm.roll(round);
        assertEq(_status(randomness, round), uint8(IRandomnessSource.Status.Pending));
        vm.expectRevert(abi.encodeWithSelector(BlockhashRandomness.RoundPending.selector, round));
        randomness.deliver(round, "");
        vm.roll(round + 1);
        assertEq(_status(randomness, round), uint8(IRandomnessSource.Status.Ready));
        assertEq(randomness.deliver(round, ""), blockhash(round));
        vm.roll(round + 256);
        assertEq(_status(randomness, round), uint8(IRandomnessSource.Status.Ready));
        vm.roll(round + 257);
        assertEq(_status(randomness, round), uint8(IRandomnessSource.Status.Lapsed));
        vm.expectRevert(abi.encodeWithSelector(BlockhashRandomness.RoundLapsed.selector, round));
        randomness.deliver(round, "");
    }

    function test_whereTheChainServesOldHashes_aRoundLivesFor8191Blocks() public {
        _history(block.number - 1, blockhash(block.number - 1));
        BlockhashRandomness source = new BlockhashRandomness();
        assertTrue(source.hasHistory());
        assertEq(source.window(), 8191);

        uint256 round = source.fix();
        vm.roll(round + 8191);
        _history(round, keccak256("old"));
        assertEq(_status(source, round), uint8(IRandomnessSource.Status.Ready));
        assertEq(source.deliver(round, ""), keccak256("old"));
        // Past its window the system contract reverts.
        vm.mockCallRevert(source.HISTORY(), abi.encode(round), "");
        assertEq(_status(source, round), uint8(IRandomnessSource.Status.Lapsed));
    }

    function test_aHistoryThatLies_isNotTrusted() public {
        _history(block.number - 1, keccak256("wrong"));
        assertFalse(new BlockhashRandomness().hasHistory());
    }

    /// @dev Lets the system contract answer for one block.
    function _history(uint256 number, bytes32 hash) private {
        vm.mockCall(randomness.HISTORY(), abi.encode(number), abi.encode(hash));
    }
}

/// @notice What a token says of itself, read as a reader of JSON would.
contract TokenMetadataTest is Deployed {
    string private constant PREFIX = "data:application/json;base64,";

    function _json(string memory uri) private pure returns (string memory) {
        bytes memory raw = bytes(uri);
        bytes memory payload = new bytes(raw.length - bytes(PREFIX).length);
        for (uint256 i = 0; i < payload.length; ++i) {
            payload[i] = raw[i + bytes(PREFIX).length];
        }
        return string(Base64.decode(string(payload)));
    }

    function _attribute(string memory json, uint256 index)
        private
        pure
        returns (string memory, string memory)
    {
        string memory path = string.concat("$.attributes[", vm.toString(index), "]");
        return (
            vm.parseJsonString(json, string.concat(path, ".trait_type")),
            vm.parseJsonString(json, string.concat(path, ".value"))
        );
    }

    function test_tokenURI_tellsTheRecord() public {
        (, uint256 id) = _paint();
        string memory json = _json(token.tokenURI(id));
        Generation memory g = artwork.generationOf(id);
        assertEq(vm.parseJsonString(json, "$.name"), "Murmuration, generation 7");
        string[14] memory traits = [
            "Origin",
            "Epoch",
            "Model",
            "Painter",
            "Parent head",
            "Lineage head",
            "Seed",
            "Recipe hash",
            "Result hash",
            "Pixel hash",
            "Thumbnail hash",
            "File hash",
            "Portrait",
            "Proof"
        ];
        string[14] memory values = [
            "voted",
            "1",
            vm.toString(g.modelId),
            Strings.toChecksumHexString(operator),
            vm.toString(g.parentHead),
            vm.toString(g.head),
            vm.toString(g.seed),
            vm.toString(g.recipeHash),
            vm.toString(g.resultHash),
            vm.toString(g.result.pixelHash),
            vm.toString(g.result.thumbHash),
            vm.toString(g.result.fileHash),
            "none",
            "unproved"
        ];
        for (uint256 i = 0; i < traits.length; ++i) {
            (string memory trait, string memory value) = _attribute(json, i);
            assertEq(trait, traits[i]);
            assertEq(value, values[i], trait);
        }
    }

    function test_tokenURI_tellsOfAPortraitAndItsProof() public {
        vm.startPrank(address(timelock));
        artwork.setSlot("portrait", address(this));
        artwork.setSlot("proof", address(this));
        vm.stopPrank();
        artwork.attachPortrait(1, address(metadata));
        artwork.attachProof(1, "proof");
        string memory json = _json(token.tokenURI(1));
        (, string memory origin) = _attribute(json, 0);
        (, string memory portrait) = _attribute(json, 12);
        (, string memory proof) = _attribute(json, 13);
        assertEq(origin, "founding");
        assertEq(portrait, Strings.toChecksumHexString(address(metadata)));
        assertEq(proof, vm.toString(bytes32("proof")));
    }

    function test_contractURI_isJson() public view {
        string memory json = _json(token.contractURI());
        assertEq(vm.parseJsonString(json, "$.name"), "Murmuration");
        assertEq(vm.parseJsonString(json, "$.symbol"), "MURM");
    }
}

/// @notice Well-formed UTF-8 and nothing else.
contract Utf8Test is Deployed {
    function test_isWellFormed_takesEveryLengthAndItsBounds() public pure {
        bytes[14] memory good = [
            bytes(""),
            "plain",
            unicode"grüße",
            unicode"墨",
            unicode"🐦",
            hex"7f",
            hex"c280",
            hex"dfbf",
            hex"e0a080",
            hex"ed9fbf",
            hex"ee8080",
            hex"efbfbf",
            hex"f0908080",
            hex"f48fbfbf"
        ];
        for (uint256 i = 0; i < good.length; ++i) {
            assertTrue(Utf8.isWellFormed(good[i]), vm.toString(i));
        }
    }

    function test_isWellFormed_refusesWhatIsCutOverlongOrOutOfRange() public pure {
        bytes[15] memory bad = [
            bytes(hex"80"),
            hex"bf",
            hex"c0af",
            hex"c1bf",
            hex"c2",
            hex"c241",
            hex"e09fbf",
            hex"e0a0",
            hex"eda080",
            hex"e18041",
            hex"f08fbfbf",
            hex"f4908080",
            hex"f5808080",
            hex"f0908041",
            hex"61ff"
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            assertFalse(Utf8.isWellFormed(bad[i]), vm.toString(i));
        }
    }

    /// @dev Every code point, encoded by the rule, is well formed unless it is a surrogate.
    function testFuzz_isWellFormed_takesEveryCodePoint(uint32 point) public pure {
        point = uint32(bound(point, 0, 0x10FFFF));
        bytes memory text;
        // forge-lint: disable-start(unsafe-typecast)
        if (point < 0x80) {
            text = abi.encodePacked(uint8(point));
        } else if (point < 0x800) {
            text = abi.encodePacked(uint8(0xC0 | (point >> 6)), uint8(0x80 | (point & 0x3F)));
        } else if (point < 0x10000) {
            text = abi.encodePacked(
                uint8(0xE0 | (point >> 12)), uint8(0x80 | ((point >> 6) & 0x3F)), uint8(0x80 | (point & 0x3F))
            );
        } else {
            text = abi.encodePacked(
                uint8(0xF0 | (point >> 18)),
                uint8(0x80 | ((point >> 12) & 0x3F)),
                uint8(0x80 | ((point >> 6) & 0x3F)),
                uint8(0x80 | (point & 0x3F))
            );
        }
        // forge-lint: disable-end(unsafe-typecast)
        assertEq(Utf8.isWellFormed(text), point < 0xD800 || point > 0xDFFF);
    }
}
