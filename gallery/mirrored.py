"""How the mirror stands, whole: for the status page, for programs, and for the desk.

Where the chain is and where these pages are; the nodes that are asked, one by one; what was found incomplete
and put right; what the chain took back; and why it stands still, if it does. Four small queries and a look
into the cache; nothing here asks a node.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from chain import catchup
from chain.memory import once
from chain.models import Block, Cursor, ProviderHealth, ProviderState, Reorganisation, Repair
from gallery import alarms, freshness
from gallery.alarms import Alarm
from gallery.freshness import State, blocks

NODES = 16
"""More than anybody names; so many are shown and measured."""
UNHEARD_S = 60.0
"""The indexer writes a node's health every few seconds: a row so old says nothing of now."""
REPAIRS, REPAIRS_DAYS = 8, 7
REORGANISATIONS = 5
FEW = 50
"""So many blocks are read in a moment: that is no past to catch up with."""
FINAL_LOST_S = 86_400
"""Final blocks that were taken back are told of above all else for so long."""


@dataclass(frozen=True)
class Node:
    """One node as the indexer last knew it: `head` is -1 while unknown, `latency_ms` None until measured."""

    name: str
    state: ProviderState
    in_use: bool
    head: int
    behind: int
    latency_ms: int | None
    failures: int
    error: str
    socket: bool
    age_s: float

    @property
    def age(self) -> str:
        """How long ago it was last looked at, in words; empty for a moment ago."""
        return "" if self.age_s < UNHEARD_S / 2 else f"{catchup.about(self.age_s)} ago"

    @property
    def unheard(self) -> bool:
        """Whether nobody has looked at it for so long that its state says nothing."""
        return self.age_s > UNHEARD_S

    @property
    def answers(self) -> bool:
        """Whether it can be read from now: whoever has rested may be asked, but has not answered yet."""
        resting = self.state is ProviderState.RESTING or self.failures > 0
        return not (self.unheard or resting or self.state is ProviderState.REFUSED)

    @property
    def mark(self) -> str:
        """`good`, `late` or `down`, as the parts of the site have it."""
        if not self.answers:
            return "down"
        return "late" if self.state is ProviderState.BEHIND else "good"

    @property
    def words(self) -> str:
        """What it does, in a sentence."""
        if self.unheard:
            return f"Nobody has looked at it for {_span(self.age_s)}."
        if self.state is ProviderState.REFUSED:
            return "Not of this chain, so it is not read from."
        if not self.answers:
            return "Does not answer. It is left alone for a while, then asked again."
        if self.state is ProviderState.BEHIND:
            lag = f" {blocks(self.behind)}" if self.behind else ""
            use = " The pages are read from it for want of a better one." if self.in_use else ""
            return f"Answers, but is{lag} behind the others.{use}"
        return "Answers; the pages are read from it." if self.in_use else "Answers, and stands by."

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "name": self.name,
            "state": "unheard" if self.unheard else str(self.state),
            "in_use": self.in_use,
            "words": self.words,
            "head": None if self.head < 0 else self.head,
            "behind": self.behind,
            "latency_ms": self.latency_ms,
            "failures": self.failures,
            "error": self.error,
            "socket": self.socket,
            "age_s": self.age_s,
        }


