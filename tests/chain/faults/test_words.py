"""What contracts may say that databases and decoders don't like."""

from __future__ import annotations

import pytest

from chain.fields import UINT256_MAX
from chain.mirror import UndecodableLog
from chain.models import Cursor, Log
from tests.chain.faults.world import World
from tests.chain.tables import Count


def test_invalidUtf8AndNul_inAReason(world: World) -> None:
    """A `string` may hold any bytes; PostgreSQL takes no NUL, and JSON no halves of characters."""
    world.send("countBadly", 1)
    for note in (
        "\x00",
        "a\x00b",
        "zwölf \U0001f426",
        "\ud7ff\ue000",
        "'; --",
        "\\N",
        "\\.",
        "\t\n\r",
        "\\x00",
    ):
        world.send("count", 2, 1, note)
    world.heal()
    notes = list(Count.objects.order_by("log__block__number").values_list("note", flat=True))
    assert notes[:3] == ["\ufffd\ufffdA", "\ufffd", "a\ufffdb"]
    assert notes[3:] == ["zwölf \U0001f426", "\ud7ff\ue000", "'; --", "\\N", "\\.", "\t\n\r", "\\x00"]
    world.end()


def test_largestWeight_isExact(world: World) -> None:
    for amount in (UINT256_MAX, 0, 10**18 + 1, 2**255, UINT256_MAX - 1):
        world.send("count", UINT256_MAX, amount, "")
    world.heal()
    amounts = list(Count.objects.order_by("log__block__number").values_list("amount", flat=True))
    assert amounts == [UINT256_MAX, 0, 10**18 + 1, 2**255, UINT256_MAX - 1]
    world.end()


def test_undecodableLog_stopsTheMirrorInFrontOfIt(world: World) -> None:
    """All before it is stored, the alarm names it, and nothing behind it is served. A reorganisation that
    takes it back lets the mirror go on.
    """
    world.fill(8)
    good = world.head
    receipt = world.send("lie", 3)
    world.fill(5)
    for _ in range(3):
        with pytest.raises(UndecodableLog, match="log 0 of Emitter"):
            world.sync()
    cursor = Cursor.objects.get()
    assert (cursor.number, Log.objects.count()) == (good, 8)
    assert cursor.finalized_number <= good
    assert receipt["transactionHash"] in cursor.error
    assert f"block {good + 1}" in cursor.error
    world.reorg(6, (world.call_of("count", 1, 7, "instead"), 1))
    world.heal()
    assert Cursor.objects.get().error == ""
    world.end()


def test_undecodableLog_atTheHead(world: World) -> None:
    world.fill(2)
    world.heal()
    world.send("lie", 3)
    with pytest.raises(UndecodableLog):
        world.sync()
    assert Log.objects.count() == 2
    world.reorg(1)
    world.end()
