"""Finished pictures: kept under their hash, shown in a few sizes.

The canonical PNG of a 512x512 picture takes 786 kB, its compressed form about half. Since the canonical file
is a function of the pixels, only the compressed one is kept, and the canonical one is written anew on
request.
"""

from __future__ import annotations

import io
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image

from compute.models import Picture
from compute.storage import ContentStorage, picture_storage, stored_name
from studio import picture as studio_picture

SIZES = (160, 512, 1024)
"""Longest side of the display sizes, in pixels. A picture is never enlarged."""

WEBP_QUALITY = 86
PNG_LEVEL = 3
"""Of zlib: a tenth larger than its best, in a tenth of the time, which is time before the anchor."""
PREVIEW_SIDE = 160


class PictureDamaged(Exception):
    """A kept file no longer holds the pixels that its name promises."""


def keep(pixels: Any, compressed: bytes | None = None) -> Picture:
    """Keep pixels (uint8, height x width x 3) under their hashes; twice is once.

    `compressed` is an ordinary PNG of them, if there is one already. Raises PictureDamaged if it isn't.
    The display sizes are made by `prepare`, or at their first use.
    """
    canonical = studio_picture.canonical_png(pixels)
    found = studio_picture.file_hash(canonical)
    existing = Picture.objects.filter(file_hash=found).first()
    if existing is not None and existing.file.storage.exists(str(existing.file.name)):
        return existing
    compressed = compressed or _png(Image.fromarray(pixels))
    if studio_picture.canonical_png(studio_picture.read(compressed)) != canonical:
        raise PictureDamaged(f"the compressed form of {found} does not give back its pixels")
    picture = Picture(
        file_hash=found,
        pixel_hash=studio_picture.pixel_hash(pixels),
        thumb_hash=studio_picture.thumb_hash(pixels),
        width=pixels.shape[1],
        height=pixels.shape[0],
    )
    name = picture_storage().save(stored_name(found, ".png"), ContentFile(compressed))
    with transaction.atomic():
        picture, _made = Picture.objects.update_or_create(
            file_hash=found,
            defaults={
                "pixel_hash": picture.pixel_hash,
                "thumb_hash": picture.thumb_hash,
                "width": picture.width,
                "height": picture.height,
                "file": name,
            },
        )
    return picture


def ensure_room(width: int, height: int) -> None:
    """Raises OSError if a picture of this size could not be kept where pictures are kept."""
    storage = picture_storage()
    if isinstance(storage, ContentStorage):
        storage.ensure_room(width * height * 3 * 2)  # the picture and its display sizes, with room to spare


def restore(found: Any) -> bool:
    """Write a picture's file again if it is lost or damaged, from pixels (uint8) that have its hash; True if
    it was.
    """
    row = Picture.objects.filter(pixel_hash=studio_picture.pixel_hash(found)).first()
    if row is not None:
        try:
            pixels(row)
        except (PictureDamaged, studio_picture.BadPicture, OSError):
            row.file.storage.delete(str(row.file.name))
        else:
            return False
    keep(found)
    return True


def prepare(picture: Picture, pixels: Any) -> None:
    """Make the display sizes of a picture that was just kept, so that its first visitor need not wait for
    them.
    """
    storage = picture_storage()
    for size in sorted({shown_size(picture, size) for size in SIZES}):
        if not storage.exists(_display_name(picture.file_hash, size)):
            _make_display(picture.file_hash, Image.fromarray(pixels), size)


def pixels(picture: Picture) -> Any:
    """The picture's pixels (uint8, height x width x 3), checked against its pixel hash. Raises
    PictureDamaged.
    """
    with picture.file.open("rb") as file:
        found = studio_picture.read(file.read())
    if studio_picture.pixel_hash(found) != picture.pixel_hash:
        raise PictureDamaged(f"the file of {picture.file_hash} holds other pixels")
    return found


def image(picture: Picture) -> Image.Image:
    """The picture for the painter, as an RGB image."""
    return Image.fromarray(pixels(picture))


def canonical(picture: Picture) -> bytes:
    """The canonical PNG, whose SHA-256 is the picture's file hash on chain. Raises PictureDamaged."""
    data = studio_picture.canonical_png(pixels(picture))
    if studio_picture.file_hash(data) != picture.file_hash:
        raise PictureDamaged(f"the canonical file of {picture.file_hash} can't be written from what is kept")
    return data


def display(picture: Picture, size: int) -> bytes:
    """The picture as WebP, at most `size` (one of SIZES) pixels a side; made at its first use if it isn't
    there.
    """
    if size not in SIZES:
        raise ValueError(f"{size} is not one of {SIZES}")
    storage = picture_storage()
    size = shown_size(picture, size)
    name = _display_name(picture.file_hash, size)
    if not storage.exists(name):
        _make_display(picture.file_hash, image(picture), size)
    with storage.open(name, "rb") as file:
        return bytes(file.read())


def shown_size(picture: Picture, size: int) -> int:
    """The smallest of SIZES that shows as much as `size` does: one file serves every size above the
    picture's own.
    """
    longest = max(picture.width, picture.height)
    return min(size, next((one for one in SIZES if one >= longest), SIZES[-1]))


def preview(image: Image.Image) -> bytes:
    """A small WebP of an unfinished picture, at most PREVIEW_SIDE a side: too coarse to be copied as the
    result.
    """
    small = image.convert("RGB")
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR)
    return _webp(small, quality=60, method=2)


def _display_name(file_hash: str, size: int) -> str:
    return stored_name(file_hash, f".{size}.webp")


def _make_display(file_hash: str, image: Image.Image, size: int) -> None:
    small = image.copy()
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    picture_storage().save(_display_name(file_hash, size), ContentFile(_webp(small, WEBP_QUALITY, method=4)))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def _webp(image: Image.Image, quality: int, method: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=method)
    return buffer.getvalue()
