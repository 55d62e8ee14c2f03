"""Exact pictures: hashes, thumbnails and the canonical file, in integers, so that every machine agrees on
them.

Pixels are always a uint8 array of shape (height, width, 3), red green blue, rows from the top.
"""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

LARGEST_SIDE = 8192
"""Refused above this, in pixels, before anything is decoded."""

THUMB_LARGE, THUMB_SMALL = 128, 16

_STORED_BLOCK = 65_535  # the most that one stored deflate block holds (RFC 1951, 3.2.4)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class BadPicture(ValueError):
    """Not pixels, or not a file that holds a picture we accept."""


def pixel_hash(pixels: Pixels) -> str:
    """sha256("PIXELS_V1" || width u32 big-endian || height u32 big-endian || RGB rows), as 0x text."""
    height, width = _checked(pixels).shape[:2]
    header = b"PIXELS_V1" + struct.pack(">II", width, height)
    return "0x" + hashlib.sha256(header + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def canonical_png(pixels: Pixels) -> bytes:
    """The one PNG of these pixels: 8-bit RGB, filter 0 on every row, one IDAT of *stored* deflate blocks, no
    metadata.

    Compressors differ between versions of zlib, stored blocks don't: any program that follows this rule
    writes the same bytes. Three bytes a pixel and little more.
    """
    height, width = _checked(pixels).shape[:2]
    # Each row is led by its filter type, 0 for none.
    rows = np.zeros((height, 1 + width * 3), np.uint8)
    rows[:, 1:] = pixels.reshape(height, width * 3)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        _PNG_SIGNATURE
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", _stored_zlib(rows.tobytes()))
        + _chunk(b"IEND", b"")
    )


def file_hash(data: bytes) -> str:
    """sha256 of a file's bytes, as 0x text."""
    return "0x" + hashlib.sha256(data).hexdigest()


def cid(file_hash: str) -> str:
    """The CIDv1 of a file that is one raw block, from its SHA-256 (0x text): what content networks call it.

    Base32 of: version 1, codec raw (0x55), hash sha2-256 (0x12) of 32 bytes (0x20), the hash.
    """
    digest = bytes.fromhex(file_hash.removeprefix("0x"))
    encoded = base64.b32encode(b"\x01\x55\x12\x20" + digest).decode().lower().rstrip("=")
    return f"b{encoded}"


def thumbnails(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """The agreed thumbnails, shapes (128, 128, 3) and (16, 16, 3); the aspect is not kept.

    Cell i of 128 covers source rows (columns) floor(i*n/128) up to floor((i+1)*n/128), at least one; its
    value is the mean of the covered pixels, rounded half up. The small one is every eighth cell of the large
    one, from the fifth, so that it nests in the pixels of the portrait.
    """
    height, width = _checked(pixels).shape[:2]
    tops, bottoms = _cells(height)
    lefts, rights = _cells(width)
    summed = np.zeros((height + 1, width + 1, 3), np.int64)
    np.cumsum(np.cumsum(pixels, axis=0, dtype=np.int64), axis=1, out=summed[1:, 1:])
    total = (
        summed[np.ix_(bottoms, rights)]
        - summed[np.ix_(tops, rights)]
        - summed[np.ix_(bottoms, lefts)]
        + summed[np.ix_(tops, lefts)]
    )
    count = ((bottoms - tops)[:, None] * (rights - lefts)[None, :])[..., None]
    large = ((2 * total + count) // (2 * count)).astype(np.uint8)
    return large, large[4::8, 4::8].copy()


def thumb_hash(pixels: Pixels) -> str:
    """sha256("THUMBS_V1" || 128x128 RGB || 16x16 RGB), as 0x text."""
    large, small = thumbnails(pixels)
    return "0x" + hashlib.sha256(b"THUMBS_V1" + large.tobytes() + small.tobytes()).hexdigest()


def read(data: bytes) -> Pixels:
    """Pixels of an 8-bit RGB picture file (PNG or lossless WebP). BadPicture when it is anything else."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "WEBP"]) as image:
            if max(image.size) > LARGEST_SIDE:
                raise BadPicture(f"{image.width}x{image.height} is larger than {LARGEST_SIDE} a side")
            if image.mode != "RGB":
                raise BadPicture(f"mode {image.mode}, not RGB")
            return np.array(image, np.uint8)
    except BadPicture:
        raise
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error, Image.DecompressionBombError) as why:
        raise BadPicture(str(why)) from why


def write(pixels: Pixels) -> bytes:
    """An ordinary, well compressed PNG of the same pixels, for people; its bytes are not agreed on by
    anybody.
    """
    buffer = io.BytesIO()
    Image.fromarray(_checked(pixels)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio in decibels of two pictures of one size; infinity when equal."""
    if _checked(one).shape != _checked(other).shape:
        raise BadPicture(f"sizes differ: {one.shape[:2]} and {other.shape[:2]}")
    error = float(np.mean((one.astype(np.int32) - other.astype(np.int32)) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def _checked(pixels: Pixels) -> Pixels:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[2:] != (3,):
        raise BadPicture("pixels must be a uint8 array of shape (height, width, 3)")
    if not 1 <= min(pixels.shape[:2]) <= max(pixels.shape[:2]) <= LARGEST_SIDE:
        raise BadPicture(f"{pixels.shape[1]}x{pixels.shape[0]} is not a size we accept")
    return pixels


def _cells(length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    edges = np.arange(THUMB_LARGE + 1, dtype=np.int64) * length // THUMB_LARGE
    starts = edges[:-1]
    return starts, np.maximum(starts + 1, edges[1:])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _stored_zlib(data: bytes) -> bytes:
    """`data` (not empty) as a zlib stream (RFC 1950) of stored blocks, each full but the last."""
    parts = [b"\x78\x01"]
    for start in range(0, len(data), _STORED_BLOCK):
        block = data[start : start + _STORED_BLOCK]
        final = start + len(block) == len(data)
        parts.append(struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF))
        parts.append(block)
    parts.append(struct.pack(">I", zlib.adler32(data)))
    return b"".join(parts)
