// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ArtToken} from "../src/ArtToken.sol";
import {Governed} from "../src/Governed.sol";
import {IERC7007, IERC7007Updatable} from "../src/interfaces/IERC7007.sol";
import {ISlots} from "../src/interfaces/ISlots.sol";
import {Deployed} from "./utils/Deployed.sol";
import {FivePercent, HashedAigc} from "./utils/Parts.sol";

/// @notice Who may vote: one vote a token, none for the treasury's.
contract ArtTokenTest is Deployed {
    // ------------------------------------------------------------------------------------------------- votes

    function test_aHolderVotesWithoutATransaction() public view {
        assertEq(token.delegates(mira), mira);
        assertEq(token.getVotes(mira), 2);
        assertEq(token.getPastTotalSupply(block.timestamp - 1), 6);
        assertEq(token.delegates(address(0)), address(0));
    }

    function test_delegate_movesTheVotes_andDelegatingToNobodyTakesThemBack() public {
        vm.prank(mira);
        token.delegate(yuki);
        assertEq(token.getVotes(mira), 0);
        assertEq(token.getVotes(yuki), 3);

        vm.prank(mira);
        token.delegate(address(0));
        assertEq(token.delegates(mira), mira);
        assertEq(token.getVotes(mira), 2);
        assertEq(token.getVotes(yuki), 1);
    }

    function test_transfer_movesTheVoteToTheBuyersDelegate() public {
        vm.prank(stranger);
        token.delegate(tomas);
        vm.prank(mira);
        token.transferFrom(mira, stranger, 1);
        assertEq(token.getVotes(mira), 1);
        assertEq(token.getVotes(stranger), 0);
        assertEq(token.getVotes(tomas), 2);
        skip(1);
        assertEq(token.getPastTotalSupply(block.timestamp - 1), 6);
    }

    function test_transferToOneself_changesNothing() public {
        vm.prank(mira);
        token.transferFrom(mira, mira, 1);
        assertEq(token.getVotes(mira), 2);
    }

    function test_theTreasurysTokensLeaveTheSupply_andComeBackWhenSold() public {
        vm.prank(mira);
        token.transferFrom(mira, address(timelock), 1);
        assertEq(token.getVotes(address(timelock)), 0);
        skip(1);
        assertEq(token.getPastTotalSupply(block.timestamp - 1), 5);

        vm.prank(address(timelock));
        token.transferFrom(address(timelock), stranger, 1);
        assertEq(token.getVotes(stranger), 1);
        skip(1);
        assertEq(token.getPastTotalSupply(block.timestamp - 1), 6);
    }

    function test_delegationByTheTreasury_movesNoVote() public {
        vm.prank(mira);
        token.transferFrom(mira, address(timelock), 1);
        vm.prank(address(timelock));
        token.delegate(yuki);
        assertEq(token.getVotes(yuki), 1);
    }

    function test_delegateBySig_countsForTheSigner() public {
        (address signer, uint256 key) = makeAddrAndKey("signer");
        vm.prank(mira);
        token.transferFrom(mira, signer, 1);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)"),
                yuki,
                0,
                block.timestamp + 1
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Murmuration"),
                keccak256("1"),
                block.chainid,
                address(token)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, structHash)));
        token.delegateBySig(yuki, 0, block.timestamp + 1, v, r, s);
        assertEq(token.getVotes(yuki), 2);
    }

    function test_setExcluded_takesAwayFutureVotes() public {
        vm.expectEmit(address(token));
        emit ArtToken.VotingUnitsExcluded(stranger, true);
        vm.prank(address(timelock));
        token.setExcluded(stranger, true);
        vm.prank(mira);
        token.transferFrom(mira, stranger, 1);
        assertEq(token.getVotes(stranger), 0);
    }

    function test_setExcluded_revertsWhileTheAccountHoldsTokens() public {
        vm.expectRevert(abi.encodeWithSelector(ArtToken.AccountHoldsTokens.selector, mira, 2));
        vm.prank(address(timelock));
        token.setExcluded(mira, true);
    }

    function test_setExcluded_revertsForAnybodyElse() public {
        vm.expectRevert(abi.encodeWithSelector(Governed.NotGovernance.selector, mira));
        vm.prank(mira);
        token.setExcluded(stranger, true);
    }

    function testFuzz_votesAlwaysSumUpToTheSupply(uint8[24] calldata moves) public {
        address[6] memory people = [mira, ines, tomas, yuki, stranger, address(timelock)];
        for (uint256 i = 0; i < moves.length; ++i) {
            uint256 id = 1 + moves[i] % 6;
            address to = people[(moves[i] / 6) % 6];
            address owner = token.ownerOf(id);
            vm.startPrank(owner);
            if (moves[i] < 128) token.transferFrom(owner, to, id);
            else token.delegate(to);
            vm.stopPrank();
        }
        uint256 votes;
        for (uint256 i = 0; i < people.length; ++i) {
            votes += token.getVotes(people[i]);
        }
        skip(1);
        assertEq(votes, 6 - token.balanceOf(address(timelock)));
        assertEq(votes, token.getPastTotalSupply(block.timestamp - 1));
    }

    // ----------------------------------------------------------------------------------------------- minting

    function test_mint_revertsForAnybodyButTheMinter() public {
        vm.expectRevert(abi.encodeWithSelector(ArtToken.NotMinter.selector, address(timelock)));
        vm.prank(address(timelock));
        token.mint(stranger, 7);
        vm.expectRevert(abi.encodeWithSelector(ArtToken.NotMinter.selector, stranger));
        vm.prank(stranger);
        token.refreshMetadata(1);
    }

    // --------------------------------------------------------------------------------- metadata and standards

    function test_tokenURI_revertsWithoutAToken() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 7));
        token.tokenURI(7);
    }

    function test_setSlot_metadataTellsThatAllTokensChanged() public {
        vm.expectEmit(address(token));
        emit ISlots.SlotSet("metadata", address(metadata), address(0));
        vm.expectEmit(address(token));
        emit IERC4906.BatchMetadataUpdate(0, type(uint256).max);
        vm.expectEmit(address(token));
        emit ArtToken.ContractURIUpdated();
        vm.prank(address(timelock));
        token.setSlot("metadata", address(0));
        assertEq(token.tokenURI(1), "");
        assertEq(token.contractURI(), "");
    }

    function test_setSlot_revertsForUnknownSlotsEmptyMinterAndStrangers() public {
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(ISlots.UnknownSlot.selector, bytes32("hat")));
        token.setSlot("hat", stranger);
        vm.expectRevert(abi.encodeWithSelector(ISlots.InvalidSlot.selector, bytes32("minter"), address(0)));
        token.setSlot("minter", address(0));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Governed.NotGovernance.selector, stranger));
        vm.prank(stranger);
        token.setSlot("minter", stranger);
    }

    function test_royaltyInfo_isAdvertisedOnlyOnceThereIsAPart() public {
        (address receiver, uint256 amount) = token.royaltyInfo(1, 100 ether);
        assertEq(receiver, address(0));
        assertEq(amount, 0);
        assertFalse(token.supportsInterface(0x2a55205a));

        FivePercent royalty = new FivePercent();
        vm.prank(address(timelock));
        token.setSlot("royalty", address(royalty));
        (receiver, amount) = token.royaltyInfo(1, 100 ether);
        assertEq(receiver, address(royalty));
        assertEq(amount, 5 ether);
        assertTrue(token.supportsInterface(0x2a55205a));
    }

    function test_aigcData_isAdvertisedOnlyOnceThereIsAPart() public {
        assertFalse(token.supportsInterface(0x702c55a6));
        assertFalse(token.supportsInterface(0x3f37dce2));
        vm.expectRevert(abi.encodeWithSelector(ISlots.InvalidSlot.selector, bytes32("aigc"), address(0)));
        token.verify("a", "b", "c");

        HashedAigc aigc = new HashedAigc();
        vm.prank(address(timelock));
        token.setSlot("aigc", address(aigc));
        assertTrue(token.supportsInterface(0x702c55a6));
        assertTrue(token.supportsInterface(0x3f37dce2));

        bytes memory prompt = abi.encode(2);
        bytes memory proof = abi.encode(keccak256(prompt));
        assertTrue(token.verify(prompt, "picture", proof));
        vm.expectEmit(address(token));
        emit IERC7007.AigcData(2, prompt, "picture", proof);
        vm.expectEmit(address(token));
        emit IERC4906.MetadataUpdate(2);
        token.addAigcData(2, prompt, "picture", proof);
        vm.expectEmit(address(token));
        emit IERC7007Updatable.Update(2, prompt, "another");
        token.update(prompt, "another");

        vm.expectRevert("unproved");
        token.addAigcData(2, prompt, "picture", abi.encode(bytes32(0)));
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 7));
        token.addAigcData(7, prompt, "picture", proof);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 7));
        token.update(abi.encode(7), "picture");
    }

    function test_supportsInterface_namesTheStandards() public view {
        assertTrue(token.supportsInterface(type(IERC165).interfaceId));
        assertTrue(token.supportsInterface(0x80ac58cd), "ERC-721");
        assertTrue(token.supportsInterface(0x5b5e139f), "ERC-721 metadata");
        assertTrue(token.supportsInterface(0x49064906), "ERC-4906");
        assertTrue(token.supportsInterface(0xda287a1d), "ERC-6372");
        assertFalse(token.supportsInterface(0xffffffff));
        assertEq(type(IERC7007).interfaceId, bytes4(0x702c55a6));
        assertEq(type(IERC7007Updatable).interfaceId, bytes4(0x3f37dce2));
        assertEq(token.CLOCK_MODE(), "mode=timestamp");
        assertEq(token.name(), "Murmuration");
        assertEq(token.symbol(), "MURM");
    }

    function test_constructor_revertsWithoutGovernanceMinterOrWithZeroExcluded() public {
        address[] memory none = new address[](0);
        vm.expectRevert(Governed.ZeroAddress.selector);
        new ArtToken(address(0), stranger, stranger, none);
        vm.expectRevert(abi.encodeWithSelector(ISlots.InvalidSlot.selector, bytes32("minter"), address(0)));
        new ArtToken(stranger, address(0), stranger, none);
        vm.expectRevert(Governed.ZeroAddress.selector);
        new ArtToken(stranger, stranger, stranger, new address[](1));
    }
}
