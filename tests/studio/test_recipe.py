"""A recipe is exact: one decision gives one text, and what can't be painted is refused with its reason."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.recipe import RANGES, InvalidRecipe, Recipe, join_style
from studio.vocabulary import FAMILIES, FAMILY_GROUPS, MOODS, PALETTES

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=16)


def recipe(**changes):
    plain = Recipe(
        model="0x" + "ab" * 32,
        prompt="misty ridges above flowing silk",
        negative_prompt="",
        family="",
        palette="dusk",
        mood="calm",
        guidance_milli=4500,
        steps=20,
        strength_milli=620,
        width=512,
        height=512,
        seed="0x" + "01" * 32,
    )
    return replace(plain, **changes)


def test_style_follows_the_prompt_in_one_order():
    joined = join_style("two rivers", "flowing silk", "ocean", "calm")
    assert joined == "two rivers, flowing silk, calm, ocean palette"


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("two rivers", "", "", ""), "two rivers"),
        (("", "", "ember", ""), "ember palette"),
        (("  two \n rivers, ", "", "the dusk palette", ",calm,"), "two rivers, calm, the dusk palette"),
        ((" ", ",", "", "\t"), ""),
    ],
)
def test_empty_parts_leave_no_trace(parts, joined):
    assert join_style(*parts) == joined


@given(words, words, words, words)
def test_joining_never_leaves_loose_ends(prompt, family, palette, mood):
    joined = join_style(prompt, family, palette, mood)
    assert joined == joined.strip(" ,")
    assert joined == " ".join(joined.split())


def test_joining_again_changes_nothing():
    once = join_style("two rivers", "flowing silk", "ocean", "calm")
    assert join_style(once, "", "", "") == once


@given(
    prompt=words.filter(lambda text: text.strip(", \t\n\r") and len(" ".join(text.split()).strip(", ")) > 0),
    steps=st.integers(*RANGES["steps"]),
    strength=st.integers(*RANGES["strength_milli"]),
    guidance=st.integers(*RANGES["guidance_milli"]),
    side=st.integers(1, 16),
    seed=st.binary(min_size=32, max_size=32),
    parent=st.none() | st.binary(min_size=32, max_size=32),
)
def test_json_carries_a_recipe_unchanged(prompt, steps, strength, guidance, side, seed, parent):
    one = recipe(
        prompt=prompt,
        steps=steps,
        strength_milli=strength,
        guidance_milli=guidance,
        width=64 * side,
        seed="0x" + seed.hex(),
        parent_file=None if parent is None else "0x" + parent.hex(),
    )
    assert Recipe.from_json(one.to_json()) == one
    assert Recipe.from_json(one.to_json()).to_json() == one.to_json()


@given(st.integers(1, 100), st.integers(1, 1000))
def test_at_least_one_step_and_at_most_all_are_painted(steps, strength):
    one = recipe(steps=steps, strength_milli=strength, parent_file="0x" + "cd" * 32)
    assert 1 <= one.painted_steps <= steps
    assert one.painted_steps == max(1, steps * strength // 1000)
    assert recipe(steps=steps, strength_milli=strength).painted_steps == steps


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("seed", "0x00", "seed must be 32 bytes"),
        ("seed", "0x" + "AB" * 32, "lower-case"),
        ("model", None, "model must be 32 bytes"),
        ("parent_file", "", "parent_file must be 32 bytes"),
        ("prompt", "é" * 501, "1002 bytes"),
        ("prompt", "\ud800", "not valid Unicode"),
        ("mood", 3, "mood must be text"),
        ("steps", 0, "steps is 0"),
        ("steps", True, "steps must be an integer"),
        ("strength_milli", 0.5, "strength_milli must be an integer"),
        ("strength_milli", 1001, "1..1000"),
        ("width", 500, "multiple of 64"),
        ("height", 1088, "64..1024"),
    ],
)
def test_what_cannot_be_painted_is_refused_with_its_reason(field, value, why):
    with pytest.raises(InvalidRecipe, match=why):
        recipe(**{field: value}).validate()


def test_a_recipe_that_says_nothing_is_refused():
    with pytest.raises(InvalidRecipe, match="all empty"):
        recipe(prompt=" ", palette="", mood="").validate()


@pytest.mark.parametrize("text", ["", "[]", "{}", "nul", '{"prompt": "a"}'])
def test_json_that_is_no_recipe_is_refused(text):
    with pytest.raises(InvalidRecipe):
        Recipe.from_json(text)


def test_an_unknown_key_is_refused_not_dropped():
    data = json.loads(recipe().to_json()) | {"sampler": "other"}
    with pytest.raises(InvalidRecipe, match="sampler"):
        Recipe.from_json(json.dumps(data))


def test_the_vocabulary_fits_the_style_fields():
    for word in (*FAMILIES, *MOODS, *PALETTES):
        assert len(word.encode()) <= 64
    assert len(FAMILY_GROUPS) == 16
    assert len(PALETTES) == 18
    assert all(
        len(colours) == 5 and all(len(colour) == 7 for colour in colours) for colours in PALETTES.values()
    )
