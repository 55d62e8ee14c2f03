"""Providers that answer wrongly: nothing wrong is stored, and what is right is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chain.indexer import WrongChain
from chain.models import Cursor, Log, Reorganisation, Repair
from tests.chain.faults.kinds import (
    Altered,
    Dropped,
    Older,
    Status,
    add_foreign,
    drop_logs,
    mark_removed,
    misplace_logs,
    no_result,
    repeat_logs,
    result_is,
)
from tests.chain.faults.proxy import Proxy
from tests.chain.faults.world import World
from tests.chain.node import assert_says_the_chain, picture
from tests.chain.tables import Count


def numbers(world: World) -> list[int]:
    """The blocks that the world has on top of the deployment."""
    return list(range(world.deployment.block + 1, world.head + 1))


@pytest.mark.parametrize(
    ("place", "times"),
    [
        (17, 1),
        (-1, None),
        *(pytest.param(place, 1, marks=pytest.mark.slow) for place in (0, 4, -2, -1)),
        *(pytest.param(place, None, marks=pytest.mark.slow) for place in (0, 4, 17, -2)),
    ],
)
def test_droppedBlock_isFoundByItsBloom(world: World, place: int, times: int | None) -> None:
    """A whole block's logs are missing, from a range or from the block's own; at the head too. One that is
    always missing is read from its receipts.
    """
    world.fill(30)
    missing = numbers(world)[place]
    rule = world.proxy.on("eth_getLogs", drop_logs(block=missing), times=times)
    world.heal()
    assert rule.hits > 0
    assert Count.objects.count() == 30
    repair = Repair.objects.get(number=missing)
    assert repair.problem
    assert repair.remedy
    assert "127.0.0.1" in repair.provider
    world.end()


def test_droppedBlock_ofANewHead(world: World) -> None:
    world.fill(3)
    world.heal()
    for turn in range(3):
        world.send("count", turn, 5, "new")
        rule = world.proxy.on("eth_getLogs", drop_logs(), times=1)
        world.heal()
        assert rule.hits == 1
        assert Count.objects.filter(note="new").count() == turn + 1
    world.end()


def test_allLogsDropped(world: World) -> None:
    """A node whose index of logs is empty, for good."""
    world.fill(25)
    rule = world.proxy.on("eth_getLogs", drop_logs())
    world.heal()
    assert rule.hits > 0
    assert Count.objects.count() == 25
    world.end()


@pytest.mark.parametrize("keep", [1, *(pytest.param(keep, marks=pytest.mark.slow) for keep in (0, 3))])
def test_droppedPart_ofABlock(world: World, keep: int) -> None:
    """A reply cut short, but whole JSON: some of a block's logs are there. Their bloom says that there are
    others, since each has an id of its own.
    """
    world.fill(5)
    full = int(world.send("countMany", 100, 4, 1)["blockNumber"], 16)
    world.fill(5)
    rule = world.proxy.on("eth_getLogs", drop_logs(block=full, keep=keep))
    world.heal()
    assert rule.hits > 0
    assert Count.objects.count() == 14
    world.end()


def test_droppedByReceiptsToo_isLeftToAnotherProvider(world: World, second: Proxy) -> None:
    """The first has nothing of a block by any question; the second has it."""
    world.fill(30)
    missing = numbers(world)[11]
    world.ask_both(second)
    world.proxy.on("eth_getLogs", drop_logs(block=missing))
    world.proxy.on("eth_getBlockReceipts", result_is([]))
    world.proxy.on("eth_getTransactionReceipt", no_result())
    world.heal()
    assert Count.objects.count() == 30
    assert Repair.objects.filter(number=missing).exists()
    world.end()


def test_droppedByAll_stopsInFrontOfIt(world: World) -> None:
    """No answer explains the block's bloom: the mirror stands in front of it, says so, and calls nothing
    final that it has not.
    """
    world.fill(20)
    missing = numbers(world)[8]
    world.proxy.on("eth_getLogs", drop_logs(block=missing))
    world.proxy.on("eth_getBlockReceipts", result_is([]))
    world.proxy.on("eth_getTransactionReceipt", no_result())
    problem = world.stands_still()
    cursor = Cursor.objects.get()
    assert cursor.number < missing
    assert cursor.finalized_number <= cursor.number
    assert str(missing) in cursor.error, problem
    world.end()


def test_repeatedLogs_areStoredOnce(world: World) -> None:
    world.fill(10)
    world.send("countMany", 100, 5, 1)
    rule = world.proxy.on("eth_getLogs", repeat_logs())
    assert world.heal() == []
    world.send("countMany", 200, 5, 1)
    world.heal()
    assert rule.hits > 1
    assert Count.objects.count() == 20
    world.end()


@pytest.mark.parametrize("fault", [mark_removed(), misplace_logs()], ids=["removed", "misplaced"])
def test_logsOfAnotherFork_areReadAgain(world: World, fault: Altered) -> None:
    world.fill(10)
    first = world.proxy.on("eth_getLogs", fault, times=2)
    world.heal()
    world.send("count", 1, 1, "")
    second = world.proxy.on("eth_getLogs", fault, times=2)
    world.heal()
    assert first.hits == second.hits == 2
    world.end()


def test_foreignAddressWithOurTopic_isNotOurs(world: World) -> None:
    """A stranger's contract with the same code writes in our blocks, and a node that ignores the address we
    ask for gives its logs too.
    """
    stranger = World(world.chain, world.proxy)
    for turn in range(6):
        theirs = stranger.call_of("count", turn, 99, "not ours", by=1)
        ours = world.call_of("count", turn, 1, "ours")
        world.together(
            lambda theirs=theirs, ours=ours: [
                world.rpc.call("eth_sendTransaction", one) for one in (theirs, ours)
            ]
        )
    stranger.send("count", 7, 99, "alone in its block")
    rule = world.proxy.on("eth_getLogs", add_foreign(stranger.address))
    world.heal()
    assert rule.hits > 0
    assert set(Count.objects.values_list("note", flat=True)) == {"ours"}
    world.end()


def test_wrongChainId_isRefused(world: World) -> None:
    world.fill(5)
    world.heal()
    before = picture()
    world.fill(5)
    rule = world.proxy.on("eth_chainId", result_is("0x1"))
    world.indexer = world.new_indexer()
    with pytest.raises(WrongChain, match="chain id 1,"):
        world.sync()
    assert rule.hits > 0
    after = picture()
    assert after["logs"] == before["logs"]
    assert "chain id 1," in Cursor.objects.get().error
    world.end()


def test_wrongChainId_ofOneProvider_isNotWaitedFor(world: World, second: Proxy) -> None:
    """The preferred provider is of another chain: it is never believed, and the other one serves."""
    world.fill(5)
    world.ask_both(second)
    world.proxy.on("eth_chainId", result_is("0x1"))
    world.proxy.on("eth_getBlockByNumber", no_result())
    world.heal()
    assert Count.objects.count() == 5
    assert second.asked("eth_getLogs")
    assert not world.proxy.asked("eth_getLogs")
    world.end()


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
@pytest.mark.parametrize("behind", [1, 12])
def test_providerBehind_isCaughtUpWith(world: World, settings: Any, behind: int, private: bool) -> None:
    """The only provider shows an older head for a while. Of a public chain nobody believes that it lost its
    last blocks; a private one may have, in a crash.
    """
    settings.PRIVATE_CHAIN = private
    world.fill(20)
    world.heal()
    rule = world.proxy.on("eth_getBlockByNumber", Older(behind, lambda: world.head), times=9)
    world.tries(4)
    assert rule.hits > 0
    assert Reorganisation.objects.exists() == private
    world.proxy.honest()
    world.send("count", 1, 1, "")
    world.end()


def test_providerBehind_isLeftForAnother(world: World, second: Proxy) -> None:
    """A provider that fell behind is no reason to forget blocks that the other one has."""
    world.fill(20)
    world.ask_both(second)
    world.heal()
    world.proxy.on("eth_getBlockByNumber", Older(6, lambda: world.head))
    world.proxy.on("eth_blockNumber", Older(6, lambda: world.head))
    world.fill(3)
    world.heal()
    assert Count.objects.count() == 23
    assert not Reorganisation.objects.exists()
    world.end()


def test_failOver_toAnotherFork_andBack(world: World, second: Proxy, fork: Callable[[int], World]) -> None:
    """The provider that answers has another branch: the mirror becomes that branch, whole, and the first one
    again when that is all there is. It is never a mixture.
    """
    world.fill(20, note="first")
    other = fork(8)
    other.fill(11, note="second")
    second.upstream = other.chain.url
    world.ask_both(second)
    second.on("*", Dropped())
    world.heal()
    assert_says_the_chain(world)

    second.honest()
    world.proxy.on("*", Dropped())
    world.heal()
    assert_says_the_chain(other)
    assert Count.objects.filter(note="first").count() == 12

    world.proxy.honest()
    second.on("*", Status(503))
    world.heal()
    assert Count.objects.filter(note="second").count() == 0
    world.end()


def test_failOver_inTheMiddleOfTheBackfill(world: World, second: Proxy) -> None:
    world.fill(60)
    world.ask_both(second)
    world.proxy.on("*", Dropped(), skip=3)
    world.heal()
    assert second.asked("eth_getLogs")
    world.end()


def test_failOver_inTheMiddleOfTheBackfill_toAnotherFork(
    world: World, second: Proxy, fork: Callable[[int], World]
) -> None:
    world.fill(60, note="first")
    other = fork(30)
    other.fill(35, note="second")
    second.upstream = other.chain.url
    world.ask_both(second)
    world.proxy.on("*", Dropped(), skip=4)
    world.heal()
    assert_says_the_chain(other)
    second.on("*", Dropped())
    world.end()


GARBLED: dict[str, Callable[[Any], Any]] = {
    "shortData": lambda log: {**log, "data": log["data"][:-64]},
    "lostTopic": lambda log: {**log, "topics": log["topics"][:-1]},
    "noHex": lambda log: {**log, "data": "0xzz"},
    "noData": lambda log: {name: value for name, value in log.items() if name != "data"},
    "noTopics": lambda log: {**log, "topics": None},
    "noIndex": lambda log: {**log, "logIndex": None},
    "null": lambda log: None,
    "text": lambda log: "log",
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=name, marks=[] if name == "shortData" else pytest.mark.slow)
        for name, change in GARBLED.items()
    ],
)
def test_malformedLog_isNotBelieved(world: World, change: Callable[[Any], Any]) -> None:
    """From a node that garbles: the mirror does not pass it, does not die of it, and heals."""
    world.fill(6)
    garbling = Altered(lambda call, logs: [change(log) for log in logs] if isinstance(logs, list) else logs)
    rule = world.proxy.on("eth_getLogs", garbling)
    world.tries(2)
    assert rule.hits > 0
    assert all(log.args["note"] == "filled" for log in Log.objects.all())
    world.end()
