"""The in-memory layer across threads and loops."""

import asyncio
import threading

import pytest
from channels.exceptions import ChannelFull

from live.layers import LocalChannelLayer


async def test_a_reader_is_woken_from_another_threads_loop() -> None:
    layer = LocalChannelLayer()
    await layer.group_add("g", "c")
    reading = asyncio.create_task(layer.receive("c"))
    await asyncio.sleep(0)
    thread = threading.Thread(target=lambda: asyncio.run(layer.group_send("g", {"type": "x", "n": 1})))
    thread.start()
    assert (await asyncio.wait_for(reading, 5))["n"] == 1
    thread.join()


async def test_what_was_sent_before_the_reader_came_is_kept_in_order() -> None:
    layer = LocalChannelLayer()
    for number in range(3):
        await layer.send("c", {"type": "x", "n": number})
    assert [(await layer.receive("c"))["n"] for _ in range(3)] == [0, 1, 2]


async def test_a_full_channel_says_so_and_a_group_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    layer = LocalChannelLayer(capacity=1)
    await layer.group_add("g", "full")
    await layer.group_add("g", "free")
    await layer.send("full", {"type": "x"})
    with pytest.raises(ChannelFull):
        await layer.send("full", {"type": "x"})
    await layer.group_send("g", {"type": "y"})
    assert (await layer.receive("free"))["type"] == "y"
    assert "lost a message" in caplog.text


async def test_a_cancelled_reader_loses_nothing() -> None:
    layer = LocalChannelLayer()
    reading = asyncio.create_task(layer.receive("c"))
    await asyncio.sleep(0)
    await layer.send("c", {"type": "x"})
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert (await asyncio.wait_for(layer.receive("c"), 1))["type"] == "x"


async def test_a_channel_without_groups_is_forgotten() -> None:
    layer = LocalChannelLayer()
    await layer.group_add("g", "c")
    await layer.group_discard("g", "c")
    assert layer._mailboxes == {}
    assert layer._groups == {}
