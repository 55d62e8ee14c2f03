"""One painter process, seen from outside: its pipes, its memory, and how it ended, in words."""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from studio import wire

log = logging.getLogger("studio.painter")

ROOT = Path(__file__).resolve().parents[1]

LOOK_S = 0.25
"""Between looks at the process's memory, and how late at most a stop is noticed."""
END_S = 2.0
"""For a process to go once it was told or made to."""


class PainterError(Exception):
    """The painter's process did not finish a painting; the message says why, in words for people."""


class PainterFailed(PainterError):
    """Painting raised something; the message is what."""


class PainterHung(PainterError):
    """It said nothing for longer than it may."""


class PainterOutOfMemory(PainterError):
    """It took more memory than it may have, or could not get what it needed."""


class PainterGarbled(PainterError):
    """What it said cannot be understood."""


class PainterDied(PainterError):
    """It ended in the middle. `status`: its exit status, negative for a signal's number."""

    def __init__(self, status: int, last: str = "") -> None:
        said = f" It last said: {last}" if last else ""
        super().__init__(f"{_ending(status)}{said}")
        self.status = status


def _ready(pipe: int, event: int, patience_s: float) -> bool:
    """Whether a pipe can be used within so long. Not by `select`: that knows 1,024 files only."""
    poll = select.poll()
    poll.register(pipe, event)
    return bool(poll.poll(patience_s * 1000))


class Child:
    """One process: frames in and out, what it prints, and how it ended. Pipes never block for ever."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it. Raises OSError."""
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a terminal's Ctrl-C is for us, and its helpers end with it
        )
        assert self.process.stdin  # noqa: S101 - for types
        assert self.process.stdout  # noqa: S101 - for types
        self.source, self.sink = self.process.stdout.fileno(), self.process.stdin.fileno()
        os.set_blocking(self.sink, False)
        self.frames: deque[wire.Frame] = deque()
        self.unpacker = wire.Unpacker()
        self.error: PainterError | None = None
        """Why we ended it, if we did."""
        self.over = False
        """Whether its output has ended."""
        self.used = time.monotonic()
        self.words: deque[str] = deque(maxlen=20)
        self._talk = threading.Thread(target=self._note_words, name="painter-words", daemon=True)
        self._talk.start()
        log.info("the painter was started as process %d", self.process.pid)

    def alive(self) -> bool:
        return not self.over and self.error is None and self.process.poll() is None

    def send(self, header: dict[str, Any], body: bytes, patience_s: float) -> None:
        """Write one frame. PainterHung when it does not read; that it has ended is found out by reading."""
        rest = memoryview(wire.pack(header, body))
        deadline = time.monotonic() + patience_s
        try:
            while rest:
                if self.error is not None:
                    raise self.error
                if _ready(self.sink, select.POLLOUT, LOOK_S):
                    rest = rest[os.write(self.sink, rest) :]
                elif time.monotonic() > deadline:
                    raise PainterHung(f"The painter did not listen for {patience_s:g} seconds.")
        except BrokenPipeError:
            return

    def receive(self, patience_s: float) -> wire.Frame | None:
        """The next frame; None if there is none within `patience_s` seconds, or ever (`over`).

        Raises PainterGarbled.
        """
        if not self.frames and not self.over and _ready(self.source, select.POLLIN, patience_s):
            data = os.read(self.source, 1 << 20)
            self.over = not data
            try:
                self.frames.extend(self.unpacker.feed(data))
            except wire.Garbled as error:
                raise PainterGarbled(f"The painter's answer cannot be understood: {error}.") from error
        return self.frames.popleft() if self.frames else None

    def memory_mb(self) -> float:
        """Megabytes in memory; 0 once it has ended."""
        try:
            return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6
        except psutil.Error:
            return 0.0

    def wait(self, patience_s: float) -> int | None:
        """Its exit status, or None if it does not end in time."""
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        """The last line that it printed."""
        self._talk.join(0.5)
        return next((line for line in reversed(self.words) if line), "")[:500]

    def end(self, error: PainterError | None = None) -> None:
        """End it at once, with all that it started. It can't refuse."""
        self.error = self.error or error or PainterError("The painter was ended.")
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self.process.kill()
        self.wait(END_S)

    def rest(self) -> None:
        """Let it end by itself, which it does when its input ends."""
        assert self.process.stdin  # noqa: S101 - for types
        self.process.stdin.close()
        self.wait(END_S)
        self.end(PainterError("The painter rested."))

    def _note_words(self) -> None:
        assert self.process.stderr  # noqa: S101 - for types
        with self.process.stderr as lines:
            for raw in lines:
                line = raw.decode(errors="replace").strip()[:500]
                if line:
                    self.words.append(line)
                    log.info("%s", line)


def _ending(status: int) -> str:
    """An exit status in words."""
    if status == -signal.SIGKILL:
        return "The painter was killed, probably for lack of memory."
    if status < 0:
        return f"The painter crashed: {signal.strsignal(-status) or f'signal {-status}'}."
    return f"The painter ended in the middle, with exit status {status}."
