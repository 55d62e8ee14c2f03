"""Several nodes that do not agree: the mirror follows one at a time, and goes back only if it must."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from chain.deployments import Deployment
from chain.forks import ChainBehind, Contradiction
from chain.indexer import Indexer, WrongChain
from chain.models import Cursor, ProviderState, Reorganisation
from chain.private import PrivateChain
from chain.providers import Providers
from chain.rpc import Rpc, RpcUnavailable
from tests.chain.liar import Liar
from tests.chain.node import HANDLERS, Node, assert_equal_to_chain, picture
from tests.chain.tables import Count
from tests.chain.twins import twin


def cursor() -> Cursor:
    found = Cursor.current()
    assert found is not None
    return found


def notes() -> list[str]:
    return [row.note for row in Count.objects.order_by("log__block__number", "log__log_index")]


class Pair:
    """Two nodes that share ten blocks, and an indexer that asks the first one before the second."""

    def __init__(self, first: Node, folder: Path):
        for number in range(8):
            first.send("count", number, 1, "shared")
        self.first = first
        self.second = copy(first)
        self.second.chain = twin(first.chain, folder)
        self.second.rpc = self.second.chain.rpc
        # The same block at the same second would be the same block.
        self.second.chain.fast_forward(100)
        self.first.chain.mine()
        self.first_rpc = Liar(first.chain.url, "first")
        self.second_rpc = Liar(self.second.chain.url, "second")
        self.providers = Providers.of(self.first_rpc, self.second_rpc)
        self.indexer = self.new_indexer()

    def new_indexer(self, *rpcs: Rpc) -> Indexer:
        nodes = Providers.of(*rpcs) if rpcs else self.providers
        return Indexer(nodes, self.first.deployment, HANDLERS)

    def off(self, rpc: Liar) -> None:
        """This node answers nothing any more."""
        rpc.down = [lambda method, params: True]

    def on(self, rpc: Liar) -> None:
        """It does again, and is not rested."""
        rpc.down = []
        rpc.refuses = []
        for one in self.providers:
            one.answered(0.001)

    def ends_as(self, node: Node) -> None:
        """The mirror is what this node says."""
        assert cursor().hash == node.block("latest")["hash"]
        fresh = copy(node)
        fresh.indexer = Indexer(node.rpc, node.deployment, HANDLERS)
        assert_equal_to_chain(fresh)


@pytest.fixture
def pair(node: Node, tmp_path: Path, settings: Any) -> Iterator[Pair]:
    settings.CHAIN_FINALITY_DEPTH = 5
    pair = Pair(node, tmp_path / "twin")
    yield pair
    pair.second.chain.stop()


def test_otherFork_isNotFollowedWhileOurBlockStands(pair: Pair) -> None:
    """The first node changes its mind, the second does not: at the same height nothing is taken back."""
    alone = pair.new_indexer(pair.second_rpc)
    alone.sync()
    before = cursor().hash
    assert pair.indexer.sync() == 0
    assert cursor().hash == before
    assert not Reorganisation.objects.exists()
    pair.first.send("count", 100, 1, "longer")
    pair.indexer.sync()
    assert notes()[-1] == "longer"
    assert Reorganisation.objects.get().blocks == 1
    pair.ends_as(pair.first)


def test_failOver_toAnotherForkAndBack(pair: Pair) -> None:
    pair.first.send("count", 100, 1, "first")
    pair.indexer.sync()
    pair.second.send("count", 200, 1, "second")
    pair.second.send("count", 201, 1, "second")
    pair.off(pair.first_rpc)
    pair.indexer.sync()
    assert notes()[-2:] == ["second", "second"]
    assert "first" not in notes()
    pair.on(pair.first_rpc)
    for number in range(4):
        pair.first.send("count", 300 + number, 1, "first again")
    pair.off(pair.second_rpc)
    pair.indexer.sync()
    assert notes()[-1] == "first again"
    assert "second" not in notes()
    pair.ends_as(pair.first)


def test_nodeBehind_isLeftForAnother(pair: Pair, settings: Any) -> None:
    """The first node was restarted from an old copy: its head is a block of ours, and nothing is undone."""
    settings.PRIVATE_CHAIN = False
    pair.new_indexer(pair.second_rpc).sync()
    pair.second.send("count", 100, 1, "newer")
    pair.first.rpc.call("anvil_rollback", 3)
    pair.indexer.sync()
    assert notes()[-1] == "newer"
    assert not Reorganisation.objects.exists()
    pair.ends_as(pair.second)


def test_onlyNodeBehind_isWaitedForAndThenBelieved(
    pair: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PRIVATE_CHAIN = False
    indexer = pair.new_indexer(pair.first_rpc)
    indexer.sync()
    before = picture()
    pair.first.rpc.call("anvil_rollback", 3)
    for _ in range(3):
        assert indexer.sync() == 0
    assert picture() == before
    monkeypatch.setattr("chain.forks.SHORTER_PATIENCE", 0.0)
    indexer.sync()
    assert cursor().number == pair.first.head
    assert Reorganisation.objects.get().blocks == 3
    pair.ends_as(pair.first)


def test_onlyNodeBehind_thatCatchesUp(pair: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that reads its own past again: it is said, and nothing is undone."""
    settings.PRIVATE_CHAIN = False
    indexer = pair.new_indexer(pair.first_rpc)
    indexer.sync()
    before = picture()
    monkeypatch.setattr("chain.forks.SHORTER_PATIENCE", 1e-9)
    heads = list(range(2, pair.first.head))
    honest = pair.first_rpc.batch

    def catching_up(calls: Any) -> Any:
        wanted = [(m, [hex(heads[0]), *p[1:]] if p[:1] == ["latest"] else p) for m, p in calls]
        if wanted != list(calls):
            heads.pop(0)
        return honest(wanted)

    monkeypatch.setattr(pair.first_rpc, "batch", catching_up)
    assert indexer.sync() == 0
    for _ in range(3):
        with pytest.raises(ChainBehind, match="catch up"):
            indexer.sync()
    monkeypatch.undo()
    indexer.sync()
    assert picture() == before
    assert not Reorganisation.objects.exists()


