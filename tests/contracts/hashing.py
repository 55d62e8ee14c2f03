"""Hashing to the curve BN254 by RFC 9380, in plain integers: a second implementation, to hold the contract's
against. It follows the document's general formulas (6.6.1, step by step), not the contract's short cuts.
"""

from __future__ import annotations

from eth_utils import keccak

P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""The field's prime (EIP-196)."""
A, B, Z = 0, 3, 1
BLOCK = 136  # bytes that Keccak-256 takes in at a time
L = 48  # bytes drawn for a field element: ceil((254 + 128) / 8)
TAG = b"BLS_SIG_BN254G1_XMD:KECCAK-256_SVDW_RO_NUL_"

Point = tuple[int, int] | None
"""None is infinity."""


def expand(message: bytes, tag: bytes, length: int) -> bytes:
    """expand_message_xmd, 5.3.1."""
    count = -(-length // 32)
    suffix = tag + bytes([len(tag)])
    b0 = keccak(bytes(BLOCK) + message + length.to_bytes(2, "big") + b"\0" + suffix)
    blocks = [keccak(b0 + b"\1" + suffix)]
    for number in range(2, count + 1):
        mixed = bytes(one ^ other for one, other in zip(b0, blocks[-1], strict=True))
        blocks.append(keccak(mixed + bytes([number]) + suffix))
    return b"".join(blocks)[:length]


def to_field(message: bytes, tag: bytes) -> tuple[int, int]:
    """hash_to_field with count = 2, 5.2."""
    drawn = expand(message, tag, 2 * L)
    return int.from_bytes(drawn[:L], "big") % P, int.from_bytes(drawn[L:], "big") % P


def g(x: int) -> int:
    """The curve's right side."""
    return (x**3 + A * x + B) % P


def inverse_or_zero(x: int) -> int:
    """inv0, section 4."""
    return pow(x, -1, P) if x % P else 0


def is_square(x: int) -> bool:
    """Euler's criterion, section 4."""
    return pow(x, (P - 1) // 2, P) in (0, 1)


def root(x: int) -> int:
    """A square root, by a way that needs no special form of the prime (Cipolla's)."""
    if x % P == 0:
        return 0
    a = next(a for a in range(P) if not is_square(a * a - x))
    w = (a * a - x) % P

    def times(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
        return (one[0] * other[0] + one[1] * other[1] * w) % P, (one[0] * other[1] + one[1] * other[0]) % P

    result, base, power = (1, 0), (a, 1), (P + 1) // 2
    while power:
        if power & 1:
            result = times(result, base)
        base, power = times(base, base), power >> 1
    assert result[1] == 0
    assert result[0] ** 2 % P == x % P
    return result[0]


def map_to_curve(u: int) -> tuple[int, int]:
    """The Shallue-van de Woestijne map, 6.6.1."""
    c1 = g(Z)
    c2 = -Z * pow(2, -1, P) % P
    c3 = root(-g(Z) * (3 * Z**2 + 4 * A))
    if c3 % 2:
        c3 = P - c3  # sgn0(c3) must be 0
    c4 = -4 * g(Z) * pow(3 * Z**2 + 4 * A, -1, P) % P
    tv1 = u**2 * c1 % P
    tv2 = (1 + tv1) % P
    tv1 = (1 - tv1) % P
    tv3 = inverse_or_zero(tv1 * tv2)
    tv4 = u * tv1 * tv3 * c3 % P
    x1, x2 = (c2 - tv4) % P, (c2 + tv4) % P
    x3 = (Z + c4 * (tv2**2 * tv3) ** 2) % P
    x = x1 if is_square(g(x1)) else x2 if is_square(g(x2)) else x3
    y = root(g(x))
    return (x, y) if y % 2 == u % 2 else (x, P - y)


def add(one: Point, other: Point) -> Point:
    """The group law, in affine coordinates."""
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)) % P
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def to_curve(message: bytes, tag: bytes = TAG) -> Point:
    """hash_to_curve, 3: both field elements mapped and added; G1's cofactor is 1."""
    u0, u1 = to_field(message, tag)
    return add(map_to_curve(u0), map_to_curve(u1))
