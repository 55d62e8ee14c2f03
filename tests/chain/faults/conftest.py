"""One Anvil and one proxy for a module; a fresh Emitter, and a proxy that is honest again, for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.private import PrivateChain
from chain.rpc import Rpc
from tests.chain.faults.proxy import Proxy
from tests.chain.faults.world import Forked, World

TIMEOUT = 5.0  # seconds that the mirror waits for one answer
NEAR = 4  # blocks that are not yet the past, so that a small chain has one


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateChain]:
    """An Anvil that remembers enough states for deep reorganisations, and is not saved to disk."""
    started = PrivateChain(tmp_path_factory.mktemp("faults") / "chain", history=300).start()
    started.leave()
    yield started
    started.kill()
    started.stop()


@pytest.fixture(scope="module")
def shared_proxy(chain: PrivateChain) -> Iterator[Proxy]:
    """In front of that Anvil."""
    started = Proxy(chain.url).start()
    yield started
    started.stop()


@pytest.fixture
def proxy(chain: PrivateChain, shared_proxy: Proxy) -> Iterator[Proxy]:
    """Honest before and after."""
    shared_proxy.honest()
    shared_proxy.upstream = chain.url
    yield shared_proxy
    shared_proxy.honest()
    shared_proxy.upstream = chain.url


@pytest.fixture
def second(chain: PrivateChain) -> Iterator[Proxy]:
    """Another provider, of the same node until its `upstream` is changed."""
    started = Proxy(chain.url).start()
    yield started
    started.stop()


@pytest.fixture
def world(
    chain: PrivateChain, proxy: Proxy, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A mirror that asks through the proxy, of an Emitter that nobody has called yet."""
    settings.PRIVATE_CHAIN = True
    monkeypatch.setattr("chain.indexer.NEAR", NEAR)
    monkeypatch.setattr("chain.indexer.PATIENCE", 6)  # with nodes that contradict themselves for ever
    rpc = Rpc(proxy.url, timeout=TIMEOUT)
    yield World(chain, proxy, rpc)
    rpc.close()


@pytest.fixture
def quick(world: World) -> Callable[[], None]:
    """Let the mirror wait for an answer for a second only, from now on."""

    def hurry() -> None:
        world.through = Rpc(world.proxy.url, timeout=1.0)
        world.indexer = world.new_indexer()

    return hurry


@pytest.fixture
def fork(world: World, tmp_path: Path) -> Iterator[Callable[[int], World]]:
    """Another node with the same Emitter, whose chain left the world's so many blocks below its head."""
    started: list[Forked] = []

    def start(depth: int) -> World:
        forked = Forked(world.chain.url, world.head - depth, tmp_path / f"fork-{len(started)}")
        started.append(forked)
        return world.on_chain(forked)

    yield start
    for forked in started:
        forked.stop()
