"""Is a generation what the chain says? It is painted again from chain data and stored inputs, and compared.

The recipe is the chain's (`gallery.onchain`), the parent is found by its file hash, the weights by their
digest; nothing else goes in. What comes out is one of four:

* *bit-exact*: the same pixels, and with them the file and the thumbnails that the chain names;
* *within tolerance*: other bits, and to the eye the same picture. Floating point differs between processors
  and libraries, so this is what an honest painter of another determinism class gets;
* *different*: another picture;
* *can't be verified here*: with the reason. It says nothing about the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from django.conf import settings
from PIL import Image

from compute import attestations, commitments, energy, mirrors, painter, pictures, troubles
from compute.models import Attestation, Picture, Rendering
from gallery.founding import founding
from gallery.onchain import CantTell, ChainRecord, Facts
from studio import models as studio_models
from studio import picture as studio_picture
from studio.environment import determinism_class
from studio.models import UnknownModel
from studio.paint import Painting, Step
from studio.picture import Pixels
from studio.recipe import InvalidRecipe
from studio.remote import PainterError

LOST = (pictures.PictureDamaged, studio_picture.BadPicture, OSError)
"""What reading a kept picture may raise."""


class Verdict(StrEnum):
    """What became of painting a generation again."""

    EXACT = "bit-exact"
    NEAR = "within tolerance"
    DIFFERENT = "different"
    UNVERIFIED = "can’t be verified here"


class CantVerify(Exception):
    """Something that it takes isn't here; the message says what."""


@dataclass(frozen=True)
class Comparison:
    """distance: peak signal-to-noise ratio in decibels; changed: share of pixels that differ; furthest: the
    largest difference of a channel, of 255. All None when equal, or when there is nothing to compare with.
    """

    verdict: Verdict
    reason: str = ""
    distance: float | None = None
    changed: float | None = None
    furthest: int | None = None


@dataclass(frozen=True)
class Statement:
    """What somebody said of a painting: the environment, and the energy and seconds where told.

    who: a worker's address, "this site" or "the founders". manifest_hash: of an attestation, else "".
    """

    who: str
    environment: dict[str, Any]
    energy: dict[str, Any] = field(default_factory=dict)
    seconds: str = ""
    manifest_hash: str = ""
    class_id: str = ""

    @property
    def determinism_class(self) -> str:
        """The declared class; measured from the environment where none was declared; "" when unknown."""
        return self.class_id or (determinism_class(self.environment) if self.environment else "")


@dataclass(frozen=True)
class Difference:
    """One line of two environments side by side."""

    name: str
    then: str
    now: str

    @property
    def differs(self) -> bool:
        """Whether they say something else."""
        return self.then != self.now


@dataclass(frozen=True)
class Report:
    """What came of verifying one generation."""

    number: int
    comparison: Comparison
    facts: Facts | None = None
    then: Statement | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    painted_hash: str = ""
    seconds: float | None = None
    energy: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The verdict alone."""
        return self.comparison.verdict

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        told: dict[str, Any] = {
            "generation": self.number,
            "verdict": self.verdict.name.lower(),
            "reason": self.comparison.reason,
            "distance_db": self.comparison.distance,
            "changed": self.comparison.changed,
            "furthest": self.comparison.furthest,
            "tolerance_db": settings.VERIFY_TOLERANCE_DB,
            "painted_pixel_hash": self.painted_hash,
            "seconds": self.seconds,
            "energy": self.energy,
            "environment": self.environment,
            "attested": None,
        }
        if self.then is not None:
            told["attested"] = {
                "by": self.then.who,
                "environment": self.then.environment,
                "manifest_hash": self.then.manifest_hash,
            }
        if self.facts is not None:
            told |= {
                "block": self.facts.block,
                "epoch": self.facts.epoch,
                "checked": list(self.facts.checked),
                "recipe_hash": self.facts.recipe_hash,
                "result_hash": self.facts.result_hash,
                "pixel_hash": self.facts.pixel_hash,
                "file_hash": self.facts.file_hash,
                "head": self.facts.head,
            }
        return told


def verify(
    record: ChainRecord,
    number: int,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Report:
    """Verify one generation. Every trouble with what it takes is a report; RpcUnavailable and RpcError are
    raised, and so is what the callbacks raise.
    """
    facts = then = None
    try:
        facts = record.facts(number)
        then = statement(facts)
        painting = paint(facts, threads(then), on_step, on_wait)
    except (CantTell, CantVerify) as error:
        return Report(number, Comparison(Verdict.UNVERIFIED, str(error)), facts, then)
    return report(facts, then, painting)


def paint(
    facts: Facts,
    thread_count: int,
    on_step: Callable[[Step], None] | None = None,
    on_wait: Callable[[], None] | None = None,
) -> Painting:
    """Paint what the chain says. Raises CantVerify, and whatever the callbacks raise."""
    try:
        folder = studio_models.resolve(facts.recipe.model, settings.PAINTER_MODELS)
    except UnknownModel as error:
        raise CantVerify(f"its model is not here: {error}") from error
    parent = _parent(facts.recipe.parent_file, on_wait or (lambda: None))
    try:
        return painter.get().paint(
            facts.recipe, parent, folder, threads=thread_count, on_step=on_step, on_wait=on_wait
        )
    except (PainterError, UnknownModel, InvalidRecipe) as error:
        raise CantVerify(f"it could not be painted: {troubles.words(error)}") from error


def report(facts: Facts, then: Statement | None, painting: Painting) -> Report:
    """What a painting of the chain's recipe says of the generation."""
    return Report(
        number=facts.number,
        comparison=judge(facts, painting.pixels),
        facts=facts,
        then=then,
        environment=painting.environment,
        painted_hash=studio_picture.pixel_hash(painting.pixels),
        seconds=painting.seconds,
        energy=energy.recorded(painting.energy),
    )


