"""The threads of a process that holds everything: the mirror, the beat, a Celery worker for each queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from config.instance import CannotStart

log = logging.getLogger("config.threads")

CLOCK_STEP_S = 2


class Lasting(threading.Thread):
    """A thread that is to last: what it raises is logged, and it starts again, a little later each time."""

    def __init__(self, name: str, work: Callable[[threading.Event], object], halt: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.work, self.halt = work, halt

    def run(self) -> None:
        pause = 1.0
        while not self.halt.is_set():
            began = time.monotonic()
            try:
                self.work(self.halt)
            except Exception:
                log.exception("%s failed and starts again", self.name)
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            self.halt.wait(pause)


def start_worker(queue: str, on_end: Callable[[str], None]) -> threading.Thread:
    """Start a Celery worker for one queue in a thread: one task at a time, no signal handlers, no children.

    Returns when it consumes, because a worker's queues are chosen by way of the shared application: two
    that start at once would take each other's. `on_end` hears of its end. Raises CannotStart.
    """
    from config.celery import app

    ready = threading.Event()

    def work() -> None:
        # Made here, not by the caller: a worker closes the database connections of the thread it is made in.
        worker = app.WorkController(
            pool="solo",
            concurrency=1,
            queues=[queue],
            hostname=f"{queue}@embedded",
            loglevel=logging.INFO,
            quiet=True,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            ready_callback=lambda consumer: ready.set(),  # the signal worker_ready is for whole programs
        )
        worker.start()

    def last() -> None:
        try:
            work()
        except Exception:
            log.exception("the worker for %s failed", queue)
        on_end(queue)
        ended.set()

    ended = threading.Event()
    thread = threading.Thread(target=last, name=f"worker-{queue}", daemon=True)
    thread.start()
    while not ready.wait(0.05):
        if ended.is_set():
            raise CannotStart(f"The worker for {queue} did not start; the log file says why.")
    return thread


def stop_workers() -> None:
    """Ask every worker of this process to end after its task: Celery keeps one flag for all of them."""
    from celery.worker import state

    state.should_stop = 0


def tasks_at_work() -> set[str]:
    """The names of the tasks that run now. A worker without one may be left alone: its queue is in memory."""
    from celery.worker import state

    return {request.name for request in tuple(state.active_requests)}


def beat(halt: threading.Event) -> None:
    """Send what the beat table says is due; nothing is kept: a tick missed is not made up for."""
    from celery.beat import Scheduler

    from config.celery import app

    scheduler = Scheduler(app, max_interval=1)
    ahead = time.time() - time.monotonic()
    while not halt.is_set():
        # It counts by the wall clock: set back an hour, it would wait for that hour.
        if abs(time.time() - time.monotonic() - ahead) > CLOCK_STEP_S:
            log.warning("the machine's clock was set")
            scheduler, ahead = Scheduler(app, max_interval=1), time.time() - time.monotonic()
        halt.wait(max(0.02, scheduler.tick()))


def mirror(halt: threading.Event) -> None:
    """Follow the chain."""
    from chain import follow

    follow.run(halt)
