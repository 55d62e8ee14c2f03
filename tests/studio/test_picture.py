"""Hashes and files of a picture are exact integers' work: stated here again, the slow and plain way."""

import hashlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from studio import picture

pictures = st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)).flatmap(
    lambda shape: arrays(np.uint8, shape)
)


def gradient(width, height):
    x, y = np.arange(width) % 256, np.arange(height) % 256
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None], (x[None, :] ^ y[:, None])), axis=2).astype(
        np.uint8
    )


def test_the_hashes_of_a_known_picture_stay_what_they_are():
    pixels = gradient(96, 64)
    assert picture.pixel_hash(pixels) == KNOWN["pixels"]
    assert picture.file_hash(picture.canonical_png(pixels)) == KNOWN["file"]
    assert picture.thumb_hash(pixels) == KNOWN["thumbs"]


KNOWN = {
    "pixels": "0xa34ce8a1049c3bae6c2aba030ef81e8e4a0ccc12c9a313784c197ed441d8b018",
    "file": "0xd6ec22fe3ee519aff1565fc1a1f342dcfd1b2fbc12ccc869cef5d07537a26558",
    "thumbs": "0x5d85146af7be7de8c5e29dff5a23577cae7e138c4d90ae9dbf78f1c028333fa9",
}


@given(pictures)
def test_the_pixel_hash_is_the_documented_one(pixels):
    height, width = pixels.shape[:2]
    data = b"PIXELS_V1" + struct.pack(">II", width, height) + bytes(pixels.flatten().tolist())
    assert picture.pixel_hash(pixels) == "0x" + hashlib.sha256(data).hexdigest()


def test_width_and_height_are_told_apart():
    pixels = gradient(8, 2)
    assert picture.pixel_hash(pixels) != picture.pixel_hash(pixels.reshape(8, 2, 3))


def test_a_view_hashes_like_its_copy():
    pixels = gradient(20, 20)[::-1, ::2]
    assert picture.pixel_hash(pixels) == picture.pixel_hash(pixels.copy())
    assert picture.canonical_png(pixels) == picture.canonical_png(pixels.copy())


@given(pictures)
def test_a_canonical_file_reads_back_to_its_pixels(pixels):
    data = picture.canonical_png(pixels)
    np.testing.assert_array_equal(picture.read(data), pixels)
    assert picture.canonical_png(picture.read(data)) == data


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (148, 147), (512, 512)])
def test_a_canonical_file_holds_stored_blocks_and_nothing_else(size):
    pixels = gradient(*size)
    data = picture.canonical_png(pixels)
    kinds, position, idat = [], 8, b""
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kinds.append(data[position + 4 : position + 8])
        body = data[position + 8 : position + 8 + length]
        idat += body if kinds[-1] == b"IDAT" else b""
        position += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    assert zlib.decompress(idat) == b"".join(b"\0" + row.tobytes() for row in pixels)
    position, final = 2, 0
    while not final:
        final, length, inverse = struct.unpack("<BHH", idat[position : position + 5])
        assert final in (0, 1)  # the two type bits are 0: stored
        assert length ^ inverse == 0xFFFF
        assert length == 65_535 or final
        position += 5 + length
    assert position + 4 == len(idat)


@settings(max_examples=25)
@given(pictures)
def test_thumbnails_are_rounded_means_of_the_documented_cells(pixels):
    large, small = picture.thumbnails(pixels)
    height, width = pixels.shape[:2]
    for i, j in [(0, 0), (3, 77), (64, 64), (127, 1), (127, 127)]:
        top, left = i * height // 128, j * width // 128
        bottom, right = max(top + 1, (i + 1) * height // 128), max(left + 1, (j + 1) * width // 128)
        cell = pixels[top:bottom, left:right].reshape(-1, 3).astype(object)
        count = len(cell)
        assert [int(v) for v in large[i, j]] == [
            (2 * int(s) + count) // (2 * count) for s in cell.sum(axis=0)
        ]
    np.testing.assert_array_equal(small, large[4::8, 4::8])


@pytest.mark.parametrize("size", [(512, 512), (300, 200), (128, 128), (64, 1000)])
def test_thumbnails_cover_every_pixel_once_when_the_picture_is_large(size):
    pixels = np.full((size[1], size[0], 3), 200, np.uint8)
    large, small = picture.thumbnails(pixels)
    assert large.shape == (128, 128, 3)
    assert small.shape == (16, 16, 3)
    assert (large == 200).all()


def test_means_round_half_up():
    pixels = np.zeros((256, 256, 3), np.uint8)
    pixels[::2, ::2] = 2  # each cell: 2, 0, 0, 0
    assert (picture.thumbnails(pixels)[0] == 1).all()


@given(pictures, st.data())
def test_one_changed_value_changes_the_pixel_and_file_hash(pixels, data):
    other = pixels.copy()
    place = tuple(data.draw(st.integers(0, side - 1)) for side in pixels.shape)
    other[place] ^= 1
    assert picture.pixel_hash(other) != picture.pixel_hash(pixels)
    assert picture.file_hash(picture.canonical_png(other)) != picture.file_hash(picture.canonical_png(pixels))
    assert picture.psnr(pixels, other) < float("inf")
    assert picture.psnr(pixels, pixels) == float("inf")


@given(pictures)
def test_the_ordinary_file_holds_the_same_pixels(pixels):
    np.testing.assert_array_equal(picture.read(picture.write(pixels)), pixels)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        [[[0, 0, 0]]],
    ],
)
def test_what_is_not_pixels_is_refused(pixels):
    with pytest.raises(picture.BadPicture):
        picture.pixel_hash(pixels)


def test_files_that_hold_no_rgb_picture_are_refused(tmp_path):
    with pytest.raises(picture.BadPicture):
        picture.read(b"not a picture")
    with pytest.raises(picture.BadPicture):
        picture.read(picture.canonical_png(gradient(9, 9))[:-30])
    path = tmp_path / "grey.png"
    Image.new("L", (4, 4)).save(path)
    with pytest.raises(picture.BadPicture, match="not RGB"):
        picture.read(path.read_bytes())
    Image.new("RGB", (picture.LARGEST_SIDE + 1, 1)).save(path)
    with pytest.raises(picture.BadPicture, match="larger"):
        picture.read(path.read_bytes())


def test_the_cid_of_a_file_is_what_content_networks_call_it():
    # `ipfs add --cid-version 1 --raw-leaves` of the five bytes "hello".
    digest = "0x2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert picture.cid(digest) == "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
