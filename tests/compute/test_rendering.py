"""A painting job is claimed once, told step by step, cancelled by a flag, and taken up again after a crash.

Painted with the default model, as small as it can be.
"""

import shlex
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.db import connection
from django.utils import timezone

from compute import pictures, rendering
from compute.models import Picture, Rendering
from studio import models as studio_models
from studio.recipe import Recipe
from tests.faults import painters

State = Rendering.State
HASH = "0x" + "11" * 32


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The cheapest picture: 64x64 in two steps."""
    return Recipe(
        model=studio_models.files_digest(project.PAINTER_MODELS[0]),
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


def job_for(recipe: Recipe) -> Rendering:
    return rendering.ask(HASH, 3, recipe)


def fresh(job: Rendering) -> Rendering:
    return Rendering.objects.get(pk=job.pk)


@pytest.mark.django_db
def test_paint_keepsThePictureAndHowItWasMade(recipe):
    job = job_for(recipe)
    assert rendering.paint(job.pk) == State.PAINTED
    done = fresh(job)
    assert (done.step, done.steps, done.attempts, done.error) == (2, 2, 1, "")
    assert done.seconds > 0
    assert done.environment["threads"] == project.PAINTER_THREADS
    assert pictures.pixels(done.picture).shape == (64, 64, 3)


@pytest.mark.django_db
def test_paint_sameRecipeTwice_givesTheSamePicture(recipe):
    first = job_for(recipe)
    second = rendering.ask("0x" + "33" * 32, 4, recipe)
    rendering.paint(first.pk)
    rendering.paint(second.pk)
    assert fresh(first).picture_id == fresh(second).picture_id
    assert Picture.objects.count() == 1


@pytest.mark.django_db
def test_paint_fromItsParent(recipe):
    parent = job_for(recipe)
    rendering.paint(parent.pk)
    child = rendering.ask("0x" + "44" * 32, 4, replace(recipe, parent_file=fresh(parent).picture_id))
    assert rendering.paint(child.pk) == State.PAINTED
    assert fresh(child).picture_id != fresh(parent).picture_id


@pytest.mark.django_db
def test_ask_twiceIsOnce(recipe):
    assert job_for(recipe) == job_for(recipe)


@pytest.mark.django_db(transaction=True)
def test_claim_manyPaintersOneGetsIt(recipe):
    job = job_for(recipe)
    start = threading.Barrier(6)

    def painter(_number: int) -> bool:
        try:
            start.wait()
            return rendering.claim(job.pk) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(painter, range(6))) == 1
    assert fresh(job).attempts == 1


@pytest.mark.django_db
def test_claim_afterACrash_waitsForTheLease(recipe):
    job = job_for(recipe)
    dead = rendering.claim(job.pk)
    assert rendering.paint(job.pk) == "skipped"
    Rendering.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert rendering.paint(job.pk) == State.PAINTED
    assert fresh(job).attempts == 2
    assert fresh(job).claim != dead.claim


@pytest.mark.django_db
def test_releaseLeases_letsARestartedProcessGoOnAtOnce(recipe):
    job = job_for(recipe)
    rendering.claim(job.pk)
    assert rendering.release_leases() == 1
    assert rendering.paint(job.pk) == State.PAINTED


@pytest.mark.django_db
def test_paint_whoLostTheLeaseWritesNothing(recipe, monkeypatch):
    job = job_for(recipe)
    other = rendering.Rendering.new_claim()
    step = rendering._Progress.__call__

    def taken_over(self, one):
        Rendering.objects.filter(pk=job.pk).update(claim=other)
        step(self, one)

    monkeypatch.setattr(rendering._Progress, "__call__", taken_over)
    assert rendering.paint(job.pk) == State.PAINTING
    assert fresh(job).claim == other
    assert fresh(job).picture is None


@pytest.mark.django_db
def test_cancel_whileWaiting_isAtOnce(recipe):
    job = job_for(recipe)
    assert rendering.cancel(job)
    assert fresh(job).state == State.CANCELLED
    assert rendering.paint(job.pk) == "skipped"


@pytest.mark.django_db
def test_cancel_whilePainting_stopsAtTheNextStep(recipe, monkeypatch):
    job = job_for(replace(recipe, steps=20))
    step = rendering._Progress.__call__
    seen = []

    def then_cancel(self, one):
        seen.append(one.step)
        if one.step == 3:
            assert rendering.cancel(job)
        step(self, one)

    monkeypatch.setattr(rendering._Progress, "__call__", then_cancel)
    assert rendering.paint(job.pk) == State.CANCELLED
    assert seen == [0, 1, 2, 3]
    assert rendering.retry(job)
    assert fresh(job).cancel is False


@pytest.mark.django_db
def test_stopping_putsTheJobBackUncounted(recipe):
    job = job_for(recipe)
    rendering.stopping.set()
    try:
        assert rendering.paint(job.pk) == State.QUEUED
    finally:
        rendering.stopping.clear()
    assert fresh(job).attempts == 0
    assert rendering.paint(job.pk) == State.PAINTED


@pytest.mark.django_db
def test_paint_whenThePainterRaises_isTriedAgainLaterThenGivenUp(recipe, settings, tmp_path):
    job = job_for(recipe)
    settings.PAINTER_COMMAND = shlex.join(painters.command("raises", 99, tmp_path / "tally"))
    pauses = []
    for _attempt in range(rendering.MOST_ATTEMPTS):
        rendering.paint(job.pk)
        failed = fresh(job)
        assert "the brush broke" in failed.error
        if failed.state == State.QUEUED:
            pauses.append((failed.due_at - timezone.now()).total_seconds())
            assert rendering.paint(job.pk) == "skipped"  # not due yet
            Rendering.objects.filter(pk=job.pk).update(due_at=timezone.now())
    assert failed.state == State.FAILED
    assert pauses == sorted(pauses)
    assert len(pauses) == rendering.MOST_ATTEMPTS - 1


@pytest.mark.django_db
def test_paint_withAParentThatNobodyHas_waitsUncountedAndSaysSo(recipe):
    job = job_for(replace(recipe, parent_file="0x" + "99" * 32))
    assert rendering.paint(job.pk) == State.QUEUED
    waiting = fresh(job)
    assert "is not kept here, and LINEAGE_MIRRORS names nobody to ask" in waiting.error
    assert waiting.attempts == 0
    assert waiting.due_at > timezone.now()


@pytest.mark.django_db
def test_paint_withAModelThatIsNotHere_failsAtOnce(recipe):
    job = job_for(replace(recipe, model="0x" + "77" * 32))
    assert rendering.paint(job.pk) == State.FAILED
    assert "UnknownModel" in fresh(job).error


@pytest.mark.django_db(transaction=True)
def test_sendIfLost_sendsAgainWhatTheQueueLost(recipe):
    job = job_for(recipe)
    assert rendering.send_if_lost(job, 1)
    assert not rendering.send_if_lost(job, 1)  # just sent
    Rendering.objects.filter(pk=job.pk).update(sent_at=timezone.now() - rendering.RESEND_AFTER * 2)
    assert rendering.send_if_lost(job, 1)
    rendering.claim(job.pk)
    Rendering.objects.filter(pk=job.pk).update(sent_at=None)
    assert not rendering.send_if_lost(job, 1)  # being painted
    Rendering.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert rendering.send_if_lost(job, 1)  # left behind


@pytest.mark.django_db
def test_sendIfLost_givesAFailedJobNewAttemptsWithTheNextRound(recipe):
    job = job_for(recipe)
    Rendering.objects.filter(pk=job.pk).update(state=State.FAILED, attempts=rendering.MOST_ATTEMPTS)
    assert not rendering.send_if_lost(job, 1)
    assert rendering.send_if_lost(job, 2)
    assert (fresh(job).attempts, fresh(job).round) == (0, 2)


@pytest.mark.django_db
def test_sendIfLost_givesUpOnAJobThatKillsEveryPainter(recipe):
    job = job_for(recipe)
    Rendering.objects.filter(pk=job.pk).update(
        state=State.PAINTING,
        attempts=rendering.MOST_ATTEMPTS,
        lease_until=timezone.now() - timedelta(seconds=1),
    )
    assert not rendering.send_if_lost(job, 1)
    assert fresh(job).state == State.FAILED
