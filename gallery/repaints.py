"""Painting a generation once more, to compare: the same recipe, parent and threads, by the same painter.

What is anchored is never touched. "Same pixels" is told by the pixel hash on chain, not by what is kept here;
so a picture whose file was lost or damaged can be written again from a painting that has it. A repaint gives
way to an epoch's painting: it goes back to the queue and begins again later. After two minutes it is
painted all the same: where one epoch follows another it would otherwise never be.

A visitor's is a verification (`gallery.verification`): what goes into it is asked of the chain. One of those
is painted at a time, after the operators', and however long it waited an epoch's painting goes first.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from compute import energy, painter, pictures, rendering, troubles
from compute.models import Picture, Rendering
from gallery import recipes, verification
from gallery.models import Generation, Repaint, Sealing
from gallery.onchain import CantTell, ChainRecord, Facts
from gallery.verification import CantVerify, Comparison, Verdict
from live import publish
from studio import models as studio_models
from studio import picture as studio_picture
from studio.models import UnknownModel
from studio.paint import Painting, Step
from studio.recipe import InvalidRecipe, Recipe
from studio.remote import PainterStopped

log = logging.getLogger(__name__)

LEASE_MARGIN_S = 60
MOST_ATTEMPTS = 3
AGAIN_S = 20
TELL_EVERY_S = 2.0
RESEND_AFTER = timedelta(seconds=30)
GIVES_WAY_FOR = timedelta(minutes=2)
WAITING = Q(state=Repaint.State.QUEUED) | Q(state=Repaint.State.PAINTING)


class CantRepaint(Exception):
    """It can't be painted again here; the message says why."""


class _GiveWay(Exception):
    """An epoch's painting waits."""


class _Over(Exception):
    """Cancelled, or taken over."""


def ask(number: int, username: str) -> Repaint:
    """Queue a repaint of a generation. Raises CantRepaint."""
    generation = Generation.objects.filter(number=number).first()
    if generation is None:
        raise CantRepaint(f"There is no generation {number}.")
    job = Rendering.objects.filter(recipe_hash=generation.recipe_hash).first()
    recipe = _recipe(generation, job)
    if recipe.parent_file and not Picture.objects.filter(file_hash=recipe.parent_file).exists():
        raise CantRepaint(f"The picture it was painted over, {recipe.parent_file}, is not kept here.")
    try:
        studio_models.resolve(recipe.model, settings.PAINTER_MODELS)
    except UnknownModel as error:
        raise CantRepaint(str(error)) from error
    told = job.environment.get("threads") if job is not None else None
    try:
        with transaction.atomic():
            return Repaint.objects.create(
                number=number,
                recipe_hash=generation.recipe_hash,
                recipe=json.loads(json.dumps(asdict(recipe))),
                pixel_hash=generation.pixel_hash,
                threads=told or settings.PAINTER_THREADS,
                by=username,
                steps=recipe.painted_steps,
            )
    except IntegrityError:
        raise CantRepaint(f"Generation {number} is being painted again already.") from None


def cancel(pk: int) -> bool:
    """Give a repaint up: at once in the table, at its next step for the painter. False when it is over."""
    row = Repaint.objects.filter(WAITING, pk=pk)
    return bool(row.update(state=Repaint.State.CANCELLED, ended_at=timezone.now(), claim=uuid.uuid4()))


def send_if_due() -> bool:
    """Hand the oldest repaint that waits to the painters, if no epoch's painting does; True if this call
    did.

    Called by the tick: a message that was lost is sent again, one too many finds the row claimed.
    """
    now = timezone.now()
    due = _claimable(now).order_by("verify", "id").first()
    if due is None or _epoch_waits(due) or _another_is_painted(due):
        return False
    unsent = Q(sent_at=None) | Q(sent_at__lt=now - RESEND_AFTER)
    if not Repaint.objects.filter(unsent, pk=due.pk).update(sent_at=now):
        return False
    from gallery.tasks import repaint

    transaction.on_commit(lambda: repaint.delay(due.pk))
    return True


