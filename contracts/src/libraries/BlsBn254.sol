// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title BlsBn254
/// @notice BLS signatures on the curve BN254 (alt_bn128), with signatures and message hashes in G1 and public
/// keys in G2: the scheme that drand calls `bls-bn254-unchained-on-g1`.
/// @dev Sources. The curve y^2 = x^3 + 3 and the precompiled contracts: EIP-196 (addition), EIP-197 (pairing),
/// EIP-198 (modular powers). Hashing to the curve: RFC 9380, with suite BN254G1_XMD:KECCAK-256_SVDW_RO_, that is
/// expand_message_xmd (section 5.3.1) with Keccak-256, hash_to_field (5.2) with L = 48, the Shallue-van de
/// Woestijne map (6.6.1, in the steps of F.1) with Z = 1, and no cofactor to clear, as G1's is 1. Signatures:
/// draft-irtf-cfrg-bls-signature, CoreVerify. A message isn't secret, so steps that need not be done are skipped.
library BlsBn254 {
    /// @notice The prime of the field over which the curve is defined.
    uint256 internal constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;

    // The map's constants (RFC 9380, F.1), for A = 0, B = 3, Z = 1: C1 = g(Z) = 4; C2 = -Z / 2;
    // C3 = sqrt(-g(Z) * 3 * Z^2) = sqrt(-12), the even root; C4 = -4 * g(Z) / (3 * Z^2) = -16 / 3.
    uint256 private constant C1 = 4;
    uint256 private constant C2 = 0x183227397098d014dc2822db40c0ac2ecbc0b548b438e5469e10460b6c3e7ea3;
    uint256 private constant C3 = 0x16789af3a83522eb353c98fc6b36d713d5d8d1cc5dffffffa;
    uint256 private constant C4 = 0x10216f7ba065e00de81ac1e7808072c9dd2b2385cd7b438469602eb24829a9bd;
    uint256 private constant Z = 1;

    /// @dev P = 3 mod 4, so that the root of a square v is v^((P + 1) / 4); an inverse is v^(P - 2).
    uint256 private constant ROOT_POWER = (P + 1) / 4;
    uint256 private constant INVERSE_POWER = P - 2;

    // The generator of G2 (EIP-197), negated, in the order that the precompiled contract reads.
    uint256 private constant MINUS_G2_X1 = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 private constant MINUS_G2_X0 = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
    uint256 private constant MINUS_G2_Y1 =
        P - 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
    uint256 private constant MINUS_G2_Y0 =
        P - 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;

    /// @dev The block of Keccak-256 is 136 bytes; two field elements of 48 bytes are drawn.
    uint256 private constant BLOCK_BYTES = 136;
    uint16 private constant DRAWN_BYTES = 96;

    /// @dev A pairing of one pair takes 79,000 (EIP-1108).
    uint256 private constant ONE_PAIR_GAS = 100_000;

    /// @notice A tag that separates domains has 255 bytes at most.
    error TagTooLong(uint256 length);

    /// @notice A precompiled contract refused its input, which the caller had to check, or gas ran out.
    error PrecompileFailed(uint256 precompile);

    /// @notice True when the signature is that of the message hash under the key: e(s, g2) = e(h, key).
    /// @param sx the signature, a point of G1 other than infinity (`isG1`).
    /// @param sy its other coordinate.
    /// @param hx the message's hash, a point of G1.
    /// @param hy its other coordinate.
    /// @param key the public key, a point of G2 other than infinity (`isG2`): x.c1, x.c0, y.c1, y.c0.
    function verify(uint256 sx, uint256 sy, uint256 hx, uint256 hy, uint256[4] memory key)
        internal
        view
        returns (bool)
    {
        uint256[12] memory pairs = [
            sx, sy, MINUS_G2_X1, MINUS_G2_X0, MINUS_G2_Y1, MINUS_G2_Y0, hx, hy, key[0], key[1], key[2], key[3]
        ];
        bool ok;
        uint256 one;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 0x08, pairs, 0x180, 0x00, 0x20)
            one := mload(0x00)
        }
        if (!ok) revert PrecompileFailed(8);
        return one == 1;
    }

    /// @notice True for a point of G1 other than infinity, with coordinates in the field. G1's cofactor is 1, so
    /// every point of the curve is in the group.
    function isG1(uint256 x, uint256 y) internal pure returns (bool) {
        return x < P && y < P && mulmod(y, y, P) == _curve(x);
    }

    /// @notice True for a point of G2 other than infinity: x.c1, x.c0, y.c1, y.c0.
    function isG2(uint256[4] memory point) internal view returns (bool) {
        if (point[0] | point[1] | point[2] | point[3] == 0) return false;
        // The pairing with infinity is one; the precompiled contract refuses what isn't in the group, and
        // takes all the gas that it was given.
        uint256[6] memory pair = [0, 0, point[0], point[1], point[2], point[3]];
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(ONE_PAIR_GAS, 0x08, pair, 0xc0, 0x00, 0x20)
        }
        return ok;
    }

    /// @notice A message's point of G1: hash_to_curve of RFC 9380.
    /// @param message what to hash.
    /// @param tag the tag that separates this use from any other, 255 bytes at most.
    function hashToG1(bytes memory message, bytes memory tag) internal view returns (uint256 x, uint256 y) {
        (uint256 u0, uint256 u1) = hashToField(message, tag);
        uint256[4] memory points;
        (points[0], points[1]) = mapToG1(u0);
        (points[2], points[3]) = mapToG1(u1);
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 0x06, points, 0x80, points, 0x40)
        }
        if (!ok) revert PrecompileFailed(6);
        return (points[0], points[1]);
    }

    /// @notice Two field elements from a message: hash_to_field with expand_message_xmd of RFC 9380.
    function hashToField(bytes memory message, bytes memory tag)
        internal
        pure
        returns (uint256 u0, uint256 u1)
    {
        if (tag.length > 255) revert TagTooLong(tag.length);
        // Not cut: the length is at most 255.
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes memory suffix = abi.encodePacked(tag, uint8(tag.length));
        bytes32 b0 =
            keccak256(abi.encodePacked(new bytes(BLOCK_BYTES), message, DRAWN_BYTES, uint8(0), suffix));
        bytes32 b1 = keccak256(abi.encodePacked(b0, uint8(1), suffix));
        bytes32 b2 = keccak256(abi.encodePacked(b0 ^ b1, uint8(2), suffix));
        bytes32 b3 = keccak256(abi.encodePacked(b0 ^ b2, uint8(3), suffix));
        // 48 bytes each, big-endian: b1 and half of b2; the other half and b3.
        u0 = addmod(mulmod(uint256(b1), 1 << 128, P), uint256(b2) >> 128, P);
        uint256 high = uint256(b2) & type(uint128).max;
        // 2^256 is one more than the greatest word.
        u1 = addmod(mulmod(high, addmod(type(uint256).max, 1, P), P), uint256(b3), P);
    }

    /// @notice The Shallue-van de Woestijne map from a field element to a point of G1.
    function mapToG1(uint256 u) internal view returns (uint256 x, uint256 y) {
        uint256 tv1 = mulmod(mulmod(u, u, P), C1, P);
        uint256 tv2 = addmod(1, tv1, P);
        tv1 = addmod(1, P - tv1, P);
        uint256 tv3 = _power(mulmod(tv1, tv2, P), INVERSE_POWER); // inv0: of zero it is zero
        uint256 tv4 = mulmod(mulmod(mulmod(u, tv1, P), tv3, P), C3, P);
        // The first of three candidates whose y^2 is a square; when the first two aren't, the third is.
        bool found;
        x = addmod(C2, P - tv4, P);
        (found, y) = _root(_curve(x));
        if (!found) {
            x = addmod(C2, tv4, P);
            (found, y) = _root(_curve(x));
        }
        if (!found) {
            x = mulmod(mulmod(tv2, tv2, P), tv3, P);
            x = addmod(mulmod(mulmod(x, x, P), C4, P), Z, P);
            (, y) = _root(_curve(x));
        }
        // y is never zero: the group's order is odd.
        if (u & 1 != y & 1) y = P - y;
    }

    /// @dev x^3 + 3.
    function _curve(uint256 x) private pure returns (uint256) {
        return addmod(mulmod(mulmod(x, x, P), x, P), 3, P);
    }

    /// @dev A square root, and whether there is one.
    function _root(uint256 square) private view returns (bool found, uint256 root) {
        root = _power(square, ROOT_POWER);
        found = mulmod(root, root, P) == square;
    }

    /// @dev base^exponent in the field.
    function _power(uint256 base, uint256 exponent) private view returns (uint256 result) {
        bool ok;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, 0x20)
            mstore(add(input, 0x20), 0x20)
            mstore(add(input, 0x40), 0x20)
            mstore(add(input, 0x60), base)
            mstore(add(input, 0x80), exponent)
            mstore(add(input, 0xa0), P)
            ok := staticcall(gas(), 0x05, input, 0xc0, 0x00, 0x20)
            result := mload(0x00)
        }
        if (!ok) revert PrecompileFailed(5);
    }
}
