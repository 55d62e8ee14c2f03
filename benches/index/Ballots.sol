// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Ballots
/// @notice Says what a governor says, by the thousand, and holds nothing: for `make bench-index`.
/// Votes come in groups of 5,000 on ten proposals. Vote `i` is on proposal `i / 5000 * 10 + i % 10`, by a voter
/// who votes on it no second time; what is voted, and with what weight and reason, is drawn from its number.
contract Ballots {
    uint256 private constant VOTERS = 5000;
    uint256 private constant OPEN = 10;

    event ProposalCreated(
        uint256 proposalId,
        address proposer,
        address[] targets,
        uint256[] values,
        string[] signatures,
        bytes[] calldatas,
        uint256 voteStart,
        uint256 voteEnd,
        string description
    );
    event VoteCast(address indexed voter, uint256 proposalId, uint8 support, uint256 weight, string reason);

    /// @notice Proposals `first` to `first + count - 1`.
    function propose(uint256 first, uint256 count) external {
        address[] memory targets = new address[](1);
        targets[0] = address(this);
        uint256[] memory values = new uint256[](1);
        string[] memory signatures = new string[](1);
        bytes[] memory calldatas = new bytes[](1);
        for (uint256 number = first; number < first + count; number++) {
            calldatas[0] = abi.encodeWithSignature("setPalette(uint256,bytes32)", number, keccak256(abi.encode(number)));
            emit ProposalCreated(
                proposalId(number),
                msg.sender,
                targets,
                values,
                signatures,
                calldatas,
                block.timestamp,
                block.timestamp + 100 days,
                unicode"# Let the palette drift\n\nToward the colour that the collectors chose – slowly, over one epoch."
            );
        }
    }

    /// @notice Votes `first` to `first + count - 1`.
    function vote(uint256 first, uint256 count) external {
        for (uint256 number = first; number < first + count; number++) {
            bytes32 drawn = keccak256(abi.encode("vote", number));
            uint256 place = number % VOTERS / OPEN;
            uint256 proposal = number / VOTERS * OPEN + number % OPEN;
            emit VoteCast(
                voter((proposal * 1031 + place * 7) % VOTERS),
                proposalId(proposal),
                uint8(drawn[0]) % 3,
                weight(drawn),
                reason(uint8(drawn[1]))
            );
        }
    }

    function proposalId(uint256 number) public pure returns (uint256) {
        return uint256(keccak256(abi.encode("proposal", number)));
    }

    function voter(uint256 number) public pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("voter", number)))));
    }

    /// @dev Single tokens, tokens of 18 decimals, and a few of every size there is up to the largest.
    function weight(bytes32 drawn) private pure returns (uint256) {
        uint256 number = uint256(drawn);
        uint8 kind = uint8(drawn[2]);
        if (kind < 120) return number % 40 + 1;
        if (kind < 250) return (number % 1000 + 1) * 1e18 + number % 997;
        if (kind < 255) return number >> (number % 250);
        return type(uint256).max;
    }

    function reason(uint8 kind) private pure returns (string memory) {
        if (kind < 128) return "";
        if (kind < 215) return unicode"For – it keeps the piece alive.";
        return unicode"Against, for now. The drift is too quick, and nobody has said what it does to the generations "
        unicode"that were painted under the old palette; I’d rather see a smaller step first, and look at it for an "
        unicode"epoch before we go on. “Slowly” is a word, not a number.";
    }
}