def paint(pk: int) -> str:
    """Claim a repaint, paint, compare and write down; returns its state afterwards, or "skipped"."""
    job = _claim(pk)
    if job is None:
        return "skipped"
    try:
        if job.verify:
            _verify(job)
        else:
            _finish(job, _paint(job))
    except _Over:
        log.info("the repaint of generation %s was given up", job.number)
    except (_GiveWay, rendering.Stopping, PainterStopped):
        _leave(job, state=Repaint.State.QUEUED, attempts=F("attempts") - 1, sent_at=None, step=0)
    except (UnknownModel, InvalidRecipe, CantRepaint, CantTell, CantVerify) as error:
        _fail(job, error)
    except Exception as error:
        log.exception("the repaint of generation %s failed at attempt %s", job.number, job.attempts)
        if job.attempts >= MOST_ATTEMPTS:
            _fail(job, error)
        else:
            due = timezone.now() + timedelta(seconds=AGAIN_S)
            _leave(job, state=Repaint.State.QUEUED, error=_words(error), due_at=due, sent_at=None, step=0)
    return str(Repaint.objects.values_list("state", flat=True).get(pk=pk))


def release_leases() -> int:
    """Give up every claim: called when the one process that paints starts."""
    past = timezone.now() - timedelta(seconds=1)
    return Repaint.objects.filter(state=Repaint.State.PAINTING).update(lease_until=past, sent_at=None)


# --- Inside --------------------------------------------------------------------------------------------


def _recipe(generation: Generation, job: Rendering | None) -> Recipe:
    if job is not None:
        return Recipe.from_mapping(job.recipe)
    sealing = Sealing.objects.filter(epoch=generation.epoch_number).first()
    if sealing is None:
        raise CantRepaint("Its recipe is not known here: it was not painted by this site.")
    try:
        return recipes.build(sealing)
    except (recipes.RecipeMismatch, InvalidRecipe) as error:
        raise CantRepaint(f"Its recipe can't be put together: {error}") from error


def _claimable(now: Any) -> Any:
    lapsed = Q(state=Repaint.State.PAINTING, lease_until__lt=now)
    return Repaint.objects.filter(Q(state=Repaint.State.QUEUED, due_at__lte=now) | lapsed)


def _epoch_waits(job: Repaint) -> bool:
    """Whether an epoch's painting waits that this one gives way to."""
    gives_way = job.verify or timezone.now() - job.asked_at < GIVES_WAY_FOR
    return gives_way and bool(Rendering.objects.claimable().exists())


def _another_is_painted(job: Repaint) -> bool:
    """Whether a visitor's has to wait for another visitor's."""
    if not job.verify:
        return False
    painting = Repaint.objects.filter(
        verify=True, state=Repaint.State.PAINTING, lease_until__gte=timezone.now()
    )
    return bool(painting.exclude(pk=job.pk).exists())


def _claim(pk: int) -> Repaint | None:
    now = timezone.now()
    taken = _claimable(now).filter(pk=pk)
    gone = taken.filter(state=Repaint.State.PAINTING, attempts__gte=MOST_ATTEMPTS)
    if gone.update(
        state=Repaint.State.FAILED, ended_at=now, error="The painter stopped without a word each time."
    ):
        return None
    row = Repaint.objects.filter(pk=pk).first()
    if (
        row is None
        or _epoch_waits(row)
        or _another_is_painted(row)
        or not taken.update(
            state=Repaint.State.PAINTING,
            claim=uuid.uuid4(),
            lease_until=now + _lease(settings.PAINTER_LOAD_TIMEOUT_S),
            attempts=F("attempts") + 1,
            step=0,
        )
    ):
        Repaint.objects.filter(pk=pk).update(sent_at=None)
        return None
    return Repaint.objects.get(pk=pk)


def _paint(job: Repaint) -> Painting:
    recipe = Recipe.from_mapping(job.recipe)
    parent = None
    if recipe.parent_file is not None:
        row = Picture.objects.filter(file_hash=recipe.parent_file).first()
        if row is None:
            raise CantRepaint(f"The picture it was painted over, {recipe.parent_file}, is not kept here.")
        try:
            parent = pictures.image(row)
        except (pictures.PictureDamaged, studio_picture.BadPicture, FileNotFoundError) as error:
            raise CantRepaint(
                f"The picture it was painted over can't be read ({error}): repaint that one first."
            ) from error
    folder = studio_models.resolve(recipe.model, settings.PAINTER_MODELS)
    watch = _Watch(job)
    return painter.get().paint(
        recipe, parent, folder, threads=job.threads, on_step=watch.on_step, on_wait=watch.still_wanted
    )