@dataclass(frozen=True)
class Mirrored:
    """Everything of it. Numbers are -1, times None, while not known; chain times are in seconds."""

    fresh: freshness.Freshness
    chain_id: int | None
    head_at: int | None
    seen_at: datetime | None
    block_at: int | None
    nodes: list[Node]
    doubts: int
    samples: int
    repairs: list[Repair]
    repairs_more: bool
    reorganisations: list[Reorganisation]
    alarm: Alarm | None

    @property
    def progress(self) -> catchup.Progress | None:
        """How far the catching up has come, if it is more than a few blocks."""
        return self.fresh.progress if self.fresh.behind > FEW else None

    @property
    def final(self) -> int:
        """The newest final block in these pages: the chain's may be ahead of them."""
        return min(self.fresh.final, self.fresh.block)

    @property
    def lag_s(self) -> int:
        """How many seconds of the chain's time the newest stored block is older than the head; 0 at it."""
        if not self.fresh.behind or self.head_at is None or self.block_at is None:
            return 0
        return max(0, self.head_at - self.block_at)

    @property
    def words(self) -> str:
        """How the pages stand to the chain, in a sentence or two."""
        match self.fresh.state:
            case State.EMPTY:
                return "Nothing was read from the chain yet. The first pages come with its first block."
            case State.STOPPED:
                return self.alarm.meaning if self.alarm else ""
            case State.SILENT:
                return "Nobody has looked at the chain for a while, so these pages may be behind."
            case State.BEHIND:
                if self.progress is None:
                    return f"These pages are {self.fresh.lack} behind the chain, and follow."
                then = f"of {_span(self.lag_s)} ago" if self.lag_s else "as it was"
                return f"The past is being read: until it is, these pages show the chain {then}."
        return "These pages show the chain as it is."

    @property
    def final_lost(self) -> Reorganisation | None:
        """The newest reorganisation that went beyond finality, if that was within a day."""
        since = timezone.now() - timedelta(seconds=FINAL_LOST_S)
        return next((one for one in self.reorganisations if one.final_blocks and one.at > since), None)

    def to_json(self) -> dict[str, Any]:
        """The same for programs: numbers are null while not known, times ISO 8601 or seconds of the chain."""
        fresh, progress = self.fresh, self.progress
        return {
            "state": str(fresh.state),
            "words": self.words,
            "chain_id": self.chain_id,
            "head": {
                "number": _known(fresh.head),
                "timestamp": self.head_at,
                "seen_at": self.seen_at and self.seen_at.isoformat(),
            },
            "indexed": {"number": _known(fresh.block), "behind": fresh.behind, "behind_s": self.lag_s},
            "final": {"number": _known(fresh.final), "unfinal": fresh.unfinal},
            "progress": progress
            and {
                "begin": progress.begin,
                "done": progress.done,
                "total": progress.total,
                "share": round(progress.share, 4),
                "events_per_s": progress.events_per_s and round(progress.events_per_s, 1),
                "left_s": progress.left_s and round(progress.left_s),
            },
            "nodes": [node.to_json() for node in self.nodes],
            "completeness": {
                "doubts": self.doubts,
                "samples": self.samples,
                "repairs": [
                    {
                        "at": repair.at.isoformat(),
                        "block": repair.number,
                        "node": repair.provider,
                        "problem": repair.problem,
                        "remedy": repair.remedy,
                    }
                    for repair in self.repairs
                ],
            },
            "reorganisations": [
                {
                    "at": one.at.isoformat(),
                    "blocks": one.blocks,
                    "final_blocks": one.final_blocks,
                    "above": one.number,
                }
                for one in self.reorganisations
            ],
            "alarm": self.alarm
            and {
                "kind": self.alarm.kind,
                "title": self.alarm.title,
                "remedy": self.alarm.remedy,
                "detail": self.alarm.detail,
            },
        }


def mirrored() -> Mirrored:
    """How the mirror stands now. Raises DatabaseError."""
    cursor = Cursor.current()
    since = timezone.now() - timedelta(days=REPAIRS_DAYS)
    repairs = list(Repair.objects.filter(at__gte=since)[: REPAIRS + 1])
    return Mirrored(
        fresh=freshness.of(cursor),
        chain_id=cursor.chain_id if cursor else None,
        head_at=cursor.head_timestamp if cursor and cursor.head_number >= 0 else None,
        seen_at=cursor.updated_at if cursor else None,
        block_at=stored_until(cursor),
        nodes=nodes(cursor),
        doubts=cursor.doubts if cursor else 0,
        samples=cursor.samples if cursor else 0,
        repairs=repairs[:REPAIRS],
        repairs_more=len(repairs) > REPAIRS,
        reorganisations=list(Reorganisation.objects.all()[:REORGANISATIONS]),
        alarm=alarms.of(cursor.error) if cursor and cursor.error else None,
    )


def nodes(cursor: Cursor | None) -> list[Node]:
    """Every node that is on record, in the order of the settings."""
    now = timezone.now()
    rows = _rows()
    newest = max([cursor.head_number if cursor else -1, *(row.head_number for row in rows)])
    return [
        Node(
            name=row.name,
            state=ProviderState(row.state),
            in_use=row.in_use,
            head=row.head_number,
            behind=max(0, newest - row.head_number) if row.head_number >= 0 else 0,
            latency_ms=round(row.latency_ms) if row.latency_ms else None,
            failures=row.failures,
            error=row.error,
            socket=row.socket,
            age_s=max(0.0, round((now - row.updated_at).total_seconds(), 1)),
        )
        for row in rows
    ]


@once
def _rows() -> list[ProviderHealth]:
    return list(ProviderHealth.objects.all()[:NODES])


def stored_until(cursor: Cursor | None) -> int | None:
    """The chain time of the newest block that is stored; of those without events, only new ones are."""
    if cursor is None:
        return None
    stored = Block.objects.order_by("-number").values_list("timestamp", flat=True).first()
    return stored if stored is None else int(stored)


def _span(seconds: float) -> str:
    return catchup.about(seconds).removeprefix("about ")


def _known(number: int) -> int | None:
    return number if number >= 0 else None
