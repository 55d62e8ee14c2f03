// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {WorkerSet} from "../../src/WorkerSet.sol";
import {ILivingArtwork} from "../../src/interfaces/ILivingArtwork.sol";
import {Rules, Seat, SeatState, Slash, SlashState, Terms} from "../../src/interfaces/WorkerTypes.sol";
import {Commitments, Result} from "../../src/libraries/Commitments.sol";
import {Deployed} from "./Deployed.sol";

/// @notice What a set of workers must hold, told from what it says of itself.
library Ledger {
    /// @notice The sum of bonds, pool, fees of sealed epochs, open slashes and credits, in wei.
    /// @param accounts everybody who may be a worker or be owed something.
    /// @param epochs the number of the last epoch that may hold a fee.
    function owed(WorkerSet set, address[] memory accounts, uint256 epochs)
        internal
        view
        returns (uint256 sum)
    {
        sum = set.pool();
        for (uint256 i = 0; i < accounts.length; ++i) {
            sum += set.workers(accounts[i]).bond + set.credits(accounts[i]);
        }
        for (uint256 id = 1; id <= set.slashCount(); ++id) {
            Slash memory slash = set.slashes(id);
            if (slash.state == SlashState.Open || slash.state == SlashState.Challenged) sum += slash.amount;
        }
        for (uint256 epoch = 1; epoch <= epochs; ++epoch) {
            sum += feeHeld(set, accounts, epoch);
        }
    }

    /// @notice What is still held of an epoch's fee: all of it, or the shares of winners who aren't settled.
    function feeHeld(WorkerSet set, address[] memory accounts, uint256 epoch)
        internal
        view
        returns (uint256 held)
    {
        Terms memory term = set.terms(epoch);
        if (!term.finalized) return term.fee;
        for (uint256 i = 0; i < accounts.length; ++i) {
            Seat memory seat = set.seats(epoch, accounts[i]);
            if (seat.state != SeatState.Revealed) continue;
            if (set.workers(accounts[i]).classId != term.acceptedClass) continue;
            uint256 count = set.tallies(epoch, seat.word).count;
            if (count >= term.quorum) held += term.fee / count;
        }
    }
}

/// @notice The artwork as it is deployed with a set of workers for its painter: Anna, Bela and Chen are of the
/// accepted class, Dora is of another.
abstract contract Workers is Deployed {
    bytes32 internal constant CLASS = keccak256("a class");
    bytes32 internal constant OTHER = keccak256("another class");
    uint128 internal constant BOND = 1 ether;
    uint128 internal constant FEE = 0.1 ether;
    uint128 internal constant SILENCE = 0.2 ether;
    uint128 internal constant MISMATCH = 0.5 ether;
    uint48 internal constant EXIT_DELAY = 1 days;
    uint48 internal constant CHALLENGE = 2 days;
    uint48 internal constant RESOLVE = 3 days;
    uint64 internal constant GAS_PRICE = 50 gwei;
    bytes32 internal constant MANIFEST = keccak256("manifest");

    address internal anna = makeAddr("Anna");
    address internal bela = makeAddr("Bela");
    address internal chen = makeAddr("Chen");
    address internal dora = makeAddr("Dora");

    WorkerSet internal set;

    function setUp() public virtual override {
        super.setUp();
        vm.deal(address(this), 1000 ether);
        set.fund{value: 10 ether}();
        _join(anna, CLASS);
        _join(bela, CLASS);
        _join(chen, CLASS);
        _join(dora, OTHER);
    }

    // ---------------------------------------------------------------------------------------------- deployment

    function _createPainter(address timelockAt, ILivingArtwork artworkAt)
        internal
        override
        returns (address)
    {
        bytes32[] memory classes = new bytes32[](2);
        classes[0] = CLASS;
        classes[1] = OTHER;
        set = new WorkerSet(timelockAt, artworkAt, _rules(), classes, CLASS);
        return address(set);
    }

    function _rules() internal pure virtual returns (Rules memory) {
        return Rules({
            minBond: BOND,
            renderFee: FEE,
            silenceSlash: SILENCE,
            mismatchSlash: MISMATCH,
            quorum: 2,
            commitMilli: 600,
            revealMilli: 300,
            exitDelay: EXIT_DELAY,
            challengePeriod: CHALLENGE,
            resolvePeriod: RESOLVE,
            maxGasPrice: GAS_PRICE
        });
    }

    function _join(address worker, bytes32 classId) internal {
        vm.deal(worker, 10 ether);
        vm.prank(worker);
        set.register{value: BOND}(classId, "https://example.org");
    }

    function _everybody() internal view virtual returns (address[] memory list) {
        list = new address[](6);
        (list[0], list[1], list[2], list[3]) = (anna, bela, chen, dora);
        (list[4], list[5]) = (address(timelock), stranger);
    }

    /// @dev The contract holds what it owes, to the wei.
    function _assertSolvent() internal view {
        assertEq(address(set).balance, Ledger.owed(set, _everybody(), artwork.currentEpoch()));
    }

    // ------------------------------------------------------------------------------------------------ painting

    /// @dev Seals the open epoch and opens its first round.
    function _begin() internal returns (uint256 number) {
        number = _seal();
        _draw(number);
    }

    function _resultHash(uint256 number, Result memory result) internal view returns (bytes32) {
        return Commitments.resultHash(artwork.epochs(number).recipeHash, result);
    }

    function _salt(address worker) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", worker));
    }

    /// @dev What a worker commits to now for a picture.
    function _commitment(address worker, uint256 number, Result memory result)
        internal
        view
        returns (bytes32)
    {
        bytes32 resultHash = _resultHash(number, result);
        uint256 round = artwork.epochs(number).paintRound;
        bytes32 classId = set.workers(worker).classId;
        return keccak256(
            abi.encode(
                block.chainid,
                address(set),
                number,
                round,
                worker,
                classId,
                resultHash,
                MANIFEST,
                _salt(worker)
            )
        );
    }

    function _commit(address worker, uint256 number, Result memory result) internal {
        bytes32 commitment = _commitment(worker, number, result);
        vm.prank(worker);
        set.commit(number, commitment);
    }

    function _reveal(address worker, uint256 number, Result memory result) internal {
        vm.prank(worker);
        set.reveal(number, result, MANIFEST, _salt(worker));
    }

    /// @dev Lets the time to commit pass.
    function _closeCommits(uint256 number) internal {
        vm.warp(set.roundOf(number).commitUntil + 1);
    }

    /// @dev Lets the time to reveal pass.
    function _closeReveals(uint256 number) internal {
        vm.warp(set.roundOf(number).revealUntil + 1);
    }

    /// @dev Anna, Bela and Chen each paint a picture; who paints number 0 declines.
    function _three(uint256 number, uint256 a, uint256 b, uint256 c) internal {
        if (a != 0) _commit(anna, number, _picture(a));
        if (b != 0) _commit(bela, number, _picture(b));
        if (c != 0) _commit(chen, number, _picture(c));
        _closeCommits(number);
        if (a != 0) _reveal(anna, number, _picture(a));
        if (b != 0) _reveal(bela, number, _picture(b));
        if (c != 0) _reveal(chen, number, _picture(c));
    }
}
