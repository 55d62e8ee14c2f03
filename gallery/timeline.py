"""One epoch told from its opening to its end, for the operator: events, our transactions, the painting
job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from chain.models import Cursor, Log, Transaction
from compute.models import Rendering
from gallery import epochs
from gallery.models import Epoch, Generation


@dataclass(frozen=True)
class Moment:
    """Something that happened on chain."""

    at: datetime
    what: str
    detail: str
    block: int
    is_final: bool


@dataclass(frozen=True)
class Timeline:
    """An epoch with everything that belongs to it."""

    epoch: Epoch
    state: str
    ends: datetime
    moments: list[Moment]
    job: Rendering | None
    transactions: list[Transaction]
    is_current: bool


def current_number() -> int | None:
    """The epoch the operator looks after now: the unfinished one, else the open one."""
    epoch = epochs.unsettled() or epochs.opened()
    return epoch.number if epoch else None


def timeline(number: int) -> Timeline:
    """The timeline of an epoch. Raises Epoch.DoesNotExist."""
    epoch = Epoch.objects.select_related("log__block").get(number=number)
    cursor = Cursor.current()
    moments: list[Moment] = []

    def add(log: Log, what: str, detail: str = "") -> None:
        block = log.block
        final = cursor is not None and cursor.is_final(block.number)
        moments.append(
            Moment(datetime.fromtimestamp(block.timestamp, UTC), what, detail, block.number, final)
        )

    add(epoch.log, "Opened", f"until {datetime.fromtimestamp(epoch.ends_at, UTC):%d %b %Y %H:%M:%S} UTC")
    keys = Q(key=f"seal:{number}")
    for kind in ("draw", "refix", "reopen", "fail"):
        keys |= Q(key__startswith=f"{kind}:{number}:")
    if hasattr(epoch, "sealing"):
        sealing = epoch.sealing
        add(
            sealing.log,
            "Sealed",
            f"parameters version {sealing.params_version}, seed from round {sealing.round}",
        )
    for refix in epoch.refixes.select_related("log__block"):
        add(refix.log, "Seed fixed anew", f"round {refix.round}, number {refix.count}")
    job = None
    if hasattr(epoch, "draw"):
        draw = epoch.draw
        add(draw.log, "Seed drawn", f"recipe {draw.recipe_hash}")
        keys |= Q(key__startswith=f"anchor:{draw.recipe_hash}:")
        job = Rendering.objects.filter(recipe_hash=draw.recipe_hash).first()
    for one in epoch.rounds.select_related("log__block"):
        limit = datetime.fromtimestamp(one.deadline, UTC)
        add(one.log, f"Painting, round {one.round}", f"until {limit:%d %b %Y %H:%M:%S} UTC")
    for generation in Generation.objects.filter(epoch_number=number).select_related("log__block"):
        add(generation.log, "Anchored", f"generation {generation.number}")
    if hasattr(epoch, "failure"):
        add(epoch.failure.log, "Failed", epoch.failure.reason)
    return Timeline(
        epoch=epoch,
        state=str(epochs.state(epoch)),
        ends=datetime.fromtimestamp(epoch.ends_at, UTC),
        moments=sorted(moments, key=lambda moment: moment.block),
        job=job,
        transactions=list(Transaction.objects.filter(keys).order_by("created_at")),
        is_current=number == current_number(),
    )