def _verify(job: Repaint) -> None:
    """Ask the chain what to paint, paint it, and judge what came out."""
    facts = ChainRecord().facts(job.number)
    if (facts.recipe_hash, facts.pixel_hash) != (job.recipe_hash, job.pixel_hash):
        raise CantVerify("this site’s mirror and the chain name different pictures: the mirror is at fault")
    then = verification.statement(facts)
    threads = verification.threads(then)
    known = {
        "recipe": asdict(facts.recipe),
        "threads": threads,
        "steps": facts.recipe.painted_steps,
        "block": facts.block,
        "checked": list(facts.checked),
        "then": asdict(then) if then else {},
    }
    Repaint.objects.filter(pk=job.pk, claim=job.claim).update(**known)
    watch = _Watch(job)
    painting = verification.paint(facts, threads, watch.on_step, watch.still_wanted)
    _finish(job, painting, facts)


class _Watch:
    """Called while it is painted: renews the lease, tells open pages, and ends what is wanted no longer."""

    def __init__(self, job: Repaint) -> None:
        self.job = job
        self.mine = Repaint.objects.filter(pk=job.pk, claim=job.claim, state=Repaint.State.PAINTING)
        self.told = 0.0

    def still_wanted(self) -> None:
        """Raises Stopping, _Over or _GiveWay when it is not."""
        if rendering.stopping.is_set():
            raise rendering.Stopping
        if not self.mine.exists():
            raise _Over
        if _epoch_waits(self.job):
            raise _GiveWay

    def on_step(self, step: Step) -> None:
        """A step is done."""
        self.still_wanted()
        lease = timezone.now() + _lease(settings.PAINTER_STEP_TIMEOUT_S)
        self.mine.update(step=step.step, steps=step.steps, lease_until=lease)
        if time.monotonic() - self.told >= TELL_EVERY_S:
            self.told = time.monotonic()
            _tell(self.job)


_STATES = {
    Verdict.EXACT: Repaint.State.SAME,
    Verdict.NEAR: Repaint.State.NEAR,
    Verdict.DIFFERENT: Repaint.State.DIFFERENT,
    Verdict.UNVERIFIED: Repaint.State.DIFFERENT,
}


def _finish(job: Repaint, painting: Painting, facts: Facts | None = None) -> None:
    """Judge what was painted, by the chain's facts where they were asked for, and write it down."""
    found = studio_picture.pixel_hash(painting.pixels)
    if facts is not None:
        compared = verification.judge(facts, painting.pixels)
    elif found == job.pixel_hash:
        compared = Comparison(Verdict.EXACT)
    else:
        compared = _distance(job, painting.pixels)
    result: dict[str, Any] = {
        "state": _STATES[compared.verdict],
        "painted_hash": found,
        "environment": json.loads(json.dumps(painting.environment)),
        "energy": energy.recorded(painting.energy),
        "seconds": painting.seconds,
        "step": F("steps"),
        "error": _sentence(compared.reason),
        "distance": compared.distance,
        "changed": compared.changed,
        "furthest": compared.furthest,
        "ended_at": timezone.now(),
    }
    if compared.verdict is Verdict.EXACT:
        result["restored"] = pictures.restore(painting.pixels)
    if job.verify and compared.verdict is Verdict.UNVERIFIED:
        result["state"] = Repaint.State.FAILED
    _leave(job, **result)


def _distance(job: Repaint, painted: Any) -> Comparison:
    """How far the pixels are from those that are kept here, which must be the anchored ones to tell."""
    row = Picture.objects.filter(pixel_hash=job.pixel_hash).first()
    kept, why = verification.anchored(row.file_hash if row else "", job.pixel_hash)
    return verification.compare(kept, painted, why)


def _fail(job: Repaint, error: Exception) -> None:
    _leave(job, state=Repaint.State.FAILED, error=_words(error), ended_at=timezone.now())


def _leave(job: Repaint, **values: Any) -> None:
    mine = Repaint.objects.filter(pk=job.pk, claim=job.claim, state=Repaint.State.PAINTING)
    if mine.update(lease_until=None, **values):
        _tell(job)


def _tell(job: Repaint) -> None:
    """Open pages that show a visitor's verification look again; an operator's is nobody else's business."""
    if job.verify:
        publish("artwork", "repaint", generation=job.number)


def _lease(patience_s: float) -> timedelta:
    return timedelta(seconds=patience_s + LEASE_MARGIN_S)


def _words(error: Exception) -> str:
    if isinstance(error, CantRepaint):
        return str(error)[:2000]
    return (_sentence(str(error)) if isinstance(error, CantTell | CantVerify) else troubles.words(error))[
        :2000
    ]


def _sentence(words: str) -> str:
    """A reason as a sentence of its own."""
    return f"{words[0].upper()}{words[1:].rstrip('.')}." if words else ""
