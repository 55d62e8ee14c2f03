"""The follower: awake at once for a new head, and through every failure that may pass."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from chain import follow
from chain.models import Cursor
from tests.chain.node import Node
from tests.chain.tables import Count


def current() -> Cursor:
    found = Cursor.current()
    assert found is not None
    return found


@pytest.mark.django_db(transaction=True)
def test_run_survivesANodeThatDies(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    caplog.set_level(logging.INFO, logger="chain")
    thread = threading.Thread(target=follow.follow, args=(node.indexer, stop))
    thread.start()
    try:
        node.send("count", 1, 1, "")
        assert eventually(lambda: Count.objects.count() == 1)
        node.chain.save()
        node.chain.leave()
        node.chain.kill()
        assert eventually(lambda: "RpcUnavailable" in current().error)
        node.chain.start()
        node.send("count", 2, 1, "")
        assert eventually(lambda: Count.objects.count() == 2)
        assert eventually(lambda: current().error == "")
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    said = [record.message for record in caplog.records if record.name == "chain.follow"]
    assert sum("stands still" in message for message in said) == 1
    assert sum("moves again" in message for message in said) == 1


def eventually(condition: Any, seconds: float = 10.0) -> bool:
    """Whether it becomes true in time."""
    waiter = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return True
        waiter.wait(0.05)
    return False
