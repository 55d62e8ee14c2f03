// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice How open a model is.
/// @param Restricted its weights can be had, under a licence that restricts what they may be used for.
/// @param OpenWeights its weights are free to use; the data or the code that made them aren't all public.
/// @param OpenSource its weights, the code and enough about the data to make it again are public.
enum Tier {
    Restricted,
    OpenWeights,
    OpenSource
}

/// @notice Where a model stands. Only an active one may be chosen.
/// @param None it isn't listed.
/// @param Registered it is listed, and may not be chosen yet.
/// @param Active it may be chosen.
/// @param Retired it may not be chosen any more; what it painted stays, and so does an epoch that is sealed.
enum Status {
    None,
    Registered,
    Active,
    Retired
}

/// @notice What the registry says of a model. Its id is the digest of its files.
/// @param tensorRoot Merkle root over its tensors (name, type, shape, sha256), which outlives another packing.
/// @param cardHash sha256 of its model card.
/// @param auditHash sha256 of what an audit found; zero when there was none.
/// @param parent the id of the model that it was made from; zero when none.
/// @param tier how open it is.
/// @param status where it stands.
/// @param royaltyReceiver who is paid for it; zero when nobody asks to be.
/// @param milliJoules the energy declared for a step of a megapixel, in thousandths of a joule; 0 when unknown.
/// @param uri where its files can be had, at a pinned revision.
/// @param licence its licence, as an SPDX expression.
/// @param pipelineClass the diffusers class that it is run by.
struct Model {
    bytes32 tensorRoot;
    bytes32 cardHash;
    bytes32 auditHash;
    bytes32 parent;
    Tier tier;
    Status status;
    address royaltyReceiver;
    uint64 milliJoules;
    string uri;
    string licence;
    string pipelineClass;
}

/// @title IModelRegistry
/// @notice Says which models may be chosen. Without a registry any non-zero id may be.
interface IModelRegistry {
    /// @notice A model was listed. What it says of itself doesn't change afterwards, but for its royalty
    /// receiver.
    event ModelRegistered(bytes32 indexed id, Model model);

    /// @notice A model was activated or retired.
    event ModelStatusSet(bytes32 indexed id, Status status);

    /// @notice Somebody else is paid for a model from now on; zero is nobody.
    event RoyaltyReceiverSet(bytes32 indexed id, address receiver);

    /// @notice The id is zero, or the entry lacks what every model has: its tensors' root and its card's hash.
    error InvalidModel(bytes32 id);

    /// @notice A text is empty, too long, counted in bytes, or isn't well-formed UTF-8.
    error InvalidText(bytes32 id, bytes32 field);

    /// @notice The model is in a state that doesn't allow this; None when it isn't listed.
    error ModelIs(bytes32 id, Status status);

    /// @notice The list of ids and the list of models aren't equally long.
    error LengthMismatch(uint256 ids, uint256 models);

    /// @notice True when the model may be chosen for the epochs to come.
    function isActive(bytes32 modelId) external view returns (bool);

    /// @notice What the registry says of a model; its status is None when it isn't listed.
    function modelOf(bytes32 modelId) external view returns (Model memory);
}
