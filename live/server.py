"""How uvicorn treats connections here: what one address may hold, and how long anybody may take.

uvicorn waits without end for a request to arrive, for an answer to be read and for a closing socket to drain,
and keeps as many connections as the system gives files. A server that faces the world by itself must not:

* the whole process keeps `RESERVED_FILES` files for databases and pictures; above that connections get 503;
* one address holds CONNECTIONS_PER_ADDRESS at most, above that 429 (not behind TRUSTED_PROXIES, where all
  connections are the proxy's);
* a request has REQUEST_S to arrive, its answer ANSWER_S to be read;
* a socket that is closed has GOODBYE_S to take what is left, one that answers no ping has none.

`options()` is what both `make run` and production start uvicorn with; on uvicorn's own command line it is
`--http live.server:Http --ws live.server:Socket` and so on.
"""

import asyncio
import resource
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from live.address import client_network

RESERVED_FILES = 256
REQUEST_S = 20.0
ANSWER_S = 300.0
GOODBYE_S = 10.0
PING_S = 20.0
MOST_MESSAGE_BYTES = 8192  # of one message from a page; live.socket refuses what is well below it

_holdings: "WeakKeyDictionary[asyncio.AbstractEventLoop, Counter[str]]" = WeakKeyDictionary()


def options() -> dict[str, Any]:
    """Arguments for `uvicorn.Config`."""
    return {
        "http": Http,
        "ws": Socket,
        "ws_max_size": MOST_MESSAGE_BYTES,
        "ws_ping_interval": PING_S,
        "ws_ping_timeout": PING_S,
        "ws_per_message_deflate": False,  # each socket would compress the same text again
        "proxy_headers": False,  # live/address.py reads them, and trusts only what it is told to
        "server_header": False,
        "lifespan": "off",
        "backlog": 2048,
        "access_log": False,
    }


def raise_file_limit() -> int:
    """Allow this process as many open files as the system lets it have; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS has a lower limit than it says
            wanted = soft
    return wanted


def most_connections() -> int:
    """Connections that this process keeps at most."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if soft == resource.RLIM_INFINITY else max(32, soft - RESERVED_FILES)


def _holding() -> "Counter[str]":
    return _holdings.setdefault(asyncio.get_running_loop(), Counter())


def _let_go(holder: str) -> None:
    held = _holding()
    held[holder] -= 1
    if held[holder] <= 0:
        del held[holder]


class Http(HttpToolsProtocol):
    """A connection that speaks HTTP, or is about to become a socket."""

    _holder = ""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        held = _holding()
        holder = client_network({"client": self.client})
        if held.total() >= most_connections():
            self._refuse(b"503 Service Unavailable")
        elif not settings.TRUSTED_PROXIES and held[holder] >= settings.CONNECTIONS_PER_ADDRESS:
            self._refuse(b"429 Too Many Requests")
        else:
            held[holder] += 1
            self._holder = holder
            self._within(REQUEST_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._within(None)
        if self._holder:
            _let_go(self._holder)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._holder:  # who was refused may go on talking while the answer leaves
            super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._within(REQUEST_S)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._within(ANSWER_S)

    def on_response_complete(self) -> None:
        self._within(None)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._within(None)
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        if isinstance(socket, Socket):
            socket.holder, self._holder = self._holder, ""

    def _within(self, seconds: float | None) -> None:
        """Cut the connection after so many seconds, unless called again."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _refuse(self, status: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 " + status + b"\r\nretry-after: 60\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()
        self._within(GOODBYE_S)


class Socket(WebSocketsSansIOProtocol):
    """A websocket to which the hub may write a frame that was encoded once for all."""

    holder = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.close_timeout = GOODBYE_S

    def connection_lost(self, exc: Exception | None) -> None:
        if self.holder:
            _let_go(self.holder)
            self.holder = ""
        super().connection_lost(exc)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # a malformed handshake has been answered, and has none
            self.scope["extensions"]["live.frame"] = {"write": self.write_frame}  # type: ignore[index]

    def write_frame(self, frame: bytes) -> bool:
        """Write a whole encoded frame now; False when the page reads slowly and it must wait its turn."""
        if not self.writable.is_set():
            return False
        if self.conn.state is State.OPEN and not self.disconnected and not self.transport.is_closing():
            self.transport.write(frame)
        return True

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            # A closed transport waits until its buffer has drained, which a page may put off for ever.
            self.loop.call_later(GOODBYE_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()
