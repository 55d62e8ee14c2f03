// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "./Governed.sol";
import {IModelRegistry, Model, Status} from "./interfaces/IModelRegistry.sol";
import {Utf8} from "./libraries/Utf8.sol";

/// @title ModelRegistry
/// @notice The open weights that may paint: what each model is, by the digest of its files, and whether it may
/// be chosen. The governance lists, activates and retires them.
/// @dev Listing is a step of its own, so that a proposal can say exactly what is listed and voters can check it
/// before another one activates it; nothing keeps one proposal from doing both. Retiring a model forbids to
/// choose it anew: a choice that is in force stays until a vote changes it, and a sealed epoch is never touched,
/// since its parameters are frozen.
contract ModelRegistry is Governed, IModelRegistry {
    /// @notice The longest address of a model's files, in bytes.
    uint256 public constant MAX_URI = 512;

    /// @notice The longest licence and the longest name of a class, in bytes.
    uint256 public constant MAX_NAME = 128;

    mapping(bytes32 id => Model model) private _models;

    /// @param governance_ the timelock.
    /// @param ids the models that are active from the start, by the digest of their files.
    /// @param models what each of them is, in the same order.
    constructor(address governance_, bytes32[] memory ids, Model[] memory models) Governed(governance_) {
        if (ids.length != models.length) revert LengthMismatch(ids.length, models.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            _register(ids[i], models[i]);
            _setStatus(ids[i], Status.Active);
        }
    }

    // ------------------------------------------------------------------------------------------- the governance

    /// @notice Lists a model, whatever status it comes with: it may not be chosen before it is activated.
    function register(bytes32 id, Model calldata model) external onlyGovernance {
        _register(id, model);
    }

    /// @notice Lets a listed or retired model be chosen.
    function activate(bytes32 id) external onlyGovernance {
        Status current = _models[id].status;
        if (current == Status.None || current == Status.Active) revert ModelIs(id, current);
        _setStatus(id, Status.Active);
    }

    /// @notice Forbids to choose a model from now on.
    function retire(bytes32 id) external onlyGovernance {
        Status current = _models[id].status;
        if (current == Status.None || current == Status.Retired) revert ModelIs(id, current);
        _setStatus(id, Status.Retired);
    }

    /// @notice Says who is paid for a model from now on.
    function setRoyaltyReceiver(bytes32 id, address receiver) external onlyGovernance {
        if (_models[id].status == Status.None) revert ModelIs(id, Status.None);
        _models[id].royaltyReceiver = receiver;
        emit RoyaltyReceiverSet(id, receiver);
    }

    // -------------------------------------------------------------------------------------------------- reading

    /// @inheritdoc IModelRegistry
    function isActive(bytes32 modelId) external view returns (bool) {
        return _models[modelId].status == Status.Active;
    }

    /// @inheritdoc IModelRegistry
    function modelOf(bytes32 modelId) external view returns (Model memory) {
        return _models[modelId];
    }

    // ----------------------------------------------------------------------------------------------- what is done

    function _register(bytes32 id, Model memory model) private {
        if (id == 0 || model.tensorRoot == 0 || model.cardHash == 0) revert InvalidModel(id);
        Status current = _models[id].status;
        if (current != Status.None) revert ModelIs(id, current);
        _checkText(id, "uri", model.uri, MAX_URI);
        _checkText(id, "licence", model.licence, MAX_NAME);
        _checkText(id, "pipelineClass", model.pipelineClass, MAX_NAME);
        model.status = Status.Registered;
        _models[id] = model;
        emit ModelRegistered(id, model);
    }

    function _setStatus(bytes32 id, Status status) private {
        _models[id].status = status;
        emit ModelStatusSet(id, status);
    }

    function _checkText(bytes32 id, bytes32 field, string memory text, uint256 longest) private pure {
        uint256 length = bytes(text).length;
        if (length == 0 || length > longest || !Utf8.isWellFormed(bytes(text))) {
            revert InvalidText(id, field);
        }
    }
}
