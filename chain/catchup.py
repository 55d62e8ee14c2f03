"""How far the mirror has come while it catches up with the chain, and how long it will take.

The indexer's process counts what each commit brought (`Pace.note`), and leaves its pace in the cache about
once a second; pages and metrics of any process read it there (`progress`). Without the cache the share of the
way is known all the same, from the cursor alone; only the pace is not. The command line, which mirrors by
itself, counts with a `Speed` of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from chain.models import Cursor

log = logging.getLogger(__name__)

BEHIND_BLOCKS = 3
"""So many blocks may pass between the chain and the mirror before that counts as being behind."""
KEY = "chain.catchup"
KEPT_S = 86_400
WINDOW_S = 15.0
"""The pace is that of so many seconds."""
EVERY_S = 1.0
SOONEST_S = 0.5
STALE_S = 30.0
"""A pace that nobody has noted for so long is none."""


@dataclass(frozen=True)
class Progress:
    """`done` of `total` blocks since block `begin`; `events_per_s` and `left_s` are None while not known."""

    begin: int
    done: int
    total: int
    events_per_s: float | None
    left_s: float | None

    @property
    def share(self) -> float:
        """How much of the way is done, 0 to 1."""
        return self.done / self.total if self.total else 1.0

    @property
    def percent(self) -> int:
        """The same in whole percent, and 100 only at the end."""
        return int(100 * self.share)

    @property
    def left(self) -> str:
        """The time that is left, in words; empty while nobody can say."""
        return about(self.left_s) if self.left_s is not None else ""


def about(seconds: float) -> str:
    """A length of time as people say it: nobody waits by the second."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {10 * max(1, round(seconds / 10))} seconds"
    if seconds < 3300:
        minutes = max(1, round(seconds / 60))
        return "about a minute" if minutes == 1 else f"about {minutes} minutes"
    if seconds < 129_600:
        hours = max(1, round(seconds / 3600))
        return "about an hour" if hours == 1 else f"about {hours} hours"
    return f"about {round(seconds / 86_400)} days"


class Speed:
    """Blocks and events a second, over the last `WINDOW_S` seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()
        self._events = 0

    def add(self, now: float, number: int, events: int) -> None:
        """At `now`, in seconds, so many more events had been stored, and the blocks up to `number`."""
        self._events += events
        self._seen.append((now, number, self._events))
        while now - self._seen[0][0] > WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()

    def clear(self) -> None:
        """Begin anew."""
        self._seen.clear()
        self._events = 0

    def rates(self) -> dict[str, float]:
        """`blocks_per_s` and `events_per_s`; nothing while it is too early to say."""
        if not self._seen:
            return {}
        (began, first, before), (now, number, events) = self._seen[0], self._seen[-1]
        seconds = now - began
        if seconds <= SOONEST_S:
            return {}
        return {
            "blocks_per_s": max(0.0, (number - first) / seconds),
            "events_per_s": (events - before) / seconds,
        }


class Pace:
    """Counts blocks and events as they are committed. For one process, which may have several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._speed = Speed()
        self._begin: int | None = None
        self._told = 0.0

    def note(self, cursor: Cursor, events: int) -> None:
        """A commit brought the mirror to `cursor` with so many events. A cache that is away is no matter."""
        with self._lock:
            try:
                self._note(cursor, events, time.monotonic())
            except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
                log.debug("the pace could not be noted: %s", error)

    def _note(self, cursor: Cursor, events: int, now: float) -> None:
        if cursor.behind <= BEHIND_BLOCKS:
            if self._begin is not None:
                self._speed.clear()
                self._begin, self._told = None, 0.0
                cache.delete(KEY)
            return
        if self._begin is None:
            known: dict[str, Any] | None = cache.get(KEY)  # of the process that was at it before
            self._begin = min(cursor.number, known["begin"]) if known else cursor.number
            self._speed.clear()
        elif cursor.number < self._begin:
            self._begin = cursor.number
        self._speed.add(now, cursor.number, events)
        if now - self._told < EVERY_S:
            return
        self._told = now
        cache.set(KEY, {"at": time.time(), "begin": self._begin, **self._speed.rates()}, KEPT_S)


pace = Pace()
"""What the indexer of this process counts with."""


def progress(cursor: Cursor | None) -> Progress | None:
    """How far the catching up has come; None while there is nothing to catch up with."""
    if cursor is None or cursor.behind <= BEHIND_BLOCKS:
        return None
    known = _known()
    return since(cursor, known.get("begin", cursor.begin_number), known)


def since(cursor: Cursor, begin: int, rates: Mapping[str, Any]) -> Progress:
    """How far the mirror has come since block `begin`, at `rates` as `Speed` gives them."""
    begin = min(begin, cursor.number)
    blocks_per_s = rates.get("blocks_per_s")
    return Progress(
        begin=begin,
        done=cursor.number - begin,
        total=max(cursor.head_number, cursor.number) - begin,
        events_per_s=rates.get("events_per_s"),
        left_s=cursor.behind / blocks_per_s if blocks_per_s else None,
    )


def _known() -> dict[str, Any]:
    """What the cache holds of the pace: rates only while they are new."""
    try:
        known: dict[str, Any] | None = cache.get(KEY)
    except Exception as error:  # noqa: BLE001 - whatever the cache's client raises; a page says it elsewhere
        log.debug("the pace could not be read: %s", error)
        return {}
    if known is None:
        return {}
    if time.time() - known["at"] > STALE_S:
        return {"begin": known["begin"]}
    return known
