"""Painting jobs: asked for once per recipe, claimed by one painter, told step by step, taken up again after
a crash.

The row is the truth and the broker's message only a nudge. A painter claims a row by a conditional update
that sets a fresh claim and a lease; every later write names the claim, so a painter whose lease has lapsed
and whose job was taken over writes nothing more. Cancelling is a flag that is read at each step, since a
worker can't be told otherwise.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from compute import energy, mirrors, painter, pictures, troubles
from compute.models import Picture, Rendering
from governance import withholding
from live import publish
from studio import models as studio_models
from studio import paint as studio_paint
from studio.models import UnknownModel
from studio.recipe import InvalidRecipe, Recipe
from studio.remote import PainterError, PainterStopped

log = logging.getLogger(__name__)

LEASE_S = 30
"""A painter that was killed is missed after so long. One that lives renews its lease about every second."""
INSIST_S = 60
RESEND_AFTER = timedelta(seconds=5)
MOST_ATTEMPTS = 4
BACK_OFF_S = 5
PUT_OFF_S = 10
"""Between looks whether the disk has room again."""
MESSAGE_EVERY_S = 0.2

EXPECT_EVERY_S = 20
INSIST_EVERY_S = 2

stopping = threading.Event()
"""Set when the process is to end: a painting stops at its next step and goes back to the queue."""


class Cancelled(studio_paint.Cancelled):
    """The row's cancel flag was set."""


class LeaseLost(studio_paint.Cancelled):
    """Another painter has taken the job over."""


class Stopping(studio_paint.Cancelled):
    """The process ends."""


def ask(recipe_hash: str, epoch: int, recipe: Recipe) -> Rendering:
    """The job for a recipe, made if it isn't there. Asking twice is asking once."""
    job, _made = Rendering.objects.get_or_create(
        recipe_hash=recipe_hash,
        defaults={"epoch_number": epoch, "recipe": asdict(recipe), "steps": recipe.painted_steps},
    )
    return job


def send_if_lost(job: Rendering, round_number: int) -> bool:
    """Hand a job to the painters if it waits and was not handed over just now; True if this call did.

    A queue in memory is lost with its process, so what the rows say is due is sent again and again; a
    message too many finds the row claimed. A job that failed gets new attempts with each new round.
    """
    now = timezone.now()
    row = Rendering.objects.filter(pk=job.pk)
    if row.filter(state=Rendering.State.FAILED, round__lt=round_number).update(
        state=Rendering.State.QUEUED, round=round_number, attempts=0, due_at=now, sent_at=None
    ):
        log.info("the painting for epoch %s failed before and gets another round", job.epoch_number)
    gone = {"state": Rendering.State.PAINTING, "lease_until__lt": now, "attempts__gte": MOST_ATTEMPTS}
    if row.filter(**gone).update(
        state=Rendering.State.FAILED, error="The painter stopped without a word each time."
    ):
        return False
    long_ago = Q(sent_at=None) | Q(sent_at__lt=now - RESEND_AFTER)
    waiting = row.claimable().filter(long_ago | Q(sent_at__gt=now + RESEND_AFTER))  # that clock was wrong
    if not waiting.update(sent_at=now):
        return False
    from compute.tasks import paint

    transaction.on_commit(lambda: paint.delay(job.pk))
    return True


def trouble(job: Rendering) -> str:
    """Why a job that waits for another attempt, or failed, is not painted yet; "" if there is no reason."""
    if not job.error:
        return ""
    if job.state == Rendering.State.FAILED:
        return f"Every attempt failed, and the next round tries again. {job.error}"
    if job.state == Rendering.State.QUEUED:
        return f"The painting for epoch {job.epoch_number} is tried again. {job.error}"
    return ""


def expect() -> None:
    """A painting is likely soon: have the painter start and load its model, if nobody just did."""
    if not cache.add("compute.rendering.expected", True, EXPECT_EVERY_S):
        return
    from compute.tasks import warm

    warm.apply_async(expires=EXPECT_EVERY_S)


def warm() -> None:
    """Start the painter and load the model that painted last, which probably paints next."""
    latest = Rendering.objects.filter(state=Rendering.State.PAINTED).order_by("-updated_at").first()
    if latest is None or stopping.is_set():
        return
    try:
        folder = studio_models.resolve(latest.recipe["model"], settings.PAINTER_MODELS)
        painter.get().warm(folder, settings.PAINTER_THREADS)
    except (UnknownModel, PainterError, PainterStopped) as error:
        log.warning("the painter could not get ready: %s", troubles.words(error))


def stop() -> None:
    """End painting with the process: a painting under way goes back to the queue."""
    stopping.set()
    painter.stop()