def test_finalBlock_isKeptWhileAnyNodeHasIt(pair: Pair) -> None:
    pair.new_indexer(pair.second_rpc).sync()
    for number in range(8):
        pair.second.send("count", 100 + number, 1, "final")
    pair.new_indexer(pair.second_rpc).sync()
    for number in range(12):
        pair.first.send("count", 200 + number, 1, "further and wrong")
    before = notes()
    pair.indexer.sync()
    assert notes() == before
    assert not Reorganisation.objects.exists()
    first, second = pair.providers
    assert "denies block" in first.error
    assert pair.providers.ranked()[0] is second
    pair.second.send("count", 300, 1, "goes on")
    pair.indexer.sync()
    pair.ends_as(pair.second)


def test_finalBlock_isGivenUpLoudlyWhereNobodyHasIt(
    pair: Pair, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the node that might have it is silent, the mirror waits and says so; not for ever."""
    settings.PRIVATE_CHAIN = False
    for number in range(8):
        pair.second.send("count", 100 + number, 1, "final")
    pair.new_indexer(pair.second_rpc).sync()
    for number in range(12):
        pair.first.send("count", 200 + number, 1, "another chain")
    pair.off(pair.second_rpc)
    for _ in range(3):
        with pytest.raises(Contradiction, match="second could tell, and does not answer"):
            pair.indexer.sync()
    assert cursor().error.startswith("Contradiction: first has another block in the place of block")
    assert "final" in notes()
    monkeypatch.setattr("chain.forks.FINAL_PATIENCE", 0.0)
    with caplog.at_level(logging.WARNING):
        pair.indexer.sync()
    [loud] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "was final and is gone" in loud.message
    assert notes().count("another chain") == 12
    assert "final" not in notes()
    assert Reorganisation.objects.count() == 1
    pair.ends_as(pair.first)


def test_wrongNode_isRefusedAndTheOtherUsed(pair: Pair, tmp_path: Path) -> None:
    stranger = PrivateChain(tmp_path / "stranger").start(timestamp=1_600_000_000)
    try:
        rpc = Liar(stranger.url, "stranger")
        indexer = pair.new_indexer(rpc, pair.first_rpc)
        indexer.sync()
        assert indexer.providers[0].state is ProviderState.REFUSED
        assert "another genesis block" in indexer.providers[0].error
        assert rpc.asked["eth_chainId"] == 1
        indexer.sync()
        assert rpc.asked["eth_chainId"] == 1, "it is not asked again"
        pair.ends_as(pair.first)
    finally:
        stranger.stop()


def test_wrongNodesOnly_areToldApart(pair: Pair, tmp_path: Path) -> None:
    """A node that was reset, a node of another chain, and what to do about each."""
    pair.indexer.sync()
    before = picture()["logs"]
    stranger = PrivateChain(tmp_path / "stranger").start(timestamp=1_600_000_000)
    try:
        reset = Liar(stranger.url, "reset")
        indexer = pair.new_indexer(reset)
        for _ in range(2):
            with pytest.raises(
                WrongChain, match=r"another genesis block .* was reset .*deploy the contracts"
            ):
                indexer.sync()
        assert cursor().error.startswith("WrongChain: reset has chain id 31337 as it should")
        other = Deployment(1, pair.first.deployment.genesis_hash, 1, pair.first.deployment.contracts)
        with pytest.raises(
            WrongChain, match="has chain id 31337, and the contracts were deployed to chain id 1 "
        ):
            Indexer(reset, other, HANDLERS).gate.admit(Providers.of(reset)[0])
        pair.off(pair.first_rpc)
        with pytest.raises(RpcUnavailable):
            pair.new_indexer(reset, pair.first_rpc).sync()
    finally:
        stranger.stop()
    assert picture()["logs"] == before


def test_nodeThatWasReset_isNoticedWhileRunning(pair: Pair, tmp_path: Path) -> None:
    """The address is the same, the chain is another: seen before anything is taken back."""
    indexer = pair.new_indexer(pair.first_rpc)
    indexer.sync()
    stranger = PrivateChain(tmp_path / "stranger").start(timestamp=1_600_000_000)
    try:
        before = notes()
        stranger.mine(30)
        pair.first_rpc.url, ours = stranger.url, pair.first_rpc.url
        for _ in range(2):
            with pytest.raises(WrongChain, match="reset"):
                indexer.sync()
        assert notes() == before
        pair.first_rpc.url = ours
        pair.first.send("count", 50, 1, "again")
        indexer.sync()
        assert indexer.providers[0].state is ProviderState.GOOD
        assert notes()[-1] == "again"
    finally:
        stranger.stop()
