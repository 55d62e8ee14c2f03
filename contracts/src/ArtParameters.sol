// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Governed} from "./Governed.sol";
import {ParameterSpec as Spec} from "./generated/ParameterSpec.sol";
import {IArtParameters} from "./interfaces/IArtParameters.sol";
import {ISlots} from "./interfaces/ISlots.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {Commitments} from "./libraries/Commitments.sol";
import {Utf8} from "./libraries/Utf8.sol";

/// @title ArtParameters
/// @notice What the collectors decide on: typed and bounded parameters, each with a setter of its own, so that
/// proposals that change different ones compose. Every change makes a new version; versions are for ever.
/// @dev The bounds come from `parameters.json`, by way of the generated `ParameterSpec`. A value's bytes are
/// `abi.encode` of a number or an id, and the UTF-8 bytes of a text.
contract ArtParameters is Governed, IArtParameters {
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;

    /// @notice The first version's values.
    struct Initial {
        bytes32 model;
        string prompt;
        string negativePrompt;
        string family;
        string palette;
        string mood;
        uint256 guidance;
        uint256 steps;
        uint256 strength;
        uint256 width;
        uint256 height;
        uint256 epochLength;
        uint256 energyBudget;
    }

    /// @notice The artwork, whose slot "registry" says which models may be chosen.
    ISlots public immutable artwork;

    /// @inheritdoc IArtParameters
    uint256 public version;

    mapping(bytes32 key => bytes value) private _values;
    mapping(bytes32 key => bytes32 hash) private _valueHashes;
    mapping(uint256 version => bytes32 hash) private _paramsHashes;

    /// @dev The models chosen so far; `_modelHistory` says from which version on which of them (by index) holds.
    bytes32[] private _models;
    Checkpoints.Trace208 private _modelHistory;

    /// @dev The epoch's length by version.
    Checkpoints.Trace208 private _epochLengthHistory;

    /// @dev The version by time.
    Checkpoints.Trace208 private _versionHistory;

    /// @notice A parameter has a new value, in a new version.
    event ParameterSet(uint256 indexed version, bytes32 indexed key, bytes value);

    /// @notice A number is out of its bounds, or not a multiple of what it must be.
    error NumberOutOfBounds(bytes32 key, uint256 value);

    /// @notice A text is too short or too long, counted in bytes.
    error TextOutOfBounds(bytes32 key, uint256 length);

    /// @notice A text isn't well-formed UTF-8.
    error TextNotUtf8(bytes32 key);

    /// @notice The model's id is zero, or the registry doesn't list it as active.
    error ModelNotActive(bytes32 modelId);

    /// @notice There is no such parameter.
    error UnknownKey(bytes32 key);

    /// @notice There is no such version (yet).
    error UnknownVersion(uint256 version);

    /// @param governance_ the timelock.
    /// @param artwork_ the artwork; may have no code yet, since its address is computed in advance.
    /// @param initial the first version's values; its model isn't checked against a registry.
    constructor(address governance_, ISlots artwork_, Initial memory initial) Governed(governance_) {
        if (address(artwork_) == address(0)) revert ZeroAddress();
        artwork = artwork_;
        version = 1;
        _recordModel(initial.model);
        _recordText(Spec.PROMPT, initial.prompt);
        _recordText(Spec.NEGATIVE_PROMPT, initial.negativePrompt);
        _recordText(Spec.FAMILY, initial.family);
        _recordText(Spec.PALETTE, initial.palette);
        _recordText(Spec.MOOD, initial.mood);
        _recordNumber(Spec.GUIDANCE, initial.guidance);
        _recordNumber(Spec.STEPS, initial.steps);
        _recordNumber(Spec.STRENGTH, initial.strength);
        _recordNumber(Spec.WIDTH, initial.width);
        _recordNumber(Spec.HEIGHT, initial.height);
        _recordEpochLength(initial.epochLength);
        _recordNumber(Spec.ENERGY_BUDGET, initial.energyBudget);
        _commitVersion();
    }

    // ----------------------------------------------------------------------------------------------- setters

    /// @notice Chooses the model that paints.
    function setModel(bytes32 value) external newVersion {
        address registry = artwork.slot("registry");
        if (registry != address(0) && !IModelRegistry(registry).isActive(value)) {
            revert ModelNotActive(value);
        }
        _recordModel(value);
    }

    /// @notice Says what to paint.
    function setPrompt(string calldata value) external newVersion {
        _recordText(Spec.PROMPT, value);
    }

    /// @notice Says what not to paint.
    function setNegativePrompt(string calldata value) external newVersion {
        _recordText(Spec.NEGATIVE_PROMPT, value);
    }

    /// @notice Chooses the style's family of forms.
    function setFamily(string calldata value) external newVersion {
        _recordText(Spec.FAMILY, value);
    }

    /// @notice Chooses the style's palette.
    function setPalette(string calldata value) external newVersion {
        _recordText(Spec.PALETTE, value);
    }

    /// @notice Chooses the style's mood.
    function setMood(string calldata value) external newVersion {
        _recordText(Spec.MOOD, value);
    }

    /// @notice Sets how closely the prompt is followed, in thousandths.
    function setGuidance(uint256 value) external newVersion {
        _recordNumber(Spec.GUIDANCE, value);
    }

    /// @notice Sets the number of denoising steps.
    function setSteps(uint256 value) external newVersion {
        _recordNumber(Spec.STEPS, value);
    }

    /// @notice Sets how much of the parent is painted over, in thousandths.
    function setStrength(uint256 value) external newVersion {
        _recordNumber(Spec.STRENGTH, value);
    }

    /// @notice Sets the picture's width in pixels.
    function setWidth(uint256 value) external newVersion {
        _recordNumber(Spec.WIDTH, value);
    }

    /// @notice Sets the picture's height in pixels.
    function setHeight(uint256 value) external newVersion {
        _recordNumber(Spec.HEIGHT, value);
    }

    /// @notice Sets the length of the epochs to come, in seconds.
    function setEpochLength(uint256 value) external newVersion {
        _recordEpochLength(value);
    }

    /// @notice Sets the most energy that a painting may be expected to take, in joules; 0 sets no budget.
    /// @dev The contract can't measure it: workers refuse a recipe whose declared energy is over it.
    function setEnergyBudget(uint256 value) external newVersion {
        _recordNumber(Spec.ENERGY_BUDGET, value);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @notice The parameters' keys in registration order.
    function keys() external pure returns (bytes32[] memory) {
        return Spec.keys();
    }

    /// @notice The bytes of a parameter's present value.
    function valueOf(bytes32 key) external view returns (bytes memory) {
        if (_valueHashes[key] == 0) revert UnknownKey(key);
        return _values[key];
    }

    /// @inheritdoc IArtParameters
    function paramsHash(uint256 version_) external view returns (bytes32) {
        _checkVersion(version_);
        return _paramsHashes[version_];
    }

    /// @inheritdoc IArtParameters
    function versionBefore(uint48 t) external view returns (uint256) {
        return t == 0 ? 0 : _versionHistory.upperLookupRecent(t - 1);
    }

    /// @inheritdoc IArtParameters
    function modelAt(uint256 version_) external view returns (bytes32) {
        _checkVersion(version_);
        return _models[_modelHistory.upperLookupRecent(version_.toUint48())];
    }

    /// @inheritdoc IArtParameters
    function epochLengthAt(uint256 version_) external view returns (uint48) {
        _checkVersion(version_);
        return uint256(_epochLengthHistory.upperLookupRecent(version_.toUint48())).toUint48();
    }

    // ---------------------------------------------------------------------------------------------- internals

    /// @dev A change by the governance: it makes the next version.
    modifier newVersion() {
        _checkGovernance();
        ++version;
        _;
        _commitVersion();
    }

    /// @dev Records the model under the version that is being made.
    function _recordModel(bytes32 value) private {
        if (value == 0) revert ModelNotActive(value);
        _modelHistory.push(version.toUint48(), _models.length.toUint208());
        _models.push(value);
        _record(Spec.MODEL, abi.encode(value));
    }

    /// @dev Records the epoch's length under the version that is being made.
    function _recordEpochLength(uint256 value) private {
        _recordNumber(Spec.EPOCH_LENGTH, value);
        _epochLengthHistory.push(version.toUint48(), value.toUint208());
    }

    /// @dev Records a number that is within its bounds.
    function _recordNumber(bytes32 key, uint256 value) private {
        (uint256 min, uint256 max, uint256 multipleOf) = Spec.numberBounds(key);
        if (value < min || value > max || value % multipleOf != 0) revert NumberOutOfBounds(key, value);
        _record(key, abi.encode(value));
    }

    /// @dev Records a text that is within its bounds and can be read in one way only.
    function _recordText(bytes32 key, string memory value) private {
        (uint256 minBytes, uint256 maxBytes) = Spec.textBounds(key);
        uint256 length = bytes(value).length;
        if (length < minBytes || length > maxBytes) revert TextOutOfBounds(key, length);
        if (!Utf8.isWellFormed(bytes(value))) revert TextNotUtf8(key);
        _record(key, bytes(value));
    }

    /// @dev Records a value under the version that is being made.
    function _record(bytes32 key, bytes memory value) private {
        _values[key] = value;
        _valueHashes[key] = keccak256(value);
        emit ParameterSet(version, key, value);
    }

    /// @dev Commits to all values as of the version that is being made.
    function _commitVersion() private {
        bytes32[] memory keys_ = Spec.keys();
        bytes32[] memory hashes = new bytes32[](keys_.length);
        for (uint256 i = 0; i < keys_.length; ++i) {
            hashes[i] = _valueHashes[keys_[i]];
        }
        _paramsHashes[version] = Commitments.paramsHash(keys_, hashes);
        _versionHistory.push(uint48(block.timestamp), version.toUint208());
    }

    /// @dev Reverts unless there is such a version.
    function _checkVersion(uint256 version_) private view {
        if (version_ == 0 || version_ > version) revert UnknownVersion(version_);
    }
}
