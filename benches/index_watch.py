"""What programs cost: processor seconds and memory of whole process trees, for `make bench-index`."""

from __future__ import annotations

import contextlib
import threading
import time

import psutil

STEP_S = 0.05


def cpu_of(pid: int) -> float:
    """Processor seconds (user and system) of a process and of everything below it, those that ended too."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def rss_of(pid: int) -> int:
    """Bytes that a process and everything below it hold in memory now."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total


class Watch:
    """Follows a process tree from start to `stop`: `cpu_s`, and `rss_mb`, the most at any time (MB, 10^6)."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.began = time.perf_counter()
        self.before = cpu_of(pid)
        self.cpu_s = 0.0
        self.rss_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the last figures; the tree must still be there."""
        self._over.set()
        self._thread.join()
        self._note()

    def _note(self) -> None:
        self.cpu_s = max(self.cpu_s, round(cpu_of(self.pid) - self.before, 2))
        self.rss_mb = max(self.rss_mb, round(rss_of(self.pid) / 1e6, 1))

    def _look(self) -> None:
        while not self._over.wait(STEP_S):
            self._note()