def judge(facts: Facts, painted: Pixels) -> Comparison:
    """Pixels against what the chain says, and against the anchored picture where it is kept."""
    found = studio_picture.pixel_hash(painted)
    if found == facts.pixel_hash:
        file = studio_picture.file_hash(studio_picture.canonical_png(painted))
        hashes = (found, studio_picture.thumb_hash(painted), file)
        if commitments.result_hash(facts.recipe_hash, *hashes) == facts.result_hash:
            return Comparison(Verdict.EXACT)
        words = "the pixels are the same, and the file or thumbnails that the chain names are not theirs"
        return Comparison(Verdict.DIFFERENT, words)
    kept, why = anchored(facts.file_hash, facts.pixel_hash)
    return compare(kept, painted, why)


def compare(kept: Pixels | None, painted: Pixels, why_not: str = "") -> Comparison:
    """How far other pixels are from the anchored ones; `why_not`: the reason when those are not here."""
    if kept is None:
        return Comparison(Verdict.UNVERIFIED, f"the bits differ, and how far can’t be told: {why_not}")
    if kept.shape != painted.shape:
        sizes = f"{kept.shape[1]}×{kept.shape[0]} and {painted.shape[1]}×{painted.shape[0]}"
        return Comparison(Verdict.DIFFERENT, f"the sizes differ: {sizes}")
    apart = np.abs(kept.astype(np.int16) - painted.astype(np.int16))
    distance = studio_picture.psnr(kept, painted)
    return Comparison(
        Verdict.NEAR if distance >= settings.VERIFY_TOLERANCE_DB else Verdict.DIFFERENT,
        "",
        distance,
        float(np.mean(apart.any(axis=2))),
        int(apart.max()),
    )


def anchored(file_hash: str, pixel_hash: str) -> tuple[Pixels | None, str]:
    """(the anchored pixels, why they are not here): kept by this site, or in the repository's founding."""
    row = Picture.objects.filter(file_hash=file_hash).first()
    why = "the anchored picture is not kept here"
    if row is not None:
        try:
            found: Pixels = pictures.pixels(row)
        except LOST as error:
            why = f"the anchored picture can’t be read here: {troubles.words(error)}"
        else:
            if studio_picture.pixel_hash(found) == pixel_hash:
                return found, ""
    for one in founding():
        if one.file_hash == file_hash:
            return one.pixels(), ""
    return None, why


def statement(facts: Facts) -> Statement | None:
    """What is kept here of how it was painted: attested by a worker whose result it is, else written down by
    this site when it painted it, else stated by the founders.
    """
    found = attested(facts.recipe_hash, facts.result_hash)
    if found:
        return found[0]
    job = Rendering.objects.filter(recipe_hash=facts.recipe_hash).first()
    if job is not None and job.environment:
        seconds = "" if job.seconds is None else f"{job.seconds:.1f}"
        return Statement("this site", job.environment, job.energy, seconds)
    for one in founding():
        if one.file_hash == facts.file_hash:
            return Statement("the founders", one.environment, seconds=f"{one.seconds:.1f}")
    return None


def attested(recipe_hash: str, result_hash: str) -> list[Statement]:
    """What workers attested of a result, first to last, as far as it is kept here."""
    found = []
    for row in Attestation.objects.filter(recipe_hash=recipe_hash).order_by("made_at"):
        told = attestations.parse(row.body.encode())
        if told["result_hash"] == result_hash:
            found.append(
                Statement(
                    told["worker"],
                    told["environment"],
                    told["energy"],
                    told["seconds"],
                    row.manifest_hash,
                    told["class"],
                )
            )
    return found


def threads(then: Statement | None) -> int:
    """As many threads as it was painted with: their number changes the last bits."""
    told = then.environment.get("threads") if then is not None else None
    return told if isinstance(told, int) and 1 <= told <= 256 else int(settings.PAINTER_THREADS)


def side_by_side(then: dict[str, Any], now: dict[str, Any]) -> Sequence[Difference]:
    """Two environments, entry by entry, those that differ first."""
    names = [*then, *(name for name in now if name not in then)]
    lines = [Difference(name, _shown(then.get(name)), _shown(now.get(name))) for name in names]
    return sorted((one for one in lines if one.then or one.now), key=lambda one: not one.differs)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _parent(file_hash: str | None, on_wait: Callable[[], object]) -> Image.Image | None:
    """The picture that it was painted over: kept here, from a mirror, or of the founding. Raises CantVerify,
    and what `on_wait` raises.
    """
    if file_hash is None:
        return None
    try:
        return mirrors.image(file_hash, on_wait)
    except (*LOST, mirrors.Missing) as error:
        for one in founding():
            if one.file_hash == file_hash:
                return Image.fromarray(one.pixels())
        why = troubles.words(error)
        raise CantVerify(f"the picture that it was painted over can’t be had: {why}") from error
