// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ITokenMetadata
/// @notice The part behind the token's slot "metadata".
interface ITokenMetadata {
    /// @notice A token's metadata as a URI.
    function tokenURI(uint256 id) external view returns (string memory);

    /// @notice The collection's metadata as a URI (ERC-7572).
    function contractURI() external view returns (string memory);
}

/// @title IRoyaltyInfo
/// @notice The part behind the token's slot "royalty" (the question of ERC-2981).
interface IRoyaltyInfo {
    /// @notice Who is owed how much of a sale.
    function royaltyInfo(uint256 id, uint256 salePrice)
        external
        view
        returns (address receiver, uint256 amount);
}

/// @title IAigc
/// @notice The part behind the token's slot "aigc": it decides on the data of AI-generated content (ERC-7007).
/// The token itself emits the standard's events; the part emits the readable fields, which those only hash.
interface IAigc {
    /// @notice Accepts or refuses, by reverting, content data for a token.
    function addAigcData(
        address sender,
        uint256 id,
        bytes calldata prompt,
        bytes calldata aigcData,
        bytes calldata proof
    ) external;

    /// @notice Accepts or refuses, by reverting, an update of the content of the prompt's token.
    /// @return id the token that the prompt belongs to.
    function update(address sender, bytes calldata prompt, bytes calldata aigcData)
        external
        returns (uint256 id);

    /// @notice True when the proof shows that the content was made from the prompt.
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        external
        view
        returns (bool);
}
