"""How many blocks to ask for: as many as make a good batch, and as many as the node gives."""

from __future__ import annotations

import pytest

from chain.pace import MOST, START, Pace, hint


@pytest.mark.parametrize(
    ("words", "blocks"),
    [
        (
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and "
            "no limit on the response size, or you can request any block range with a cap of 10K logs in the "
            "response. Based on your parameters and the response size limit, this block range should work: "
            "[0xc5dc00, 0xc614a7]",
            0x38A8,
        ),
        ("Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.", 10),
        ("You can make eth_getLogs requests with up to a 2K block range", 2000),
        ("range 9009594 is bigger than range limit 2000", 2000),
        ("range 1000000 exceeds limit of 10000", 10_000),
        ("query returned more than 10000 results. Try with this block range [0xB9F5B6, 0xB9F5C4].", 15),
        ("query exceeds max results 20000, retry with the range 25766988-25775072", 8085),
        ("query exceeds max block range 50", 50),
        ("exceed maximum block range: 5000", 5000),
        ("block range is too wide (maximum 1024)", 1024),
        ("eth_getLogs is limited to a 10,000 block range", 10_000),
        ("eth_getLogs is limited to 0 - 10000 blocks range", 10_000),
        ("range limit 1000", 1000),
        ("query returned more than 10000 results", None),
        ("block range limit exceeded", None),
        ("the stars are not aligned", None),
        ("this block range should work: [0x10, 0x2]", None),
    ],
)
def test_hint_isReadWhereItsWordsAreKnown(words: str, blocks: int | None) -> None:
    assert hint(words) == blocks


def test_size_followsTheLogs() -> None:
    pace = Pace()
    assert pace.blocks("a") == START
    pace.went_well("a", START, 0)
    assert pace.blocks("a") == 4 * START, "quickly, but not at once: what comes next may be full"
    pace.went_well("a", 4 * START, 0)
    assert pace.blocks("a") == MOST
    pace.went_well("a", 500, 50_000)
    assert pace.blocks("a") == 50
    pace.went_well("a", 50, 500_000)
    assert pace.blocks("a") == 1


def test_refusal_halves_orTakesTheHint() -> None:
    pace = Pace(start=400)
    assert pace.refused("a", 400, "no") == 200
    assert pace.refused("a", 200, "no more than a range limit 1000, and not 200") == 100
    assert pace.refused("a", 100, "range limit 7") == 7
    assert pace.blocks("a") == 7
    assert pace.blocks("b") == 400, "another node has its own limit"
    assert [pace.refused("a", 1, "no") for _ in range(3)] == [1, 1, 1]


def test_limit_isTriedSeldom_andLessAndLessOften() -> None:
    """A node that gives 60 blocks: of a thousand ranges it refuses a handful."""
    pace = Pace(start=500)
    refused = 0
    for _ in range(1000):
        blocks = pace.blocks("a")
        while blocks > 60:
            refused += 1
            blocks = pace.refused("a", blocks, "whatever")
        pace.went_well("a", blocks, 0)
    assert blocks <= 60 < 2 * blocks
    assert refused < 16


def test_limit_isForgotten_whereTheNodeWasOnlyUnwell() -> None:
    pace = Pace(start=500)
    blocks = 500
    while blocks > 1:
        blocks = pace.refused("a", blocks, "internal error")
    ranges = 0
    while (blocks := pace.blocks("a")) < 500:
        pace.went_well("a", blocks, 0)
        ranges += 1
    assert ranges < 60
