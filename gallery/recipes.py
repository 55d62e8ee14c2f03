"""From a sealed epoch to the studio's recipe, checked against what the contract committed to.

The contract keeps hashes only. Here the parameters, the parent and the seed are looked up in the mirror,
hashed again by the contract's own formulas, and compared: what differs stops the epoch with a clear error
instead of painting something that was never decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chain import deployments
from compute import commitments
from gallery.models import Generation, Sealing
from governance import parameters
from studio.recipe import Recipe


class RecipeMismatch(Exception):
    """What the mirror says and what the contract committed to differ."""


def head(generation: Generation) -> str:
    """The lineage head after a generation."""
    return commitments.head(
        generation.parent, generation.number, generation.recipe_hash, generation.result_hash
    )


def recipe_hash(epoch: int, params_hash: str, parent_head: str, seed: str) -> str:
    """The commitment to an epoch's recipe, by this deployment's artwork."""
    deployment = deployments.load()
    artwork = deployment.address_of("LivingArtwork")
    return commitments.recipe_hash(deployment.chain_id, artwork, epoch, params_hash, parent_head, seed)


def parent_of(parent_head: str) -> Generation | None:
    """The generation whose head this is, None for the empty lineage. RecipeMismatch when the mirror has
    none.
    """
    if parent_head == commitments.NO_HEAD:
        return None
    for generation in Generation.objects.order_by("-number"):
        if head(generation) == parent_head:
            return generation
    raise RecipeMismatch(
        f"no generation has the lineage head {parent_head}, which the epoch names as its parent"
    )


def build(sealing: Sealing) -> Recipe:
    """The recipe of an epoch whose seed is drawn. Raises RecipeMismatch, or InvalidRecipe from the studio.

    All the parameters in force at the sealed version are hashed and compared with the sealed hash, and the
    recipe commitment with the one in `SeedDrawn`.
    """
    raw = parameters.raw_values_at(sealing.params_version)
    found = parameters.params_hash_of(raw)
    if found != sealing.params_hash:
        raise RecipeMismatch(
            f"epoch {sealing.epoch_id}: version {sealing.params_version} of the parameters hashes to {found} "
            f"here, but {sealing.params_hash} was sealed"
        )
    draw = sealing.epoch.draw
    committed = recipe_hash(sealing.epoch_id, sealing.params_hash, sealing.parent_head, draw.seed)
    if committed != draw.recipe_hash:
        raise RecipeMismatch(
            f"epoch {sealing.epoch_id}: the recipe hashes to {committed} here, "
            f"but the contract computed {draw.recipe_hash}"
        )
    parent = parent_of(sealing.parent_head)
    return from_values(readable(raw), draw.seed, parent.file_hash if parent else None)


def from_values(values: dict[str, Any], seed: str, parent_file: str | None) -> Recipe:
    """The studio's recipe for governed values (`governance.parameters` keys), a seed and a parent's file
    hash.
    """
    return Recipe(
        model=values["model"],
        prompt=values["prompt"],
        negative_prompt=values["negative_prompt"],
        family=values["family"],
        palette=values["palette"],
        mood=values["mood"],
        guidance_milli=values["guidance"],
        steps=values["steps"],
        strength_milli=values["strength"],
        width=values["width"],
        height=values["height"],
        seed=seed,
        parent_file=parent_file,
    ).validate()


def founding_values(stated: dict[str, str], first: dict[str, str]) -> Iterator[dict[str, str]]:
    """What a founding generation's parameters' hash may be over, from the values stated for it and those of
    the first version (bytes on chain, by key): what was stated alone, or with the keys that the founders'
    parameters had besides, whose list only ever grew at its end.
    """
    yield stated
    keys = [key for key in first if key not in stated]
    for many in range(1, len(keys) + 1):
        yield {**{key: first[key] for key in keys[:many]}, **stated}


def readable(raw: dict[str, str]) -> dict[str, Any]:
    """Values from their bytes on chain. Bytes of a text that are no UTF-8 are left out, so it never gets
    longer.
    """
    return {
        key: (
            bytes.fromhex(value.removeprefix("0x")).decode("utf-8", errors="ignore").replace("\x00", "")
            if parameters.BY_KEY[key].kind == "text"
            else parameters.decode(key, value)
        )
        for key, value in raw.items()
        if key in parameters.BY_KEY
    }
