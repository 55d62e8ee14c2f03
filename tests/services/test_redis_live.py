"""The live layer over Redis: one process publishes, the sockets of another hear it."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.core.cache import cache
from django.db import connections

from live import presence, publish
from tests.live.conftest import Server, hear

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
PUBLISH = "import django; django.setup(); from live import publish; publish('artwork', 'told', words='afar')"


@pytest.fixture
def server(settings: Any):
    """A real server over the Redis of `make test-services`."""
    assert settings.REDIS_URL, "set REDIS_URL, or run make test-services"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    channel_layers.backends.clear()
    cache.clear()
    server = Server()
    yield server
    server.stop()
    channel_layers.backends.clear()


async def test_whatThisProcessPublishes_isHeardOnce(server: Server):
    async with server.socket("artwork") as one, server.socket("artwork") as other:
        await listening(one)
        await listening(other)
        await tell(words="here", number=2**60)
        for socket in (one, other):
            assert await hear(socket) == {
                "topic": "artwork",
                "kind": "told",
                "words": "here",
                "number": str(2**60),
            }


async def test_whatAnotherProcessPublishes_isHeardHere(server: Server):
    async with server.socket("artwork") as socket:
        await listening(socket)
        await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", PUBLISH],
            check=True,
            timeout=120,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        )
        assert (await hear(socket, 60))["words"] == "afar"


async def test_whoWatches_isCountedForAllProcesses(server: Server):
    async with server.socket("artwork") as one, server.socket("artwork") as other:
        await listening(one)
        await listening(other)
        while await sync_to_async(presence.sockets)() != 2:
            await asyncio.sleep(0.05)


async def test_silence_isNoFailure(server: Server, caplog: pytest.LogCaptureFixture):
    """The layer waits five seconds at a time; whoever says nothing for longer is still there."""
    async with server.socket("artwork") as socket:
        await listening(socket)
        with pytest.raises(TimeoutError):
            await hear(socket, 12)
        await tell(words="after the silence")
        assert (await hear(socket, 60))["words"] == "after the silence"
    assert "channel layer failed" not in caplog.text


async def test_manyMessages_comeInOrder(server: Server):
    async with server.socket("artwork") as socket:
        await listening(socket)
        for number in range(100):
            await tell(number=number)
        assert [(await hear(socket, 60))["number"] for _ in range(100)] == list(range(100))


async def tell(**data: Any) -> None:
    def publish_and_leave() -> None:
        publish("artwork", "told", **data)
        connections.close_all()  # this thread is nobody's, and the test database is to be removed

    await sync_to_async(publish_and_leave)()


async def listening(socket: Any) -> None:
    """Until nothing is missed any more."""
    async for text in socket:
        if '"listening"' in text:
            return
