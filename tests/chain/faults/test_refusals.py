"""Providers without a usable answer: the mirror waits, asks for less, or asks another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chain.models import Cursor
from chain.rpc import RpcError, RpcUnavailable
from tests.chain.faults.kinds import (
    Broken,
    CutShort,
    Dropped,
    Hang,
    Refused,
    Status,
    no_result,
    range_limit,
)
from tests.chain.faults.proxy import Proxy, Spoiled
from tests.chain.faults.world import World
from tests.chain.tables import Count

SILENCES = {
    "429": Status(429),
    "429RetryAfter": Status(429, retry_after="0"),
    "500": Status(500),
    "502": Status(502, body=b""),
    "200Page": Status(200, body=b"<html>Please log in</html>"),
    "dropped": Dropped(),
    "cutShort": CutShort(),
    "cutAtOnce": CutShort(0.0),
    "brokenJson": Broken(),
    "emptyBody": Broken(0.0),
}


QUICK = ("429", "cutShort")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=name, marks=[] if name in QUICK else pytest.mark.slow)
        for name, fault in SILENCES.items()
    ],
)
def test_silence_atEveryRequest(world: World, fault: Spoiled) -> None:
    """The first request, the second, ... of a backfill, of a reorganisation and of a new block: each fails
    twice, and the mirror ends where it would have without.
    """
    for skip in range(6):
        rule = world.proxy.on("*", fault, times=2, skip=skip)
        world.fill(4, note="new")
        world.heal()
        rule.end()
        rule = world.proxy.on("*", fault, times=2, skip=skip)
        world.reorg(3, (world.call_of("count", 1, 7, "branch"), 1))
        world.heal()
        rule.end()
        assert skip > 1 or rule.hits == 2
    world.end()


def test_burstOf500s(world: World) -> None:
    world.fill(20)
    rule = world.proxy.on("*", Status(500), times=40, skip=3)
    met = world.heal()
    assert rule.hits == 40
    assert any(isinstance(problem, RpcUnavailable) for problem in met)
    world.end()


def test_refusalsOfABatch_areRefusals(world: World) -> None:
    """A provider that allows so many calls a second answers some of a batch, and refuses the others."""
    world.fill(30)
    world.proxy.on("eth_getBlockByNumber", Refused(-32005, "rate limit exceeded"), times=12, skip=7)
    world.heal()
    world.end()


def test_hang_endsWithTheTimeout(world: World, proxy: Proxy, quick: Callable[[], None]) -> None:
    world.fill(10)
    quick()
    for method in ("eth_getLogs", "eth_getBlockByNumber"):
        rule = proxy.on(method, Hang(), times=1)
        world.heal()
        assert rule.hits == 1
        world.fill(5)
    world.end()


WORDINGS = {
    "hinted": (
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no "
        "limit on the response size, or you can request any block range with a cap of 10K logs in the "
        "response. Based on your parameters and the response size limit, this block range should work: "
        "[0x1, 0x6]",
    ),
    "hintedElsewhere": (
        -32005,
        "query returned more than 10000 results. Try with this block range [0x1, 0x5].",
    ),
    "hintedWrongly": (-32005, "try with this block range [0x5f5e0ff, 0x5f5e100]"),
    "unhinted": (-32000, "eth_getLogs is limited to a 10,000 range"),
    "unknown": (-32603, "Zu viel auf einmal."),
    "empty": (0, ""),
}


@pytest.mark.parametrize(("code", "wording"), WORDINGS.values(), ids=WORDINGS.keys())
def test_rangeLimit_whateverItsWording(world: World, code: int, wording: str) -> None:
    world.fill(40)
    rule = world.proxy.on("eth_getLogs", range_limit(6, wording, code))
    assert world.heal() == []
    assert rule.hits > 0
    assert Count.objects.count() == 40
    world.end()


@pytest.mark.parametrize(
    "status", [413, *(pytest.param(status, marks=pytest.mark.slow) for status in (400, 500, 504))]
)
def test_rangeLimit_asAStatus(world: World, status: int) -> None:
    """Some providers answer a page where the reply would be too large, and gateways give up."""
    world.fill(24)
    limit = range_limit(3, "").when
    rule = world.proxy.on("eth_getLogs", Status(status), where=limit)
    world.heal()
    assert rule.hits > 0
    world.end()


def test_rangeLimit_ofResults(world: World) -> None:
    """A limit on the number of logs: ranges grow again where there is less."""
    world.fill(10)
    world.send("countMany", 1, 30, 1)
    world.fill(10)
    honest = world.rpc

    def too_many(params: list) -> bool:  # type: ignore[type-arg]
        return "fromBlock" in params[0] and len(honest.call("eth_getLogs", params[0])) > 12

    rule = world.proxy.on("eth_getLogs", Refused(-32005, "too many results", too_many))
    world.heal()
    assert rule.hits > 0
    assert Count.objects.count() == 50
    world.end()


@pytest.mark.parametrize("receipts", ["eth_getBlockReceipts", "eth_getTransactionReceipt"])
def test_oneBlockOverTheLimit_isReadFromItsReceipts(world: World, receipts: str) -> None:
    """No range and no hash gives its logs; its receipts do, by the block or one by one."""
    world.fill(8)
    full = world.send("countMany", 1, 20, 1)
    world.fill(8)

    def holds_it(params: list) -> bool:  # type: ignore[type-arg]
        wanted = params[0]
        if "blockHash" in wanted:
            return bool(wanted["blockHash"] == full["blockHash"])
        number = int(full["blockNumber"], 16)
        return int(wanted["fromBlock"], 16) <= number <= int(wanted["toBlock"], 16)

    rule = world.proxy.on("eth_getLogs", Refused(-32005, "response too large", holds_it))
    if receipts != "eth_getBlockReceipts":
        world.proxy.on("eth_getBlockReceipts", Refused(-32601, "the method does not exist"))
    world.heal()
    assert rule.hits > 0
    assert world.proxy.asked(receipts)
    assert Count.objects.count() == 36
    world.end()


@pytest.mark.parametrize("method", ["eth_getBlockByNumber", "eth_getBlockByHash", "eth_getTransactionByHash"])
def test_nullAtTheHead(world: World, method: str) -> None:
    """It told of a block, and does not know it when it is asked: another machine behind the same address."""
    world.fill(3)
    world.heal()
    for _ in range(3):
        world.send("count", 1, 1, "")
        world.proxy.on(method, no_result(), times=2)
        world.heal()
        world.proxy.honest()
    world.end()


def test_unknownBlockAtTheHead(world: World) -> None:
    world.fill(3)
    world.heal()
    world.send("count", 1, 1, "")
    world.proxy.on("eth_getLogs", Refused(-32000, "unknown block"), times=3)
    world.heal()
    world.end()


def test_noFinalizedBlock_isSaidAndWaitedFor(world: World) -> None:
    """A node that lacks the tag refuses: the mirror says so, and goes on when it has it."""
    world.fill(3)
    world.proxy.on(
        "eth_getBlockByNumber", Refused(-39001, "unknown block", lambda params: params[0] == "finalized")
    )
    world.fill(3)
    with pytest.raises(RpcError, match="unknown block"):
        world.sync()
    found = Cursor.current()
    assert found is None or "unknown block" in found.error
    world.end()
