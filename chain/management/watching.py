"""What a command shows while it mirrors, and how it is ended: between two batches, with everything stored."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from chain import catchup
from chain.models import Cursor

LINE_EVERY_S = 5.0


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or SIGTERM) sets. The second does what it always does."""
    stop = threading.Event()
    before: dict[int, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, ask)
    try:
        yield stop
    finally:
        for caught, handler in before.items():
            signal.signal(caught, handler)


class Watch:
    """Shows how far the mirroring has come: a bar on a terminal, elsewhere a line every few seconds.

    Its `heard` is for `Indexer.told`.
    """

    def __init__(self, out: OutputWrapper, line_every_s: float = LINE_EVERY_S):
        self._out = out
        self._every = line_every_s
        self._line_at = time.monotonic() + line_every_s
        self._speed = catchup.Speed()
        self._begin: int | None = None
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if out.isatty():
            self._bar = Progress(
                TextColumn("blocks"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[pace]}"),
                console=Console(file=sys.stdout),
                transient=True,
            )
            self._task = self._bar.add_task("blocks", total=None, pace="")

    def __enter__(self) -> Self:
        cursor = Cursor.current()
        self._begin = cursor.number if cursor else None
        self._speed.add(time.monotonic(), cursor.number if cursor else 0, 0)
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def heard(self, cursor: Cursor, events: int) -> None:
        """Blocks up to the cursor's were stored, with so many events."""
        now = time.monotonic()
        if self._begin is None or cursor.number < self._begin:  # a fresh mirror, or a fork
            self._begin = min(cursor.begin_number, cursor.number)
            self._speed.clear()
        self._speed.add(now, cursor.number, events)
        progress = catchup.since(cursor, self._begin, self._speed.rates())
        words = []
        if progress.events_per_s is not None:
            words.append(f"{progress.events_per_s:,.0f} events/s")
        if progress.left:
            words.append(f"{progress.left} left")
        if self._bar is not None:
            pace = ", ".join(words)
            self._bar.update(self._task, completed=progress.done, total=progress.total, pace=pace)
        elif now >= self._line_at:
            self._line_at = now + self._every
            self._out.write(", ".join([f"{progress.done:,} of {progress.total:,} blocks", *words]))
            self._out.flush()
