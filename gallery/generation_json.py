"""A generation's record for programs: everything that its page says, hashes first."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse

from compute.models import Rendering
from gallery import again, painted, recipes
from gallery.models import Generation
from gallery.painted import Painted
from governance import withholding
from studio.recipe import Recipe


def generation(number: int) -> dict[str, Any]:
    """The record. Raises Generation.DoesNotExist."""
    row = Generation.objects.select_related("log__block").get(number=number)
    job = Rendering.objects.filter(recipe_hash=row.recipe_hash).first()
    found = painted.painted(row, job)
    withheld = withholding.picture(row.file_hash)
    recipe = Recipe.from_mapping(job.recipe) if job else None
    words = withholding.words("\n".join([recipe.text(), recipe.negative_prompt])) if recipe else None
    return {
        "generation": row.number,
        "epoch": row.epoch_number,
        "founding": row.founding,
        "anchored_at": row.log.block.timestamp,
        "block": row.log.block.number,
        "transaction": row.log.tx_hash,
        "model": row.model_id,
        "seed": row.seed,
        "parent_head": row.parent,
        "head": recipes.head(row),
        "recipe_hash": row.recipe_hash,
        "result_hash": row.result_hash,
        "pixel_hash": row.pixel_hash,
        "file_hash": row.file_hash,
        "picture": {"withheld": withheld} if withheld else reverse("gallery:original", args=[row.file_hash]),
        "recipe": {"withheld": words} if words else (json.loads(recipe.to_json()) if recipe else None),
        "painter": row.painter,
        "quorum": found.quorum or None,
        "painted_by": painted.to_json(found),
        "seconds": found.seconds or None,
        "energy": _energy(found),
        "environment": (job.environment if job else None) or None,
        "verification": _verification(number),
    }


def _energy(found: Painted) -> dict[str, Any]:
    """The figure with its method in words; "unknown" with the reason where there is none."""
    told = found.energy
    if not told.known:
        return {"method": "unknown", "reason": told.how}
    return {
        "joules": told.joules,
        "method": told.how,
        "estimated": told.estimated,
        "basis": told.basis,
        "surroundings": told.around,
    }


def _verification(number: int) -> dict[str, Any] | None:
    """The newest one that a visitor asked for."""
    shown = again.again(number)
    row = shown.row
    if row is None or row.under_way:
        return None
    return {
        "verdict": row.get_state_display(),
        "reason": row.error,
        "distance_db": row.distance,
        "changed": row.changed,
        "furthest": row.furthest,
        "tolerance_db": shown.tolerance,
        "at_block": row.block,
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "environment": row.environment,
    }
