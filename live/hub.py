"""One hub an event loop, which is one a process: a single channel-layer subscription for all its sockets.

A message comes in once, already encoded, and is written to each socket that wants its topic, or goes into the
bounded queue of a socket that reads slowly. A socket whose queue is full is closed, so that one slow reader
holds up nobody; its page reconnects and reads the state again. When the layer itself fails (Redis restarted,
say) messages may have been missed, so every socket is closed for the same reason.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from websockets.frames import Frame, Opcode

from live import presence, topics
from live.door import Door

log = logging.getLogger(__name__)

QUEUE_LENGTH = 256
BEAT_S = 20.0
REJOIN_S = 300.0  # Redis forgets a group member after a day, and everything when it restarts empty
SPREAD_MS, LONGEST_SPREAD_MS = 1.5, 1500


def spread_ms(pages: int) -> int:
    """Over how many milliseconds pages that hear the same message shall share their questions: about what
    the answers to all of them take, and next to nothing while there are few.
    """
    return min(round(pages * SPREAD_MS), LONGEST_SPREAD_MS)


def listening(wanted: frozenset[str], pages: int) -> "Text":
    """What tells one of `pages` pages that from now on it misses nothing on these topics."""
    words = {"topic": "", "kind": "listening", "topics": sorted(wanted), "spread": spread_ms(pages)}
    return Text(json.dumps(words))


def beat(pages: int) -> "Text":
    """What tells every page that the line is open, and how many there are by now."""
    return Text(json.dumps({"topic": "", "kind": "beat", "spread": spread_ms(pages)}))


Send = Callable[[dict[str, Any]], Awaitable[None]]


class Text:
    """One message for many sockets: its text, and its websocket frame, encoded at most once."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def frame(self) -> bytes:
        return Frame(Opcode.TEXT, self.text.encode()).serialize(mask=False)


class Client:
    """One open socket, as the hub sees it.

    `write_now` (live.server's sockets have it) takes a whole frame while the page keeps up, in the hub's own
    turn of the event loop. What it will not take waits in a queue for `drain`; a full queue drops the client.
    """

    def __init__(self, wanted: frozenset[str], write_now: Callable[[bytes], bool] | None = None) -> None:
        self.topics = wanted
        self.dropped = False
        self.on_drop: Callable[[], object] = lambda: None
        self._write_now = write_now
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_LENGTH)
        self._draining = False  # a text has left the queue and not yet reached the socket: others come after

    def offer(self, text: Text) -> None:
        """Send a text now or queue it; a client that lets its queue fill is dropped."""
        if self.dropped:
            return
        behind = self._draining or not self._queue.empty()
        if self._write_now is not None and not behind and self._write_now(text.frame):
            return
        try:
            self._queue.put_nowait(text.text)
        except asyncio.QueueFull:
            self.drop()

    def drop(self) -> None:
        """Give up on a client; its page will come back and read again."""
        self.dropped = True
        self.on_drop()

    async def drain(self, send: Send) -> None:
        """Queue -> socket, for ever. Waits when the network does, so the queue is what fills up."""
        while True:
            text = await self._queue.get()
            self._draining = True
            await send({"type": "websocket.send", "text": text})
            self._draining = False


class Hub:
    """The sockets of one event loop and the one subscription that feeds them."""

    def __init__(self) -> None:
        self._clients: dict[str, set[Client]] = {}
        self._all: set[Client] = set()
        self._lock = asyncio.Lock()  # joining awaits the layer: without a lock two joins make two pumps
        self._channel = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._seat = presence.Seat()
        self.door = Door()

    def __len__(self) -> int:
        return len(self._all)

    async def join(self, client: Client) -> None:
        """Start delivering the client's topics."""
        async with self._lock:
            await self._start()
            self._all.add(client)
            for topic in client.topics:
                await self._enter(topic, client)
        client.offer(listening(client.topics, len(self._all)))
        await self._count()

    async def change(self, client: Client, wanted: frozenset[str]) -> None:
        """Replace a client's topics; those it keeps lose no message."""
        async with self._lock:
            for topic in wanted - client.topics:
                await self._enter(topic, client)
            for topic in client.topics - wanted:
                await self._leave(topic, client)
            client.topics = wanted
        client.offer(listening(wanted, len(self._all)))

    async def leave(self, client: Client) -> None:
        """Stop delivering to a client."""
        async with self._lock:
            self._all.discard(client)
            for topic in client.topics:
                await self._leave(topic, client)
        await self._count()

    async def close(self) -> None:
        """Drop every socket and stop (the process is going down, or a test ends)."""
        self._drop_all()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        async with self._lock:
            for topic in self._clients:
                await get_channel_layer().group_discard(topics.group(topic), self._channel)
            self._clients.clear()

    async def _start(self) -> None:
        if not self._tasks:
            self._channel = await get_channel_layer().new_channel("hub.")
            self._tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._beat())]

    async def _enter(self, topic: str, client: Client) -> None:
        if topic not in self._clients:
            await get_channel_layer().group_add(topics.group(topic), self._channel)
        self._clients.setdefault(topic, set()).add(client)

    async def _leave(self, topic: str, client: Client) -> None:
        members = self._clients.get(topic, set())
        members.discard(client)
        if not members and self._clients.pop(topic, None) is not None:
            await get_channel_layer().group_discard(topics.group(topic), self._channel)

    async def _pump(self) -> None:
        """Layer -> queues, for ever. A failing layer is retried with a growing pause."""
        pause = 0.2
        while True:
            try:
                message: dict[str, Any] = await get_channel_layer().receive(self._channel)
            except Exception:  # whatever the layer's network throws
                log.exception("live: the channel layer failed; %d pages will read again", len(self._all))
                self._drop_all()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
                continue
            pause = 0.2
            text = Text(message["text"])
            for client in tuple(self._clients.get(message["topic"], ())):
                client.offer(text)

    async def _beat(self) -> None:
        """Tell pages that the line is open, tell presence who is here, and stay in the layer's groups."""
        loop = asyncio.get_running_loop()
        rejoin_at = loop.time() + REJOIN_S
        while True:
            await asyncio.sleep(BEAT_S)
            text = beat(len(self._all))
            for client in tuple(self._all):
                client.offer(text)
            await self._count()
            if loop.time() >= rejoin_at:
                rejoin_at = loop.time() + REJOIN_S
                await self._rejoin()

    async def _rejoin(self) -> None:
        try:
            async with self._lock:
                for topic in self._clients:
                    await get_channel_layer().group_add(topics.group(topic), self._channel)
        except Exception:  # tried again in a while; the pump reports what it sees
            log.exception("live: could not stay in the channel layer's groups")

    async def _count(self) -> None:
        try:
            await sync_to_async(self._seat.take, thread_sensitive=False)(len(self._all))
        except Exception:  # the cache is down: who watches is unknown, the sockets go on
            log.exception("live: could not tell the cache how many watch")

    def _drop_all(self) -> None:
        for client in tuple(self._all):
            client.drop()


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def open_sockets() -> int:
    """Websockets that this process keeps open, whichever loop serves them."""
    return sum(len(hub) for hub in tuple(_hubs.values()))


def get_hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
