"""The painter in a process of its own, from the outside: `RemotePainter.paint` is `studio.paint.paint`.

The process is started when it is first needed and kept, with its models loaded, from one painting to the
next. It is ended when it says nothing for too long, when it takes too much memory, after an idle while, and
with us. Whatever becomes of it becomes an exception here, and the next painting gets a new process.

Memory is limited by looking at what the process really holds (its resident set), four times a second.
A limit on address space would not do: PyTorch and drivers reserve many times what they use.

The process is started by a thread that lasts as long as the painter does, since Linux tells a child that
its parent died when the *thread* that started it ends.
"""

from __future__ import annotations

import logging
import os
import queue
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from studio import energy, wire
from studio.models import UnknownModel
from studio.paint import Cancelled, Painting, Step
from studio.picture import canonical_png
from studio.process import (
    END_S,
    LOOK_S,
    Child,
    PainterDied,
    PainterError,
    PainterFailed,
    PainterGarbled,
    PainterHung,
    PainterOutOfMemory,
)
from studio.recipe import InvalidRecipe, Recipe

__all__ = [
    "Limits",
    "PainterDied",
    "PainterError",
    "PainterFailed",
    "PainterGarbled",
    "PainterHung",
    "PainterOutOfMemory",
    "PainterStopped",
    "RemotePainter",
]

log = logging.getLogger("studio.painter")

COMMAND = (sys.executable, "-m", "studio.worker")
ASK_S = 1.0
"""Between calls of `on_wait` while the painter says nothing."""
CANCEL_S = 5.0
"""In which a painting that was cancelled ends by itself; after that its process is ended."""


class PainterStopped(Cancelled):
    """`RemotePainter.stop` was called."""


@dataclass(frozen=True)
class Limits:
    """load_s: from the request to the first step; step_s: from each step to the next; idle_s: without a
    painting, after which the process ends; all in seconds. memory_mb: resident, 0 for no limit.
    """

    load_s: float = 600
    step_s: float = 120
    memory_mb: int = 0
    idle_s: float = 900


