"""What an operator does, in lines for the person at its terminal: told from the rows, as they come.

The log file has everything; here is what one would want to look up for. An event that the chain takes back
and brings again is told once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import close_old_connections

from chain import ether, signers
from chain.models import Cursor
from compute import models
from compute.models import Refusal, Rendering
from gallery.models import Control, Failure

Say = Callable[[str], None]

LOOK_S = 0.5
DEPTH = 64
"""Blocks that are looked through again each time: some may have been taken back, and others come."""
MOST_TOLD = 5000
"""Lines that are remembered: more than so many blocks hold of ours."""
STATES = {
    Rendering.State.PAINTING: "epoch {0.epoch_number}: painting",
    Rendering.State.PAINTED: "epoch {0.epoch_number}: painted in {0.seconds:.1f} s",
    Rendering.State.FAILED: "epoch {0.epoch_number}: can't be painted. {0.error}",
    Rendering.State.CANCELLED: "epoch {0.epoch_number}: the painting was cancelled",
}


def short(address: str) -> str:
    """An address as it can be told from others at a glance."""
    return f"{address[:6]}…{address[-4:]}"


def tell(halt: threading.Event, say: Say) -> None:
    """Say what happens from now on, until `halt`."""
    teller = Teller({one.address.lower() for one in signers.worker_accounts()})
    try:
        while not halt.wait(LOOK_S):
            for line in teller.news():
                say(f"{time.strftime('%H:%M:%S')} {line}")
    finally:
        close_old_connections()


class Teller:
    """Knows what was told. `ours` are our workers' addresses, in lower case."""

    def __init__(self, ours: set[str]):
        self.ours = ours
        self._seen: tuple[int, str] = (0, "")
        self._told: dict[str, None] = {}
        self._jobs = {job.pk: (job.state, job.error) for job in Rendering.objects.all()}
        self._refusals = Refusal.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._problem = ""
        list(self._events())  # the past is no news

    def news(self) -> Iterator[str]:
        """What happened since the last call, a line each, in the order of the chain."""
        yield from self._paintings()
        yield from self._events()
        for refusal in Refusal.objects.filter(pk__gt=self._refusals).order_by("pk"):
            self._refusals = refusal.pk
            worker = short(refusal.worker)
            yield f"epoch {refusal.epoch}: {worker} does not commit. {refusal.reason}"
        problem = Control.get().error
        if problem != self._problem:
            self._problem = problem
            yield from problem.splitlines() if problem else ["everything goes on again"]

    def _paintings(self) -> Iterator[str]:
        for job in Rendering.objects.filter(epoch_number__gt=0).defer("recipe", "environment"):
            before, self._jobs[job.pk] = self._jobs.get(job.pk), (job.state, job.error)
            if before is None or before[0] != job.state:
                if job.state in STATES:
                    yield STATES[Rendering.State(job.state)].format(job)
            elif job.error and before[1] != job.error and job.state == Rendering.State.QUEUED:
                yield f"epoch {job.epoch_number}: the painting waits. {job.error}"

    def _events(self) -> Iterator[str]:
        cursor = Cursor.current()
        if cursor is None or (cursor.number, cursor.hash) == self._seen:
            return
        since = min(cursor.number, self._seen[0]) - DEPTH
        self._seen = cursor.number, cursor.hash
        rows: list[tuple[int, int, str]] = []
        for kind, words in WORDS.items():
            recent = kind._default_manager.filter(log__block__number__gt=since).select_related("log__block")
            for row in recent:
                if line := words(row, self.ours):
                    rows.append((row.log.block.number, row.log.log_index, line))
        for *_place, line in sorted(rows):
            if line not in self._told:
                self._told[line] = None
                yield line
        for line in list(self._told)[:-MOST_TOLD]:
            del self._told[line]


def _accepted(row: models.Acceptance, ours: set[str]) -> str:
    fee = f"for a fee of {ether.words(row.fee)}" if row.fee else "for no fee: the pool is empty"
    return f"epoch {row.epoch} is sealed: {row.quorum} of {row.eligible} have to agree, {fee}"


def _opened(row: models.Window, ours: set[str]) -> str:
    until = f"commit until {_clock(row.commit_until)}, reveal until {_clock(row.reveal_until)}"
    return f"epoch {row.epoch}, round {row.round}: {until}"


def _committed(row: models.Commitment, ours: set[str]) -> str:
    who = short(row.worker) if row.worker in ours else f"{short(row.worker)}, another,"
    return f"epoch {row.epoch}, round {row.round}: {who} committed"


def _revealed(row: models.Reveal, ours: set[str]) -> str:
    if row.worker in ours:
        counts = "" if row.counted else ", which does not count: it is of another class"
        return f"epoch {row.epoch}, round {row.round}: {short(row.worker)} revealed{counts}"
    mine = models.Vow.objects.filter(epoch=row.epoch, worker__in=ours).first()
    found = "" if mine is None else " the same" if mine.result_hash == row.result_hash else " another result"
    return f"epoch {row.epoch}, round {row.round}: {short(row.worker)}, another, revealed{found}"


def _finalized(row: models.Finalization, ours: set[str]) -> str:
    return f"epoch {row.epoch} is generation {row.generation}: {row.winners} found it"


def _paid(row: models.FeeCredit, ours: set[str]) -> str:
    if row.worker not in ours:
        return ""
    return f"{short(row.worker)} is owed {ether.words(row.amount)} for epoch {row.epoch}"


def _slashed(row: models.Slash, ours: set[str]) -> str:
    if row.worker not in ours:
        return ""
    lost = f"{short(row.worker)} lost {ether.words(row.amount)} of its bond for epoch {row.epoch}"
    if row.reason == "silence":
        return f"{lost}: it committed and did not reveal"
    until = f"{datetime.fromtimestamp(row.challenge_until):%d %b %H:%M}"
    return f"{lost}: it revealed another result. Held back; it may be challenged until {until}"


def _settled(row: models.Settlement, ours: set[str]) -> str:
    if row.worker not in ours:
        return ""
    what = "is kept" if row.upheld else "comes back to the bond"
    return f"the slash {row.slash_id} of {short(row.worker)} is settled: {ether.words(row.amount)} {what}"


def _dropped(row: models.Drop, ours: set[str]) -> str:
    if row.worker not in ours:
        return ""
    return f"the bond of {short(row.worker)} is under the least: it paints up to epoch {row.last_epoch}"


def _failed(row: Failure, ours: set[str]) -> str:
    return f"epoch {row.epoch_id} ended without a picture ({row.reason}); its fee goes back to the pool"


WORDS: dict[Any, Callable[[Any, set[str]], str]] = {
    models.Acceptance: _accepted,
    models.Window: _opened,
    models.Commitment: _committed,
    models.Reveal: _revealed,
    models.Finalization: _finalized,
    models.FeeCredit: _paid,
    models.Slash: _slashed,
    models.Settlement: _settled,
    models.Drop: _dropped,
    Failure: _failed,
}
"""What is said of an event; nothing where that is empty."""


def _clock(timestamp: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(timestamp))
