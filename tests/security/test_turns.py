"""However many ask at once, so many are answered at once, and in order."""

from __future__ import annotations

import asyncio

import pytest

from config import turns
from config.turns import Refused, Turns


async def test_so_many_at_once_and_the_others_in_order() -> None:
    threads, order, at_once, most = Turns(3), [], 0, 0

    async def ask(number: int) -> None:
        nonlocal at_once, most
        async with threads.turn(f"10.0.0.{number}"):
            at_once += 1
            most = max(most, at_once)
            order.append(number)
            await asyncio.sleep(0.001)
            at_once -= 1

    await asyncio.gather(*(ask(number) for number in range(30)))
    assert most == 3
    assert order == list(range(30))


async def test_one_address_cannot_fill_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_PER_ADDRESS", 2)
    monkeypatch.setattr(turns, "WAITING", 4)
    threads = Turns(1)
    async with threads.turn("a"):
        waiting = [asyncio.create_task(hold(threads, who)) for who in ("a", "a", "b", "c")]
        await asyncio.sleep(0)
        for who, status in (("a", 429), ("d", 503)):
            with pytest.raises(Refused) as refused:
                await hold(threads, who)
            assert refused.value.status == status
    await asyncio.gather(*waiting)
    await asyncio.wait_for(hold(threads, "a"), 5)


async def hold(threads: Turns, who: str) -> None:
    """Take a turn and give it back at once."""
    async with threads.turn(who):
        pass


async def test_who_leaves_the_line_takes_no_thread_along() -> None:
    threads = Turns(1)
    for cancel_late in (False, True):
        async with threads.turn("a"):
            gone = asyncio.create_task(hold(threads, "b"))
            await asyncio.sleep(0)
            if not cancel_late:
                gone.cancel()
        if cancel_late:
            gone.cancel()  # in the moment when its turn has come
        await asyncio.gather(gone, return_exceptions=True)
        await asyncio.wait_for(hold(threads, "c"), 5)
