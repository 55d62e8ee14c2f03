"""The two embedded workers, on the real in-memory broker."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.worker import state

from config.celery import app
from config.embedded import QUEUES, start_worker, stop_workers


@pytest.fixture
def workers() -> Iterator[Celery]:
    """Both workers, as a start makes them; ended with the test."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    ended: list[str] = []
    threads = [start_worker(queue, ended.append) for queue in QUEUES]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    yield app
    stop_workers()
    for thread in threads:
        thread.join(10)
    state.should_stop = None
    assert not any(thread.is_alive() for thread in threads)
    assert sorted(ended) == sorted(QUEUES)


def test_a_tick_never_waits_for_a_painting(workers: Celery):
    painting, over, ticked = threading.Event(), threading.Event(), threading.Event()
    where: dict[str, str] = {}

    @workers.task(name="tests.paint")
    def paint() -> None:
        where["paint"] = threading.current_thread().name
        painting.set()
        over.wait(20)

    @workers.task(name="tests.tick")
    def tick() -> None:
        where["tick"] = threading.current_thread().name
        ticked.set()

    try:
        paint.apply_async(queue="paint")
        assert painting.wait(10)
        began = time.monotonic()
        tick.apply_async(queue="control")
        assert ticked.wait(10)
        assert time.monotonic() - began < 1
        assert not over.is_set()
        assert where == {"paint": "worker-paint", "tick": "worker-control"}
    finally:
        over.set()
        workers.tasks.pop("tests.paint")
        workers.tasks.pop("tests.tick")


def test_the_real_tasks_go_to_their_queues():
    routes = app.conf.task_routes
    assert routes["gallery.tasks.paint"]["queue"] == "paint"
    assert app.conf.beat_schedule["tick"]["options"]["queue"] == "control"
