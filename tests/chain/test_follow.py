"""The follower: awake at once for a new head, and through every failure that may pass."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chain import follow, providers
from chain.follow import Follower
from chain.indexer import Indexer
from chain.models import Cursor, ProviderHealth
from chain.private import PrivateChain
from chain.providers import Providers
from chain.rpc import Rpc, RpcError, RpcUnavailable
from tests.chain.answering import Answering
from tests.chain.node import HANDLERS, Node
from tests.chain.tables import Count
from tests.chain.test_heads import eventually
from tests.faults.proxy import Proxy

EVENTS = {"Emitter.Counted": "tests.chain.tables.counted"}
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def following(work: Callable[..., object], *arguments: Any) -> Iterator[threading.Event]:
    """Follow in a thread meanwhile; at the end it stops within moments and leaves nothing open."""
    before = set(threading.enumerate())
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(*arguments, stop))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(15)
    assert not thread.is_alive()
    ours = {"heads", "watch"}
    assert eventually(lambda: not ours & {one.name for one in set(threading.enumerate()) - before})


def error() -> str:
    found = Cursor.current()
    return found.error if found is not None else "no cursor"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "chain.follow"]


# --- Being told --------------------------------------------------------------------------------------


def test_story_aBlockIsStoredAsSoonAsItIsTold(
    node: Node, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "WRITTEN_EVERY_S", 0.2)
    settings.CHAIN_POLL_S = 120  # so that no poll could have found it
    with following(follow.follow, node.indexer):
        assert eventually(lambda: ProviderHealth.objects.filter(socket=True, in_use=True).exists())
        for number in range(1, 4):
            node.send("count", number, 1, "")
            assert eventually(lambda number=number: Count.objects.count() == number)
        row = ProviderHealth.objects.get()
        assert eventually(lambda: ProviderHealth.objects.get().head_number == node.head)
        assert (row.name, row.state, row.error) == (node.chain.url, "good", "")


def test_withoutAWebsocket_polls(node: Node, settings: Any) -> None:
    settings.CHAIN_WS_URL = "ws://127.0.0.1:9"
    settings.CHAIN_POLL_S = 0.05
    with following(follow.follow, node.indexer):
        node.send("count", 1, 1, "")
        assert eventually(lambda: Count.objects.count() == 1)
        assert not ProviderHealth.objects.filter(socket=True).exists()


@pytest.mark.parametrize(
    ("alive", "private", "wanted", "seconds"),
    [
        (True, True, None, 2.0),
        (False, True, None, 0.35),
        (True, False, None, 2.0),
        (False, False, None, 2.0),
        (True, True, 9.0, 9.0),
        (False, False, 0.5, 0.5),
    ],
)
def test_howOften_itPolls(
    node: Node, settings: Any, alive: bool, private: bool, wanted: float | None, seconds: float
) -> None:
    settings.PRIVATE_CHAIN, settings.CHAIN_POLL_S, settings.CHAIN_WS_URL = private, wanted, "ws://127.0.0.1:9"
    follower = Follower(node.indexer, threading.Event())
    assert follower.look()
    assert follower.heads is not None
    follower.heads.alive = alive
    assert follower._interval() == seconds
    if alive:
        follower.heads.newest, follower.heads.told_at = node.head + 1, time.monotonic()
        assert follower._interval() < 0.2, "it was told of a block that the node does not have yet"
    follower.rest()


# --- Failures ----------------------------------------------------------------------------------------


def test_aNodeThatDies_isWaitedFor(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="chain")
    with following(follow.follow, node.indexer):
        node.send("count", 1, 1, "")
        assert eventually(lambda: Count.objects.count() == 1)
        node.chain.save()
        node.chain.leave()
        node.chain.kill()
        assert eventually(lambda: "RpcUnavailable" in error())
        node.chain.start()
        node.send("count", 2, 1, "")
        assert eventually(lambda: Count.objects.count() == 2)
        assert eventually(lambda: error() == "")
    words = said(caplog)
    assert sum("moves again" in one for one in words) == 1
    still = [one for one in words if "stands still" in one]
    assert len(still) == len(set(still)), "each reason once"


def test_twoNodes_oneKilled(node: Node, settings: Any, tmp_path: Path) -> None:
    """A second node of the same chain goes on where the first one ends."""
    node.send("count", 1, 1, "")
    node.chain.save()
    shutil.copytree(node.chain.folder, tmp_path / "second", ignore=shutil.ignore_patterns("anvil.json"))
    second = PrivateChain(tmp_path / "second", history=100).start()
    try:
        settings.CHAIN_RPC_URL = f"{node.chain.url} {second.url}"
        settings.CHAIN_EVENTS = "tests.chain.test_follow.EVENTS"
        with following(follow.run):
            assert eventually(lambda: Count.objects.count() == 1)
            assert eventually(lambda: ProviderHealth.objects.filter(in_use=True, place=0).exists())
            node.chain.leave()
            node.chain.kill()
            node.rpc = second.rpc
            node.send("count", 2, 1, "")
            assert eventually(lambda: Count.objects.count() == 2)
            assert eventually(lambda: ProviderHealth.objects.filter(in_use=True, place=1).exists())
            assert eventually(lambda: ProviderHealth.objects.filter(failures__gt=0, place=0).exists())
            assert eventually(lambda: error() == "")
    finally:
        second.stop()


def test_aNodeThatMoves_isFollowed(node: Node, settings: Any) -> None:
    """What a private chain does that lost its port."""
    settings.CHAIN_EVENTS = "tests.chain.test_follow.EVENTS"
    first, second = Proxy(node.chain.url), Proxy(node.chain.url)
    settings.CHAIN_RPC_URL = first.url
    try:
        with following(follow.run):
            node.send("count", 1, 1, "")
            assert eventually(lambda: Count.objects.count() == 1)
            first.fail("refuse")
            settings.CHAIN_RPC_URL = second.url
            node.send("count", 2, 1, "")
            assert eventually(lambda: Count.objects.count() == 2)
    finally:
        first.close()
        second.close()


def test_retryAfter_isObeyed(node: Node, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    at: list[float] = []

    def busy(body: Any) -> tuple[Any, ...]:
        at.append(time.monotonic())
        return 429, b"", {"retry-after": "1"}

    node.sync()
    server = Answering(busy)
    settings.CHAIN_WS_URL = "ws://127.0.0.1:9"
    try:
        indexer = Indexer(Rpc(server.url, timeout=5), node.deployment, HANDLERS)
        with following(follow.follow, indexer):
            assert eventually(lambda: len(at) >= 3)
            assert "fewer requests" in error()
    finally:
        server.close()
    assert sum("stands still" in words for words in said(caplog)) <= 2, "what counts down is no new reason"
    assert all(later - earlier >= 1 for earlier, later in pairwise(at))


def test_whatNobodyThoughtOf_endsNothing(node: Node, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A setting that is no number: visible, said once with its traceback, and tried again."""
    node.sync()
    settings.CHAIN_FINALITY_DEPTH = "many"
    with following(follow.follow, node.new_indexer()):
        assert eventually(lambda: "TypeError" in error())
        node.send("count", 1, 1, "")
        settings.CHAIN_POLL_S = 0.05
        time.sleep(1)
    still = [one for one in said(caplog) if "stands still: TypeError" in one]
    assert len(still) == 1
    assert "Traceback" in caplog.text
    settings.CHAIN_FINALITY_DEPTH = None
    with following(follow.follow, node.new_indexer()):
        assert eventually(lambda: Count.objects.count() == 1)
        assert eventually(lambda: error() == "")