def claim(pk: int) -> Rendering | None:
    """Take a job that waits, with a lease; None when it is another's, done, cancelled or not due."""
    now = timezone.now()
    token = uuid.uuid4()
    taken = (
        Rendering.objects.claimable()
        .filter(pk=pk)
        .update(
            state=Rendering.State.PAINTING,
            claim=token,
            lease_until=now + timedelta(seconds=LEASE_S),
            attempts=F("attempts") + 1,
            step=0,
            updated_at=now,
        )
    )
    return Rendering.objects.get(pk=pk) if taken else None


def paint(pk: int, on_painted: Callable[[], object] = lambda: None) -> str:
    """Claim a job and paint it; returns its state afterwards, or "skipped". Calls `on_painted` once it is
    kept.

    What the painter raises ends in the row (`error`) and in another attempt after a pause that grows; a
    recipe that nobody can paint, or a model that this site doesn't have, fails at once.
    """
    job = claim(pk)
    if job is None:
        return "skipped"
    try:
        painting = _paint(job)
        picture = pictures.keep(painting.pixels)
    except Cancelled:
        _leave(job, state=Rendering.State.CANCELLED, cancel=False, step=0)
    except LeaseLost:
        log.warning("the painting for epoch %s was taken over by another painter", job.epoch_number)
    except (Stopping, PainterStopped):
        _leave(job, state=Rendering.State.QUEUED, attempts=F("attempts") - 1, sent_at=None, step=0)
    except (UnknownModel, InvalidRecipe) as error:
        log.exception("the painting for epoch %s can't be done here", job.epoch_number)
        _leave(job, state=Rendering.State.FAILED, error=troubles.words(error))
    except Exception as error:
        log.exception("the painting for epoch %s failed at attempt %s", job.epoch_number, job.attempts)
        _again(job, error)
    else:
        _insist(lambda: _finish(job, painting, picture))
        on_painted()
        try:
            pictures.prepare(picture, painting.pixels)  # while the chain takes the anchor
        except OSError as error:  # they are made at their first use as well
            log.warning("the display sizes were not made: %s", troubles.words(error))
    return str(Rendering.objects.values_list("state", flat=True).get(pk=pk))


def cancel(job: Rendering) -> bool:
    """Stop a job: at once if it waits, at its next step if it is being painted. False when it is over
    already.
    """
    row = Rendering.objects.filter(pk=job.pk)
    waits = row.filter(state=Rendering.State.QUEUED)
    if waits.update(state=Rendering.State.CANCELLED, updated_at=timezone.now()):
        return True
    # A painter that died never reads the flag; its lease shows it.
    gone = row.filter(state=Rendering.State.PAINTING, lease_until__lt=timezone.now())
    if gone.update(state=Rendering.State.CANCELLED, updated_at=timezone.now()):
        return True
    return bool(row.filter(state=Rendering.State.PAINTING).update(cancel=True, updated_at=timezone.now()))


def retry(job: Rendering) -> bool:
    """Put a job that failed or was cancelled, or that waits for its next attempt, back in the queue, due
    now.
    """
    over = (Rendering.State.FAILED, Rendering.State.CANCELLED, Rendering.State.QUEUED)
    return bool(
        Rendering.objects.filter(pk=job.pk, state__in=over).update(
            state=Rendering.State.QUEUED,
            attempts=0,
            cancel=False,
            error="",
            due_at=timezone.now(),
            sent_at=None,
            updated_at=timezone.now(),
        )
    )


def release_leases() -> int:
    """Give up every claim: called when the one process that paints starts, so that nobody can be painting."""
    return Rendering.objects.filter(state=Rendering.State.PAINTING).update(
        lease_until=timezone.now() - timedelta(seconds=1), sent_at=None, updated_at=timezone.now()
    )


def _paint(job: Rendering) -> studio_paint.Painting:
    recipe = Recipe.from_mapping(job.recipe)
    progress = _Progress(job)
    parent = None
    if recipe.parent_file is not None:
        parent = mirrors.image(recipe.parent_file, progress.still_wanted)
    pictures.ensure_room(recipe.width, recipe.height)  # before the work, not after it
    folder = studio_models.resolve(recipe.model, settings.PAINTER_MODELS)
    return painter.get().paint(
        recipe,
        parent,
        folder,
        threads=settings.PAINTER_THREADS,
        on_step=progress,
        on_wait=progress.still_wanted,
    )


