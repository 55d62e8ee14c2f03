// SPDX-License-Identifier: Apache-2.0
// Generated from parameters.json by script/build.py: change that file, then build.
pragma solidity 0.8.37;

/// @title ParameterSpec
/// @notice The governed parameters' keys, in registration order, and their bounds.
library ParameterSpec {
    bytes32 internal constant MODEL = "model";
    bytes32 internal constant PROMPT = "prompt";
    bytes32 internal constant NEGATIVE_PROMPT = "negative_prompt";
    bytes32 internal constant FAMILY = "family";
    bytes32 internal constant PALETTE = "palette";
    bytes32 internal constant MOOD = "mood";
    bytes32 internal constant GUIDANCE = "guidance";
    bytes32 internal constant STEPS = "steps";
    bytes32 internal constant STRENGTH = "strength";
    bytes32 internal constant WIDTH = "width";
    bytes32 internal constant HEIGHT = "height";
    bytes32 internal constant EPOCH_LENGTH = "epoch_length";
    bytes32 internal constant ENERGY_BUDGET = "energy_budget";

    /// @notice There are no such bounds for this key.
    error NoBounds(bytes32 key);

    /// @notice All keys in registration order.
    function keys() internal pure returns (bytes32[] memory list) {
        list = new bytes32[](13);
        list[0] = MODEL;
        list[1] = PROMPT;
        list[2] = NEGATIVE_PROMPT;
        list[3] = FAMILY;
        list[4] = PALETTE;
        list[5] = MOOD;
        list[6] = GUIDANCE;
        list[7] = STEPS;
        list[8] = STRENGTH;
        list[9] = WIDTH;
        list[10] = HEIGHT;
        list[11] = EPOCH_LENGTH;
        list[12] = ENERGY_BUDGET;
    }

    /// @notice A number's least and greatest value, and what it must be a multiple of.
    function numberBounds(bytes32 key) internal pure returns (uint256 min, uint256 max, uint256 multipleOf) {
        if (key == GUIDANCE) return (0, 20000, 1);
        if (key == STEPS) return (1, 100, 1);
        if (key == STRENGTH) return (50, 1000, 1);
        if (key == WIDTH) return (64, 1024, 64);
        if (key == HEIGHT) return (64, 1024, 64);
        if (key == EPOCH_LENGTH) return (10, 31536000, 1);
        if (key == ENERGY_BUDGET) return (0, 1000000000, 1);
        revert NoBounds(key);
    }

    /// @notice A text's least and greatest length in bytes.
    function textBounds(bytes32 key) internal pure returns (uint256 minBytes, uint256 maxBytes) {
        if (key == PROMPT) return (1, 1000);
        if (key == NEGATIVE_PROMPT) return (0, 1000);
        if (key == FAMILY) return (0, 64);
        if (key == PALETTE) return (0, 64);
        if (key == MOOD) return (0, 64);
        revert NoBounds(key);
    }
}
