"""The chain changes its mind: at any depth, at any moment, and back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chain.models import Block, Cursor, Log, Reorganisation
from tests.chain.faults.kinds import During, range_limit
from tests.chain.faults.world import World
from tests.chain.node import assert_says_the_chain, picture
from tests.chain.tables import Count

DEPTHS = [
    (1, None),
    (5, None),
    (35, None),
    (5, 80),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in ((65, None), (1, 80), (35, 80), (65, 80))),
]


def cursor() -> Cursor:
    found = Cursor.current()
    assert found is not None
    return found


@pytest.mark.parametrize(("depth", "final"), DEPTHS)
def test_reorg_ofAnyDepthAtTheSameHeight(world: World, settings: Any, depth: int, final: int | None) -> None:
    """Anvil calls all but two blocks final; a finality depth of 80 leaves all of these open."""
    settings.CHAIN_FINALITY_DEPTH = final
    world.indexer = world.new_indexer()
    world.fill(depth + 5, note="old")
    world.heal()
    height = world.head
    assert (cursor().finalized_number > height - depth) == (final is None and depth > 2)

    world.reorg(depth, (world.call_of("count", 1, 7, "new"), depth - 1))
    assert world.head == height
    world.heal()
    assert Count.objects.filter(note="old").count() == 5
    assert Count.objects.get(note="new").amount == 7
    last = Reorganisation.objects.first()
    assert last is not None
    assert (last.number, last.blocks) == (height - depth, depth)
    world.end()


def test_reorg_toFewerBlocksAndNoNewOne(world: World) -> None:
    world.fill(12)
    world.heal()
    world.rpc.call("anvil_rollback", 7)
    world.heal()
    assert cursor().number == world.head
    assert Count.objects.count() == 5
    world.end()


def test_reorg_toALongerBranch(world: World, settings: Any) -> None:
    """Nothing is final, and the new head is above ours: only the parents' hashes tell."""
    settings.CHAIN_FINALITY_DEPTH = 80
    world.indexer = world.new_indexer()
    world.fill(12, note="old")
    world.heal()
    world.reorg(3, (world.call_of("count", 1, 7, "new"), 1))
    world.fill(2, note="after")
    world.heal()
    assert Count.objects.filter(note="old").count() == 9
    world.end()


def test_reorg_eventsOnlyOnTheNewBranch(world: World) -> None:
    world.chain.mine(6)
    world.heal()
    assert not Log.objects.exists()
    calls = [(world.call_of("count", place, 3, "new"), place) for place in range(4)]
    world.reorg(5, *calls)
    world.heal()
    assert Count.objects.filter(note="new").count() == 4
    world.end()


def test_reorg_eventsOnlyOnTheOldBranch(world: World) -> None:
    world.fill(6)
    world.heal()
    world.reorg(5)
    world.heal()
    assert Count.objects.count() == 1
    world.end()


def test_reorg_movesATransactionToAnotherBlock(world: World) -> None:
    """The same signed bytes, mined again two blocks later: one log, at its new place."""
    world.chain.mine(4)
    world.send("count", 1, 5, "moved")
    world.chain.mine(2)
    world.heal()
    [before] = Log.objects.select_related("block")
    raw = world.rpc.call("eth_getRawTransactionByHash", before.tx_hash)
    world.rpc.call("anvil_rollback", 3)
    world.chain.mine(2)
    world.rpc.call("eth_sendRawTransaction", raw)
    world.heal()
    [after] = Log.objects.all()
    assert after.tx_hash == before.tx_hash
    assert after.block.number == before.block.number + 2
    world.end()


