"""Killed, and started again on a node that has changed meanwhile: never ready on wrong data, never stuck."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from chain import mirror
from chain.forks import newest_shared
from chain.gate import newest_final
from chain.indexer import Indexer, WrongChain
from chain.models import Block, Cursor, Log, Reorganisation
from chain.private import PrivateChain
from chain.reader import Reader
from chain.rpc import Rpc, RpcUnavailable
from gallery import health
from tests.chain.liar import Liar
from tests.chain.node import HANDLERS, Node, assert_equal_to_chain, picture
from tests.chain.tables import Count


def cursor() -> Cursor:
    found = Cursor.current()
    assert found is not None
    return found


def is_ready() -> bool:
    """What a load balancer is told about the mirror."""
    return health.readiness()["mirror"].ok


def restarted(node: Node, rpc: Rpc | None = None) -> Indexer:
    """The indexer of a new process, which knows nothing but the database."""
    return Indexer(rpc or node.rpc, node.deployment, HANDLERS)


def never_asks_first(node: Node) -> Liar:
    """A client of the node that finds the mirror unready as long as its first answer is not there."""
    watched = Liar(node.chain.url)
    seen: list[bool] = []

    def look(method: str, params: list[Any]) -> bool:
        if not seen:
            seen.append(is_ready())
            assert seen == [False], "ready before anybody was asked"
        return False

    watched.down = [look]
    return watched


@pytest.fixture
def old(node: Node) -> Node:
    """A node with forty blocks of events, and their mirror, which was left alone."""
    for number in range(40):
        node.send("count", number, 1, "old")
    node.sync()
    assert is_ready()
    return node


def test_nothingChanged_isFoundOutBeforeAnythingIsReady(old: Node) -> None:
    before = picture()
    restarted(old, never_asks_first(old)).sync()
    assert is_ready()
    assert picture() == before


@pytest.mark.parametrize("depth", [1, 20])
def test_reorg_whileStopped(old: Node, depth: int) -> None:
    """Also below what was final: Anvil calls all but two blocks so."""
    old.reorg(depth, (old.call_of("count", 100, 7, "new"), 0))
    restarted(old, never_asks_first(old)).sync()
    assert is_ready()
    assert Count.objects.filter(note="old").count() == 40 - depth
    assert Reorganisation.objects.get().blocks == depth
    assert_equal_to_chain(old)


def test_reorg_toAShorterOrLongerChain_whileStopped(old: Node) -> None:
    old.rpc.call("anvil_rollback", 10)
    restarted(old, never_asks_first(old)).sync()
    assert cursor().number == old.head
    old.rpc.call("anvil_rollback", 5)
    for number in range(12):
        old.send("count", 200 + number, 1, "new")
    restarted(old).sync()
    assert is_ready()
    assert_equal_to_chain(old)


def test_powerCut_whileStopped(old: Node) -> None:
    """The private chain comes back with what it saved last."""
    old.chain.save()
    old.chain.leave()
    old.send("count", 100, 1, "lost")
    old.sync()
    old.chain.kill()
    old.chain.start()
    restarted(old, never_asks_first(old)).sync()
    assert not Count.objects.filter(note="lost").exists()
    assert_equal_to_chain(old)


def test_nodeAway_isNotReady(old: Node) -> None:
    """A process that was killed left a fresh row behind; the next one finds nobody to hold it against."""
    before = picture()
    silent = Liar(old.chain.url, "silent")
    silent.down = [lambda method, params: True]
    indexer = restarted(old, silent)
    with pytest.raises(RpcUnavailable):
        indexer.sync()
    assert not is_ready()
    silent.down = []
    indexer.sync()
    assert is_ready()
    assert picture() == before


def test_start_saysNothingOverAnOlderReason(old: Node) -> None:
    mirror.note_error("UndecodableLog: log 3 of Emitter")
    mirror.note_start()
    assert cursor().error == "UndecodableLog: log 3 of Emitter"


def test_newGenesis_isSaidAndHarmsNothing(old: Node, tmp_path: Path) -> None:
    before = picture()
    chain = PrivateChain(tmp_path / "anew").start(timestamp=1_600_000_000)
    try:
        chain.mine(100)
        for _ in range(2):
            with pytest.raises(WrongChain, match="was reset and began a new chain"):
                restarted(old, chain.rpc).sync()
            assert not is_ready()
        assert "deploy the contracts again and run `manage.py rebuild`" in cursor().error
        assert Log.objects.count() == 40
        anew = Node(chain)  # as it says
        mirror.forget()
        anew.send("count", 1, 1, "anew")
        anew.sync()
        assert is_ready()
        assert_equal_to_chain(anew)
    finally:
        chain.stop()
    mirror.forget()
    restarted(old).sync()
    assert picture() == before


def test_cursorOnAnotherFork_thanTheBlocksBelow(old: Node, caplog: pytest.LogCaptureFixture) -> None:
    """A database put together from two backups: the head fits the chain, what was final does not."""
    broken = newest_final()
    assert broken is not None
    for block in Block.objects.filter(number__lte=broken[0], number__gt=broken[0] - 5):
        Block.objects.filter(pk=block.pk).update(hash=f"0x{block.number:064x}")
    with caplog.at_level(logging.WARNING):
        restarted(old, never_asks_first(old)).sync()
    assert "was final and is gone" in caplog.text
    assert is_ready()
    assert Reorganisation.objects.get().number == broken[0] - 5
    assert_equal_to_chain(old)


def test_nothingStoredIsLeft_itBeginsAnew(old: Node) -> None:
    for block in Block.objects.all():
        Block.objects.filter(pk=block.pk).update(hash=f"0x{block.number:064x}")
    Cursor.objects.update(hash="0x" + "ee" * 32)
    restarted(old, never_asks_first(old)).sync()
    assert is_ready()
    assert Count.objects.count() == 40
    assert cursor().begin_number == old.deployment.block - 1
    assert_equal_to_chain(old)


def test_fork_isFoundInFewQuestions(old: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where more blocks are stored than are looked at first."""
    stored = list(Block.objects.order_by("-number").values_list("number", "hash"))
    for window in (4, 512):
        monkeypatch.setattr("chain.forks.WINDOW", window)
        for depth in (0, 1, 3, 4, 5, 17, len(stored)):
            for number, _ in stored[:depth]:
                Block.objects.filter(number=number).update(hash=f"0x{number:064x}")
            asked = Liar(old.chain.url)
            fork = stored[depth] if depth < len(stored) else None
            assert newest_shared(Reader(asked, [old.address])) == fork
            assert asked.asked["eth_getBlockByNumber"] <= 14
            for number, block_hash in stored[:depth]:
                Block.objects.filter(number=number).update(hash=block_hash)
