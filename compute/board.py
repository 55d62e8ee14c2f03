"""What the workers' board says: the round that is open with who has done what, everybody who paints or
painted, what was slashed, and what was declined.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from chain import clock
from chain.models import Cursor
from compute import roster, rounds, workers
from compute.models import (
    Acceptance,
    Challenge,
    Commitment,
    FeeRelease,
    Refusal,
    Reveal,
    RulesChange,
    Settlement,
    Slash,
    Window,
)
from compute.roster import Standing, WorkerClass
from compute.rounds import PaintingRound, RoundState
from compute.workers import Worker
from governance import life, withholding

SLASHES = REFUSALS = 12
"""Shown on a page at most: the newest."""

STANDINGS: dict[Standing, str] = {
    Standing.ACTIVE: "Active",
    Standing.LEAVING: "Leaving",
    Standing.DROPPED: "Bond too small",
    Standing.OUT: "Left",
}
_ROUND_WORDS: dict[RoundState, str] = {
    RoundState.COMMITTING: "Workers paint and commit: nobody sees another’s result yet.",
    RoundState.REVEALING: "Commitments are closed; each worker shows what it committed to.",
    RoundState.CLOSED: "A quorum agrees. Anybody may have its result anchored now.",
    RoundState.OVER: "It came to nothing: too few agree. It is opened again with the same seed, or the "
    "epoch fails.",
}
_SLASHES = {
    "silence": "committed and did not reveal in time",
    "mismatch": "revealed another result than the quorum of its own class",
}


@dataclass(frozen=True)
class Seat:
    """What one of an epoch's workers has done in the round. `did` is revealed, committed, declined, silent or
    waiting; `result` a letter, the same for the same result; `to_final` blocks until the chain keeps it.
    """

    address: str
    class_id: str
    counts: bool
    did: str
    words: str
    at: int | None = None
    result: str = ""
    to_final: int = 0


@dataclass(frozen=True)
class OpenRound:
    """The newest round with everybody who may paint it."""

    round: PaintingRound
    words: str
    seats: list[Seat]
    at: int | None
    """When it changes by the clock alone, chain time in seconds."""

    @property
    def live(self) -> bool:
        """Whether it is still going on."""
        return self.round.state is not RoundState.OVER

    @property
    def missing(self) -> int:
        """How many equal results are still needed."""
        return max(0, self.round.quorum - self.round.best)


@dataclass(frozen=True)
class SlashView:
    """One slash. `standing` is final, held, challenged, upheld or overturned; `until` when that changes."""

    worker: str
    epoch: int
    round: int
    amount: int
    why: str
    standing: str
    words: str
    until: int | None
    uri: str
    at: int
    to_final: int


@dataclass(frozen=True)
class Declined:
    """A recipe that a worker of this site did not paint."""

    worker: str
    epoch: int
    reason: str


@dataclass(frozen=True)
class Sealed:
    """An epoch that is sealed and whose round has not opened yet."""

    epoch: int
    eligible: int
    quorum: int


@dataclass(frozen=True)
class Board:
    """The whole board. `rules` is None where there is no set of workers."""

    rules: RulesChange | None
    accepted: str
    classes: list[WorkerClass]
    pool: int
    sealed: Sealed | None
    open: OpenRound | None
    active: list[Worker]
    others: list[Worker]
    slashes: list[SlashView]
    declined: list[Declined]

    @property
    def counting(self) -> int:
        """How many active workers are of the class whose results count."""
        return sum(one.class_id == self.accepted for one in self.active)

    @property
    def quorum(self) -> int:
        """Equal results that an epoch sealed now would need: `max(rules.quorum, active / 2 + 1)`."""
        return max(self.rules.quorum, self.counting // 2 + 1) if self.rules else 0


def board() -> Board:
    """Everything on the board, from the mirror and this site's own refusals alone."""
    everyone = workers.everyone()
    listed = sorted(roster.classes().values(), key=lambda one: (not one.listed, -one.active, one.id))
    opened = _open()
    return Board(
        rules=roster.rules(),
        accepted=roster.accepted_class(),
        classes=listed,
        pool=workers.pool(),
        sealed=_sealed(opened),
        open=opened,
        active=[one for one in everyone if one.standing is Standing.ACTIVE],
        others=[one for one in everyone if one.standing is not Standing.ACTIVE],
        slashes=slashes(),
        declined=declined(),
    )


def slashes(address: str | None = None) -> list[SlashView]:
    """The newest slashes, of everybody or of one worker."""
    rows = Slash.objects.order_by("-block_number", "-log_index")
    found = list((rows.filter(worker=address) if address else rows)[:SLASHES])
    ids = [row.slash_id for row in found]
    settled = {row.slash_id: row for row in Settlement.objects.filter(slash_id__in=ids)}
    challenged = {row.slash_id: row for row in Challenge.objects.filter(slash_id__in=ids)}
    cursor = Cursor.current()
    views = []
    for row in found:
        said, end = challenged.get(row.slash_id), settled.get(row.slash_id)
        standing, words, until = _slash_words(row, said, end)
        views.append(
            SlashView(
                worker=row.worker,
                epoch=row.epoch,
                round=row.round,
                amount=row.amount,
                why=_SLASHES.get(row.reason, row.reason),
                standing=standing,
                words=words,
                until=until,
                uri=withholding.shown(said.uri) if said else "",
                at=row.at,
                to_final=life.blocks_to_final(row.block_number, cursor),
            )
        )
    return views


