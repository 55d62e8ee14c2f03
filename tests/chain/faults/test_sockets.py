"""The whole follower, with its websocket, in front of a provider that stops talking."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chain import follow
from chain.models import Cursor
from tests.chain.faults.kinds import Dropped, Status
from tests.chain.faults.proxy import Proxy
from tests.chain.faults.world import World
from tests.chain.tables import Count

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def followed(world: World, settings: Any, poll_s: float = 60.0) -> Iterator[None]:
    """The mirror is kept by a thread; with polls so rare, a quick change is the websocket's doing."""
    settings.CHAIN_RPC_URL = world.proxy.url
    settings.CHAIN_WS_URL = ""
    settings.CHAIN_POLL_S = poll_s
    settings.PRIVATE_CHAIN = False
    stop = threading.Event()
    thread = threading.Thread(target=follow.follow, args=(world.new_indexer(), stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """It becomes true."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)


def mirrored(world: World) -> Callable[[], bool]:
    """Whether the mirror stands at the node's head."""

    def at_head() -> bool:
        cursor = Cursor.current()
        return cursor is not None and cursor.hash == world.block("latest")["hash"]

    return at_head


def test_websocket_wakesTheMirror(world: World, settings: Any) -> None:
    with followed(world, settings):
        eventually(lambda: world.proxy.sockets == 1)
        for turn in range(5):
            world.send("count", turn, 1, "")
            eventually(mirrored(world))
    world.end()


@pytest.mark.slow
def test_burstOf200Heads(world: World, settings: Any) -> None:
    """Far more heads than the mirror looks at one by one; not a log is lost, and it does not look 200 times
    at what it has.
    """
    with followed(world, settings):
        eventually(lambda: world.proxy.sockets == 1)
        world.fill(200)
        eventually(mirrored(world), 60)
        assert Count.objects.count() == 200
    world.end()


@pytest.mark.slow
@pytest.mark.parametrize("deaf", [False, True], ids=["answersPings", "answersNothing"])
def test_websocketDiesSilently_isNoticedAndReplaced(world: World, settings: Any, deaf: bool) -> None:
    """The connection stands and says nothing any more. The poll finds what it does not tell of, and another
    connection is made, which tells of the next block.
    """
    with followed(world, settings, poll_s=1.0):
        eventually(lambda: world.proxy.sockets == 1)
        world.send("count", 1, 1, "")
        eventually(mirrored(world))
        world.proxy.deaf = deaf
        world.proxy.mute = True
        before = world.proxy.accepted
        world.send("count", 2, 1, "")
        eventually(mirrored(world))
        world.send("count", 3, 1, "")
        eventually(lambda: world.proxy.accepted > before, 40)
        world.proxy.mute = world.proxy.deaf = False
        settings.CHAIN_POLL_S = 60.0  # from the next poll on
        before = world.proxy.told
        eventually(lambda: world.tick() and world.proxy.told > before)
        for turn in range(3):
            world.send("count", 10 + turn, 1, "")
            eventually(mirrored(world))
    world.end()


@pytest.mark.slow
def test_websocketEnds_andComesBack(world: World, settings: Any) -> None:
    with followed(world, settings):
        eventually(lambda: world.proxy.sockets == 1)
        for turn in range(3):
            before = world.proxy.accepted
            world.proxy.cut_sockets()
            world.send("count", turn, 1, "")
            eventually(lambda before=before: world.proxy.accepted > before)
            eventually(mirrored(world))
    world.end()


@pytest.mark.slow
def test_noWebsocket_isPolledFor(world: World, settings: Any) -> None:
    world.proxy.closed = True
    with followed(world, settings, poll_s=0.2):
        for turn in range(3):
            world.send("count", turn, 1, "")
            eventually(mirrored(world))
    assert world.proxy.accepted == 0 or world.proxy.sockets == 0
    world.end()


@pytest.mark.slow
def test_retryAfter_isHonoured(world: World, settings: Any) -> None:
    """Whoever asks to be left alone for two seconds is."""
    with followed(world, settings, poll_s=0.2):
        eventually(lambda: Cursor.current() is not None)
        eventually(mirrored(world))
        rule = world.proxy.on("*", Status(429, retry_after="2"), times=1)
        world.send("count", 1, 1, "")
        eventually(lambda: rule.hits == 1)
        began, asked = time.monotonic(), world.proxy.requests
        while time.monotonic() - began < 1.5:
            time.sleep(0.05)
        assert world.proxy.requests - asked <= 1, "it was asked all the same"
        eventually(mirrored(world))
    world.end()


@pytest.mark.slow
def test_tooManyRequests_withoutRetryAfter_backsOff(world: World, settings: Any) -> None:
    """The pauses grow, and end when the provider is well again."""
    with followed(world, settings, poll_s=0.2):
        eventually(mirrored(world))
        rule = world.proxy.on("*", Status(429))
        world.send("count", 1, 1, "")
        eventually(lambda: rule.hits >= 2)
        asked, began = world.proxy.requests, time.monotonic()
        while time.monotonic() - began < 3.0:
            time.sleep(0.05)
        assert world.proxy.requests - asked < 15
        assert "429" in Cursor.objects.get().error
        world.proxy.honest()
        eventually(mirrored(world), 60)
        eventually(lambda: Cursor.objects.get().error == "")
    world.end()


@pytest.mark.slow
def test_outage_ofTheOnlyProvider(world: World, settings: Any, proxy: Proxy) -> None:
    """Said while it lasts, over when it ends."""
    with followed(world, settings, poll_s=0.2):
        eventually(mirrored(world))
        proxy.on("*", Dropped())
        proxy.closed = True
        proxy.cut_sockets()
        world.fill(5)
        eventually(lambda: "RpcUnavailable" in Cursor.objects.get().error)
        proxy.honest()
        eventually(mirrored(world), 60)
        eventually(lambda: Cursor.objects.get().error == "")
    world.end()


def test_failOver_whileFollowing(world: World, settings: Any, second: Proxy) -> None:
    world.ask_both(second)
    with followed(world, settings, poll_s=0.2):
        eventually(mirrored(world))
        world.proxy.on("*", Dropped())
        world.proxy.closed = True
        world.proxy.cut_sockets()
        world.fill(5)
        eventually(mirrored(world))
    assert second.asked("eth_getLogs")
    world.end()