def test_reorg_movesATransactionToAnotherIndex(world: World) -> None:
    """In the same block, behind another one: the log's index changes and its transaction does not."""
    world.chain.mine(3)
    moved = world.send("count", 1, 5, "moved")
    world.heal()
    raw = world.rpc.call("eth_getRawTransactionByHash", moved["transactionHash"])
    world.rpc.call("anvil_rollback", 1)
    first = world.call_of("count", 2, 6, "first", by=1) | {"gasPrice": hex(10**12)}
    world.together(
        lambda: (world.rpc.call("eth_sendTransaction", first), world.rpc.call("eth_sendRawTransaction", raw))
    )
    world.heal()
    [one, two] = Log.objects.in_order()
    assert (one.args["note"], two.args["note"]) == ("first", "moved")
    assert two.tx_hash == moved["transactionHash"]
    assert (two.block.number, two.log_index) == (int(moved["blockNumber"], 16), 1)
    world.end()


def test_reorg_whileNobodyWatched(world: World) -> None:
    world.fill(20, note="old")
    world.heal()
    world.reorg(15, (world.call_of("count", 1, 7, "new"), 3))
    world.fill(4, note="after")
    world.indexer = world.new_indexer()
    world.heal()
    assert Count.objects.filter(note="old").count() == 5
    world.end()


@pytest.mark.parametrize(
    ("method", "skip"),
    [
        ("eth_getLogs", 3),
        ("eth_getBlockByNumber", 30),
        *(pytest.param("eth_getLogs", skip, marks=pytest.mark.slow) for skip in (0, 1, 2, 5, 8)),
        *(pytest.param("eth_getBlockByNumber", skip, marks=pytest.mark.slow) for skip in (0, 1, 4, 9, 60)),
    ],
)
def test_reorg_duringTheBackfill(world: World, method: str, skip: int) -> None:
    """At several moments of it: between a range's headers and its logs, or between two ranges."""
    world.fill(60, note="old")
    world.proxy.on("eth_getLogs", range_limit(8, "too much at once"))
    reorg = During(lambda: world.reorg(25, (world.call_of("count", 1, 7, "new"), 3)))
    world.proxy.on(method, reorg, skip=skip)
    world.heal()
    assert reorg.happened
    assert Count.objects.filter(note="old").count() == 35
    world.end()


@pytest.mark.parametrize("skip", [2, *(pytest.param(skip, marks=pytest.mark.slow) for skip in (0, 1, 3, 4))])
def test_reorg_duringTheRepairOfAReorg(world: World, skip: int) -> None:
    """The fork that the mirror goes back to is itself on a lost branch before it gets there."""
    world.fill(30, note="old")
    world.heal()
    world.reorg(10, (world.call_of("count", 1, 7, "first"), 3))
    again = During(lambda: world.reorg(20, (world.call_of("count", 2, 9, "second"), 5)))
    world.proxy.on("eth_getBlockByNumber", again, skip=skip)
    world.heal()
    assert again.happened
    assert sorted(Count.objects.values_list("note", flat=True).distinct()) == ["old", "second"]
    world.end()


def test_reorg_toABranchAndBack(world: World, fork: Callable[[int], World]) -> None:
    """A, B, and exactly A again: what was deleted is there again, the same."""
    world.fill(10)
    world.heal()
    branch_a = picture()
    branch_b = fork(6)
    branch_b.fill(8, note="b")
    for _ in range(3):
        world.proxy.upstream = branch_b.chain.url
        world.heal()
        assert Count.objects.filter(note="b").count() == 8
        assert_says_the_chain(branch_b)
        world.proxy.upstream = world.chain.url
        world.heal()
        assert picture() == branch_a
    world.end()


def test_reorg_belowEverythingStored(world: World) -> None:
    """No stored block is left on the node's chain: the mirror begins anew by itself."""
    world.fill(6)
    world.heal()
    for place, block in enumerate(Block.objects.all()):
        Block.objects.filter(pk=block.pk).update(hash=f"0x{place:064x}")
    Cursor.objects.update(hash="0x" + "ee" * 32)
    world.indexer = world.new_indexer()
    world.heal()
    assert Count.objects.count() == 6
    world.end()
