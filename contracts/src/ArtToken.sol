// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";
import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Votes} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {Governed} from "./Governed.sol";
import {Slots} from "./Slots.sol";
import {IArtToken} from "./interfaces/IArtToken.sol";
import {IERC7007, IERC7007Updatable} from "./interfaces/IERC7007.sol";
import {IAigc, IRoyaltyInfo, ITokenMetadata} from "./interfaces/ITokenParts.sol";

/// @title ArtToken
/// @notice One token for each generation of the artwork, and one vote for each token.
///
/// A holder votes without a transaction: whoever has named no delegate is their own. Tokens of excluded accounts
/// (the treasury, later the auction) carry no vote and aren't part of the supply that the quorum is taken from,
/// so that unsold tokens can't freeze the governance.
/// @dev The clock is the timestamp. Metadata, royalties and the data of AI-generated content come from parts in
/// slots; an interface is advertised only while a part answers for it.
contract ArtToken is ERC721Votes, Slots, IArtToken, IERC4906, IERC2981, IERC7007, IERC7007Updatable {
    /// @dev The slots' names.
    bytes32 private constant MINTER = "minter";
    bytes32 private constant METADATA = "metadata";
    bytes32 private constant ROYALTY = "royalty";
    bytes32 private constant AIGC = "aigc";

    /// @notice True when an account's tokens carry no vote.
    mapping(address account => bool excluded) public isExcluded;

    /// @notice An account's tokens carry no vote from now on, or carry one again.
    event VotingUnitsExcluded(address indexed account, bool excluded);

    /// @notice The collection's metadata changed (ERC-7572).
    event ContractURIUpdated();

    /// @notice The caller isn't the minter.
    error NotMinter(address caller);

    /// @notice An account can be excluded or readmitted only while it holds no token.
    error AccountHoldsTokens(address account, uint256 balance);

    /// @param governance_ the timelock.
    /// @param minter the artwork; may have no code yet, since its address is computed in advance.
    /// @param metadata the part that answers for the metadata; likewise.
    /// @param excluded accounts whose tokens carry no vote: the treasury.
    constructor(address governance_, address minter, address metadata, address[] memory excluded)
        ERC721("Murmuration", "MURM")
        EIP712("Murmuration", "1")
        Governed(governance_)
    {
        super._setSlot(MINTER, minter);
        super._setSlot(METADATA, metadata);
        for (uint256 i = 0; i < excluded.length; ++i) {
            _setExcluded(excluded[i], true);
        }
    }

    // ----------------------------------------------------------------------------------------------- minting

    /// @inheritdoc IArtToken
    /// @dev Not the "safe" mint: the recipient is chosen by vote and must not be able to refuse a generation.
    function mint(address to, uint256 id) external {
        _checkMinter();
        _mint(to, id);
    }

    /// @inheritdoc IArtToken
    function refreshMetadata(uint256 id) external {
        _checkMinter();
        emit MetadataUpdate(id);
    }

    // ------------------------------------------------------------------------------------------------- votes

    /// @notice Takes away, or gives back, the votes of an account's future tokens. Only the governance.
    function setExcluded(address account, bool excluded) external onlyGovernance {
        _setExcluded(account, excluded);
    }

    /// @notice Who votes with an account's tokens: the account itself unless it has named somebody.
    function delegates(address account) public view override returns (address) {
        address chosen = super.delegates(account);
        return chosen == address(0) ? account : chosen;
    }

    /// @notice The clock that votes and epochs go by: the block's timestamp (ERC-6372).
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice The clock's description (ERC-6372).
    // forge-lint: disable-next-line(mixed-case-function)
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    // ------------------------------------------------------------------------------------- metadata and royalty

    /// @notice A token's metadata, from the part in the slot "metadata"; empty without one.
    function tokenURI(uint256 id) public view override returns (string memory) {
        _requireOwned(id);
        address metadata = slot(METADATA);
        return metadata == address(0) ? "" : ITokenMetadata(metadata).tokenURI(id);
    }

    /// @notice The collection's metadata (ERC-7572), from the part in the slot "metadata"; empty without one.
    function contractURI() external view returns (string memory) {
        address metadata = slot(METADATA);
        return metadata == address(0) ? "" : ITokenMetadata(metadata).contractURI();
    }

    /// @notice The royalty of a sale (ERC-2981), from the part in the slot "royalty"; none without one.
    function royaltyInfo(uint256 id, uint256 salePrice)
        external
        view
        returns (address receiver, uint256 amount)
    {
        address royalty = slot(ROYALTY);
        if (royalty == address(0)) return (address(0), 0);
        return IRoyaltyInfo(royalty).royaltyInfo(id, salePrice);
    }

    // ------------------------------------------------------------------------------------ AI-generated content

    /// @inheritdoc IERC7007
    /// @dev The part in the slot "aigc" accepts or refuses.
    function addAigcData(
        uint256 tokenId,
        bytes calldata prompt,
        bytes calldata aigcData,
        bytes calldata proof
    ) external {
        _requireOwned(tokenId);
        IAigc(_part(AIGC)).addAigcData(msg.sender, tokenId, prompt, aigcData, proof);
        emit AigcData(tokenId, prompt, aigcData, proof);
        emit MetadataUpdate(tokenId);
    }

    /// @inheritdoc IERC7007Updatable
    /// @dev The part in the slot "aigc" accepts or refuses, and knows the prompt's token.
    function update(bytes calldata prompt, bytes calldata aigcData) external {
        uint256 tokenId = IAigc(_part(AIGC)).update(msg.sender, prompt, aigcData);
        _requireOwned(tokenId);
        emit Update(tokenId, prompt, aigcData);
        emit MetadataUpdate(tokenId);
    }

    /// @inheritdoc IERC7007
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        external
        view
        returns (bool success)
    {
        return IAigc(_part(AIGC)).verify(prompt, aigcData, proof);
    }

    /// @notice True for the interfaces that the token answers for now (ERC-165).
    function supportsInterface(bytes4 id) public view override(ERC721, IERC165) returns (bool) {
        if (id == type(IERC2981).interfaceId) return slot(ROYALTY) != address(0);
        if (id == type(IERC7007).interfaceId || id == type(IERC7007Updatable).interfaceId) {
            return slot(AIGC) != address(0);
        }
        // ERC-4906 adds events only; its id is defined by the standard.
        return id == bytes4(0x49064906) || id == type(IERC5805).interfaceId
            || id == type(IERC6372).interfaceId || super.supportsInterface(id);
    }

    // --------------------------------------------------------------------------------------------- internals

    /// @inheritdoc Slots
    function _setSlot(bytes32 name, address part) internal override {
        super._setSlot(name, part);
        if (name == METADATA) {
            emit BatchMetadataUpdate(0, type(uint256).max);
            emit ContractURIUpdated();
        }
    }

    /// @inheritdoc Slots
    function _checkSlot(bytes32 name, address part) internal pure override {
        if (name == MINTER) {
            if (part == address(0)) revert InvalidSlot(name, part);
        } else if (name != METADATA && name != ROYALTY && name != AIGC) {
            revert UnknownSlot(name);
        }
    }

    /// @dev What is in the slot; reverts when nothing is.
    function _part(bytes32 name) private view returns (address part) {
        part = slot(name);
        if (part == address(0)) revert InvalidSlot(name, part);
    }

    /// @dev Reverts unless the minter calls.
    function _checkMinter() private view {
        if (msg.sender != slot(MINTER)) revert NotMinter(msg.sender);
    }

    /// @dev Excludes or readmits an account that holds nothing, so that no vote appears or vanishes.
    function _setExcluded(address account, bool excluded) private {
        if (account == address(0)) revert ZeroAddress();
        uint256 balance = balanceOf(account);
        if (balance != 0) revert AccountHoldsTokens(account, balance);
        isExcluded[account] = excluded;
        emit VotingUnitsExcluded(account, excluded);
    }

    /// @dev Delegating to nobody means to vote oneself.
    function _delegate(address account, address delegatee) internal override(Votes) {
        super._delegate(account, delegatee == address(0) ? account : delegatee);
    }

    /// @dev One vote a token; none for an excluded account.
    function _getVotingUnits(address account) internal view override returns (uint256) {
        return isExcluded[account] ? 0 : super._getVotingUnits(account);
    }

    /// @dev Votes that go to an excluded account leave the supply, and enter it when they come from one.
    function _transferVotingUnits(address from, address to, uint256 amount) internal override {
        if (isExcluded[from]) from = address(0);
        if (isExcluded[to]) to = address(0);
        if (from != to) super._transferVotingUnits(from, to, amount);
    }
}
