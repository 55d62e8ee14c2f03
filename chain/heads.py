"""A node's word that there is a new block, over a websocket (`eth_subscribe newHeads`).

It wakes the follower and says nothing else: what is stored is always asked for. So a socket may lose heads,
repeat them or die, and only time is lost: a poll is the net. A socket is closed, and one to the next address
opened, when it ends, when a ping is not answered, and when polls see heads that it does not tell of.
"""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from chain.rpc import addresses, without_secrets

log = logging.getLogger(__name__)

OPEN_S = 5.0
PING_S, PONG_S = 5.0, 3.0
CLOSE_S = 0.2
SILENCE_S = 2.0
"""How long after a poll found a head a socket may take to tell of it."""
LISTEN_S = 0.5
"""How often a quiet socket is judged."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
REFUSED_PAUSE_S = 30.0
NO_SUCH_THING_S = 600.0
"""How long a node that has no websocket is left alone, where nobody said that it has one."""
SETTLED_S = 30.0
SAID_EVERY_S = 300.0
SUBSCRIBE = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'

_wire = logging.getLogger(f"{__name__}.wire")
_wire.setLevel(logging.ERROR)  # in detail the library writes whole addresses, with providers' keys


class Useless(Exception):
    """A socket is to be replaced, for the reason that the message gives."""


class Refused(Useless):
    """This node has no such subscription, or not for us."""


def configured_urls() -> tuple[list[str], bool]:
    """The websockets to try, and whether they were named (CHAIN_WS_URL) and not guessed."""
    if named := addresses(settings.CHAIN_WS_URL):
        return list(named), True
    return [f"ws{url.removeprefix('http')}" for url in addresses(settings.CHAIN_RPC_URL)], False


class Heads:
    """One subscription, kept alive by a thread of its own, at the first of `urls` that works.

    `wake` is set for each head. Where the urls were not `named` but guessed, a node without a websocket is
    no trouble, and is left alone.
    """

    def __init__(self, urls: Sequence[str], wake: threading.Event, named: bool = True):
        self.urls = list(urls)
        self.named = named
        self.alive = False
        """Whether a subscription stands that is believed to tell of every head."""
        self.newest = -1
        """The newest head that it told of, or that was there when it began."""
        self.url = ""
        """Where the subscription is, or is tried."""
        self._wake = wake
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._raw: socket.socket | None = None
        self._lock = threading.Lock()
        self._based = False
        self.told_at = 0.0
        """When it told of it, by the monotonic clock."""
        self._missed: tuple[int, float] | None = None
        self._said: dict[tuple[str, str], float] = {}
        self._worked: set[str] = set()

    @property
    def host(self) -> str:
        """The host that tells of new blocks; empty while none does."""
        return (urlsplit(self.url).hostname or "") if self.alive else ""

    def start(self) -> None:
        """Begin to listen; returns at once."""
        if self.urls and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="heads", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Close the socket and end the thread, within a second."""
        self._stop.set()
        raw = self._raw
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(0.5)

    def polled(self, number: int) -> None:
        """A poll found the chain's head at `number`: a socket that doesn't tell of it soon is replaced."""
        now = time.monotonic()
        with self._lock:
            if not self.alive:
                return
            if not self._based:
                self._based, self.newest = True, max(self.newest, number)
            elif number > self.newest and self._missed is None:
                self._missed = number, now
            elif number < self.newest and now - self.told_at > SILENCE_S:
                self.newest = number  # the chain is shorter than it was

    # --- The thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        place = failures = 0
        while not self._stop.is_set():
            self.url = self.urls[place % len(self.urls)]
            began, pause_s = time.monotonic(), LONGEST_PAUSE_S
            try:
                self._listen()
            except Refused as error:
                self._say(f"{error}: the chain is polled")
                if self.url not in self._worked:
                    pause_s = REFUSED_PAUSE_S if self.named else NO_SUCH_THING_S
            except (Useless, WebSocketException, OSError, ValueError) as error:
                if not self._stop.is_set():
                    self._say(f"{_words(error)}: the chain is polled until it is back")
            finally:
                with self._lock:
                    self.alive = False
            if self._stop.is_set():
                return
            self._wake.set()  # whoever relied on it waits no longer
            failures = 0 if time.monotonic() - began > SETTLED_S else failures + 1
            place += 1
            if place % len(self.urls) and pause_s == NO_SUCH_THING_S:
                continue  # perhaps another node has one
            if pause_s != NO_SUCH_THING_S:
                pause_s = random.uniform(0, min(pause_s, FIRST_PAUSE_S * 2 ** min(failures, 10)))
            self._stop.wait(pause_s)

    def _listen(self) -> None:
        """Until stopped. Raises what ends a subscription."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        self._raw = socket.create_connection((parts.hostname or "", port), OPEN_S)
        try:
            with connect(
                self.url,
                sock=self._raw,
                compression=None,
                proxy=None,
                open_timeout=OPEN_S,
                ping_interval=PING_S,
                ping_timeout=PONG_S,
                close_timeout=CLOSE_S,
                logger=_wire,
            ) as wire:
                self._subscribe(wire)
                while not self._stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        self._hear(orjson.loads(wire.recv(LISTEN_S)))
                    self._judge()
        except InvalidStatus as error:
            status = error.response.status_code
            if status == 429 or status in (500, 502, 503, 504):
                raise Useless(f"it answers with status {status}") from None
            raise Refused(f"it has no websocket for us (status {status})") from None
        finally:
            self._raw.close()

    def _subscribe(self, wire: ClientConnection) -> None:
        wire.send(SUBSCRIBE)
        until = time.monotonic() + OPEN_S
        while True:
            try:
                reply = orjson.loads(wire.recv(max(0.0, until - time.monotonic())))
            except TimeoutError:
                raise Useless("it does not answer a subscription") from None
            if isinstance(reply, dict) and reply.get("id") == 1:
                break
        if "result" not in reply:
            raise Refused("it tells of no new blocks (eth_subscribe)")
        with self._lock:
            self.alive, self.newest, self._based, self._missed = True, -1, False, None
        self._worked.add(self.url)
        self._say("tells of new blocks")
        self._wake.set()  # there may have been one before

    def _hear(self, message: Any) -> None:
        try:
            number = int(message["params"]["result"]["number"], 16)
        except (KeyError, TypeError, ValueError):
            return  # about something else
        with self._lock:
            self.newest, self.told_at = number, time.monotonic()
        self._wake.set()

    def _judge(self) -> None:
        with self._lock:
            if self._missed is None:
                return
            number, since = self._missed
            if self.newest >= number:
                self._missed = None
            elif time.monotonic() - since > SILENCE_S:
                raise Useless(f"it did not tell of block {number}")

    def _say(self, words: str) -> None:
        """Log it, and not again soon: a socket may come and go for hours."""
        now, last = time.monotonic(), self._said.get((self.url, words))
        if last is not None and now < last + SAID_EVERY_S:
            return
        troubling = not self.alive and (self.named or self.url in self._worked)
        self._said[self.url, words] = now
        level = logging.WARNING if troubling else logging.INFO
        log.log(level, "websocket of %s: %s", without_secrets(self.url), words)


def _words(error: Exception) -> str:
    """Why it is of no use; the library's own words may hold the address."""
    if isinstance(error, Useless):
        return str(error)
    if isinstance(error, ConnectionClosed):
        return "a ping was not answered" if "keepalive" in str(error) else "it was closed"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, InvalidHandshake):
        return "it speaks no websocket"
    if isinstance(error, orjson.JSONDecodeError):
        return "it speaks no JSON"
    if isinstance(error, ssl.SSLError):
        return "its certificate or its TLS is not accepted"
    if isinstance(error, OSError):
        return "it refuses connections, or its name is not known"
    return f"it cannot be used ({type(error).__name__})"
