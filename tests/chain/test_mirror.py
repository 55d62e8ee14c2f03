"""What the mirror writes and takes back, without a node: each block here is made up."""

from __future__ import annotations

from typing import Any

import eth_abi
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chain import abi, cascade, mirror
from chain.completeness import Checked
from chain.events import Event
from chain.mirror import HandlerFailed, Overtaken, UndecodableLog
from chain.models import Block, Cursor, Log, Reorganisation, Repair, Transaction
from chain.reader import Header, RawLog
from tests.chain.tables import Count, Sample, counted

pytestmark = pytest.mark.django_db

EMITTER = "0x" + "e1" * 20
NAMES = {EMITTER: "Emitter"}
HANDLERS = {"Emitter.Counted": counted}
BEGIN = mirror.KEPT_HEADERS + mirror.PRUNED_AT_ONCE


def hash_of(number: int, salt: int = 0) -> str:
    return f"0x{salt:032x}{number:032x}"


def header(number: int, salt: int = 0) -> Header:
    return Header(number, hash_of(number, salt), hash_of(number - 1, salt), 1000 + number, 0)


def raw(block: Header, index: int, amount: int = 1, note: str = "") -> RawLog:
    """A Counted of that block."""
    topics = [
        abi.topic_of("Emitter", "Counted"),
        f"0x{index:064x}",
        "0x" + "00" * 12 + "ab" * 20,
    ]
    data = "0x" + eth_abi.encode(["uint256", "string"], [amount, note]).hex()
    return RawLog(block.hash, index, hash_of(index, block.number), EMITTER, topics, data)


def begin() -> Cursor:
    return Cursor.objects.create(
        pk=1, chain_id=1, genesis_hash=hash_of(0), number=BEGIN - 1, hash=hash_of(BEGIN - 1)
    )


def store(cursor: Cursor, numbers: range, per_block: int, finalized: int = -1, **more: Any) -> Cursor:
    """Append blocks with logs."""
    headers = [header(number) for number in numbers]
    raws = [raw(block, index, note=f"of {block.number}") for block in headers for index in range(per_block)]
    senders = {one.tx_hash: "0x" + "5e" * 20 for one in raws}
    decoded = mirror.decode(headers, raws, NAMES, senders)
    return mirror.append(cursor, headers, decoded, HANDLERS, headers[-1], finalized, **more)


