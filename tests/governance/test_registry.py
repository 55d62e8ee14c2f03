"""What the registry says of the models that may paint, and what a recipe would take of an epoch's budget."""

from __future__ import annotations

import math
from typing import Any

import pytest

from chain.models import Block
from governance import energy, registry
from governance.models import ModelStanding, ModelTier, RoyaltyReceiver
from governance.registry import name_in
from studio.recipe import Recipe
from tests.governance import factories
from tests.governance.factories import INES, VALUES, hash32

pytestmark = pytest.mark.django_db

GENESIS = str(VALUES["model"])


def test_a_model_is_what_was_said_last() -> None:
    factories.model(GENESIS, at=5)
    other = factories.model(at=6, status=None, tier=ModelTier.RESTRICTED)
    assert [entry.id for entry in registry.entries()] == [GENESIS, other.model_id]
    assert [entry.id for entry in registry.active()] == [GENESIS]
    assert [entry.status for entry in registry.entries()] == [
        ModelStanding.ACTIVE,
        ModelStanding.REGISTERED,
    ]

    factories.model_status(GENESIS, ModelStanding.RETIRED, at=7)
    factories.model_status(other.model_id, ModelStanding.ACTIVE, at=8)
    RoyaltyReceiver.objects.create(
        **factories.place(factories.block(9)), model_id=other.model_id, receiver=INES
    )
    [found] = registry.active()
    assert (found.id, found.royalty_receiver, found.tier) == (other.model_id, INES, ModelTier.RESTRICTED)
    retired = registry.entry(GENESIS.upper().replace("0X", "0x"))
    assert retired is not None
    assert retired.status is ModelStanding.RETIRED
    assert registry.entry(hash32()) is None


def test_what_the_chain_takes_back_was_never_said() -> None:
    factories.model(GENESIS, at=5)
    taken = factories.model_status(GENESIS, ModelStanding.RETIRED, at=7)
    assert registry.active() == []
    Block.objects.get(number=taken.block_number).delete()
    assert [entry.id for entry in registry.active()] == [GENESIS]


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://example.org/painters/tree/v1/weights/genesis", "genesis"),
        ("https://example.org/painters/genesis/?x=1#top", "genesis"),
        ("https://huggingface.co/owner/painter/tree/0123abc", "owner/painter"),
        ("owner/painter@0123abc", "owner/painter"),
        ("hf://owner/painter@0123abc", "owner/painter"),
        ("ipfs://bafybeigd/painter@2", "painter"),
        ("models/genesis@0123abc", "models/genesis"),
        ("swh:1:dir:b46c79c44e8f15ef192c0d830908fd6e7de2f712;path=/models/genesis", "genesis"),
        ("http://[", ""),
        ("https://example.org/", ""),
    ],
)
def test_a_models_name_is_in_its_address(uri: str, name: str) -> None:
    assert name_in(uri) == name


def test_only_addresses_of_the_web_are_links() -> None:
    for uri, link in (
        ("https://example.org/a", True),
        ("swh:1:dir:" + "b4" * 20, True),
        ("javascript:alert(1)", False),
        ("http://[", False),
    ):
        row = factories.model(uri=uri)
        found = registry.entry(row.model_id)
        assert found is not None
        assert bool(found.link) is link
    assert registry.name_of(hash32()).startswith("0x")


def values(**changed: Any) -> dict[str, Any]:
    return {**VALUES, "energy_budget": 0, **changed}


def test_an_estimate_is_what_was_declared_for_the_steps_that_are_painted() -> None:
    factories.model(GENESIS, milli_joules=10_000)
    entry = registry.entry(GENESIS)
    # 20 steps at strength 0.62 are 12 that are painted; 512 x 512 are 0.262144 megapixels
    assert energy.estimate_joules(values(), entry) == 32  # 31.46, rounded up
    assert energy.estimate_joules(values(strength=50, steps=1), entry) == 3
    assert energy.estimate_joules(values(width=1024, height=1024, strength=1000), entry) == 210
    assert energy.estimate_joules(values(), None) is None


@pytest.mark.parametrize(("steps", "strength"), [(1, 50), (20, 620), (33, 333), (100, 1000), (7, 999)])
def test_steps_are_counted_as_the_painter_counts_them(steps: int, strength: int) -> None:
    factories.model(GENESIS, milli_joules=1000)
    recipe = Recipe(
        model=GENESIS, prompt="a", negative_prompt="", family="", palette="", mood="",
        guidance_milli=1, steps=steps, strength_milli=strength, width=1024, height=1024,
        seed=hash32(), parent_file=hash32(),
    )  # fmt: skip
    wanted = math.ceil(recipe.painted_steps * 1024 * 1024 / 1_000_000)
    found = values(steps=steps, strength=strength, width=1024, height=1024)
    assert energy.estimate_joules(found, registry.entry(GENESIS)) == wanted


def test_a_recipe_over_its_budget_is_refused_with_the_reason() -> None:
    factories.model(GENESIS, milli_joules=10_000)
    assert energy.over_budget(values()) == ""
    assert energy.over_budget(VALUES) == ""  # a deployment without the parameter
    assert energy.over_budget(values(energy_budget=32)) == ""
    said = energy.over_budget(values(energy_budget=31))
    assert "about 32 J" in said
    assert "may use 31 J" in said


def test_a_budget_binds_models_of_which_nothing_was_declared_too() -> None:
    assert energy.over_budget(values()) == ""
    assert "nobody has declared" in energy.over_budget(values(energy_budget=1000))
    factories.model(GENESIS, milli_joules=0)
    assert "the model genesis takes" in energy.over_budget(values(energy_budget=1000))


@pytest.mark.parametrize(
    ("joules", "words"),
    [(0, "0 J"), (999, "999 J"), (1000, "1 kJ"), (12_430, "12.4 kJ"), (1_500_000, "1.5 MJ")],
)
def test_joules_in_words(joules: int, words: str) -> None:
    assert energy.joules_words(joules) == words