class RemotePainter:
    """One painter process at a time, for use by any threads: they paint one after another.

    `command` is the program with its arguments; it must become the painter (`exec`), not wait for it.
    `environment` are the variables that it gets.
    """

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        limits: Limits = Limits(),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command = tuple(command)
        self.limits = limits
        self._environment = dict(os.environ if environment is None else environment)
        self.one = threading.Lock()
        self._numbers = count(1)
        self._keeper = _Keeper(self)
        self.stopped = False

    @property
    def pid(self) -> int | None:
        """The process's id, while there is one."""
        child = self._keeper.child
        return child.process.pid if child is not None and child.alive() else None

    def paint(
        self,
        recipe: Recipe,
        parent: Image.Image | None,
        model_dir: str | Path,
        *,
        threads: int = 2,
        on_step: Callable[[Step], None] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Painting:
        """Paint a recipe, as `studio.paint.paint` does: same picture, same environment, same errors.

        `on_wait` is called about once a second while the painter says nothing. Whatever `on_step` or
        `on_wait` raises ends the painting and is passed on. Raises PainterError besides, and PainterStopped
        after `stop`.
        """
        recipe.validate()
        body = b"" if parent is None else canonical_png(np.asarray(parent.convert("RGB")))
        with self.one:
            child = self._child()
            number = next(self._numbers)
            request = {
                "do": "paint",
                "id": number,
                "recipe": asdict(recipe),
                "model": str(Path(model_dir).absolute()),
                "threads": threads,
            }
            try:
                return self._follow(child, request, body, on_step, on_wait)
            except (UnknownModel, InvalidRecipe):
                raise
            except PainterError:
                # Whatever went wrong in it, the next attempt begins afresh.
                child.end()
                if self.stopped:
                    raise PainterStopped from None
                raise
            except BaseException:
                self._give_up(child, number)
                raise
            finally:
                child.used = time.monotonic()

    def warm(self, model_dir: str | Path, threads: int = 2) -> None:
        """Start the process and have it load a model, ahead of a painting. Waits for nothing of it.

        Does nothing while it paints. Raises PainterError when it can't be started.
        """
        if not self.one.acquire(blocking=False):
            return
        try:
            child = self._child()
            child.used = time.monotonic()
            child.send({"do": "load", "model": str(Path(model_dir).absolute()), "threads": threads}, b"", 5)
        except PainterHung:
            log.warning("the painter does not listen yet")
        finally:
            self.one.release()

    def stop(self) -> None:
        """End the process, now and for good. A painting under way raises PainterStopped in its thread."""
        self.stopped = True
        self._keeper.stop()

    # --- Inside --------------------------------------------------------------------------------------

    def _child(self) -> Child:
        """The process, started if there is none that lives."""
        if self.stopped:
            raise PainterStopped
        child = self._keeper.child
        if child is not None and child.alive():
            return child
        return self._keeper.start()

    def spawn(self) -> Child:
        """Start a process. For the keeper's thread. Raises PainterError."""
        try:
            return Child(self.command, self._environment)
        except OSError as error:
            command = shlex.join(self.command)
            raise PainterError(f"The painter cannot be started: {command}: {error.strerror}.") from error

    def _follow(
        self,
        child: Child,
        request: dict[str, Any],
        body: bytes,
        on_step: Callable[[Step], None] | None,
        on_wait: Callable[[], None] | None,
    ) -> Painting:
        """Ask for a painting and listen to it until its end."""
        patience, doing = self.limits.load_s, "while loading the model"
        child.send(request, body, patience)
        deadline, asked = time.monotonic() + patience, time.monotonic()
        while True:
            frame = child.receive(LOOK_S)
            now = time.monotonic()
            if self.stopped:
                raise PainterStopped
            if frame is None:
                self._mourn(child)
                if now > deadline:
                    raise PainterHung(f"The painter said nothing for {patience:g} seconds {doing}.")
                if on_wait and now - asked >= ASK_S:
                    asked = now
                    on_wait()
                continue
            header, rows = frame
            if header.get("id") != request["id"]:
                continue  # of a painting that was given up
            try:
                outcome = _understood(header, rows)
            except (KeyError, TypeError, ValueError) as error:
                raise PainterGarbled(f"The painter's answer cannot be understood: {error!r}.") from error
            if isinstance(outcome, Painting):
                return outcome
            if isinstance(outcome, Exception):
                raise outcome
            patience, doing = self.limits.step_s, f"at step {outcome.step} of {outcome.steps}"
            if on_step:
                on_step(outcome)
            deadline = asked = time.monotonic()
            deadline += patience

    def _mourn(self, child: Child) -> None:
        """Raise what became of a process that said nothing just now, if it has ended."""
        if child.error is not None:
            raise child.error
        if child.over:
            if (status := child.wait(END_S)) is None:
                raise PainterGarbled("The painter closed its output.")
            raise child.error or PainterDied(status, child.last_words())

    def _give_up(self, child: Child, number: int) -> None:
        """A painting is no longer wanted: its process may stay if it says in time that it has stopped."""
        try:
            child.send({"do": "cancel", "id": number}, b"", 1)
            deadline = time.monotonic() + CANCEL_S
            while not self.stopped and not child.over and time.monotonic() < deadline:
                frame = child.receive(LOOK_S)
                if frame and frame[0].get("id") == number and frame[0].get("event") in ("failed", "done"):
                    return
        except PainterError as error:
            log.info("a cancelled painting: %s", error)
        child.end()


def _understood(header: dict[str, Any], rows: bytes) -> Step | Painting | Exception:
    """What a frame says. KeyError, TypeError or ValueError when it says nothing."""
    event = header["event"]
    if event == "step":
        preview = None
        if rows:
            preview = Image.frombytes("RGB", (int(header["width"]), int(header["height"])), rows)
        return Step(int(header["step"]), int(header["steps"]), preview)
    if event == "done":
        shape = (int(header["height"]), int(header["width"]), 3)
        pixels = np.frombuffer(rows, np.uint8).reshape(shape).copy()
        told = header.get("energy", energy.unknown("the painter does not tell"))
        return Painting(pixels, float(header["seconds"]), dict(header["environment"]), dict(told))
    if event == "failed":
        kind, words = str(header["kind"]), str(header["words"])
        failures: dict[str, Callable[[], Exception]] = {
            wire.RECIPE: lambda: InvalidRecipe(words),
            wire.MODEL: lambda: UnknownModel(words),
            wire.CANCELLED: lambda: PainterFailed("The painting was cancelled by the painter itself."),
            wire.MEMORY: lambda: PainterOutOfMemory(f"The painter could not get the memory: {words}"),
            wire.ERROR: lambda: PainterFailed(words),
        }
        return failures[kind]()
    raise ValueError(f"event {event!r}")


class _Keeper:
    """The lasting thread that starts processes and watches the one there is."""

    def __init__(self, painter: RemotePainter) -> None:
        self.painter = painter
        self.child: Child | None = None
        self._wanted: queue.SimpleQueue[queue.SimpleQueue[Child | PainterError] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> Child:
        """A new process. Raises PainterError."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="painter-keeper", daemon=True)
            self._thread.start()
        answer: queue.SimpleQueue[Child | PainterError] = queue.SimpleQueue()
        self._wanted.put(answer)
        while not self.painter.stopped:
            try:
                outcome = answer.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            if isinstance(outcome, PainterError):
                raise outcome
            return outcome
        raise PainterStopped

    def stop(self) -> None:
        """End the process and the thread."""
        self._wanted.put(None)
        if self.child is not None:
            self.child.end()

    def _run(self) -> None:
        while True:
            try:
                answer = self._wanted.get(timeout=LOOK_S if self.child is not None else None)
            except queue.Empty:
                self._look()
                continue
            if answer is None:
                if self.child is not None:
                    self.child.end()
                return
            try:
                self.child = self.painter.spawn()
                answer.put(self.child)
            except PainterError as error:
                answer.put(error)

    def _look(self) -> None:
        """Is it too large, idle for long, or gone?"""
        child, limits = self.child, self.painter.limits
        if child is None:
            return
        if not child.alive():
            self.child = None
            return
        if limits.memory_mb and (held := child.memory_mb()) > limits.memory_mb:
            words = (
                f"The painter took {held:.0f} MB of memory, more than the {limits.memory_mb} MB it may have."
            )
            log.error("%s", words)
            child.end(PainterOutOfMemory(words))
        elif time.monotonic() - child.used > limits.idle_s and self.painter.one.acquire(blocking=False):
            try:
                log.info("the painter rests after %g idle seconds", limits.idle_s)
                child.rest()
            finally:
                self.painter.one.release()
