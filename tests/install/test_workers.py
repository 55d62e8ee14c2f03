"""The two embedded workers, on the real in-memory broker."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from celery import Task
from celery.worker import state

from config.celery import app
from config.process import QUEUES
from config.threads import start_worker, stop_workers

painting, over, ticked = threading.Event(), threading.Event(), threading.Event()
where: dict[str, str] = {}


@pytest.fixture
def tasks() -> Iterator[tuple[Task, Task]]:
    """A task that paints until `over`, and one that ticks."""

    @app.task(name="tests.paint")
    def paint() -> None:
        where["paint"] = threading.current_thread().name
        painting.set()
        over.wait(20)

    @app.task(name="tests.tick")
    def tick() -> None:
        where["tick"] = threading.current_thread().name
        ticked.set()

    yield paint, tick
    app.tasks.pop("tests.paint")
    app.tasks.pop("tests.tick")


@pytest.fixture
def workers(tasks: tuple[Task, Task]) -> Iterator[None]:
    """Both workers, as a start makes them; ended with the test."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    ended: list[str] = []
    threads = [start_worker(queue, ended.append) for queue in QUEUES]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    yield
    stop_workers()
    for thread in threads:
        thread.join(10)
    state.should_stop = None
    assert not any(thread.is_alive() for thread in threads)
    assert sorted(ended) == sorted(QUEUES)


@pytest.mark.usefixtures("workers")
def test_a_tick_never_waits_for_a_painting(tasks: tuple[Task, Task]):
    paint, tick = tasks
    try:
        paint.apply_async(queue="paint")
        assert painting.wait(20)
        began = time.monotonic()
        tick.apply_async(queue="control")
        assert ticked.wait(20)
        assert time.monotonic() - began < 1
        assert not over.is_set()
        assert where == {"paint": "worker-paint", "tick": "worker-control"}
    finally:
        over.set()


def test_the_real_tasks_go_to_their_queues():
    routes = app.conf.task_routes
    assert routes["compute.tasks.paint"]["queue"] == "paint"
    assert app.conf.beat_schedule["tick"]["options"]["queue"] == "control"
