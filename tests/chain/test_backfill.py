"""Whatever a node refuses or cuts short: the batches are what one unlimited question would have given."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.backfill import THREADS, Backfill, ahead
from chain.completeness import Checked, Doubtful, complete
from chain.pace import Pace
from chain.providers import Providers
from chain.ranges import Batch
from chain.reader import Reader, Unsettled
from chain.rpc import Rpc, RpcError, RpcUnavailable
from tests.chain.limited import Call, History, Limited, history_in, span

FIRST = 1
TOO_MANY = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"daily request count exceeded"}}'


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Some 90 blocks: mostly few logs or none, one block with many, foreign transactions in between."""
    drawn = random.Random(7)
    with history_in(tmp_path_factory.mktemp("history")) as made:
        for number in range(90):
            theirs = [drawn.randint(0, 3)] if drawn.random() < 0.7 else []
            made.block([60] if number == 50 else drawn.choices([0, 1, 2, 5], k=number % 3), theirs + theirs)
        yield made


@pytest.fixture
def limited(history: History) -> Iterator[Limited]:
    server = Limited(history.chain.url)
    yield server
    server.close()


def backfill(history: History, *nodes: Rpc, threads: int = THREADS, pace: Pace | None = None) -> Backfill:
    return Backfill(
        Providers.of(*nodes), history.reader, FIRST, history.head, threads, pace=pace or Pace(start=40)
    )


def read(batches: Backfill) -> list[Batch]:
    with batches:
        return list(batches)


def until_error(batches: Backfill) -> tuple[list[Batch], Exception]:
    """What is handed over before the error, and the error."""
    got = []
    with batches:
        try:
            for batch in batches:
                got.append(batch)
        except (RpcError, RpcUnavailable, Unsettled, Doubtful) as error:
            return got, error
    raise AssertionError("no error came")


def assert_whole(history: History, batches: list[Batch], upto: int | None = None) -> None:
    """The batches are all of it, in order, linked, and every log has its sender."""
    headers = [header for batch in batches for header in batch.headers]
    last = history.head if upto is None else upto
    assert headers == history.reader(history.rpc).headers(FIRST, last)
    assert [raw for batch in batches for raw in batch.raws] == history.truth(FIRST, last)
    for batch in batches:
        hashes = {header.hash for header in batch.headers}
        assert {raw.block_hash for raw in batch.raws} <= hashes
        assert {batch.senders[raw.tx_hash] for raw in batch.raws} <= {history.account}


