"""Processes that are killed in the middle, and two that do the same work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from django.db import connection

from chain import mirror
from chain.mirror import Overtaken
from chain.models import Block, Cursor, Log
from tests.chain.faults.conftest import NEAR
from tests.chain.faults.kinds import range_limit
from tests.chain.faults.world import World
from tests.chain.node import picture
from tests.chain.tables import Count

pytestmark = pytest.mark.django_db(transaction=True)

Order = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def victims(world: World) -> Iterator[Order]:
    """Indexers in other processes, on this test's database."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chain.faults.victim"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"},
    )

    def order(*die_at: int | None, patient: bool = False) -> list[dict[str, Any]]:
        assert process.stdin is not None
        assert process.stdout is not None
        order = {"url": world.proxy.url, "deployment": world.deployment.to_json(), "near": NEAR}
        process.stdin.write(orjson.dumps(order | {"die_at": die_at, "patient": patient}).decode() + "\n")
        process.stdin.flush()
        ends: list[dict[str, Any]] = orjson.loads(process.stdout.readline())
        return ends

    yield order
    assert process.stdin is not None
    process.stdin.close()
    process.wait(30)


def database_url() -> str:
    """The test's own database, for another process."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return f"postgres://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


def assert_whole(*nodes: World) -> None:
    """What is stored is exactly one node's chain up to the cursor, whole."""
    cursor = Cursor.current()
    if cursor is None:
        assert not Block.objects.exists()
        assert not Count.objects.exists()
        return
    matching = [node for node in nodes if (node.block(cursor.number) or {}).get("hash") == cursor.hash]
    assert matching, "the cursor is on no chain"
    node = matching[0]
    wanted = {
        "address": node.address,
        "fromBlock": hex(node.deployment.block),
        "toBlock": hex(cursor.number),
    }
    said = [(log["blockHash"], int(log["logIndex"], 16)) for log in node.rpc.call("eth_getLogs", wanted)]
    assert list(Log.objects.in_order().values_list("block_hash", "log_index")) == said
    counts = Count.objects.order_by("log__block__number", "log__log_index")
    assert list(counts.values_list("log__block_hash", "log__log_index")) == said
    numbers = list(Block.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(node.deployment.block, cursor.number + 1))
    assert cursor.finalized_number <= cursor.number


def killed_everywhere(victims: Order, before: Callable[[], None], whole: Callable[[], None]) -> list[str]:
    """Kill one process in front of each statement of what `before` leaves to do; the statements."""
    for die_at in range(1, 400):
        before()
        [end] = victims(die_at)
        whole()
        if "said" in end:
            assert end["said"] == ""
            passed: list[str] = end["passed"]
            assert len(passed) == die_at - 1, "it lived, so it was not asked to die"
            return passed
        assert end["signal"] == signal.SIGKILL
    raise AssertionError("there is no end to its statements")


@pytest.mark.slow
def test_kill_atEveryStatementOfABackfill(world: World, victims: Order) -> None:
    world.fill(12)
    world.send("countMany", 100, 5, 1)
    passed = killed_everywhere(victims, mirror.forget, lambda: assert_whole(world))
    assert passed.count("COMMIT") >= 2
    assert any("test_count" in statement for statement in passed)
    world.end()


def test_kill_atEveryStatementOfANewBlock(world: World, victims: Order) -> None:
    world.fill(6)
    world.heal()
    shorter = Cursor.objects.get()
    world.send("countMany", 100, 5, 1)

    def before() -> None:
        mirror.rewind(Cursor.objects.get(), shorter.number, shorter.hash)

    passed = killed_everywhere(victims, before, lambda: assert_whole(world))
    assert "COMMIT" in passed
    assert any("test_count" in statement for statement in passed)
    world.end()


@pytest.mark.slow
def test_kill_atEveryStatementOfAReorganisation(
    world: World, victims: Order, fork: Callable[[int], World]
) -> None:
    world.fill(12, note="first")
    other = fork(6)
    other.fill(8, note="second")

    def before() -> None:
        world.proxy.upstream = world.chain.url
        mirror.forget()
        world.indexer = world.new_indexer()
        world.heal()
        world.proxy.upstream = other.chain.url

    passed = killed_everywhere(victims, before, lambda: assert_whole(world, other))
    assert any("DELETE" in statement for statement in passed)
    assert Count.objects.filter(note="second").count() == 8
    world.proxy.upstream = world.chain.url
    world.end()


@pytest.mark.slow
def test_kill_goesOnWithoutForgetting(world: World, victims: Order) -> None:
    """The power fails again and again, and each start goes on from what the last one left."""
    world.proxy.on("eth_getLogs", range_limit(3, "too many"))
    world.fill(40)
    for die_at in (5, 9, 14, 20, 31, 13, 17, 28):
        victims(die_at)
        assert_whole(world)
    assert victims(None)[0]["said"] == ""
    assert_whole(world)
    world.end()


def test_twoIndexers_atOnce(world: World, victims: Order) -> None:
    """Two processes on one database, which take each other's steps."""
    world.proxy.on("eth_getLogs", range_limit(2, "too many"))
    world.fill(50)
    for end in victims(None, None, patient=True):
        assert end["said"] == ""
    assert_whole(world)
    for turn in range(5):
        world.fill(2, first=5_000 + 10 * turn)
        if turn == 3:
            world.reorg(5, (world.call_of("count", 1, 7, "branch"), 2))
        for end in victims(None, None, patient=True):
            assert end["said"] == ""
        assert_whole(world)
    world.indexer = world.new_indexer()
    world.end()


@pytest.mark.slow
def test_twoIndexers_oneKilled(world: World, victims: Order) -> None:
    world.proxy.on("eth_getLogs", range_limit(2, "too many"))
    world.fill(40)
    for die_at in (8, 15, 26):
        _, survivor = victims(die_at, None, patient=True)
        assert survivor["said"] == ""
        assert_whole(world)
        world.fill(6)
    world.end()


def test_replayedRange_isNotStoredTwice(world: World) -> None:
    """An indexer that slept through what another one did, and does it again."""
    world.fill(10)
    world.heal()
    stale = Cursor.objects.get()
    sleeper = world.new_indexer()
    world.fill(10)
    world.heal()
    stored = picture()
    with pytest.raises(Overtaken):
        mirror.rewind(stale, stale.number, stale.hash)
    sleeper.sync()
    assert picture() == stored
    world.end()


def test_cursorPutBack_replaysItsRange(world: World) -> None:
    """Half of a backup was put back: the cursor is older than the blocks."""
    world.fill(10)
    world.heal()
    older = Block.objects.order_by("number")[4]
    Cursor.objects.update(number=older.number, hash=older.hash)
    world.indexer = world.new_indexer()
    world.heal()
    assert Count.objects.count() == 10
    world.end()
