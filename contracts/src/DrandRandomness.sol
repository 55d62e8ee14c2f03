// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRandomnessSource} from "./interfaces/IRandomnessSource.sol";
import {BlsBn254} from "./libraries/BlsBn254.sol";

/// @title DrandRandomness
/// @notice Randomness from a drand network: a threshold of independent parties signs each round's number at the
/// round's time, and nobody, not one of them, knows the signature before.
/// @dev For networks of the scheme `bls-bn254-unchained-on-g1`, such as evmnet. The signature is checked here
/// against the network's public key, so that it doesn't matter who delivers it or from where. There is one valid
/// signature of a round, so nothing can be chosen. A round never lapses: a network that stands still makes the
/// artwork wait, up to its own time limit, and nothing else takes its place.
contract DrandRandomness is IRandomnessSource {
    /// @notice Tells signatures of rounds from any other use of the same hash (RFC 9380, section 3.1).
    string public constant TAG = "BLS_SIG_BN254G1_XMD:KECCAK-256_SVDW_RO_NUL_";

    /// @notice When the network's round 1 was due; seconds since 1970.
    uint64 public immutable genesis;

    /// @notice Seconds from one round to the next.
    uint32 public immutable period;

    /// @notice How many seconds ahead a round is fixed: more than the time that the chain takes to be final and
    /// by which its clock may be behind, so that the round isn't known when it is fixed, nor can be unfixed
    /// once it is known.
    uint32 public immutable delay;

    uint256 private immutable KEY_X1;
    uint256 private immutable KEY_X0;
    uint256 private immutable KEY_Y1;
    uint256 private immutable KEY_Y0;

    /// @notice A period is zero, or the delay is shorter than one, so that a round might be known already.
    error InvalidTimes(uint32 period, uint32 delay);

    /// @notice The public key isn't a point of G2 other than infinity.
    error InvalidPublicKey();

    /// @notice Rounds are numbered from 1 to 2^64 - 1.
    error UnknownRound(uint256 round);

    /// @notice The round's time hasn't come yet.
    error RoundPending(uint256 round, uint256 readyAt);

    /// @notice A proof is a point of G1: two words of 32 bytes.
    error ProofLength(uint256 length);

    /// @notice The proof isn't a point of G1 other than infinity.
    error NotAPoint(uint256 x, uint256 y);

    /// @notice The point isn't the network's signature of this round.
    error WrongSignature(uint256 round);

    /// @param key the network's public key, a point of G2: x.c1, x.c0, y.c1, y.c0.
    /// @param genesis_ when round 1 was due; seconds since 1970.
    /// @param period_ seconds between rounds.
    /// @param delay_ how many seconds ahead a round is fixed; a period at least.
    constructor(uint256[4] memory key, uint64 genesis_, uint32 period_, uint32 delay_) {
        if (period_ == 0 || delay_ < period_) revert InvalidTimes(period_, delay_);
        if (!BlsBn254.isG2(key)) revert InvalidPublicKey();
        (genesis, period, delay) = (genesis_, period_, delay_);
        (KEY_X1, KEY_X0, KEY_Y1, KEY_Y0) = (key[0], key[1], key[2], key[3]);
    }

    /// @notice The network's public key, a point of G2: x.c1, x.c0, y.c1, y.c0.
    function publicKey() public view returns (uint256[4] memory) {
        return [KEY_X1, KEY_X0, KEY_Y1, KEY_Y0];
    }

    /// @notice When a round is due; seconds since 1970.
    function timeOf(uint256 round) public view returns (uint256) {
        if (round == 0 || round > type(uint64).max) revert UnknownRound(round);
        return genesis + (round - 1) * period;
    }

    /// @inheritdoc IRandomnessSource
    /// @dev The newest round `delay` seconds from now: as the delay is a period at least, its time is yet to come.
    function fix() external view returns (uint256 round) {
        uint256 due = block.timestamp + delay;
        return due < genesis ? 1 : (due - genesis) / period + 1;
    }

    /// @inheritdoc IRandomnessSource
    /// @dev By the chain's clock: whether the network has published the round, the chain can't know.
    function status(uint256 round) external view returns (Status) {
        return block.timestamp < timeOf(round) ? Status.Pending : Status.Ready;
    }

    /// @inheritdoc IRandomnessSource
    /// @dev The value is what drand itself calls the round's randomness: sha256 of the signature.
    /// @param proof the round's signature, a point of G1: `abi.encode(x, y)`.
    function deliver(uint256 round, bytes calldata proof) external view returns (bytes32 randomness) {
        uint256 readyAt = timeOf(round);
        if (block.timestamp < readyAt) revert RoundPending(round, readyAt);
        if (proof.length != 64) revert ProofLength(proof.length);
        (uint256 x, uint256 y) = abi.decode(proof, (uint256, uint256));
        if (!BlsBn254.isG1(x, y)) revert NotAPoint(x, y);
        (uint256 hx, uint256 hy) = hashOf(round);
        if (!BlsBn254.verify(x, y, hx, hy, publicKey())) revert WrongSignature(round);
        return sha256(proof);
    }

    /// @notice The point of G1 that the network signs for a round: the hash of keccak256(uint64 round).
    function hashOf(uint256 round) public view returns (uint256 x, uint256 y) {
        if (round == 0 || round > type(uint64).max) revert UnknownRound(round);
        // Not cut: it was just compared.
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes32 message = keccak256(abi.encodePacked(uint64(round)));
        return BlsBn254.hashToG1(abi.encodePacked(message), bytes(TAG));
    }
}
