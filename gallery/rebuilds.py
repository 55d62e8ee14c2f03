"""Reading the mirror again from the chain, while everything runs.

Asked for in the admin, begun by the tick: the mirror is emptied in one transaction, and the indexer, whose
cursor is gone, begins anew by itself. Until it is back at the block where it was, the tick does nothing that
depends on the mirror, since half of the past looks like a present in which everything is late.
"""

from __future__ import annotations

import logging

from django.db import IntegrityError, transaction
from django.utils import timezone

from chain import mirror
from chain.indexer import Indexer
from chain.models import Cursor, Log
from gallery.models import Rebuild
from live import publish

log = logging.getLogger(__name__)


def ask(username: str) -> Rebuild | None:
    """Have the mirror read again; None when that was asked for already and is not finished."""
    if current() is not None:
        return None
    try:
        with transaction.atomic():
            return Rebuild.objects.create(by=username)
    except IntegrityError:  # somebody else was quicker
        return None


def current() -> Rebuild | None:
    """The rebuild that is waiting or under way."""
    return Rebuild.objects.filter(ended_at=None).first()


def advance() -> bool:
    """Begin what was asked for, or see whether it is finished; True while the mirror is not whole.

    Raises what keeps it from beginning (RpcUnavailable, WrongChain, ...), with the mirror as it was: without
    a node of the right chain nothing could be read again.
    """
    rebuild = current()
    if rebuild is None:
        return False
    if rebuild.began_at is None:
        _begin(rebuild)
        return True
    cursor = Cursor.current()
    if cursor is None or cursor.head_number < 0:
        return True
    if cursor.number < min(rebuild.upto or 0, cursor.head_number):  # a chain may have lost blocks meanwhile
        return True
    Rebuild.objects.filter(pk=rebuild.pk).update(ended_at=timezone.now(), logs_after=Log.objects.count())
    publish("artwork", "epoch")
    log.info("the mirror was read again up to block %d", cursor.number)
    return False


def share(rebuild: Rebuild) -> float:
    """How much of the way is read again, 0 to 1."""
    cursor = Cursor.current()
    if rebuild.began_at is None or cursor is None or not rebuild.upto:
        return 0.0
    return min(1.0, max(0.0, cursor.number / rebuild.upto))


def _begin(rebuild: Rebuild) -> None:
    try:
        Indexer.configured().check()
    except Exception as error:
        Rebuild.objects.filter(pk=rebuild.pk).update(error=f"{type(error).__name__}: {error}"[:2000])
        raise
    cursor = Cursor.current()
    Rebuild.objects.filter(pk=rebuild.pk).update(
        began_at=timezone.now(),
        upto=cursor.number if cursor is not None else 0,
        logs_before=Log.objects.count(),
        error="",
    )
    mirror.forget()
    log.warning("the mirror is read again: asked for by %s", rebuild.by)