def tables() -> dict[str, list[tuple[Any, ...]]]:
    """Every mirrored row there is."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for model in (Block, Log, Count, Sample, Transaction, Reorganisation, Repair):
        columns = [field.attname for field in model._meta.concrete_fields if field.attname != "updated_at"]
        found[model.__name__] = [
            tuple(map(str, row)) for row in model.objects.order_by("pk").values_list(*columns)
        ]
    return found


def test_manyLogs_areDecodedAsEachByItself_theFirstProblemFirst() -> None:
    block = header(BEGIN)
    raws = [raw(block, index, amount=index, note=f"note {index % 3}\0") for index in range(9)]
    words = [4, 96, 0, 1, 0x78 << 248]  # the text lies further off than it need
    raws[4].data = "0x" + "".join(f"{word:064x}" for word in words)
    kinds = {one.index: abi.event_of("Emitter", one.topics).decode(one.topics, one.data) for one in raws}
    events = mirror.decode([block], raws, NAMES, {})
    assert [event.args for event in events] == list(kinds.values())
    assert events[4].args["note"] == "x"
    assert [event.log_index for event in events] == list(range(9))
    raws[3].topics = ["0x" + "77" * 32]  # of another kind, and no event at all
    raws[2].data = "0x"
    raws[7].data = "0x00"
    with pytest.raises(UndecodableLog, match="log 2 of Emitter"):
        mirror.decode([block], raws, NAMES, {})
    with pytest.raises(UndecodableLog, match="log 3 of Emitter"):
        mirror.decode([block], raws[3:], NAMES, {})


def test_theCursor_isMovedFromWhereItIs_withItsFinality() -> None:
    cursor = store(begin(), range(BEGIN, BEGIN + 2), 1, finalized=BEGIN)
    Cursor.objects.update(finalized_number=BEGIN + 1)  # another indexer was told more
    with pytest.raises(Overtaken):
        store(cursor, range(BEGIN + 2, BEGIN + 3), 1, finalized=BEGIN)
    current = Cursor.current()
    assert current is not None
    assert (current.number, current.finalized_number) == (BEGIN + 1, BEGIN + 1)
    assert Log.objects.count() == 2


def test_append_storesBlocksLogsRowsAndCursor() -> None:
    cursor = store(begin(), range(BEGIN, BEGIN + 3), 2)
    assert (cursor.number, cursor.hash) == (BEGIN + 2, hash_of(BEGIN + 2))
    assert Cursor.objects.get().number == BEGIN + 2
    assert list(Block.objects.values_list("number", "hash", "timestamp")) == [
        (number, hash_of(number), 1000 + number) for number in range(BEGIN, BEGIN + 3)
    ]
    log = Log.objects.in_order().last()
    assert log is not None
    assert (log.block.number, log.block_hash, log.log_index) == (BEGIN + 2, hash_of(BEGIN + 2), 1)
    assert (log.contract, log.event, log.address) == ("Emitter", "Counted", EMITTER)
    assert (log.tx_hash, log.tx_from) == (hash_of(1, BEGIN + 2), "0x" + "5e" * 20)
    assert log.topics == raw(header(BEGIN + 2), 1).topics
    assert log.args == {"id": "1", "by": "0x" + "ab" * 20, "amount": "1", "note": f"of {BEGIN + 2}"}
    assert abi.decode_log("Emitter", log.topics, log.data)[1] == log.args | {"id": 1, "amount": 1}
    assert list(Count.objects.order_by("log_id").values_list("log__block__number", "note")) == [
        (number, f"of {number}") for number in range(BEGIN, BEGIN + 3) for _ in range(2)
    ]


def test_eventsAreLight_andSayWhatTheLogSays() -> None:
    seen: list[Event] = []
    block = header(BEGIN)
    decoded = mirror.decode([block], [raw(block, 4, 7, "hm")], NAMES, {})
    mirror.append(begin(), [block], decoded, {"Emitter.Counted": seen.extend}, block, -1)
    (event,) = seen
    assert (event.contract, event.name, event.key) == ("Emitter", "Counted", "Emitter.Counted")
    assert event.log_id == Log.objects.get().pk
    assert (event.log_index, event.block_number, event.timestamp) == (4, BEGIN, 1000 + BEGIN)
    one = raw(block, 4, 7, "hm")
    assert (event.tx_hash, event.address, event.block_hash) == (one.tx_hash, EMITTER, block.hash)
    assert (event.topics, event.data, event.sender) == (one.topics, one.data, None)
    assert repr(event) == f"<Emitter.Counted in block {BEGIN}, log 4>"


def test_whatTheCheckFound_isStoredWithTheBlocks() -> None:
    repair = Repair(number=BEGIN, block_hash=hash_of(BEGIN), provider="a", problem="no logs", remedy="b")
    cursor = store(begin(), range(BEGIN, BEGIN + 1), 1, checked=Checked([], 3, 2, [repair]))
    cursor = store(cursor, range(BEGIN + 1, BEGIN + 2), 1, checked=Checked([], 1, 0, []))
    assert (cursor.doubts, cursor.samples) == (4, 2)
    assert Repair.objects.get().problem == "no logs"


@pytest.mark.parametrize("per_block", [0, 1, 40])
def test_overtaken_leavesNothing(per_block: int) -> None:
    old = begin()
    Cursor.objects.update(number=BEGIN, hash=hash_of(BEGIN))  # another indexer was quicker
    before = tables()
    with pytest.raises(Overtaken):
        store(old, range(BEGIN, BEGIN + 2), per_block)
    with pytest.raises(Overtaken):
        mirror.rewind(old, 1, hash_of(1))
    assert tables() == before


def test_aHandlerThatFails_leavesNothing() -> None:
    def fail(events: Any) -> None:
        raise RuntimeError("no")

    cursor = begin()
    block = header(BEGIN)
    decoded = mirror.decode([block], [raw(block, 0)], NAMES, {})
    with pytest.raises(HandlerFailed, match=f"Emitter.Counted failed in blocks {BEGIN} to {BEGIN}"):
        mirror.append(cursor, [block], decoded, {"Emitter.Counted": fail}, block, -1)
    assert not Block.objects.exists()
    assert not Log.objects.exists()
    assert Cursor.objects.get().number == BEGIN - 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"data": "0x"}, "data ends at 0"),
        ({"data": "0x12 34"}, "not hexadecimal"),
        ({"data": "0x123"}, "not hexadecimal"),
        ({"topics": []}, "no event with topic"),
        ({"topics": ["0x" + "00" * 32]}, "no event with topic"),
        ({"topics": ["Counted"]}, "no event with topic"),
    ],
)
def test_aLogThatDoesNotFit_isNamed(change: dict[str, Any], problem: str) -> None:
    block = header(BEGIN)
    bad = raw(block, 3)
    for name, value in change.items():
        setattr(bad, name, value)
    with pytest.raises(UndecodableLog, match=f"log 3 of Emitter in block {BEGIN} .*{problem}"):
        mirror.decode([block], [raw(block, 0), bad], NAMES, {})


@pytest.mark.parametrize(("index", "topic"), [(1, "0x12"), (2, "0x" + "ff" * 32), (1, "0x" + "00" * 33)])
def test_aTopicThatDoesNotFit_isNamed(index: int, topic: str) -> None:
    block = header(BEGIN)
    bad = raw(block, 3)
    bad.topics[index] = topic
    with pytest.raises(UndecodableLog):
        mirror.decode([block], [bad], NAMES, {})


# --- Taking back -----------------------------------------------------------------------------------------


def with_more_than_logs() -> Cursor:
    """Three blocks, and rows that hang on rows."""
    cursor = store(begin(), range(BEGIN, BEGIN + 3), 2)
    for count in Count.objects.all():
        Sample.objects.create(count=count, text=count.note)
    Sample.objects.create(text="of nothing")
    for number in (BEGIN, BEGIN + 2):
        Transaction.objects.create(
            key=f"at {number}",
            state="mined",
            contract="Emitter",
            function="count",
            to=EMITTER,
            data="0x",
            block_number=number,
            block_hash=hash_of(number),
            sent_at=timezone.now(),
        )
    return cursor


def test_rewind_takesWhatHangsOnTheBlocks_andNothingElse() -> None:
    cursor = with_more_than_logs()
    before = tables()
    moved = mirror.rewind(cursor, BEGIN, hash_of(BEGIN))
    assert (moved.number, moved.hash) == (BEGIN, hash_of(BEGIN))
    after = tables()
    assert after["Block"] == before["Block"][:1]
    assert after["Log"] == before["Log"][:2]
    assert after["Count"] == before["Count"][:2]
    # ON DELETE SET NULL: the row stays and lets go.
    assert Sample.objects.count() == 7
    assert list(Sample.objects.order_by("id").values_list("text", flat=True)) == [
        row for number in range(BEGIN, BEGIN + 3) for row in [f"of {number}"] * 2
    ] + ["of nothing"]
    assert Sample.objects.filter(count=None).count() == 5
    assert list(Transaction.objects.order_by("key").values_list("key", "state", "block_number")) == [
        (f"at {BEGIN}", "mined", BEGIN),
        (f"at {BEGIN + 2}", "sent", None),
    ]
    assert Reorganisation.objects.get().blocks == 2


def test_rewound_canBeStoredAgain() -> None:
    cursor = store(begin(), range(BEGIN, BEGIN + 3), 30)
    moved = mirror.rewind(cursor, BEGIN, hash_of(BEGIN))
    store(moved, range(BEGIN + 1, BEGIN + 4), 30)
    assert Count.objects.count() == 4 * 30
    assert Log.objects.count() == 4 * 30


def test_forget_leavesNothingOfTheChain_andAllElse() -> None:
    with_more_than_logs()
    mirror.forget()
    left = tables()
    assert left["Block"] == left["Log"] == left["Count"] == []
    assert (len(left["Sample"]), len(left["Transaction"])) == (7, 2)
    assert not Cursor.objects.exists()
    assert not Sample.objects.exclude(count=None).exists()


def test_deleting_readsNoRows() -> None:
    """Whatever the number of rows: so many statements, and none that selects rows to read them."""
    sizes = []
    for per_block in (1, 60):
        cursor = store(begin(), range(BEGIN, BEGIN + 2), per_block)
        with CaptureQueriesContext(connection) as asked:
            mirror.rewind(cursor, BEGIN - 1, hash_of(BEGIN - 1))
        assert not Log.objects.exists()
        statements = [query["sql"] for query in asked]
        assert not [sql for sql in statements if sql.lstrip("(").startswith("SELECT")]
        sizes.append(len(statements))
        Cursor.objects.all().delete()
    assert sizes[0] == sizes[1]


def test_aTableThatCannotBeDeletedSo_isRefused() -> None:
    with pytest.raises(TypeError, match="parent closes a circle"):
        cascade.delete(Sample.objects.all())


# --- Pruning ---------------------------------------------------------------------------------------------


def test_emptyFinalBlocks_areForgottenInSteps() -> None:
    cursor = begin()
    step, kept = mirror.PRUNED_AT_ONCE, mirror.KEPT_HEADERS
    for number in range(BEGIN, BEGIN + 3):
        cursor = store(cursor, range(number, number + 1), 1 if number == BEGIN + 1 else 0)
    far = BEGIN + kept + 2 * step
    empty = [header(number) for number in range(BEGIN + 3, far)]
    cursor = mirror.append(cursor, empty, [], HANDLERS, empty[-1], -1)
    assert Block.objects.count() == far - BEGIN
    cursor = mirror.note_head(cursor, empty[-1], BEGIN + kept)
    assert list(Block.objects.values_list("number", flat=True)[:2]) == [BEGIN + 1, BEGIN + 2]
    cursor = mirror.note_head(cursor, empty[-1], BEGIN + kept + step)
    assert list(Block.objects.values_list("number", flat=True)[:2]) == [
        BEGIN + 1,  # it has a log
        BEGIN + step + 1,
    ]


# --- The live path ---------------------------------------------------------------------------------------


def test_oneBlockWithOneLog_isAFewStatements() -> None:
    """The number is a law: each costs a round trip while everybody waits for the vote to show."""
    cursor = store(begin(), range(BEGIN, BEGIN + 1), 1, finalized=BEGIN)
    with CaptureQueriesContext(connection) as asked:
        store(cursor, range(BEGIN + 1, BEGIN + 2), 1, finalized=BEGIN + 1)
    statements = [query["sql"].replace("1 times: ", "") for query in asked]
    assert [sql.split()[0] for sql in statements] == [
        "SAVEPOINT",  # BEGIN, outside of a test
        "SELECT",  # the ids of blocks and logs
        "INSERT",  # the block
        "INSERT",  # the log
        "INSERT",  # the handler's row
        "UPDATE",  # the cursor
        "RELEASE",
    ], statements
