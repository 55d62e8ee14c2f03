"""A generation is painted once more and compared, without a change to what is anchored.

By the real painter. What it made before it makes again; the founding generation, of one colour, it does not.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from PIL import Image

from compute import pictures, rendering
from compute.models import Picture, Rendering
from gallery import controls, repaints, roles, tasks
from gallery.models import AuditEntry, Generation, Repaint
from studio.models import files_digest
from studio.recipe import Recipe
from tests.governance.factories import block, place

State = Repaint.State


@pytest.fixture
def asked_by(db: None):
    """An operator, where nothing waits for a commit."""
    return _operator()


@pytest.fixture
def operator(transactional_db: None):
    """An operator, beside a chain."""
    return _operator()


def _operator():
    roles.grant(apps, roles.ROLES, roles.HOMES)
    user = get_user_model().objects.create_user("olga", password="secret", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    return user


@pytest.fixture
def hung(db: None) -> Generation:
    """Generation 1, of one colour, and the recipe that it says it was painted with; no chain behind it."""
    recipe = Recipe(
        model=files_digest(project.PAINTER_MODELS[0]),
        prompt="misty ridges",
        negative_prompt="",
        family="",
        palette="dusk",
        mood="calm",
        guidance_milli=4000,
        steps=2,
        strength_milli=600,
        width=64,
        height=64,
        seed="0x" + "22" * 32,
    )
    picture = pictures.keep(np.full((64, 64, 3), (40, 60, 90), np.uint8))
    hashes = {"file_hash": picture.file_hash, "pixel_hash": picture.pixel_hash}
    names = ("model_id", "parent", "seed", "recipe_hash", "result_hash")
    made = Generation.objects.create(
        number=1,
        epoch_number=0,
        painter="0x" + "aa" * 20,
        founding=True,
        log=place(block(1))["log"],
        **dict.fromkeys(names, "0x" + "11" * 32),
        **hashes,
    )
    job = rendering.ask(made.recipe_hash, 0, recipe)
    Rendering.objects.filter(pk=job.pk).update(state=Rendering.State.PAINTED, picture=picture)
    return made


@pytest.fixture
def painted(world, monkeypatch: pytest.MonkeyPatch) -> Generation:
    """Generation 2, painted and anchored."""
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    return world.next_generation()


def row() -> Repaint:
    return Repaint.objects.get()


def anchored(generation: Generation) -> tuple[object, ...]:
    one = Generation.objects.get(pk=generation.pk)
    job = Rendering.objects.get(recipe_hash=one.recipe_hash)
    return one.file_hash, one.pixel_hash, one.result_hash, job.state, job.picture_id, job.updated_at


def test_repaint_sameInputs_givesTheSamePixels_andWritesALostFileAgain(painted, operator):
    before = anchored(painted)
    controls.use(operator, "repaint", str(painted.number))
    assert AuditEntry.objects.filter(username="olga", action="repaint", allowed=True).exists()
    with pytest.raises(controls.Refused, match="already"):
        controls.use(operator, "repaint", str(painted.number))
    assert repaints.paint(row().pk) == State.SAME
    done = row()
    assert (done.painted_hash, done.by, done.restored) == (painted.pixel_hash, "olga", False)
    assert (done.step, done.environment["threads"]) == (done.steps, done.threads)

    picture = Picture.objects.get(file_hash=painted.file_hash)
    for damage in (
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"not a picture"),
        lambda path: Image.new("RGB", (64, 64)).save(path),
    ):
        damage(Path(picture.file.path))
        again = repaints.ask(painted.number, "olga")
        assert repaints.paint(again.pk) == State.SAME
        assert Repaint.objects.get(pk=again.pk).restored
        assert pictures.canonical(Picture.objects.get(pk=picture.pk))
    assert anchored(painted) == before

    page = Client()
    page.force_login(operator)
    text = page.get(f"/admin/gallery/generation/{painted.number}/repaints/").content.decode()
    assert "Same pixels" in text
    assert "was written again" in text


def test_repaint_otherPixels_tellsHowFar_andTouchesNothing(hung, asked_by):
    one = Generation.objects.get()  # one colour: no painter paints that
    before = anchored(one)
    repaints.ask(one.number, "olga")
    assert repaints.paint(row().pk) == State.DIFFERENT
    done = row()
    kept = pictures.pixels(Picture.objects.get(file_hash=one.file_hash)).astype(int)
    assert done.painted_hash != one.pixel_hash
    assert 0 < done.distance < 40
    assert 0 < done.changed <= 1
    assert 0 < done.furthest <= max(kept.max(), 255 - kept.min())
    assert anchored(one) == before
    assert Picture.objects.count() == 1


def test_repaint_givesWayToAnEpochsPainting(world, operator, monkeypatch):
    repaints.ask(1, "olga")
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    assert not repaints.send_if_due()
    assert repaints.paint(row().pk) == "skipped"
    assert world.paint() == ["painted"]
    assert repaints.send_if_due()
    assert repaints.paint(row().pk) == State.DIFFERENT


def test_repaint_thatGaveWayForLong_isPaintedAllTheSame(world, operator, monkeypatch):
    asked = repaints.ask(1, "olga")
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    assert repaints.paint(asked.pk) == "skipped"
    Repaint.objects.filter(pk=asked.pk).update(asked_at=timezone.now() - repaints.GIVES_WAY_FOR)
    assert repaints.send_if_due()
    assert repaints.paint(asked.pk) == State.DIFFERENT
    assert world.paint() == ["painted"]


def test_repaint_whileAnEpochsPaintingArrives_goesBackToTheQueue(hung, asked_by, monkeypatch):
    job = repaints.ask(1, "olga")
    waits = iter([False, True])
    monkeypatch.setattr(repaints, "_epoch_waits", lambda job: next(waits))
    assert repaints.paint(job.pk) == State.QUEUED
    assert (row().attempts, row().sent_at) == (0, None)


def test_repaint_isGivenUp(hung, asked_by):
    repaints.ask(1, "olga")
    controls.use(asked_by, "leave", str(row().pk))
    assert row().state == State.CANCELLED
    assert repaints.paint(row().pk) == "skipped"
    with pytest.raises(controls.Refused, match="over already"):
        controls.use(asked_by, "leave", str(row().pk))


def test_repaint_afterACrash_isTakenUpAgain(hung, asked_by):
    job = repaints.ask(1, "olga")
    Repaint.objects.filter(pk=job.pk).update(state=State.PAINTING, lease_until=timezone.now(), attempts=1)
    assert repaints.release_leases() == 1
    assert tasks.repaint(job.pk) == State.DIFFERENT
    assert row().attempts == 2


def test_repaint_thatKillsEveryPainter_fails(hung, asked_by):
    job = repaints.ask(1, "olga")
    past = timezone.now() - timedelta(seconds=1)
    Repaint.objects.filter(pk=job.pk).update(state=State.PAINTING, lease_until=past, attempts=3)
    assert repaints.paint(job.pk) == "skipped"
    assert row().state == State.FAILED


def test_ask_refusesWhatCantBePaintedHere(painted, operator, settings):
    with pytest.raises(controls.Refused, match="no generation 99"):
        controls.use(operator, "repaint", "99")
    with pytest.raises(controls.Refused, match="number of a generation"):
        controls.use(operator, "repaint", "two")
    settings.PAINTER_MODELS = []
    with pytest.raises(controls.Refused, match=r"model"):
        controls.use(operator, "repaint", "2")
    assert not Repaint.objects.exists()


def test_repaint_overADamagedParent_saysWhichToRepaintFirst(painted, operator):
    parent = Picture.objects.get(file_hash=Generation.objects.get(number=1).file_hash)
    Path(parent.file.path).write_bytes(b"gone")
    job = repaints.ask(painted.number, "olga")
    assert repaints.paint(job.pk) == State.FAILED
    assert "repaint that one first" in row().error


def test_previews_areNotSentForWithheldWordsOrParents(painted, operator):
    from governance import withholding

    job = Rendering.objects.get(recipe_hash=painted.recipe_hash)
    assert not rendering._hidden(job)
    row = withholding.withhold(operator, "words", "misty ridges", "A slogan")
    assert rendering._hidden(job)
    withholding.lift(operator, row.pk)
    withholding.withhold(operator, "picture", job.recipe["parent_file"], "A court")
    assert rendering._hidden(job)


def test_distance_ofOnePixel_isExact(db, colours):
    kept = pictures.keep(colours)
    other = colours.copy()
    other[0, 0, 0] ^= 4
    told = repaints._distance(Repaint(pixel_hash=kept.pixel_hash), other)
    assert told.furthest == 4
    assert told.changed == pytest.approx(1 / (96 * 128))
    assert told.distance == pytest.approx(10 * np.log10(255**2 / (16 / colours.size)))
