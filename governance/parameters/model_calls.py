"""A proposal's calls about models in words: who paints, and what is listed, activated and retired.

A proposal may list a model and choose it at once, so what its earlier calls say of a model counts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from governance import registry
from governance.models import ModelStanding, ModelTier
from governance.weights import ZERO

TIERS: dict[int, str] = {
    ModelTier.RESTRICTED: "restricted weights",
    ModelTier.OPEN_WEIGHTS: "open weights",
    ModelTier.OPEN_SOURCE: "open source",
}


@dataclass(frozen=True)
class Known:
    """What is known of a model when a call is made."""

    name: str
    status: ModelStanding


Seen = dict[str, Known]
"""Models by id, as the calls before this one leave them."""


def known(model_id: str, seen: Mapping[str, Known]) -> Known:
    """A model as earlier calls, and else the registry, have it."""
    if model_id in seen:
        return seen[model_id]
    entry = registry.entry(model_id)
    if entry is None:
        return Known(registry.short(model_id), ModelStanding.NONE)
    return Known(entry.name, entry.status)


def named(model_id: str, seen: Mapping[str, Known]) -> str:
    """`genesis (0xdb6a58…0b3548)`: two models may have one name, never one digest."""
    found = known(model_id, seen).name
    short = registry.short(model_id)
    return found if found == short else f"{found} ({short})"


def choice_problem(model_id: str, seen: Mapping[str, Known]) -> str:
    """Why a model can't be chosen to paint, as a sentence; empty when it can, or when there is no registry to
    ask.
    """
    if not registry.entries() and model_id not in seen:
        return ""
    status = known(model_id, seen).status
    if status is ModelStanding.ACTIVE:
        return ""
    why = {
        ModelStanding.NONE: "the registry does not list it",
        ModelStanding.REGISTERED: "it is listed, but not active",
        ModelStanding.RETIRED: "it is retired",
    }[status]
    return f"It can’t be chosen: {why}."


def words(function: str, arguments: Mapping[str, Any], seen: Seen) -> tuple[str, str] | None:
    """A call of the registry as (what it does, more about it), None for a function that is not told here.

    `seen` is brought up to what this call leaves.
    """
    model_id = str(arguments.get("id", ""))
    if function == "register":
        model = arguments["model"]
        name = registry.name_in(model["uri"]) or registry.short(model_id)
        seen[model_id] = Known(name, ModelStanding.REGISTERED)
        return f"Register the model {named(model_id, seen)}", _entry_words(model)
    before = known(model_id, seen)
    if function == "activate":
        seen[model_id] = replace(before, status=ModelStanding.ACTIVE)
        return f"Let {named(model_id, seen)} be chosen to paint", ""
    if function == "retire":
        seen[model_id] = replace(before, status=ModelStanding.RETIRED)
        return (
            f"Retire the model {named(model_id, seen)}",
            "It can’t be chosen any more. What it painted stays, and so does a choice that is in force.",
        )
    if function == "setRoyaltyReceiver":
        receiver = str(arguments["receiver"])
        to = "nobody" if receiver == ZERO else receiver
        return f"Pay the royalties of {named(model_id, seen)} to {to}", ""
    return None


def _entry_words(model: Mapping[str, Any]) -> str:
    # The bytes may be anybody's: a number that is no tier is shown as it is.
    tier = TIERS.get(model["tier"], f"tier {model['tier']}")
    declared = int(model["milliJoules"])
    energy = f"{declared / 1000:g} J a step and megapixel declared" if declared else "no energy declared"
    return (
        f"{tier.capitalize()}, licence {model['licence']}, run by {model['pipelineClass']}, {energy}, "
        f"from {model['uri']}"
    )
