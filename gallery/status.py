"""The report on the site's health as a visitor reads it: each part in words, as good, late or down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gallery import health, mirrored
from gallery.mirrored import Mirrored

_TITLES = {
    "database": "Database",
    "cache": "Cache",
    "chain": "Chain",
    "nodes": "Nodes",
    "mirror": "Mirror",
    "finality": "Finality",
    "tick": "Cycle",
    "painter": "Painter",
    "operator": "Operator",
    "disk": "Disk",
}
_WHAT = {
    "database": "keeps everything these pages show",
    "cache": "counts visitors and carries short notes",
    "chain": "holds the votes, the recipes and the hashes",
    "nodes": "are asked what is on the chain",
    "mirror": "copies the chain, so that pages are quick",
    "finality": "what the chain can no longer take back",
    "tick": "moves each epoch on, once a second",
    "painter": "paints the next generation",
    "operator": "pays for sealing, drawing and anchoring",
    "disk": "where the pictures are kept",
}
# What goes on without them, only later: a mirror that catches up, an account that runs low.
_LATE = frozenset({"nodes", "mirror", "finality", "painter", "operator", "disk"})
_ABOVE = frozenset({"chain", "nodes", "mirror", "finality"})
"""What the page tells at length, before the other parts."""
_FACTS = {
    "head": "newest block",
    "block": "block",
    "behind": "blocks behind",
    "final": "final up to block",
    "nodes": "nodes",
    "answering": "of them answer",
    "chain_id": "chain id",
    "seen_s": "seconds since last seen",
    "age_s": "seconds since it ran",
    "queued": "paintings waiting",
    "painting": "paintings under way",
    "heard_s": "seconds since it was heard of",
}


class State(StrEnum):
    """How a part of the site is."""

    GOOD = "good"
    LATE = "late"
    DOWN = "down"


@dataclass(frozen=True)
class Part:
    """One part: what it is for, how it is, and its figures as (label, value)."""

    name: str
    title: str
    what: str
    state: State
    words: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Status:
    """All parts, the worst state among them, and how the mirror stands to the chain."""

    state: State
    parts: list[Part]
    mirror: Mirrored

    @property
    def others(self) -> list[Part]:
        """The parts that have nothing to do with following the chain."""
        return [part for part in self.parts if part.name not in _ABOVE]

    @property
    def words(self) -> str:
        """All of it in one sentence."""
        wrong = [part.title.lower() for part in self.parts if part.state is not State.GOOD]
        match self.state:
            case State.GOOD:
                return "Everything works."
            case State.LATE:
                return f"It works, but something is late: {_listed(wrong)}."
        return f"Something is down: {_listed(wrong)}. What is on the chain is safe."

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "state": str(self.state),
            "words": self.words,
            "parts": {
                part.name: {"state": str(part.state), "words": part.words, "facts": dict(part.facts)}
                for part in self.parts
            },
            "mirror": self.mirror.to_json(),
        }


def status() -> Status:
    """How the site is now. Raises DatabaseError, but not before the parts have said it themselves."""
    parts = [_part(check) for check in health.report().checks]
    states = {part.state for part in parts}
    worst = next((state for state in (State.DOWN, State.LATE) if state in states), State.GOOD)
    return Status(worst, parts, mirrored.mirrored())


def _part(check: health.Check) -> Part:
    if check.ok:
        state = State.GOOD
    elif check.name in _LATE and check.detail and check.detail.get("answering", 1):
        state = State.LATE
    else:
        state = State.DOWN
    facts = [(label, _value(key, check.detail[key])) for key, label in _FACTS.items() if key in check.detail]
    return Part(
        name=check.name,
        title=_TITLES.get(check.name, check.name.capitalize()),
        what=_WHAT.get(check.name, ""),
        state=state,
        words=check.words,
        facts=facts,
    )


def _value(key: str, value: Any) -> str:
    if isinstance(value, float):
        value = round(value)
    if key == "chain_id":
        return str(value)
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else str(value)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