def test_pauses_growWithoutEnd_butNotWithoutBound(node: Node) -> None:
    node.indexer.providers = Providers.of(Rpc("http://127.0.0.1:9"))
    follower = Follower(node.indexer, threading.Event())

    def pauses(failure: Exception, failures: int) -> list[float]:
        follower._failures = failures
        return [follower._pause_after(failure) for _ in range(200)]

    assert max(pauses(RpcError(1, "no"), 0)) <= 0.5
    for failures in (10, 10_000):
        assert 4 < max(pauses(RpcError(1, "no"), failures)) <= 5
        assert min(pauses(RpcError(1, "no"), failures)) < 1, "full jitter"
    assert max(pauses(RpcUnavailable("busy"), 9)) == pytest.approx(0.02), "another node is usable"
    for one in node.indexer.providers:
        one.failed(RpcUnavailable("gone"))
    assert 2 < max(pauses(RpcUnavailable("gone"), 99)) <= 5
    assert 20 < max(pauses(RpcUnavailable("busy", status=429), 99)) <= 30
    assert min(pauses(RpcUnavailable("busy", 7.0, 429), 99)) >= 7
    assert max(pauses(RpcUnavailable("busy", 86_400.0, 429), 0)) < 61


def test_whoDoesNotLead_asksNothing(node: Node) -> None:
    leads = threading.Event()
    stop = threading.Event()
    thread = threading.Thread(target=follow.follow, args=(node.indexer, stop, leads.is_set))
    thread.start()
    try:
        assert not eventually(lambda: node.indexer.providers[0].requests, 1.5)
        leads.set()
        assert eventually(lambda: Cursor.objects.exists())
        leads.clear()
        assert eventually(lambda: not any(one.name == "heads" for one in threading.enumerate()))
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