class _Progress:
    """Called by the studio at each step: renews the lease, reads the cancel flag, tells open pages."""

    def __init__(self, job: Rendering):
        self.job = job
        self.told = 0.0

    @property
    def mine(self) -> Any:
        return Rendering.objects.filter(pk=self.job.pk, claim=self.job.claim, state=Rendering.State.PAINTING)

    def still_wanted(self) -> None:
        """Called while the painter says nothing: the flag counts even for one that hangs, which holds the
        lease until its own time-out ends it.
        """
        if stopping.is_set():
            raise Stopping
        try:
            lease = timezone.now() + timedelta(seconds=LEASE_S)
            if not self.mine.filter(cancel=False).update(lease_until=lease):
                raise Cancelled if self.mine.exists() else LeaseLost
        except (OperationalError, InterfaceError):
            close_old_connections()

    def __call__(self, step: studio_paint.Step) -> None:
        now = timezone.now()
        if stopping.is_set():
            raise Stopping
        lease = now + timedelta(seconds=LEASE_S)
        try:
            if not self.mine.filter(cancel=False).update(
                step=step.step, steps=step.steps, lease_until=lease, updated_at=now
            ):
                raise Cancelled if self.mine.exists() else LeaseLost
        except (OperationalError, InterfaceError) as error:  # what it paints is worth more than a note of it
            log.warning("step %s could not be written down: %s", step.step, error)
            close_old_connections()
            return
        elapsed = time.monotonic() - self.told
        if step.preview is None and elapsed < MESSAGE_EVERY_S and step.step < step.steps:
            return
        self.told = time.monotonic()
        image = None
        if step.preview is not None and not _hidden(self.job):
            image = "data:image/webp;base64," + base64.b64encode(pictures.preview(step.preview)).decode()
        publish(
            "artwork", "painting", epoch=self.job.epoch_number, step=step.step, steps=step.steps, image=image
        )


def _insist(write: Callable[[], None]) -> None:
    """Write what came of a painting, again and again for a while: a database that is full, busy or restarted
    is no reason to paint a picture twice.
    """
    deadline = time.monotonic() + INSIST_S
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            log.warning("what came of a painting could not be written down: %s", error)
            close_old_connections()
            if time.monotonic() > deadline or stopping.wait(INSIST_EVERY_S):
                raise


def _hidden(job: Rendering) -> bool:
    """Whether previews are kept to ourselves: painted from withheld words, or over a withheld picture."""
    recipe = job.recipe
    parent = recipe.get("parent_file")
    if parent and withholding.picture(parent):
        return True
    return any(withholding.words(str(recipe.get(name) or "")) for name in ("prompt", "negative_prompt"))


def _finish(job: Rendering, painting: studio_paint.Painting, picture: Picture) -> None:
    mine = Rendering.objects.filter(pk=job.pk, claim=job.claim, state=Rendering.State.PAINTING)
    with transaction.atomic():
        kept = mine.update(
            state=Rendering.State.PAINTED,
            step=F("steps"),
            error="",
            environment=json.loads(json.dumps(painting.environment)),
            seconds=painting.seconds,
            energy=energy.recorded(painting.energy),
            picture=picture,
            lease_until=None,
            cancel=False,
            updated_at=timezone.now(),
        )
        if kept:
            publish("artwork", "epoch", epoch=job.epoch_number, state="painted")


def _again(job: Rendering, error: Exception) -> None:
    # What says nothing about the painting is no attempt of it.
    if troubles.of_the_site(error) or isinstance(error, mirrors.Missing):
        due = timezone.now() + timedelta(seconds=PUT_OFF_S)
        uncounted = F("attempts") - 1
        why = troubles.words(error)
        _leave(
            job, state=Rendering.State.QUEUED, error=why, attempts=uncounted, due_at=due, sent_at=None, step=0
        )
        return
    if job.attempts >= MOST_ATTEMPTS:
        _leave(job, state=Rendering.State.FAILED, error=troubles.words(error))
        return
    pause = timedelta(seconds=BACK_OFF_S * 3 ** (job.attempts - 1))
    due = timezone.now() + pause
    _leave(job, state=Rendering.State.QUEUED, error=troubles.words(error), due_at=due, sent_at=None, step=0)


def _leave(job: Rendering, **values: Any) -> None:
    """Give the job back with these values, if it is still this painter's; tell open pages to look again."""
    mine: dict[str, Any] = {"pk": job.pk, "claim": job.claim, "state": Rendering.State.PAINTING}

    def write() -> None:
        with transaction.atomic():
            if Rendering.objects.filter(**mine).update(lease_until=None, updated_at=timezone.now(), **values):
                publish("artwork", "epoch", epoch=job.epoch_number, state=str(values["state"]))

    _insist(write)
