"""The painter as a program of its own: `python -m studio.worker`, spoken to over standard input and output.

It is told what to paint and tells how that goes, in the frames of `studio.wire`; `studio.remote` is the
other end. One picture is painted at a time, and loaded models stay loaded from one to the next. Plain
Python: no Django and no chain, so it runs on a bare machine that has the studio's packages.

What libraries print goes to standard error, never between the frames. The program ends when its standard
input does, or, on Linux, when the thread that started it does; and it asks the kernel to be the first to go
when memory runs out, since a painting can be painted again.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from studio import paint as studio_paint
from studio import wire
from studio.models import UnknownModel
from studio.paint import Cancelled, Step
from studio.recipe import InvalidRecipe, Recipe

_PR_SET_PDEATHSIG = 1

_MEMORY_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "cannot allocate memory")


class Painter:
    """Reads requests in a thread of its own, so that a cancellation is heard during a step; paints in the
    main one.
    """

    def __init__(self, source: int, sink: int) -> None:
        self.source, self.sink = source, sink
        self.requests: queue.SimpleQueue[wire.Frame] = queue.SimpleQueue()
        self.cancelled: set[int] = set()

    def run(self) -> None:
        """Do what is asked until the input ends, which ends the process."""
        threading.Thread(target=self.listen, name="requests", daemon=True).start()
        while True:
            header, body = self.requests.get()
            if header["do"] == "load":
                self.load(header)
            else:
                self.paint(header, body)

    def listen(self) -> None:
        """Sort what comes in; at its end, end, whatever the main thread is doing."""
        try:
            frames = wire.Unpacker()
            while data := os.read(self.source, 1 << 16):
                for header, body in frames.feed(data):
                    if header["do"] == "cancel":
                        self.cancelled.add(header["id"])
                    else:
                        self.requests.put((header, body))
        finally:
            os._exit(0)

    def tell(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Send one frame, all of it; without a listener there is nothing left to do."""
        rest = memoryview(wire.pack(header, body))
        try:
            while rest:
                rest = rest[os.write(self.sink, rest) :]
        except OSError:
            os._exit(0)

    def load(self, header: dict[str, Any]) -> None:
        """Import and load ahead of a painting. What fails here fails again, and is told, when painting."""
        try:
            studio_paint.load(header["model"], threads=header["threads"])
        except Exception as error:  # noqa: BLE001 - see above
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)

    def paint(self, header: dict[str, Any], body: bytes) -> None:
        """Paint one recipe and tell of every step and of the end."""
        number = header["id"]

        def on_step(step: Step) -> None:
            if number in self.cancelled:
                raise Cancelled
            told: dict[str, Any] = {"event": "step", "id": number, "step": step.step, "steps": step.steps}
            if step.preview is None:
                self.tell(told)
            else:
                preview = step.preview.convert("RGB")
                size = {"width": preview.width, "height": preview.height}
                self.tell(told | size, preview.tobytes())

        try:
            parent = None
            if body:
                with Image.open(io.BytesIO(body), formats=["PNG"]) as image:
                    parent = image.convert("RGB")
            painting = studio_paint.paint(
                Recipe.from_mapping(header["recipe"]),
                parent,
                Path(header["model"]),
                threads=header["threads"],
                on_step=on_step,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the other end is told and decides
            kind, words = _account(error)
            self.tell({"event": "failed", "id": number, "kind": kind, "words": words})
            return
        height, width = painting.pixels.shape[:2]
        done = {"event": "done", "id": number, "width": width, "height": height}
        facts: dict[str, Any] = {"seconds": painting.seconds, "environment": painting.environment}
        facts["energy"] = painting.energy
        self.tell(done | facts, np.ascontiguousarray(painting.pixels).tobytes())


def _account(error: Exception) -> tuple[str, str]:
    """(kind, words) of a painting's failure."""
    if isinstance(error, Cancelled):
        return wire.CANCELLED, "cancelled"
    if isinstance(error, InvalidRecipe):
        return wire.RECIPE, str(error)
    if isinstance(error, UnknownModel):
        return wire.MODEL, str(error)
    words = f"{type(error).__name__}: {error}"[:2000]
    if isinstance(error, MemoryError) or any(some in str(error).lower() for some in _MEMORY_WORDS):
        return wire.MEMORY, words
    return wire.ERROR, words


def take_wire() -> tuple[int, int]:
    """(source, sink): the pipes, moved away from where libraries would read and print."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def go_first() -> None:
    """Ask Linux to end this process before any other when memory runs out; elsewhere there is no such
    thing.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def die_with_parent() -> None:
    """On Linux, end when the thread that started this does, even while native code holds Python's lock."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    source, sink = take_wire()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the site, which ends us
    die_with_parent()
    go_first()
    Painter(source, sink).run()


if __name__ == "__main__":
    main()
