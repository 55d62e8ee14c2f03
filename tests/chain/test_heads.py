"""A websocket that tells of new blocks, and the ways in which one stops to."""

from __future__ import annotations

import itertools
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from chain import heads
from chain.anvil import Running, free_port
from chain.heads import Heads, configured_urls
from chain.private import PrivateChain
from tests.chain.answering import Answering, result

KEY = "/v3/secret-key-0815?token=secret-key-4711"
Talk = Callable[[Callable[[int], None], ServerConnection], None]


class Node:
    """A websocket that takes a subscription, then does as `talk` says. `url` has a key in it."""

    def __init__(self, talk: Talk, reply: dict[str, Any] | None = None):
        self.callers = 0

        def handle(wire: ServerConnection) -> None:
            self.callers += 1
            number = orjson.loads(wire.recv())["id"]
            wire.send(orjson.dumps({"id": number} | (reply or {"result": "0x1"})).decode())

            def tell(head: int) -> None:
                params = {"subscription": "0x1", "result": {"number": hex(head)}}
                wire.send(orjson.dumps({"method": "eth_subscription", "params": params}).decode())

            try:
                talk(tell, wire)
            except ConnectionClosed:
                return

        self.server = serve(handle, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}{KEY}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def stays(tell: Callable[[int], None], wire: ServerConnection) -> None:
    """Says nothing at all, and answers pings."""
    wire.recv()


@pytest.fixture
def nodes() -> Iterator[Callable[..., Node]]:
    """Start such nodes."""
    started: list[Node] = []

    def start(talk: Talk, **options: Any) -> Node:
        started.append(Node(talk, **options))
        return started[-1]

    yield start
    for node in started:
        node.server.shutdown()


