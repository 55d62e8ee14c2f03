"""Others who keep the lineage: where a picture that is missing here is asked for.

`LINEAGE_MIRRORS` names them, in the order in which they are asked; every site and every operator serves what
it keeps at `/lineage/<fileHash>` (`compute.serving`). Nothing of theirs is believed: what comes must hash to
the name that it was asked for by, and be the canonical file of a picture of a size that can be governed.

The addresses that workers put on the chain are not asked: anybody may write one there, of this machine's own
network for example.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from django.conf import settings
from django.core.cache import cache
from PIL import Image

from chain.rpc import addresses, told_apart, without_secrets
from compute import download, pictures, troubles
from compute.download import NotGiven
from compute.models import Picture, Rendering
from governance import parameters
from studio import picture as studio_picture

log = logging.getLogger(__name__)

WITHIN_S = 30.0
"""For one picture from one mirror: three megabytes on a slow line."""
REST_S = 120.0
"""So long a mirror that did not answer is left alone by whoever is in no hurry."""
RETRY_S = 300
"""After which a picture that no mirror had is asked for again in the background."""
BATCH_S = 20.0
"""So long the background asks before it lets others have their turn."""
FRAMING = 65_536
"""More than the canonical file's own bytes, whatever its size."""

_resting: dict[str, float] = {}


class Missing(troubles.Plain):
    """A picture that nobody gave us; the message says who was asked and what each said."""


def configured() -> dict[str, str]:
    """The mirrors' addresses by the names that they are shown under, in the order they are asked."""
    urls = addresses(settings.LINEAGE_MIRRORS)
    return dict(zip(told_apart(map(without_secrets, urls)), urls, strict=True))


def fetch(file_hash: str, *, hurry: bool = True, on_wait: Callable[[], object] = lambda: None) -> Picture:
    """Get a picture from the first mirror that gives it, and keep it.

    In a `hurry` those that did not answer lately are asked too, last. `on_wait` is called about twice a
    second, and what it raises ends the fetching. Raises Missing, and OSError when it can't be kept here.
    """
    known = configured()
    if not known:
        raise Missing(f"The picture {file_hash} is not kept here, and LINEAGE_MIRRORS names nobody to ask.")
    now = time.monotonic()
    tired = [name for name in known if _resting.get(known[name], 0) > now]
    order = [name for name in known if name not in tired] + (tired if hurry else [])
    said = []
    for name in order:
        try:
            picture = _from(known[name], file_hash, on_wait)
        except NotGiven as error:
            log.info("%s %s: %s", name, error, file_hash)
            said.append(f"{name} {error}")
            if error.tired:
                _resting[known[name]] = time.monotonic() + REST_S
        else:
            _resting.pop(known[name], None)
            log.info("%s gave the picture %s", name, file_hash)
            return picture
    said += [f"{name} is not asked again yet" for name in tired if not hurry]
    raise Missing(f"The picture {file_hash} is not kept here, and no mirror gave it: {'; '.join(said)}.")


def image(file_hash: str, on_wait: Callable[[], object] = lambda: None) -> Image.Image:
    """The picture for the painter: as it is kept here, or, where it is missing or damaged, from a mirror.

    Raises Missing, PictureDamaged, BadPicture, OSError, and what `on_wait` raises.
    """
    row = Picture.objects.filter(file_hash=file_hash).first()
    try:
        if row is not None:
            return pictures.image(row)
    except (pictures.PictureDamaged, studio_picture.BadPicture, OSError) as error:
        if not configured():
            raise
        log.warning("%s is asked for again: %s", file_hash, troubles.words(error))
    return pictures.image(fetch(file_hash, on_wait=on_wait))


def complete(file_hashes: Iterable[str]) -> int:
    """Ask for missing pictures in the background, in this order; returns how many came.

    It ends when a painting waits, or after BATCH_S. A picture that nobody has is not due again for RETRY_S.
    """
    came, until = 0, time.monotonic() + BATCH_S
    for file_hash in file_hashes:
        if time.monotonic() > until or Rendering.objects.claimable().exists():
            break
        if Picture.objects.filter(file_hash=file_hash).exists():
            continue
        try:
            fetch(file_hash, hurry=False)
        except Missing as error:
            log.warning("%s", error)
            cache.set(_asked(file_hash), True, RETRY_S)
        else:
            came += 1
    return came


def is_due(file_hash: str) -> bool:
    """Whether a picture may be asked for in the background: it was not in vain just now."""
    return cache.get(_asked(file_hash)) is None


def _asked(file_hash: str) -> str:
    return f"compute.mirrors.{file_hash}"


def forget() -> None:
    """Ask every mirror again, whatever it did before."""
    _resting.clear()


def largest() -> int:
    """The most bytes that the canonical file of a picture of a governed size can have."""
    width, height = (parameters.BY_KEY[side].max for side in ("width", "height"))
    return 3 * width * height + height + FRAMING


def _from(address: str, file_hash: str, on_wait: Callable[[], object]) -> Picture:
    """The picture that one mirror gave, kept. Raises NotGiven."""
    data = download.get(
        f"{address.rstrip('/')}/lineage/{file_hash}",
        kind="image/png",
        most=largest(),
        within_s=WITHIN_S,
        sha256=file_hash,
        on_wait=on_wait,
    )
    # The digest is the chain's, and so is the file, but who painted it may have meant harm.
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    if not 0 < 3 * width * height < len(data):
        raise NotGiven("gave what the chain names, which is no canonical picture", 200, tired=False)
    try:
        pixels = studio_picture.read(data)
        if studio_picture.canonical_png(pixels) != data:
            raise studio_picture.BadPicture("not canonical")
    except studio_picture.BadPicture as error:
        words = "gave what the chain names, which is no canonical picture"
        raise NotGiven(words, 200, tired=False) from error
    pictures.restore(pixels)
    return Picture.objects.get(file_hash=file_hash)
