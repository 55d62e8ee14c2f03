// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";
import {ArtToken} from "../../src/ArtToken.sol";
import {Deployed} from "../utils/Deployed.sol";

/// @notice People who trade, delegate and buy from a treasury that holds five hundred unsold tokens.
contract ElectorateHandler is CommonBase, StdUtils {
    ArtToken private immutable TOKEN;
    address private immutable TREASURY;
    address[] public people;

    /// @notice How often the handler was called, and how often that changed something.
    uint256 public calls;
    uint256 public successes;

    constructor(ArtToken token, address treasury, address[] memory people_) {
        TOKEN = token;
        TREASURY = treasury;
        people = people_;
    }

    modifier counted() {
        ++calls;
        _;
        ++successes;
        vm.warp(block.timestamp + 1);
    }

    /// @notice A person gives a token to another.
    function give(uint256 id, uint256 to) external counted {
        id = bound(id, 1, 6);
        address owner = TOKEN.ownerOf(id);
        vm.prank(owner);
        TOKEN.transferFrom(owner, _person(to), id);
    }

    /// @notice A person sells a token to the treasury, or gets one of those that it holds.
    function trade(uint256 id, uint256 to) external counted {
        id = bound(id, 1, 20);
        address owner = TOKEN.ownerOf(id);
        vm.prank(owner);
        TOKEN.transferFrom(owner, owner == TREASURY ? _person(to) : TREASURY, id);
    }

    /// @notice A person names a delegate, or nobody.
    function delegate(uint256 from, uint256 to) external counted {
        vm.prank(_person(from));
        TOKEN.delegate(to % 5 == 0 ? address(0) : _person(to));
    }

    /// @notice The treasury, too, may try to delegate.
    function delegateByTheTreasury(uint256 to) external counted {
        vm.prank(TREASURY);
        TOKEN.delegate(_person(to));
    }

    /// @notice Somebody without tokens is excluded or readmitted by vote.
    function exclude(uint256 seed) external {
        address person = _person(seed);
        if (TOKEN.balanceOf(person) != 0) return;
        ++calls;
        bool excluded = TOKEN.isExcluded(person);
        vm.prank(TREASURY);
        TOKEN.setExcluded(person, !excluded);
        ++successes;
    }

    function _person(uint256 seed) private view returns (address) {
        return people[seed % people.length];
    }

    /// @notice All the people.
    function everybody() external view returns (address[] memory) {
        return people;
    }
}

/// @notice What holds of the electorate whatever people do.
contract ElectorateInvariants is Deployed {
    uint256 private constant UNSOLD = 500;
    ElectorateHandler private handler;

    function setUp() public override {
        super.setUp();
        vm.startPrank(address(artwork));
        for (uint256 id = 7; id < 7 + UNSOLD; ++id) {
            token.mint(address(timelock), id);
        }
        vm.stopPrank();
        address[] memory people = new address[](5);
        (people[0], people[1], people[2], people[3], people[4]) = (mira, ines, tomas, yuki, stranger);
        handler = new ElectorateHandler(token, address(timelock), people);
        targetContract(address(handler));
        skip(1);
    }

    /// @dev Tokens of accounts whose tokens vote.
    function _votingTokens() private view returns (uint256 tokens) {
        address[] memory people = handler.everybody();
        for (uint256 i = 0; i < people.length; ++i) {
            if (!token.isExcluded(people[i])) tokens += token.balanceOf(people[i]);
        }
    }

    function invariant_theVotesAreTheTokensOutsideTheExcluded() public view {
        address[] memory people = handler.everybody();
        uint256 votes = token.getVotes(address(timelock));
        for (uint256 i = 0; i < people.length; ++i) {
            votes += token.getVotes(people[i]);
        }
        assertEq(votes, _votingTokens());
    }

    function invariant_theSupplyIsTheVotes_soUnsoldTokensRaiseNoQuorum() public {
        uint256 tokens = _votingTokens();
        vm.warp(block.timestamp + 1);
        assertEq(token.getPastTotalSupply(block.timestamp - 1), tokens);
        uint256 quorum = governor.quorum(block.timestamp - 1);
        if (tokens > 0) assertLe(quorum, tokens, "those who can vote can reach the quorum");
        assertGe(quorum, 1, "nothing passes without a vote");
    }

    function invariant_whoNamedNobodyIsTheirOwnDelegate() public view {
        address[] memory people = handler.everybody();
        for (uint256 i = 0; i < people.length; ++i) {
            assertNotEq(token.delegates(people[i]), address(0));
        }
    }

    function afterInvariant() public view {
        assertGt(handler.successes(), 0);
        assertEq(handler.successes(), handler.calls());
    }
}
