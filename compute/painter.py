"""This process's painter: a process of its own, started when it is first needed, as the settings say.

PyTorch is never imported here, so a painting that hangs, crashes or eats the memory takes nothing with it.
"""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Mapping

from django.conf import settings

from studio.remote import COMMAND, Limits, RemotePainter

SECRETS = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "CHAIN_", "METRICS_TOKEN", "OPERATOR_", "WORKER_KEY")
"""Beginnings of the names of variables that a painter, which runs what a vote brought in, has no use for."""

_lock = threading.Lock()
_made: tuple[tuple[object, ...], RemotePainter] | None = None


def get() -> RemotePainter:
    """The painter that the settings describe; one that they describe no longer is ended."""
    global _made
    command = tuple(shlex.split(settings.PAINTER_COMMAND)) or COMMAND
    limits = Limits(
        load_s=settings.PAINTER_LOAD_TIMEOUT_S,
        step_s=settings.PAINTER_STEP_TIMEOUT_S,
        memory_mb=settings.PAINTER_MEMORY_MB,
        idle_s=settings.PAINTER_IDLE_S,
    )
    # A pool's processes are forked: what belongs to another process is not ours to use.
    wanted = (os.getpid(), command, limits)
    with _lock:
        if _made is None or _made[0] != wanted:
            if _made is not None and _made[0][0] == os.getpid():
                _made[1].stop()
            _made = wanted, RemotePainter(command, limits=limits, environment=environment(os.environ))
        return _made[1]


def stop() -> None:
    """End the painter with the process that is about to end."""
    if _made is not None and _made[0][0] == os.getpid():
        _made[1].stop()


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The variables that the painter gets: ours without what is secret."""
    return {name: value for name, value in ours.items() if not name.startswith(SECRETS)}
