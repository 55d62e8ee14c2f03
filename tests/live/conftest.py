"""A real server on a free port, and real sockets."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from channels.layers import channel_layers
from channels.routing import ProtocolTypeRouter
from django.core.cache import cache
from websockets.asyncio.client import ClientConnection, connect

from live import server as live_server
from live.socket import live_socket


class Server:
    """uvicorn in a thread, serving the live path alone."""

    def __init__(self) -> None:
        app = ProtocolTypeRouter({"websocket": live_socket})
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", **live_server.options())
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def socket(self, *topics: str, **options: Any) -> AsyncIterator[ClientConnection]:
        url = f"ws://127.0.0.1:{self.port}/live/?topics={','.join(topics)}"
        options.setdefault("origin", self.origin)
        async with connect(url, **options) as socket:
            yield socket

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)


def wait_until(true: Any, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


async def hear(socket: ClientConnection, seconds: float = 10.0) -> dict[str, Any]:
    """The next message that is not a heartbeat."""
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), seconds))
        if message["kind"] not in ("beat", "listening"):
            return message


@pytest.fixture(autouse=True)
def in_memory(settings: Any) -> Iterator[None]:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "live.layers.LocalChannelLayer"}}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    channel_layers.backends.clear()
    cache.clear()
    yield
    channel_layers.backends.clear()


@pytest.fixture
def server(in_memory: None) -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()