def test_story_rangesInOrder(history: History) -> None:
    batches = read(backfill(history, history.rpc, pace=Pace(most=16, start=16)))
    assert_whole(history, batches)
    assert len(batches) == -(-history.head // 16)
    assert all(batch.checked.raws == batch.raws for batch in batches)


def test_fewBlocks_needOneThread(history: History) -> None:
    before = threading.active_count()
    with Backfill(Providers.of(history.rpc), history.reader, 5, 9) as batches:
        assert threading.active_count() <= before + 1
        assert [one.number for batch in batches for one in batch.headers] == [5, 6, 7, 8, 9]
    with Backfill(Providers.of(history.rpc), history.reader, 9, 8) as nothing:
        assert list(nothing) == []


def test_batches_holdAboutSoManyLogs(history: History) -> None:
    batches = read(backfill(history, history.rpc, pace=Pace(logs=20, start=4), threads=1))
    assert_whole(history, batches)
    assert max(len(batch.raws) for batch in batches if len(batch.headers) > 1) <= 100
    assert len(batches) > 5


@pytest.mark.parametrize(
    "words",
    [
        "You can make eth_getLogs requests with up to a 11 block range",
        "query exceeds max results, retry with the range {first}-{last}",
        "this block range should work: [0x1, 0x500]",
        "block range limit exceeded",
        "",
    ],
)
def test_rangeLimit_inAnyWording(history: History, limited: Limited, words: str) -> None:
    refused = []

    def change(call: Call, result: Any) -> Any:
        if span(call) > 11:
            refused.append(span(call))
            first, last = (int(call["params"][0][key], 16) for key in ("fromBlock", "toBlock"))
            return ValueError(words.format(first=first, last=last))
        return result

    limited.change = change
    batches = read(backfill(history, limited.rpc()))
    assert_whole(history, batches)
    assert 1 <= len(refused) < 12
    assert len(batches) <= 6, "a node's small limit does not make small batches"


@pytest.mark.parametrize(
    "refusal",
    [
        (413, b"<html>Request Entity Too Large</html>"),
        (500, b"oops"),
        (200, b'{"jsonrpc":"2.0","id":1,"result":[{"addr'),
        (200, b'{"jsonrpc":"2.0","id":1,"result":[]}', {"content-length": "5000"}),
    ],
)
def test_tooMuch_saidByHttp(history: History, limited: Limited, refusal: tuple[Any, ...]) -> None:
    limited.refuse = lambda calls: refusal if max(map(span, calls)) > 9 else None
    assert_whole(history, read(backfill(history, limited.rpc())))


def test_tooMuch_saidByNullOrSilence(history: History, limited: Limited) -> None:
    limited.change = lambda call, result: None if span(call) > 15 else result
    assert_whole(history, read(backfill(history, limited.rpc())))

    def hang(calls: list[Call]) -> None:
        if max(map(span, calls)) > 15:
            time.sleep(0.8)

    limited.change, limited.refuse = (lambda call, result: result), hang
    assert_whole(history, read(backfill(history, limited.rpc(timeout=0.5))))


def test_batchesOfCalls_mayBeLimitedToo(history: History, limited: Limited) -> None:
    tooMany = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch size too large"}}'
    limited.refuse = lambda calls: (200, tooMany) if len(calls) > 12 else None
    assert_whole(history, read(backfill(history, limited.rpc())))


def test_oneBlockOverTheLimit_isReadByItsReceipts(history: History, limited: Limited) -> None:
    limited.change = lambda call, result: (
        ValueError("query returned more than 50 results")
        if call["method"] == "eth_getLogs" and len(result) > 50
        else result
    )
    assert_whole(history, read(backfill(history, limited.rpc())))
    assert limited.of("eth_getBlockReceipts")


def test_oneBlockThatOneNodeCannotRead_isReadFromTheNext(history: History, limited: Limited) -> None:
    full = max(range(FIRST, history.head), key=lambda number: len(history.truth(number, number)))

    def change(call: Call, result: Any) -> Any:
        if call["method"] == "eth_getLogs" and len(result) > 50:
            return ValueError("no")
        receipts = call["method"] in ("eth_getBlockReceipts", "eth_getTransactionReceipt")
        return ValueError("no receipts here") if receipts else result

    limited.change = change
    batches = read(backfill(history, limited.rpc(), history.rpc))
    assert_whole(history, batches)
    by = {batch.provider.place for batch in batches if any(one.number == full for one in batch.headers)}
    assert by == {1}

    got, error = until_error(backfill(history, limited.rpc()))
    assert isinstance(error, RpcError)
    assert_whole(history, got, upto=full - 1)


def test_errorComesInItsPlace_andAllBeforeItIsHandedOver(history: History, limited: Limited) -> None:
    """A node that begins to refuse everything above block 60."""

    def refuse(calls: list[Call]) -> tuple[Any, ...] | None:
        above = any(
            call["method"] == "eth_getBlockByNumber" and int(call["params"][0], 16) > 60 for call in calls
        )
        return (429, TOO_MANY, {"retry-after": "77"}) if above else None

    limited.refuse = refuse
    got, error = until_error(backfill(history, limited.rpc(), pace=Pace(most=10, start=10)))
    assert isinstance(error, RpcUnavailable)
    assert error.retry_after == 77
    assert_whole(history, got, upto=60)


def test_doubt_stopsJustBeforeItsBlock(history: History) -> None:
    def check(reader: Reader, headers: Any, raws: Any, others: Any) -> Checked:
        for header in headers:
            if header.number == 45:
                raise Doubtful(header, "for the test")
        return complete(reader, headers, raws, others)

    got, error = until_error(
        Backfill(Providers.of(history.rpc), history.reader, FIRST, history.head, check=check)
    )
    assert isinstance(error, Doubtful)
    assert_whole(history, got, upto=44)


def test_tooManyRequests_areWaitedForOnTheSpot(history: History, limited: Limited) -> None:
    """A node that answers three requests, then wants a moment: no range shrinks for that."""
    turn = itertools.count(1)
    limited.refuse = lambda calls: (429, TOO_MANY, {"retry-after": "0.05"}) if next(turn) % 4 == 0 else None
    pace = Pace(most=16, start=16)
    assert_whole(history, read(backfill(history, limited.rpc(), pace=pace)))
    assert pace.blocks(limited.rpc().name) == 16


def test_deadNode_isLeftForTheNext(history: History, limited: Limited) -> None:
    dead = limited.rpc()
    limited.close()
    pace = Pace(start=40)
    batches = read(backfill(history, dead, history.rpc, pace=pace))
    assert_whole(history, batches)
    assert {batch.provider.place for batch in batches} == {1}
    with backfill(history, dead) as none, pytest.raises(RpcUnavailable):
        list(none)


def test_deadNodeBeside_isNoMatter(history: History, limited: Limited) -> None:
    """Others are asked for their word only where there is doubt."""
    dead = limited.rpc()
    limited.close()
    assert_whole(history, read(backfill(history, history.rpc, dead)))


def test_stop_isNoticedWhileANodeHangs(history: History, limited: Limited) -> None:
    let_go, stop = threading.Event(), threading.Event()
    limited.refuse = lambda calls: let_go.wait(30) and None
    made = Backfill(Providers.of(limited.rpc()), history.reader, FIRST, history.head, stop=stop)
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    try:
        assert read(made) == []
        assert time.monotonic() < began + 10
    finally:
        let_go.set()


def test_burstOfErrors_leavesNoSmallRanges(history: History, limited: Limited) -> None:
    burst = itertools.count()
    limited.refuse = lambda calls: (500, b"oops") if next(burst) < 6 else None
    pace = Pace(most=16, start=16)
    assert_whole(history, read(backfill(history, limited.rpc(), history.rpc, pace=pace)))
    assert pace.blocks(limited.rpc().name) == 16


def test_cutReplies_areNoticedAtTheEndOfTheRange(history: History, limited: Limited) -> None:
    """A node that gives the first 20 logs and says nothing of the rest."""
    limited.change = lambda call, result: result[:20] if span(call) > 1 else result
    assert_whole(history, read(backfill(history, limited.rpc())))


def test_nodeBehind_isLeftForTheNext(history: History, limited: Limited) -> None:
    def change(call: Call, result: Any) -> Any:
        if call["method"] == "eth_getBlockByNumber" and call["params"][0] != "latest":
            return None if int(call["params"][0], 16) > 50 else result
        return result

    limited.change = change
    batches = read(backfill(history, limited.rpc(), history.rpc, pace=Pace(most=10, start=10)))
    assert_whole(history, batches)
    assert {batch.provider.place for batch in batches} == {0, 1}
    with backfill(history, limited.rpc()) as alone, pytest.raises(Unsettled):
        list(alone)


def test_densePast_isReadByReceipts_whichMustExplainTheBlooms(history: History, limited: Limited) -> None:
    first = history.head + 1
    for _ in range(30):
        history.block([2, 1], theirs=[])
    truth = history.truth(first, history.head)

    def again() -> tuple[list[Batch], int]:
        limited.asked.clear()
        made = Backfill(
            Providers.of(limited.rpc()), history.reader, first, history.head, 1, pace=Pace(most=5, start=5)
        )
        batches = read(made)
        assert [raw for batch in batches for raw in batch.raws] == truth
        return batches, sum(span(call) for call in limited.of("eth_getLogs"))

    batches, by_logs = again()
    assert by_logs == 5, "what the first range taught"
    assert sum(batch.checked.samples for batch in batches) >= 25

    def lie(call: Call, result: Any) -> Any:
        if call["method"] == "eth_getBlockReceipts":
            result[0]["logs"] = []
        return result

    limited.change = lie
    assert again()[1] == 30
    limited.change = lambda call, result: (
        ValueError("no such method") if call["method"] == "eth_getBlockReceipts" else result
    )
    assert again()[1] == 30
    assert len(limited.of("eth_getBlockReceipts")) <= 5, "asked for once"


def test_slowConsumer_isNotBuried(history: History, limited: Limited) -> None:
    """Nothing is fetched beyond what fits in memory while the first batch is being stored."""
    pace = Pace(most=4, start=4)
    with backfill(history, limited.rpc(), pace=pace, threads=2) as batches:
        next(batches)
        seen = -1
        while seen != (seen := len(limited.asked)):
            time.sleep(0.3)
        asked = {int(call["params"][0]["toBlock"], 16) for call in limited.of("eth_getLogs") if span(call)}
        assert max(asked) <= 4 * 3, "in hand, and two read ahead"
        rest = list(batches)
    assert rest[-1].headers[-1].number == history.head


def test_leavingHalfWay_endsTheThreads(history: History) -> None:
    with backfill(history, history.rpc, pace=Pace(most=4, start=4)) as batches:
        next(batches)
    limit = time.monotonic() + 20
    while any(thread.name.startswith("backfill-") for thread in threading.enumerate()):
        assert time.monotonic() < limit
        time.sleep(0.01)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    blocks=st.lists(
        st.tuples(st.lists(st.integers(0, 4), max_size=3), st.lists(st.integers(0, 2), max_size=2)),
        min_size=1,
        max_size=25,
    ),
    widest=st.integers(1, 40),
    most_logs=st.integers(1, 20),
    cut=st.booleans(),
    threads=st.integers(1, 4),
    size=st.integers(1, 40),
)
def test_property_batchesEqualOneQuestion(
    history: History,
    limited: Limited,
    blocks: list[tuple[list[int], list[int]]],
    widest: int,
    most_logs: int,
    cut: bool,
    threads: int,
    size: int,
) -> None:
    first = history.head + 1
    for ours, theirs in blocks:
        history.block(ours, theirs)

    def change(call: Call, result: Any) -> Any:
        if call["method"] != "eth_getLogs":
            return result
        if span(call) > widest:
            return ValueError("too wide")
        if len(result) > most_logs:
            return result[:most_logs] if cut and span(call) > 1 else ValueError("too many")
        return result

    limited.change = change
    made = Backfill(
        Providers.of(limited.rpc()), history.reader, first, history.head, threads, pace=Pace(start=size)
    )
    with made:
        batches = list(made)
    headers = [header for batch in batches for header in batch.headers]
    assert headers == history.reader(history.rpc).headers(first, history.head)
    assert [raw for batch in batches for raw in batch.raws] == history.truth(first, history.head)


def test_ahead_whatEndsTheBatches_comesBehindTheLast() -> None:
    def batches() -> Iterator[int]:
        yield from (1, 2, 3)
        raise RpcUnavailable("gone")

    used: list[int] = []

    def use() -> None:
        for number, made in ahead(batches(), lambda number: 10 // (number - 2)):
            used.append(number)
            assert isinstance(made.exception(), ZeroDivisionError) == (number == 2)

    with pytest.raises(RpcUnavailable, match="gone"):
        use()
    assert used == [1, 2, 3]
