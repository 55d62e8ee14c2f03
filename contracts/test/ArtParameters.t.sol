// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ArtParameters} from "../src/ArtParameters.sol";
import {Governed} from "../src/Governed.sol";
import {ISlots} from "../src/interfaces/ISlots.sol";
import {Deployed} from "./utils/Deployed.sol";

/// @notice What is decided on: typed, bounded, versioned.
contract ArtParametersTest is Deployed {
    /// @dev Everything here is what the timelock may do.
    modifier byVote() {
        vm.startPrank(address(timelock));
        _;
        vm.stopPrank();
    }

    function test_theFirstVersionHoldsEverything() public view {
        assertEq(parameters.version(), 1);
        assertEq(parameters.valueOf("model"), abi.encode(MODEL));
        assertEq(parameters.valueOf("prompt"), bytes("starlings over a winter field"));
        assertEq(parameters.valueOf("negative_prompt"), bytes("text"));
        assertEq(parameters.valueOf("family"), bytes("ink"));
        assertEq(parameters.valueOf("palette"), bytes("dusk"));
        assertEq(parameters.valueOf("mood"), bytes("calm"));
        assertEq(parameters.valueOf("guidance"), abi.encode(4500));
        assertEq(parameters.valueOf("steps"), abi.encode(24));
        assertEq(parameters.valueOf("strength"), abi.encode(620));
        assertEq(parameters.valueOf("width"), abi.encode(512));
        assertEq(parameters.valueOf("height"), abi.encode(512));
        assertEq(parameters.valueOf("epoch_length"), abi.encode(EPOCH));
        assertEq(parameters.valueOf("energy_budget"), abi.encode(0));
        assertEq(parameters.modelAt(1), MODEL);
        assertEq(parameters.epochLengthAt(1), EPOCH);
    }

    function test_theSpecificationIsTheContract() public byVote {
        // parameters.json names a setter for each key: call them all, and find the value where it belongs.
        string memory json = vm.readFile("parameters.json");
        bytes32[] memory keys = parameters.keys();
        for (uint256 i = 0; i < keys.length; ++i) {
            string memory path = string.concat("$[", vm.toString(i), "]");
            bytes32 key = bytes32(bytes(vm.parseJsonString(json, string.concat(path, ".key"))));
            string memory kind = vm.parseJsonString(json, string.concat(path, ".kind"));
            string memory setter = vm.parseJsonString(json, string.concat(path, ".setter"));
            assertEq(keys[i], key);
            if (_same(kind, "number")) {
                uint256 max = vm.parseJsonUint(json, string.concat(path, ".max"));
                uint256 min = vm.parseJsonUint(json, string.concat(path, ".min"));
                uint256 multipleOf = vm.parseJsonUint(json, string.concat(path, ".multiple_of"));
                _checkNumber(key, string.concat(setter, "(uint256)"), min, max, multipleOf);
            } else if (_same(kind, "text")) {
                uint256 max = vm.parseJsonUint(json, string.concat(path, ".max_bytes"));
                uint256 min = vm.parseJsonUint(json, string.concat(path, ".min_bytes"));
                _checkText(key, string.concat(setter, "(string)"), min, max);
            } else {
                assertEq(kind, "bytes32");
                assertTrue(
                    _call(abi.encodeWithSignature(string.concat(setter, "(bytes32)"), bytes32(uint256(7))))
                );
                assertEq(parameters.valueOf(key), abi.encode(7));
            }
        }
        assertFalse(vm.keyExistsJson(json, string.concat("$[", vm.toString(keys.length), "]")));
    }

    function _checkNumber(bytes32 key, string memory setter, uint256 min, uint256 max, uint256 multipleOf)
        private
    {
        assertTrue(_call(abi.encodeWithSignature(setter, min)));
        assertTrue(_call(abi.encodeWithSignature(setter, max)));
        assertEq(parameters.valueOf(key), abi.encode(max));
        assertFalse(_call(abi.encodeWithSignature(setter, max + multipleOf)), setter);
        if (min > 0) assertFalse(_call(abi.encodeWithSignature(setter, min - 1)), setter);
        if (multipleOf > 1) assertFalse(_call(abi.encodeWithSignature(setter, min + 1)), setter);
    }

    function _checkText(bytes32 key, string memory setter, uint256 min, uint256 max) private {
        string memory longest = string(_letters(max));
        assertTrue(_call(abi.encodeWithSignature(setter, longest)), setter);
        assertEq(parameters.valueOf(key), bytes(longest));
        assertFalse(_call(abi.encodeWithSignature(setter, string(_letters(max + 1)))), setter);
        assertEq(_call(abi.encodeWithSignature(setter, "")), min == 0, setter);
    }

    function _letters(uint256 length) private pure returns (bytes memory text) {
        text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "a";
        }
    }

    function _call(bytes memory data) private returns (bool ok) {
        // forge-lint: disable-next-line(unchecked-call)
        (ok,) = address(parameters).call(data);
    }

    function _same(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    // ---------------------------------------------------------------------------------------------- versions

    function test_eachChangeMakesAVersion_andOldVersionsStay() public byVote {
        bytes32 first = parameters.paramsHash(1);
        vm.expectEmit(address(parameters));
        emit ArtParameters.ParameterSet(2, "guidance", abi.encode(3000));
        parameters.setGuidance(3000);
        parameters.setModel(bytes32(uint256(1)));
        parameters.setEpochLength(120);
        assertEq(parameters.version(), 4);
        assertEq(parameters.paramsHash(1), first);
        assertNotEq(parameters.paramsHash(2), first);
        assertEq(parameters.modelAt(2), MODEL);
        assertEq(parameters.modelAt(3), bytes32(uint256(1)));
        assertEq(parameters.modelAt(4), bytes32(uint256(1)));
        assertEq(parameters.epochLengthAt(3), EPOCH);
        assertEq(parameters.epochLengthAt(4), 120);
    }

    function test_paramsHash_isOverTheKeysAndTheHashesOfTheValues() public view {
        bytes32[] memory keys = parameters.keys();
        bytes32[] memory hashes = new bytes32[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            hashes[i] = keccak256(parameters.valueOf(keys[i]));
        }
        assertEq(parameters.paramsHash(1), keccak256(abi.encode("PARAMS_V1", keys, hashes)));
    }

    function test_versionBefore_isTheOneInForceStrictlyBefore() public {
        uint48 born = uint48(block.timestamp) - 1;
        uint48 changed = born + 100;
        vm.warp(changed);
        vm.startPrank(address(timelock));
        parameters.setSteps(10);
        parameters.setSteps(11);
        vm.stopPrank();
        assertEq(parameters.versionBefore(0), 0);
        assertEq(parameters.versionBefore(born), 0);
        assertEq(parameters.versionBefore(born + 1), 1);
        assertEq(parameters.versionBefore(changed), 1);
        assertEq(parameters.versionBefore(changed + 1), 3);
    }

    function testFuzz_settingTheSameValuesAgainGivesTheSameHash(uint256 guidance, uint256 steps)
        public
        byVote
    {
        guidance = bound(guidance, 0, 20_000);
        steps = bound(steps, 1, 100);
        vm.assume(guidance != 4500 && steps != 24);
        parameters.setGuidance(guidance);
        parameters.setSteps(steps);
        bytes32 there = parameters.paramsHash(3);
        parameters.setGuidance(4500);
        parameters.setSteps(24);
        assertEq(parameters.paramsHash(5), parameters.paramsHash(1));
        parameters.setSteps(steps);
        parameters.setGuidance(guidance);
        assertEq(parameters.paramsHash(7), there);
        assertNotEq(there, parameters.paramsHash(1));
    }

    // ------------------------------------------------------------------------------------------------ refusals

    function testFuzz_setGuidance_revertsOutOfBounds(uint256 value) public byVote {
        value = bound(value, 20_001, type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(ArtParameters.NumberOutOfBounds.selector, bytes32("guidance"), value)
        );
        parameters.setGuidance(value);
    }

    function testFuzz_setWidth_takesOnlyMultiplesOf64(uint256 value) public byVote {
        value = bound(value, 64, 1024);
        if (value % 64 != 0) {
            vm.expectRevert(
                abi.encodeWithSelector(ArtParameters.NumberOutOfBounds.selector, bytes32("width"), value)
            );
        }
        parameters.setWidth(value);
    }

    function test_setPrompt_countsBytesNotLetters() public byVote {
        string memory birds = "";
        for (uint256 i = 0; i < 250; ++i) {
            birds = string.concat(birds, unicode"🐦");
        }
        parameters.setPrompt(birds);
        vm.expectRevert(
            abi.encodeWithSelector(ArtParameters.TextOutOfBounds.selector, bytes32("prompt"), 1004)
        );
        parameters.setPrompt(string.concat(birds, unicode"🐦"));
    }

    function test_setPrompt_revertsWhenEmptyOrNotUtf8() public byVote {
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.TextOutOfBounds.selector, bytes32("prompt"), 0));
        parameters.setPrompt("");
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.TextNotUtf8.selector, bytes32("prompt")));
        parameters.setPrompt(string(bytes(hex"ff")));
    }

    function test_setModel_revertsForZero() public byVote {
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.ModelNotActive.selector, bytes32(0)));
        parameters.setModel(0);
    }

    function test_setModel_takesAnythingAsLongAsThereIsNoRegistry() public byVote {
        parameters.setModel("anything");
        assertEq(parameters.modelAt(parameters.version()), "anything");
    }

    function test_everySetter_revertsForAnybodyButTheGovernance() public {
        bytes4[6] memory texts = [
            parameters.setPrompt.selector,
            parameters.setNegativePrompt.selector,
            parameters.setFamily.selector,
            parameters.setPalette.selector,
            parameters.setMood.selector,
            parameters.setPrompt.selector
        ];
        bytes4[7] memory words = [
            parameters.setGuidance.selector,
            parameters.setSteps.selector,
            parameters.setStrength.selector,
            parameters.setWidth.selector,
            parameters.setHeight.selector,
            parameters.setEpochLength.selector,
            parameters.setModel.selector
        ];
        bytes memory refusal = abi.encodeWithSelector(Governed.NotGovernance.selector, address(this));
        for (uint256 i = 0; i < texts.length; ++i) {
            _expectRefused(abi.encodeWithSelector(texts[i], "a"), refusal);
        }
        for (uint256 i = 0; i < words.length; ++i) {
            _expectRefused(abi.encodeWithSelector(words[i], 64), refusal);
        }
        assertEq(parameters.version(), 1);
    }

    function _expectRefused(bytes memory data, bytes memory refusal) private {
        (bool ok, bytes memory reason) = address(parameters).call(data);
        assertFalse(ok);
        assertEq(reason, refusal);
    }

    function test_views_revertForWhatThereIsNot() public {
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.UnknownKey.selector, bytes32("energy")));
        parameters.valueOf("energy");
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.UnknownVersion.selector, 2));
        parameters.paramsHash(2);
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.UnknownVersion.selector, 0));
        parameters.modelAt(0);
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.UnknownVersion.selector, 9));
        parameters.epochLengthAt(9);
    }

    function test_constructor_revertsForBadFirstValuesAndNoArtwork() public {
        ArtParameters.Initial memory initial = _initial();
        vm.expectRevert(Governed.ZeroAddress.selector);
        new ArtParameters(address(timelock), ISlots(address(0)), initial);
        initial.steps = 0;
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.NumberOutOfBounds.selector, bytes32("steps"), 0));
        new ArtParameters(address(timelock), artwork, initial);
    }
}
