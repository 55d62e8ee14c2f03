"""The founding generations' pictures, which are part of the repository: kept here once they are anchored."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from compute import pictures
from compute.models import Rendering
from gallery.models import Generation
from studio import picture as studio_picture
from studio.recipe import Recipe

FOLDER = Path(__file__).resolve().parent / "founding"


class FoundingDamaged(Exception):
    """The committed pictures are not those that the founding generations were anchored with."""


@cache
def entries() -> list[dict[str, Any]]:
    """What founding.json says of each founding generation, first to last."""
    with (FOLDER / "founding.json").open(encoding="utf-8") as file:
        found: list[dict[str, Any]] = json.load(file)
    return found


def titles() -> dict[str, str]:
    """The given title of each founding picture, by its file hash; none where no pictures are committed."""
    if not (FOLDER / "founding.json").exists():
        return {}
    return {entry["file_hash"]: entry["title"] for entry in entries()}


def import_pictures() -> int:
    """Keep the picture and the recipe of every mirrored founding generation that has none yet; returns how
    many.

    The canonical file is written from the committed pixels and must hash to what the chain holds.
    """
    known = Rendering.objects.filter(epoch_number=0).values("recipe_hash")
    missing = list(Generation.objects.filter(founding=True).exclude(recipe_hash__in=known))
    if not missing:
        return 0
    by_file = {entry["file_hash"]: (number, entry) for number, entry in enumerate(entries(), start=1)}
    for generation in missing:
        if generation.file_hash not in by_file:
            if settings.LINEAGE_MIRRORS:  # another artwork's: `gallery.keeping` gets it
                continue
            raise FoundingDamaged(
                f"no committed picture has the hash of founding generation {generation.number}: "
                "name who serves it in LINEAGE_MIRRORS"
            )
        number, entry = by_file[generation.file_hash]
        committed = (FOLDER / f"{number}.png").read_bytes()
        pixels = studio_picture.read(committed)
        picture = pictures.keep(pixels, committed)
        pictures.prepare(picture, pixels)
        if picture.file_hash != generation.file_hash:
            raise FoundingDamaged(f"founding picture {number} hashes to {picture.file_hash}")
        recipe = Recipe.from_mapping(entry["recipe"])
        Rendering.objects.get_or_create(
            recipe_hash=generation.recipe_hash,
            defaults={
                "epoch_number": 0,
                "recipe": json.loads(recipe.to_json()),
                "state": Rendering.State.PAINTED,
                "step": recipe.painted_steps,
                "steps": recipe.painted_steps,
                "attempts": 1,
                "environment": entry.get("environment", {}),
                "seconds": entry.get("seconds"),
                "picture": picture,
            },
        )
    return len(missing)