@pytest.fixture
def listen(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Heads]]:
    """Start to listen, and check at the end that it stops within a second and no key was said."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(heads, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(heads, "SILENCE_S", 1.0)
    started: list[Heads] = []

    def start(*urls: str, named: bool = True) -> Heads:
        started.append(Heads(urls, threading.Event(), named))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        began = time.monotonic()
        one.stop()
        assert time.monotonic() - began < 1
        assert eventually(lambda one=one: not one._thread.is_alive())
        assert not one.alive
    assert "secret-key" not in caplog.text


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "chain.heads"]


def test_story_aMinedBlockWakes(anvil: PrivateChain, settings: Any, listen: Any) -> None:
    settings.CHAIN_RPC_URL = anvil.url
    urls, named = configured_urls()
    assert (urls, named) == ([anvil.url.replace("http", "ws")], False)
    ears = listen(*urls, named=named)
    assert eventually(lambda: ears.alive)
    assert ears.host == "127.0.0.1"
    ears.polled(0)
    for number in range(1, 4):
        ears._wake.clear()
        anvil.mine()
        assert ears._wake.wait(10)
        assert eventually(lambda number=number: ears.newest == number)


def test_aBurst_isFewWakeUps(anvil: PrivateChain, listen: Any) -> None:
    ears = listen(anvil.url.replace("http", "ws"))
    assert eventually(lambda: ears.alive)
    wakes = itertools.count()
    over = threading.Event()

    def follow() -> None:
        while not over.is_set():
            if ears._wake.wait(0.1):
                ears._wake.clear()
                next(wakes)
                over.wait(0.02)  # what a look at the chain takes

    follower = threading.Thread(target=follow)
    follower.start()
    anvil.mine(200)
    assert eventually(lambda: ears.newest == 200)
    over.set()
    follower.join()
    assert next(wakes) < 50


def test_aSilentSocket_isReplacedByTheNextAddress(nodes: Any, listen: Any, caplog: Any) -> None:
    silent = nodes(stays)

    def good(tell: Callable[[int], None], wire: ServerConnection) -> None:
        tell(12)
        wire.recv()

    ears = listen(silent.url, nodes(good).url)
    assert eventually(lambda: ears.alive)
    ears.polled(10)  # what was there when it began
    time.sleep(2)
    assert (ears.alive, silent.callers) == (True, 1), "where nothing happens, there is nothing to tell"
    ears.polled(11)
    began = time.monotonic()
    assert eventually(lambda: ears.newest == 12)
    assert time.monotonic() - began < 8
    assert any("did not tell of block 11" in words for words in said(caplog))


def test_aSocketThatEnds_isOpenedAgain(nodes: Any, listen: Any, caplog: Any) -> None:
    heads_told = itertools.count(1)
    node = nodes(lambda tell, wire: tell(next(heads_told)))  # one head, and goodbye
    ears = listen(node.url)
    assert eventually(lambda: ears.newest >= 4)
    ears._wake.clear()
    assert ears._wake.wait(10)
    assert sum("it was closed" in words for words in said(caplog)) == 1
    assert sum("tells of" in words for words in said(caplog)) == 1


def test_aFrozenNode_isNoticedByItsPings(anvil: PrivateChain, listen: Any, monkeypatch: Any) -> None:
    """Stopped by a signal: connections stay open, and nobody answers."""
    monkeypatch.setattr(heads, "PING_S", 0.3)
    monkeypatch.setattr(heads, "PONG_S", 0.5)
    ears = listen(anvil.url.replace("http", "ws"))
    assert eventually(lambda: ears.alive)
    process = Running.read(anvil.folder / "anvil.json").process()
    process.send_signal(signal.SIGSTOP)
    try:
        ears._wake.clear()
        assert eventually(lambda: not ears.alive)
        assert ears._wake.wait(10), "who relied on it looks for himself"
    finally:
        process.send_signal(signal.SIGCONT)
    assert eventually(lambda: ears.alive)


def test_aChainThatBecameShorter_isNoSilence(nodes: Any, listen: Any) -> None:
    node = nodes(stays)
    ears = listen(node.url)
    assert eventually(lambda: ears.alive)
    ears.polled(10)
    ears.polled(7)
    assert ears.newest == 7
    ears.polled(8)
    assert eventually(lambda: node.callers == 2), "so that what it misses from there on is noticed"


def test_withoutAWebsocket_itIsSaidOnceAndLeftAlone(listen: Any, caplog: Any) -> None:
    server = Answering(result("0x1"))  # speaks HTTP, and POST at that
    try:
        ears = listen(f"{server.url.replace('http', 'ws')}{KEY}", named=False)
        assert eventually(lambda: said(caplog))
        time.sleep(1)
    finally:
        server.close()
    assert not ears.alive
    [record] = [record for record in caplog.records if record.name == "chain.heads"]
    assert record.levelname == "INFO"
    assert "no websocket for us (status 501): the chain is polled" in record.message


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"error": {"code": -32601, "message": "no such method"}}, "tells of no new blocks"),
        ({}, "tells of no new blocks"),
    ],
)
def test_aRefusedSubscription_isSaid(
    nodes: Any, listen: Any, caplog: Any, reply: dict[str, Any], words: str
) -> None:
    node = nodes(stays, reply=reply or {"unexpected": 1})
    listen(node.url)
    assert eventually(lambda: said(caplog))
    assert words in said(caplog)[0]
    assert [record.levelname for record in caplog.records if record.name == "chain.heads"] == ["WARNING"]


def test_nobodyThere_isTriedAgain(nodes: Any, listen: Any, caplog: Any) -> None:
    gone = f"ws://127.0.0.1:{free_port()}{KEY}"
    good = nodes(stays).url
    ears = listen(gone, "ws://", "nonsense", good.replace("ws", "wss", 1), good)
    assert eventually(lambda: ears.alive)
    assert any("TLS is not accepted" in words for words in said(caplog))
    assert any("refuses connections" in words for words in said(caplog))


def test_urls_areNamedOrGuessed(settings: Any) -> None:
    settings.CHAIN_RPC_URL = "https://a.example/key http://b.example:8545"
    settings.CHAIN_WS_URL = ""
    assert configured_urls() == (["wss://a.example/key", "ws://b.example:8545"], False)
    settings.CHAIN_WS_URL = "wss://c.example/k1, wss://d.example/k2"
    assert configured_urls() == (["wss://c.example/k1", "wss://d.example/k2"], True)
