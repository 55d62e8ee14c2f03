"""What a node says is held against itself before anybody believes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chain import bloom
from chain.reader import Broken, RawLog, Reader, Unsettled
from chain.rpc import RpcError
from tests.chain.limited import Call, History, Limited, history_in


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    with history_in(tmp_path_factory.mktemp("history")) as made:
        made.block([2, 1], theirs=[3])
        made.block([])
        made.block([2])
        yield made


@pytest.fixture
def limited(history: History) -> Iterator[Limited]:
    server = Limited(history.chain.url)
    yield server
    server.close()


def changing(server: Limited, method: str, change: Callable[[Any], Any]) -> None:
    """Have the answers to one method changed."""
    server.change = lambda call, result: change(result) if call["method"] == method else result


def test_logs_whateverTheNodeDoesToTheirList(history: History, limited: Limited) -> None:
    reader = history.reader(limited.rpc())
    headers = reader.headers(1, history.head)
    truth = reader.logs_in_range(headers)
    assert len(truth) == 5
    assert truth == history.reader(history.rpc).logs_by_hash(headers)

    foreign = history.rpc.call("eth_getLogs", {"address": history.theirs, "fromBlock": "0x0"})
    assert len(foreign) == 3

    def capitals(logs: list[Call]) -> list[Call]:
        def upper(text: str) -> str:
            return "0x" + text[2:].upper()

        return [
            {key: upper(value) if isinstance(value, str) else value for key, value in log.items()}
            | {"topics": [upper(topic) for topic in log["topics"]]}
            for log in logs
        ]

    for harmless in (
        lambda logs: logs[::-1],
        lambda logs: logs + logs[:2],
        lambda logs: foreign[:1] + logs + foreign[1:],
        capitals,
    ):
        changing(limited, "eth_getLogs", harmless)
        assert reader.logs_in_range(headers) == truth


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("removed", lambda logs: [*logs[:-1], logs[-1] | {"removed": True}]),
        ("of another block", lambda logs: [*logs[:-1], logs[-1] | {"blockHash": "0x" + "ab" * 32}]),
        ("two at one place", lambda logs: [*logs, logs[0] | {"data": "0x"}]),
    ],
)
def test_logs_thatDoNotFit_areAskedForAgain(
    history: History, limited: Limited, what: str, change: Callable[[Any], Any]
) -> None:
    reader = history.reader(limited.rpc())
    headers = reader.headers(1, history.head)
    changing(limited, "eth_getLogs", change)
    with pytest.raises(Unsettled) as caught:
        reader.logs_in_range(headers)
    assert not isinstance(caught.value, Broken), what


@pytest.mark.parametrize(
    "change",
    [
        lambda logs: None,
        lambda logs: {"logs": logs},
        lambda logs: [None],
        lambda logs: [{key: value for key, value in logs[0].items() if key != "topics"}],
        lambda logs: [logs[0] | {"logIndex": None}],
        lambda logs: [logs[0] | {"blockHash": None}],
        lambda logs: [logs[0] | {"data": 7}],
    ],
)
def test_logs_thatAreNone_areBroken(history: History, limited: Limited, change: Callable[[Any], Any]) -> None:
    reader = history.reader(limited.rpc())
    headers = reader.headers(1, history.head)
    changing(limited, "eth_getLogs", change)
    with pytest.raises(Broken):
        reader.logs_in_range(headers)


def test_headers_haveBlooms_andMustBeLinked(history: History, limited: Limited) -> None:
    reader = history.reader(limited.rpc())
    ours = bloom.mask(history.ours)
    *_, full, empty, last = reader.headers(1, history.head)
    assert [bloom.may_hold(one.logs_bloom, [ours]) for one in (full, empty, last)] == [True, False, True]
    assert [one.transactions for one in (full, empty, last)] == [3, 0, 1]
    assert reader.header(history.head) == last
    assert reader.header(history.head + 1) is None

    for change, error in (
        (lambda block: None, Unsettled),
        (lambda block: block | {"parentHash": "0x" + "cd" * 32}, Unsettled),
        (lambda block: block | {"number": "0x7"}, Unsettled),
        (lambda block: block | {"logsBloom": None}, Broken),
        (lambda block: "0x1", Broken),
    ):
        changing(limited, "eth_getBlockByNumber", change)
        with pytest.raises(error):
            reader.headers(1, history.head)


def test_receipts_sayWhatTheLogsSay_andMore(history: History, limited: Limited) -> None:
    reader = history.reader(limited.rpc())
    header = reader.headers(history.head - 2, history.head - 2)[0]
    by_block = reader.receipts(header)
    assert by_block.raws == reader.logs_by_hash([header])
    assert (len(by_block.raws), by_block.count) == (3, 6), "the other Emitter's logs are counted"
    assert by_block.bloom == header.logs_bloom
    assert by_block.senders == dict.fromkeys(by_block.senders, history.account)
    assert len(by_block.senders) == 3
    assert reader.senders(raw.tx_hash for raw in by_block.raws).items() <= by_block.senders.items()

    changing(limited, "eth_getBlockReceipts", lambda result: RpcError(-32601, "no such method"))
    assert reader.receipts(header) == by_block
    assert len(limited.of("eth_getTransactionReceipt")) == 3


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda receipts: receipts[:-1], Unsettled),
        (lambda receipts: None, Unsettled),
        (lambda receipts: [*receipts[:-1], receipts[-1] | {"blockHash": "0x" + "ab" * 32}], Unsettled),
        (lambda receipts: [*receipts[:-1], receipts[-1] | {"logs": None}], Broken),
        (
            lambda receipts: [
                *receipts[:-1],
                receipts[-1]
                | {"logs": [log | {"blockHash": "0x" + "ab" * 32} for log in receipts[-1]["logs"]]},
            ],
            Unsettled,
        ),
        (lambda receipts: [*receipts[:-1], {}], Broken),
    ],
)
def test_receipts_thatDoNotFit(
    history: History, limited: Limited, change: Callable[[Any], Any], error: type[Exception]
) -> None:
    reader = history.reader(limited.rpc())
    header = reader.headers(history.head - 2, history.head - 2)[0]
    changing(limited, "eth_getBlockReceipts", change)
    with pytest.raises(error):
        reader.receipts(header)


def test_end_isTheBlockAsItIsNow(history: History, limited: Limited) -> None:
    reader = history.reader(limited.rpc())
    headers = reader.headers(1, history.head)
    assert reader.end(headers[-1]) == reader.logs_in_range(headers)[-2:]
    history.rpc.call("evm_mine")
    gone = reader.header(history.head)
    assert gone is not None
    assert reader.end(gone) == []
    history.rpc.call("anvil_rollback", 1)
    with pytest.raises((Unsettled, RpcError)):
        reader.end(gone)


def test_addresses_mayBeWrittenWithCapitals(history: History) -> None:
    loud = Reader(history.rpc, ["0x" + history.ours[2:].upper()], 2)
    found: list[RawLog] = loud.logs_in_range(loud.headers(1, history.head))
    assert found == history.truth(1, history.head)