def declined(address: str | None = None) -> list[Declined]:
    """The newest recipes that workers of this site did not paint, each with its reason. Who committed after
    all has not declined.
    """
    rows = Refusal.objects.filter(worker=address) if address else Refusal.objects.all()
    same = Commitment.objects.filter(worker=OuterRef("worker"), epoch=OuterRef("epoch"))
    rows = rows.exclude(Exists(same))
    return [
        Declined(row.worker, row.epoch, withholding.shown(row.reason))
        for row in rows.order_by("-epoch", "worker")[:REFUSALS]
    ]


def _slash_words(row: Slash, said: Challenge | None, end: Settlement | None) -> tuple[str, str, int | None]:
    """(standing, in words, until when it stands so)."""
    now = clock.now()
    if end is not None:
        return (
            ("upheld", "Upheld: it went to the treasury.", None)
            if end.upheld
            else (
                "overturned",
                "Overturned: it went back to the bond.",
                None,
            )
        )
    if not row.challenge_until:
        return "final", "Final: it went to the treasury.", None
    if said is not None:
        if now > said.decide_until:
            return "challenged", "Challenged, and the voters said nothing: anybody may uphold it.", None
        return "challenged", "Challenged: the voters decide. Silence upholds it", said.decide_until
    if now > row.challenge_until:
        return "held", "Nobody challenged it: anybody may uphold it.", None
    return "held", "Held back. It may be challenged", row.challenge_until


# --- The round that is open -----------------------------------------------------------------------------


def _open() -> OpenRound | None:
    """The newest round of the newest epoch that had one."""
    window = Window.objects.order_by("-epoch", "-round").first()
    current = rounds.newest(window.epoch) if window else None
    if current is None:
        return None
    words = _ROUND_WORDS[current.state]
    if current.finalization is not None:
        words = f"{current.finalization.winners} results were the same, and theirs is anchored."
    elif FeeRelease.objects.filter(epoch=current.epoch).exists():
        words = "The epoch failed: nobody was paid, and the fee went back to the pool."
    live = current.state is not RoundState.OVER
    return OpenRound(current, words, _seats(current), current.changes_at if live else None)


def _sealed(opened: OpenRound | None) -> Sealed | None:
    row = Acceptance.objects.order_by("-epoch").first()
    if row is None or (opened is not None and opened.round.epoch >= row.epoch):
        return None
    return Sealed(row.epoch, row.eligible, row.quorum)


def _seats(current: PaintingRound) -> list[Seat]:
    """What everybody who may paint the epoch has done, results named by letters in the order they came."""
    cursor = Cursor.current()
    committed = {row.worker: row for row in current.commitments}
    revealed = {row.worker: row for row in current.reveals}
    refused = {row.worker: row for row in Refusal.objects.filter(epoch=current.epoch)}
    results = list(dict.fromkeys(row.result_hash for row in current.reveals))
    seats = []
    for one in roster.snapshot(current.epoch):
        reveal, commitment = revealed.get(one.address), committed.get(one.address)
        newest = reveal or commitment
        did, words = _did(current, reveal, commitment, refused.get(one.address))
        seats.append(
            Seat(
                address=one.address,
                class_id=one.class_id,
                counts=one.class_id == current.accepted_class,
                did=did,
                words=words,
                at=newest.at if newest else None,
                result=_letter(results.index(reveal.result_hash)) if reveal else "",
                to_final=life.blocks_to_final(newest.block_number, cursor) if newest else 0,
            )
        )
    return seats


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def _did(
    current: PaintingRound, reveal: Reveal | None, commitment: Commitment | None, refused: Refusal | None
) -> tuple[str, str]:
    """What a worker did in a round: a word for the style, and a few for people."""
    if reveal is not None:
        earlier = f" in round {reveal.round}, which goes on counting" if reveal.round < current.number else ""
        return "revealed", f"revealed{earlier}" + ("" if reveal.counted else ": another class, not counted")
    if commitment is not None:
        if current.state is RoundState.OVER or clock.now() > current.reveal_until:
            return "silent", "committed, and did not reveal in time"
        shut = current.state is RoundState.COMMITTING
        return "committed", "committed" if shut else "committed, and has to reveal now"
    if refused is not None:
        return "declined", f"declined: {withholding.shown(refused.reason)}"
    if current.state is RoundState.COMMITTING:
        return "waiting", "has not committed yet"
    return "waiting", "did not commit, which costs nothing"
