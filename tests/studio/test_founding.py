"""The founding generations are in the repository whole, and are painted again from what it says of them."""

import hashlib
import io
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from gallery.founding import FOLDER, founding, repaint, save
from gallery.management.commands.repaint_founding import compare
from studio import picture
from studio.models import files_digest
from studio.paint import Painting


def test_six_of_one_lineage_and_four_owners():
    entries = founding()
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0].recipe.parent_file is None
    for parent, child in pairwise(entries):
        assert child.recipe.parent_file == parent.file_hash
    assert sorted(entry.owner_index for entry in entries) == [0, 0, 1, 1, 2, 3]
    assert len({entry.title for entry in entries}) == 6


def test_every_picture_is_the_one_that_its_hashes_name():
    for entry in founding():
        pixels = entry.pixels()
        assert pixels.shape == (entry.recipe.height, entry.recipe.width, 3) == (512, 512, 3)
        assert picture.pixel_hash(pixels) == entry.pixel_hash
        assert picture.thumb_hash(pixels) == entry.thumb_hash
        assert picture.file_hash(entry.canonical_file()) == entry.file_hash


def test_no_picture_shows_the_decoders_flaw():
    for entry in founding():
        pixels = entry.pixels().astype(int)
        assert abs(pixels[-2:, -2:].mean() - pixels[-8:-2, -8:-2].mean()) < 40, entry.title


def test_seeds_are_the_stated_words_and_not_chosen():
    for entry in founding():
        assert entry.recipe.seed == "0x" + hashlib.sha256(entry.seed_words.encode()).hexdigest()


def test_they_are_painted_by_the_committed_model(genesis):
    assert {entry.recipe.model for entry in founding()} == {files_digest(genesis)}


def test_the_parameters_are_the_governed_ones_but_for_the_epochs_length_and_budget():
    no_recipes = ("epoch_length", "energy_budget")
    governed = json.loads((FOLDER.parents[1] / "contracts" / "parameters.json").read_text())
    for entry in founding():
        assert list(entry.parameters) == [spec["key"] for spec in governed if spec["key"] not in no_recipes]
        for spec in governed:
            value = entry.parameters.get(spec["key"])
            if spec["kind"] == "number" and value is not None:
                assert spec["min"] <= value <= spec["max"]
                assert value % spec.get("multiple_of", 1) == 0


def test_the_environment_that_painted_them_is_stated():
    for entry in founding():
        assert entry.environment["torch"].startswith("2.")
        assert entry.environment["threads"] == 2
        assert entry.environment["ignored"] == []
        assert entry.seconds > 0


def test_a_repainting_is_told_apart_by_bits_and_by_eye():
    entry = founding()[0]
    pixels = entry.pixels()
    near, far = pixels.copy(), 255 - pixels
    near[::7, ::7, 0] ^= 1
    where = entry.environment
    assert compare(entry, Painting(pixels, 1.0, where)) == "bit-exact"
    assert compare(entry, Painting(near, 1.0, where)).startswith("within tolerance")
    assert compare(entry, Painting(far, 1.0, where)).startswith("different")


@pytest.fixture
def small_list(tmp_path, tiny_model, settings):
    """A folder with a list of two founding generations for the tiny model, not painted yet."""
    plain = founding()[0]
    changes = {"model": files_digest(tiny_model), "width": 64, "height": 64, "steps": 3}
    recipe = replace(plain.recipe, **changes)
    save([replace(plain, number=number, recipe=recipe) for number in (1, 2)], tmp_path)
    settings.PAINTER_MODELS = [str(tiny_model)]
    settings.PAINTER_THREADS = 1
    return tmp_path


def test_a_list_is_painted_accepted_and_repainted_to_the_bit(small_list):
    words = io.StringIO()
    call_command("repaint_founding", "--accept", folder=small_list, stdout=words)
    first, second = founding(small_list)
    assert second.recipe.parent_file == first.file_hash
    assert picture.file_hash(second.canonical_file()) == second.file_hash
    call_command("repaint_founding", folder=small_list, stdout=words)
    assert words.getvalue().count("bit-exact") == 2


def test_a_damaged_picture_is_reported(small_list):
    call_command("repaint_founding", "--accept", folder=small_list, stdout=io.StringIO())
    (small_list / "1.png").write_bytes(picture.write(np.zeros((64, 64, 3), np.uint8)))
    words = io.StringIO()
    with pytest.raises(CommandError, match="different: 1"):
        call_command("repaint_founding", "1", folder=small_list, stdout=words)
    assert "the committed picture isn't the listed one" in words.getvalue()
    assert "determinism class: the same" in words.getvalue()


def test_a_number_that_is_not_there_is_refused(small_list):
    with pytest.raises(CommandError, match="no founding generation 9"):
        call_command("repaint_founding", "9", folder=small_list, stdout=io.StringIO())


@pytest.mark.slow
def test_all_six_are_painted_again(genesis):
    """Bit-exact where the determinism class is the same, else the same to the eye."""
    for entry in founding():
        verdict = compare(entry, repaint(entry, genesis))
        assert not verdict.startswith("different"), f"{entry.title}: {verdict}"
