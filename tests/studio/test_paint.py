"""Painting with real pipelines: tiny untrained ones for the rules, the default model once for the picture."""

import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio import paint as studio_paint
from studio.environment import determinism_class
from studio.models import UnknownModel
from studio.paint import Cancelled, generator_seed
from studio.picture import canonical_png, file_hash
from studio.recipe import InvalidRecipe, Recipe

# One thread: on a busy machine two threads wait for each other longer than a tiny model computes.
paint = partial(studio_paint.paint, threads=1)


@pytest.fixture
def parent():
    x = np.linspace(0, 255, 64)[None, :, None]
    y = np.linspace(0, 255, 128)[:, None, None]
    return Image.fromarray(np.concatenate(np.broadcast_arrays(x, y, 255 - x), axis=2).astype(np.uint8))


def child_of(recipe, parent):
    return replace(recipe, parent_file=file_hash(canonical_png(np.asarray(parent))))


def test_one_recipe_gives_one_picture(tiny_model, recipe_for):
    recipe = recipe_for(tiny_model)
    first, second = paint(recipe, None, tiny_model), paint(recipe, None, tiny_model)
    assert first.pixels.shape == (128, 64, 3)
    assert first.pixels.dtype == np.uint8
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.environment == second.environment
    assert first.seconds > 0


def test_a_picture_does_not_depend_on_what_was_painted_before(tiny_model, recipe_for, parent):
    recipe = recipe_for(tiny_model)
    before = paint(recipe, None, tiny_model).pixels
    paint(child_of(recipe_for(tiny_model, steps=7), parent), parent, tiny_model)
    studio_paint.unload()
    np.testing.assert_array_equal(paint(recipe, None, tiny_model).pixels, before)


@pytest.mark.parametrize(
    "change", [{"seed": "0x" + "5b" * 32}, {"palette": "ember"}, {"guidance_milli": 2000}]
)
def test_every_decision_shows(tiny_model, recipe_for, change):
    recipe = recipe_for(tiny_model)
    assert not np.array_equal(
        paint(recipe, None, tiny_model).pixels, paint(replace(recipe, **change), None, tiny_model).pixels
    )


def test_a_child_is_painted_from_its_parent(tiny_model, recipe_for, parent):
    recipe = child_of(recipe_for(tiny_model, strength_milli=300), parent)
    child = paint(recipe, parent, tiny_model).pixels
    other = parent.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    stranger = paint(child_of(recipe, other), other, tiny_model).pixels
    assert not np.array_equal(child, stranger)


def test_the_named_parent_and_no_other_is_taken(tiny_model, recipe_for, parent):
    recipe = child_of(recipe_for(tiny_model), parent)
    with pytest.raises(InvalidRecipe, match="parent"):
        paint(recipe, None, tiny_model)
    with pytest.raises(InvalidRecipe, match="parent"):
        paint(recipe, parent.transpose(Image.Transpose.FLIP_LEFT_RIGHT), tiny_model)
    with pytest.raises(InvalidRecipe, match="parent"):
        paint(replace(recipe, parent_file=None), parent, tiny_model)


def test_the_named_weights_and_no_others_are_taken(tiny_model, kl_model, recipe_for):
    with pytest.raises(UnknownModel, match="doesn't hold model"):
        paint(recipe_for(tiny_model), None, kl_model)


@pytest.mark.parametrize(("steps", "strength", "painted"), [(4, 620, 2), (10, 50, 1), (3, 1000, 3)])
def test_progress_counts_the_steps_that_are_painted(tiny_model, recipe_for, parent, steps, strength, painted):
    recipe = child_of(recipe_for(tiny_model, steps=steps, strength_milli=strength), parent)
    seen = []
    paint(recipe, parent, tiny_model, on_step=lambda step: seen.append((step.step, step.steps)))
    assert seen == [(number, painted) for number in range(painted + 1)]


@given(st.integers(1, 100), st.integers(1, 1000))
def test_diffusers_gets_a_strength_that_it_rounds_to_the_same_steps(steps, strength):
    recipe = Recipe(
        "0x" + "00" * 32, *"pnfam", 4500, steps, strength, 64, 64, "0x" + "00" * 32, "0x" + "00" * 32
    )
    given_strength = studio_paint._strength(recipe)
    assert 0 < given_strength <= 1
    assert min(int(steps * given_strength), steps) == recipe.painted_steps


def test_previews_are_small_and_leave_the_picture_alone(tiny_model, recipe_for):
    recipe = recipe_for(tiny_model, steps=9, width=192, height=384)
    seen = []
    watched = paint(recipe, None, tiny_model, on_step=seen.append).pixels
    previews = {step.step: step.preview for step in seen if step.preview}
    assert sorted(previews) == [4, 8]
    assert all(preview.size == (56, 112) for preview in previews.values())
    np.testing.assert_array_equal(watched, paint(recipe, None, tiny_model).pixels)


