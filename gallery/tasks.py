"""The tick that moves everything, and repaints, which it never waits for."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from chain import deployments, transactions
from chain.deployments import DeploymentMissing
from compute import troubles
from gallery import epochs, founders, health, keeping, mining, rebuilds, repaints
from gallery.models import Control
from governance import keeper

log = logging.getLogger(__name__)

LOCK = "gallery.tick"
LOCK_S = 20
"""A tick that died holds the next ones up for so long at most. Two at once would do no harm: see `epochs`."""


@shared_task(name="gallery.tasks.tick", ignore_result=True)
def tick() -> str:
    """Do what is due now, a little at a time; "busy" when another tick is at it."""
    token = uuid.uuid4().hex
    if not cache.add(LOCK, token, LOCK_S):
        return "busy"
    began = time.monotonic()
    try:
        return run()
    finally:
        health.note_tick(time.monotonic() - began)
        if cache.get(LOCK) == token:
            cache.delete(LOCK)


@shared_task(name="gallery.tasks.repaint", ignore_result=True, acks_late=True)
def repaint(repaint_id: int) -> str:
    """Paint a generation once more, to compare."""
    return repaints.paint(repaint_id)


def run() -> str:
    """One pass over every state machine. No database transaction spans a call to the chain.

    One part that fails does not keep the others from their work; what failed is shown in the admin and on
    the page.
    """
    try:
        deployments.load()
    except DeploymentMissing:
        return "no deployment"
    steps: list[tuple[str, Callable[[], object]]] = [
        ("Founding", founders.import_pictures),
        ("Transactions", transactions.settle),
        ("Blocks", mining.run if settings.PRIVATE_CHAIN else _nothing),
        ("Proposals", keeper.run if settings.KEEPER else _nothing),
        ("Epochs", epochs.advance),
        ("Workers", epochs.settle),
        ("Lineage", keeping.complete),
        ("Repaints", repaints.send_if_due),
        ("Sending", _sending),
        ("Operator", health.note_operator),
    ]
    if rebuilds.current() is not None:  # half of the past looks like a present in which everything is late
        steps = [("Rebuild", rebuilds.advance), ("Operator", health.note_operator)]
    problems = [problem for name, step in steps if (problem := _try(name, step))]
    _note(problems)
    return "; ".join(problems) or "ok"


def _nothing() -> None:
    """A public chain mines by itself, and who only paints leaves proposals to others."""


def _sending() -> None:
    """Raises Plain for what the outbox could not get to the chain."""
    if found := transactions.troubles():
        raise troubles.Plain(" ".join(found))


def _try(name: str, step: Callable[[], object]) -> str:
    try:
        step()
    except Exception as error:
        log.debug("tick, %s", name.lower(), exc_info=True)
        return f"{name}: {troubles.words(error)}"
    return ""


def _note(problems: list[str]) -> None:
    """Keep what went wrong in the control row, writing only when it changed."""
    text = "\n".join(problems)[:4000]
    if Control.get().error != text:
        if text:
            log.warning("the tick could not do everything: %s", text)
        else:
            log.info("the tick does everything again")
        Control.change(error=text, error_at=timezone.now() if text else None)
