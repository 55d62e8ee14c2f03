"""What a worker's page says: its bond and how it changed, its rounds, what was slashed and declined."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from chain import clock
from chain.models import Cursor
from compute import roster, workers
from compute.board import STANDINGS, Declined, SlashView, declined, slashes
from compute.models import BondChange, Commitment, FeeCredit, FeeRelease, Finalization, Reveal, Window
from compute.roster import ZERO32
from compute.workers import Worker
from governance import life

ROUNDS, BONDS = 20, 12
"""Shown on a page at most: the newest."""

_BONDS = {
    "register": "bonded as it registered",
    "add": "added to",
    "silence": "slashed: it did not reveal",
    "mismatch": "held back: another result than its quorum’s",
    "returned": "given back: a slash was overturned",
    "withdrawn": "taken out",
}


@dataclass(frozen=True)
class Past:
    """One round of a worker's. `outcome` in words; `fee` in wei, None while nothing was credited."""

    epoch: int
    round: int
    committed_at: int
    revealed_at: int | None
    waited: int | None
    outcome: str
    generation: int | None
    fee: int | None
    manifest_hash: str | None
    to_final: int


@dataclass(frozen=True)
class BondMark:
    """A bond as it was from a moment on, in wei."""

    bond: int
    words: str
    at: int
    block: int


@dataclass(frozen=True)
class WorkerPage:
    """One worker's page."""

    worker: Worker
    standing: str
    listed: bool
    accepted: bool
    link: str
    rounds: list[Past]
    slashes: list[SlashView]
    declined: list[Declined]
    bonds: list[BondMark]


def worker_page(address: str) -> WorkerPage | None:
    """One worker's page, None for an address that never was one."""
    one = workers.find(address)
    if one is None:
        return None
    group = roster.classes().get(one.class_id)
    return WorkerPage(
        worker=one,
        standing=STANDINGS[one.standing],
        listed=bool(group and group.listed),
        accepted=one.class_id == roster.accepted_class() != ZERO32,
        link=_link(one.uri),
        rounds=_past(one.address),
        slashes=slashes(one.address),
        declined=declined(one.address),
        bonds=[
            BondMark(row.bond, _BONDS.get(row.reason, row.reason), row.at, row.block_number)
            for row in BondChange.objects.filter(worker=one.address).order_by("-block_number", "-log_index")[
                :BONDS
            ]
        ],
    )


def _past(address: str) -> list[Past]:
    """The newest rounds that a worker committed in."""
    found = list(Commitment.objects.filter(worker=address).order_by("-epoch", "-round")[:ROUNDS])
    epochs = {row.epoch for row in found}
    shown = {row.epoch: row for row in Reveal.objects.filter(worker=address, epoch__in=epochs)}
    ends = {row.epoch: row for row in Finalization.objects.filter(epoch__in=epochs)}
    windows = {(row.epoch, row.round): row for row in Window.objects.filter(epoch__in=epochs)}
    fees = dict(FeeCredit.objects.filter(worker=address, epoch__in=epochs).values_list("epoch", "amount"))
    released = set(FeeRelease.objects.filter(epoch__in=epochs).values_list("epoch", flat=True))
    cursor, now = Cursor.current(), clock.now()
    past = []
    for row in found:
        reveal = shown.get(row.epoch)
        reveal = reveal if reveal is not None and reveal.round == row.round else None
        window, end = windows.get((row.epoch, row.round)), ends.get(row.epoch)
        late = window is not None and now > window.reveal_until
        past.append(
            Past(
                epoch=row.epoch,
                round=row.round,
                committed_at=row.at,
                revealed_at=reveal.at if reveal else None,
                waited=reveal.at - window.at if reveal and window else None,
                outcome=_outcome(reveal, end, late or end is not None, row.epoch in released),
                generation=end.generation if end else None,
                fee=fees.get(row.epoch) if reveal else None,
                manifest_hash=reveal.manifest_hash if reveal else None,
                to_final=life.blocks_to_final((reveal or row).block_number, cursor),
            )
        )
    return past


def _outcome(reveal: Reveal | None, end: Finalization | None, late: bool, failed: bool) -> str:
    if reveal is None:
        return "did not reveal in time" if late else "committed"
    if not reveal.counted:
        return "another class: shown, not counted"
    if end is None:
        return "revealed; the epoch failed" if failed else "revealed"
    return (
        "the winning result" if reveal.result_hash == end.result_hash else "another result than the quorum’s"
    )


def _link(uri: str) -> str:
    """Where a worker serves what it painted, if a browser can follow it."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    return uri if parts.scheme in ("http", "https") and parts.netloc else ""
