// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Test} from "forge-std/Test.sol";
import {ArtGovernor} from "../../src/ArtGovernor.sol";
import {ArtParameters} from "../../src/ArtParameters.sol";
import {ArtToken} from "../../src/ArtToken.sol";
import {BlockhashRandomness} from "../../src/BlockhashRandomness.sol";
import {LivingArtwork} from "../../src/LivingArtwork.sol";
import {SoloPainter} from "../../src/SoloPainter.sol";
import {TokenMetadata} from "../../src/TokenMetadata.sol";
import {IArtToken} from "../../src/interfaces/IArtToken.sol";
import {Epoch, ILivingArtwork} from "../../src/interfaces/ILivingArtwork.sol";
import {ISlots} from "../../src/interfaces/ISlots.sol";
import {Result} from "../../src/libraries/Commitments.sol";

/// @notice The whole artwork, deployed as the deploy script does it, with four collectors: Mira and Ines hold two
/// founding tokens each, Tomas and Yuki one.
abstract contract Deployed is Test {
    bytes32 internal constant MODEL = keccak256("genesis");
    uint48 internal constant EPOCH = 90;
    uint48 internal constant SEED_TIMEOUT = 3600;
    uint48 internal constant PAINT_PERIOD = 600;
    uint16 internal constant MAX_ROUNDS = 3;
    uint16 internal constant MAX_REFIXES = 2;
    uint48 internal constant VOTING_DELAY = 1;
    uint32 internal constant VOTING_PERIOD = 60;
    uint256 internal constant TIMELOCK_DELAY = 10;
    uint48 internal constant LATE_EXTENSION = 5;

    address internal mira = makeAddr("Mira");
    address internal ines = makeAddr("Ines");
    address internal tomas = makeAddr("Tomas");
    address internal yuki = makeAddr("Yuki");
    address internal operator = makeAddr("operator");
    address internal guardian = makeAddr("guardian");
    address internal stranger = makeAddr("stranger");
    uint48 internal guardianUntil;

    ArtToken internal token;
    TimelockController internal timelock;
    ArtGovernor internal governor;
    ArtParameters internal parameters;
    BlockhashRandomness internal randomness;
    SoloPainter internal painter;
    address internal brush;
    TokenMetadata internal metadata;
    LivingArtwork internal artwork;

    /// @dev A proposal as the governor wants it told again at every step.
    struct Ballot {
        uint256 id;
        address[] targets;
        uint256[] values;
        bytes[] calldatas;
        bytes32 descriptionHash;
    }

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(1000);
        _deploy();
        _found();
        artwork.closeFounding();
        skip(1);
    }

    // ---------------------------------------------------------------------------------------------- deployment

    function _deploy() internal {
        uint64 nonce = vm.getNonce(address(this));
        ISlots artworkAt = ISlots(vm.computeCreateAddress(address(this), nonce + 7));
        address timelockAt = vm.computeCreateAddress(address(this), nonce + 1);
        address[] memory excluded = new address[](1);
        excluded[0] = timelockAt;
        address[] memory proposers = new address[](1);
        proposers[0] = vm.computeCreateAddress(address(this), nonce + 2);
        address[] memory anybody = new address[](1);

        address metadataAt = vm.computeCreateAddress(address(this), nonce + 6);
        token = new ArtToken(timelockAt, address(artworkAt), metadataAt, excluded);
        timelock = new TimelockController(TIMELOCK_DELAY, proposers, anybody, address(0));
        governor = new ArtGovernor(_governorConfig());
        parameters = new ArtParameters(timelockAt, artworkAt, _initial());
        randomness = new BlockhashRandomness();
        brush = _createPainter(timelockAt, ILivingArtwork(address(artworkAt)));
        metadata = new TokenMetadata(ILivingArtwork(address(artworkAt)));
        artwork = new LivingArtwork(timelockAt, address(this), IArtToken(address(token)), _config(), _parts());
        assertEq(address(artwork), address(artworkAt));
        assertEq(address(timelock), timelockAt);
    }

    /// @dev Creates the painting authority: one contract, since the addresses are computed in advance.
    function _createPainter(address timelockAt, ILivingArtwork artworkAt) internal virtual returns (address) {
        painter = new SoloPainter(timelockAt, artworkAt, operator);
        return address(painter);
    }

    function _governorConfig() internal returns (ArtGovernor.Config memory) {
        guardianUntil = uint48(block.timestamp) + 30 days;
        return ArtGovernor.Config({
            token: token,
            timelock: timelock,
            votingDelay: VOTING_DELAY,
            votingPeriod: VOTING_PERIOD,
            proposalThreshold: 1,
            quorumPercent: 10,
            minVotes: 1,
            lateExtension: LATE_EXTENSION,
            guardian: guardian,
            guardianUntil: guardianUntil
        });
    }

    function _config() internal pure returns (LivingArtwork.Config memory) {
        return LivingArtwork.Config(SEED_TIMEOUT, PAINT_PERIOD, MAX_ROUNDS, MAX_REFIXES);
    }

    function _parts() internal view returns (LivingArtwork.Parts memory) {
        return
            LivingArtwork.Parts(
                address(parameters), address(randomness), brush, address(timelock), address(0)
            );
    }

    function _initial() internal pure returns (ArtParameters.Initial memory) {
        return ArtParameters.Initial({
            model: MODEL,
            prompt: "starlings over a winter field",
            negativePrompt: "text",
            family: "ink",
            palette: "dusk",
            mood: "calm",
            guidance: 4500,
            steps: 24,
            strength: 620,
            width: 512,
            height: 512,
            epochLength: EPOCH,
            energyBudget: 0
        });
    }

    function _found() internal {
        address[6] memory owners = [mira, ines, tomas, yuki, mira, ines];
        for (uint256 i = 0; i < owners.length; ++i) {
            artwork.foundGeneration(owners[i], MODEL, keccak256("params"), bytes32(i + 1), _picture(i));
        }
    }

    /// @dev The hashes of a picture, different for each number.
    function _picture(uint256 number) internal pure returns (Result memory) {
        return Result(
            keccak256(abi.encode("pixels", number)),
            keccak256(abi.encode("thumbs", number)),
            keccak256(abi.encode("file", number))
        );
    }

    // ------------------------------------------------------------------------------------------------- voting

    function _propose(address proposer, address target, bytes memory data)
        internal
        returns (Ballot memory ballot)
    {
        ballot.targets = new address[](1);
        ballot.values = new uint256[](1);
        ballot.calldatas = new bytes[](1);
        ballot.targets[0] = target;
        ballot.calldatas[0] = data;
        string memory description =
            string.concat("# A change ", vm.toString(block.timestamp), "\n#proposer=", vm.toString(proposer));
        ballot.descriptionHash = keccak256(bytes(description));
        vm.prank(proposer);
        ballot.id = governor.propose(ballot.targets, ballot.values, ballot.calldatas, description);
    }

    function _vote(address voter, Ballot memory ballot, uint8 support) internal {
        vm.prank(voter);
        governor.castVote(ballot.id, support);
    }

    function _queue(Ballot memory ballot) internal {
        governor.queue(ballot.targets, ballot.values, ballot.calldatas, ballot.descriptionHash);
    }

    function _execute(Ballot memory ballot) internal {
        governor.execute(ballot.targets, ballot.values, ballot.calldatas, ballot.descriptionHash);
    }

    /// @dev Takes a change from proposal to execution, carried by Mira and Ines.
    function _pass(address target, bytes memory data) internal {
        Ballot memory ballot = _propose(mira, target, data);
        skip(VOTING_DELAY + 1);
        _vote(mira, ballot, 1);
        _vote(ines, ballot, 1);
        skip(VOTING_PERIOD + LATE_EXTENSION + 1);
        _queue(ballot);
        skip(TIMELOCK_DELAY);
        _execute(ballot);
    }

    function _assertState(Ballot memory ballot, IGovernor.ProposalState expected) internal view {
        assertEq(uint8(governor.state(ballot.id)), uint8(expected));
    }

    // ------------------------------------------------------------------------------------------------- epochs

    /// @dev Waits for the open epoch's end and seals it.
    function _seal() internal returns (uint256 number) {
        number = artwork.currentEpoch();
        Epoch memory epoch = artwork.epochs(number);
        if (block.timestamp < epoch.endsAt) vm.warp(epoch.endsAt);
        artwork.sealEpoch();
    }

    /// @dev Waits for the fixed block and draws the seed.
    function _draw(uint256 number) internal {
        vm.roll(artwork.epochs(number).round + 1);
        artwork.drawSeed(number, "");
    }

    /// @dev Takes the open epoch to its generation.
    function _paint() internal returns (uint256 number, uint256 generation) {
        number = _seal();
        _draw(number);
        Result memory picture = _picture(artwork.generations() + 1);
        vm.prank(operator);
        generation = painter.anchor(number, picture);
    }
}
