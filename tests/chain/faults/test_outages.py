"""Long absences, and a chain that is another one when it comes back."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import call_command

from chain import follow
from chain.indexer import WrongChain
from chain.models import Cursor
from chain.private import PrivateChain
from chain.rpc import Rpc
from tests.chain.faults.kinds import Dropped
from tests.chain.faults.proxy import Proxy
from tests.chain.faults.test_sockets import eventually, followed, mirrored
from tests.chain.faults.world import World
from tests.chain.node import picture
from tests.chain.tables import Count

TEN_HOURS = 3_000  # blocks, of twelve seconds each


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_tenHoursOfOutage(world: World, settings: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of failures later the next try is still seconds away, and the backlog is one backfill."""
    pauses: list[float] = []
    honest = random.uniform

    def noted(low: float, high: float) -> float:
        chosen = honest(low, high)
        pauses.append(chosen)
        return chosen / 200  # ten hours of pauses, in the time of a test

    world.fill(5)
    world.heal()
    proxy.on("*", Dropped())
    proxy.closed = True
    with followed(world, settings, poll_s=1.0):
        monkeypatch.setattr(follow.random, "uniform", noted)
        eventually(lambda: sum(pauses) > 600 and len(pauses) > 200, 120)
        monkeypatch.undo()
        assert max(pauses) <= follow.LONGEST_PAUSE_S
        assert "RpcUnavailable" in Cursor.objects.get().error
        world.rpc.call("anvil_mine", hex(TEN_HOURS // 2), hex(12))
        world.fill(10, note="during")
        world.rpc.call("anvil_mine", hex(TEN_HOURS // 2 - 10), hex(12))
        proxy.honest()
        began = time.monotonic()
        eventually(mirrored(world), 90)
        assert time.monotonic() - began < 60
    assert Count.objects.filter(note="during").count() == 10
    world.end()


@pytest.fixture
def anew(tmp_path: Path) -> Iterator[PrivateChain]:
    """Another chain, which began at another time."""
    started = PrivateChain(tmp_path / "anew", history=50).start(timestamp=1_700_000_000)
    started.leave()
    yield started
    started.kill()
    started.stop()


def test_newGenesis_isRecognisedAndHealsByARebuild(
    world: World, anew: PrivateChain, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node was reset: behind the same address is another chain, with the same id."""
    world.fill(8, note="before")
    world.heal()
    before = picture()
    anew.mine(30)
    world.proxy.upstream = anew.url
    for indexer in (world.indexer, world.new_indexer()):
        for _ in range(3):
            with pytest.raises(WrongChain, match="genesis"):
                indexer.sync()
    after = picture()
    assert after["logs"] == before["logs"]
    assert "genesis" in Cursor.objects.get().error
    assert Cursor.objects.get().number == before["cursor"][3]

    settings.CHAIN_RPC_URL = world.proxy.url
    settings.CHAIN_EVENTS = "tests.chain.test_indexer.EVENTS"
    fresh = World(anew, world.proxy, Rpc(world.proxy.url, timeout=5))
    fresh.fill(6, note="after")
    settings.DEPLOYMENT_FILE.write_bytes(orjson.dumps(fresh.deployment.to_json()))
    call_command("rebuild")
    assert set(Count.objects.values_list("note", flat=True)) == {"after"}
    fresh.heal()
    fresh.proxy.upstream = anew.url
    assert fresh.head == Cursor.objects.get().number
    fresh.end()


def test_newGenesis_whileTheMirrorIsAsleep(world: World, anew: PrivateChain) -> None:
    """As long as the new chain has fewer blocks than the mirror, and when it has more: never a mixture."""
    world.fill(8)
    world.heal()
    before = picture()
    world.proxy.upstream = anew.url
    for blocks in (0, 3, world.head + 5):
        if blocks:
            anew.mine(blocks)
        with pytest.raises(WrongChain):
            world.new_indexer().sync()
        assert picture()["logs"] == before["logs"]
    world.proxy.upstream = world.chain.url
    world.end()