@pytest.mark.parametrize("at", [0, 2])
def test_cancelling_stops_within_a_step_and_the_next_painting_is_whole(tiny_model, recipe_for, at):
    recipe = recipe_for(tiny_model, steps=3)
    before = paint(recipe, None, tiny_model).pixels
    seen = []

    def stop(step):
        seen.append(step.step)
        if step.step == at:
            raise Cancelled

    with pytest.raises(Cancelled):
        paint(recipe, None, tiny_model, on_step=stop)
    assert seen == list(range(at + 1))
    np.testing.assert_array_equal(paint(recipe, None, tiny_model).pixels, before)


def test_another_kind_of_model_paints_too(kl_model, recipe_for, parent):
    recipe = recipe_for(kl_model, steps=5)
    previews = []
    picture = paint(recipe, None, kl_model, on_step=lambda step: previews.append(step.preview))
    assert picture.pixels.shape == (128, 64, 3)
    assert [preview and preview.size for preview in previews] == [None] * 4 + [(56, 112), None]
    child = child_of(recipe, parent)
    np.testing.assert_array_equal(
        paint(child, parent, kl_model).pixels, paint(child, parent, kl_model).pixels
    )


def test_two_models_take_turns(tiny_model, kl_model, recipe_for):
    first = paint(recipe_for(tiny_model), None, tiny_model).pixels
    paint(recipe_for(kl_model), None, kl_model)
    np.testing.assert_array_equal(paint(recipe_for(tiny_model), None, tiny_model).pixels, first)


def test_a_parent_of_another_size_is_fitted(tiny_model, recipe_for, parent):
    recipe = child_of(recipe_for(tiny_model, width=128, height=64), parent)
    assert paint(recipe, parent, tiny_model).pixels.shape == (64, 128, 3)


def decoded_both_ways(folder, recipe):
    """(what the pipeline itself decodes, what the studio decodes) from the same latents."""
    import torch

    from studio import latents

    paint(recipe, None, folder)
    pipeline, _ = studio_paint._pipelines[recipe.model]
    some = torch.randn((1, 4, 16, 24), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        image = pipeline.vae.decode(some / pipeline.vae.config.scaling_factor).sample
    ours = latents.decode(pipeline, some).astype(int)
    return np.rint(pipeline.image_processor.postprocess(image, output_type="np")[0] * 255).astype(int), ours


def test_a_full_autoencoders_pictures_are_decoded_as_diffusers_does(kl_model, recipe_for):
    plain, ours = decoded_both_ways(kl_model, recipe_for(kl_model))
    np.testing.assert_array_equal(plain, ours)


def test_of_a_tiny_autoencoders_pictures_only_one_corner_is_decoded_anew(tiny_model, recipe_for):
    plain, ours = decoded_both_ways(tiny_model, recipe_for(tiny_model))
    differ = (plain != ours).any(axis=2)
    assert differ[-4:, -4:].any()
    differ[-12:, -12:] = False
    assert not differ.any()


def test_the_environment_says_what_decides_the_last_bits(tiny_model, recipe_for):
    where = paint(recipe_for(tiny_model), None, tiny_model).environment
    for key in ("torch", "diffusers", "transformers", "python", "platform", "cpu", "kernels"):
        assert where[key]
    assert where["threads"] == 1
    assert where["dtype"] == "float32"
    assert where["ignored"] == []
    assert not any("energy" in key or "joule" in key for key in where), (
        "nothing was measured, so nothing is said"
    )
    assert determinism_class(where) == determinism_class(dict(reversed(where.items())))
    assert determinism_class(where) != determinism_class(where | {"threads": 2})
    assert determinism_class(where) == determinism_class(where | {"cpu": "another of the same features"})


def test_the_generators_seed_is_the_first_eight_bytes():
    assert generator_seed("0x" + "00" * 7 + "2a" + "ff" * 24) == 42


def test_importing_the_studio_loads_no_torch():
    code = (
        "import sys, studio.paint, studio.models, studio.vocabulary, studio.environment\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'django', 'web3'}\n"
        "sys.exit(bool(heavy & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_default_model_paints_without_its_flaw(genesis, recipe_for):
    """A dusk of misty ridges at 128 px: light above, dark below, and no white corner."""
    recipe = recipe_for(genesis, width=128, height=128, steps=6, seed="0x" + "11" * 32)
    pixels = paint(recipe, None, genesis).pixels.astype(int)
    assert white_corner(pixels) < 25
    assert pixels[:48].mean() > pixels[-48:].mean()
    assert pixels.std() > 30


def white_corner(pixels):
    """How much lighter the last four pixels are than those beside them."""
    return pixels[-2:, -2:].mean() - pixels[-10:-2, -10:-2].mean()
