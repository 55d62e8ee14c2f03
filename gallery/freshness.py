"""How fresh the pages are: whether the mirror follows the chain, and whether the chain took something back.

Every page says so in one quiet line when it is not as it should be. One query for the mirror, one for the
last reorganisation, and while it catches up one look into the cache; nothing here asks the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.utils import timezone

from chain import catchup
from chain.catchup import BEHIND_BLOCKS
from chain.models import Cursor, Reorganisation
from gallery import alarms

BEHIND_S = 30
SILENT_S = 60
"""The mirror notes every ten seconds that it looked, blocks or none: after so long nobody keeps it."""
REMEMBERED_S = 600
"""A reorganisation is told of for so long."""


class State(StrEnum):
    """How the mirror stands to the chain, best first."""

    GOOD = "good"
    BEHIND = "behind"
    SILENT = "silent"
    STOPPED = "stopped"
    EMPTY = "empty"

    @property
    def good(self) -> bool:
        """Whether nobody needs to be told."""
        return self is State.GOOD


@dataclass(frozen=True)
class Freshness:
    """`block` is the newest block in the pages, `final` the newest that can't be taken back; -1 for none.

    `head` is the chain's head when last seen, `error` why the mirror stands still, in the program's words,
    `progress` how far it has come if it catches up.
    """

    state: State
    block: int
    final: int
    head: int
    error: str
    reorganisation: Reorganisation | None
    progress: catchup.Progress | None = None

    @property
    def behind(self) -> int:
        """How many blocks the pages lack."""
        return max(0, self.head - self.block)

    @property
    def unfinal(self) -> int:
        """How many of the newest blocks may still be taken back."""
        return max(0, self.block - max(self.final, 0))

    @property
    def in_short(self) -> str:
        """The newest block and how much of it is final, for the foot of a page."""
        if self.block < 0:
            return "no block yet"
        count = f"{self.block:,}".replace(",", " ")
        return f"block {count}" + (f", {self.unfinal} not final yet" if self.unfinal else ", final")

    @property
    def why(self) -> str:
        """The name of what makes the mirror stand still; empty while it moves."""
        return alarms.of(self.error).kind if self.state is State.STOPPED else ""

    @property
    def lack(self) -> str:
        """How many blocks the pages lack, in words."""
        return blocks(self.behind)

    @property
    def to_go(self) -> str:
        """How long catching up will take, as the end of a sentence; empty while nobody can say."""
        left = self.progress.left if self.progress else ""
        return f", {left} to go" if left else ""

    @property
    def words(self) -> str:
        """One sentence for visitors, empty when all is well."""
        match self.state:
            case State.BEHIND:
                return f"Catching up with the chain: {self.lack} behind{self.to_go}."
            case State.SILENT:
                return "Nothing was heard of the chain for a while, so this may be behind."
            case State.STOPPED:
                return alarms.of(self.error).line
            case State.EMPTY:
                return "Nothing was read from the chain yet."
        return ""


def blocks(count: int) -> str:
    """`1 block`, `12 340 blocks`."""
    return f"{count:,} block{'' if count == 1 else 's'}".replace(",", " ")


def state_of(cursor: Cursor | None) -> State:
    """How the mirror stands, from its cursor alone."""
    if cursor is None:
        return State.EMPTY
    if cursor.error:
        return State.STOPPED
    age_s = (timezone.now() - cursor.updated_at).total_seconds()
    if age_s > SILENT_S:
        return State.SILENT
    if cursor.behind > BEHIND_BLOCKS or (cursor.behind > 0 and age_s > BEHIND_S):
        return State.BEHIND
    return State.GOOD


def current() -> Freshness:
    """How fresh the pages are now."""
    return of(Cursor.current())


def of(cursor: Cursor | None) -> Freshness:
    """How fresh pages are while the mirror stands there."""
    state = state_of(cursor)
    return Freshness(
        state=state,
        block=cursor.number if cursor else -1,
        final=cursor.finalized_number if cursor else -1,
        head=cursor.head_number if cursor else -1,
        error=cursor.error if cursor else "",
        reorganisation=last_reorganisation(),
        progress=catchup.progress(cursor) if state is State.BEHIND else None,
    )


def last_reorganisation(within_s: int = REMEMBERED_S) -> Reorganisation | None:
    """The newest reorganisation of the last `within_s` seconds."""
    since = timezone.now() - timedelta(seconds=within_s)
    found: Reorganisation | None = Reorganisation.objects.filter(at__gte=since).first()
    return found
