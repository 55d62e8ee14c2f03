// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IERC7007
/// @notice ERC-7007, verifiable AI-generated content: interface id 0x702c55a6.
interface IERC7007 {
    /// @notice Content data was added to a token. The indexed bytes leave only their hashes in the log.
    event AigcData(uint256 indexed tokenId, bytes indexed prompt, bytes indexed aigcData, bytes proof);

    /// @notice Adds content data to a token.
    function addAigcData(
        uint256 tokenId,
        bytes calldata prompt,
        bytes calldata aigcData,
        bytes calldata proof
    ) external;

    /// @notice True when the proof shows that the content was made from the prompt.
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        external
        view
        returns (bool success);
}

/// @title IERC7007Updatable
/// @notice ERC-7007, updatable content: interface id 0x3f37dce2.
interface IERC7007Updatable {
    /// @notice A token's content was replaced.
    event Update(uint256 indexed tokenId, bytes indexed prompt, bytes indexed aigcData);

    /// @notice Replaces the content of the prompt's token.
    function update(bytes calldata prompt, bytes calldata aigcData) external;
}
