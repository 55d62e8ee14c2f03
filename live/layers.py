"""A channel layer inside one process, for any number of threads and event loops.

Channels' own in-memory layer keeps `asyncio.Queue`s, which wake a reader only when they are filled from the
reader's own loop, and it sweeps every channel at every message. Here a message is handed to the reader's loop
with `call_soon_threadsafe`, so a Celery thread or the indexer may publish, and nothing is swept: a channel
has a bounded mailbox and is forgotten when its reader leaves.
"""

import asyncio
import logging
import secrets
import threading
from collections import deque
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer

log = logging.getLogger(__name__)


class _Mailbox:
    """Messages for one channel, and the loop and future of whoever waits for them."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque()
        self.waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class LocalChannelLayer(BaseChannelLayer):
    """Channels' layer protocol (send, receive, groups) in memory; `capacity` messages a channel."""

    extensions = ["groups", "flush"]

    def __init__(
        self, expiry: int = 60, capacity: int = 10_000, channel_capacity: Any = None, **_: Any
    ) -> None:
        super().__init__(expiry=expiry, capacity=capacity, channel_capacity=channel_capacity)
        self._lock = threading.Lock()
        self._mailboxes: dict[str, _Mailbox] = {}
        self._groups: dict[str, dict[str, None]] = {}

    # --- Channels

    async def new_channel(self, prefix: str = "specific.") -> str:
        """A fresh channel name, `prefix` first."""
        return f"{prefix}inmemory!{secrets.token_hex(8)}"

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put a message into a channel; `ChannelFull` when nobody empties it."""
        self.require_valid_channel_name(channel)
        self._put(channel, message)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the channel's next message; one reader a channel."""
        while True:
            with self._lock:
                box = self._mailboxes.setdefault(channel, _Mailbox())
                if box.messages:
                    return box.messages.popleft()
                loop = asyncio.get_running_loop()
                future: asyncio.Future[None] = loop.create_future()
                box.waiter = (loop, future)
            try:
                await future
            finally:
                with self._lock:
                    if box.waiter is not None and box.waiter[1] is future:
                        box.waiter = None

    # --- Groups

    async def group_add(self, group: str, channel: str) -> None:
        """Let a channel hear a group."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            self._groups.setdefault(group, {})[channel] = None
            self._mailboxes.setdefault(channel, _Mailbox())

    async def group_discard(self, group: str, channel: str) -> None:
        """Let a channel hear a group no more; a channel in no group is forgotten."""
        with self._lock:
            members = self._groups.get(group, {})
            members.pop(channel, None)
            if not members:
                self._groups.pop(group, None)
            if not any(channel in others for others in self._groups.values()):
                box = self._mailboxes.get(channel)
                if box is not None and not box.messages and box.waiter is None:
                    del self._mailboxes[channel]

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Put a message into every channel of a group."""
        self.group_send_now(group, message)

    def group_send_now(self, group: str, message: dict[str, Any]) -> None:
        """`group_send` for callers without a loop: any thread, no waiting."""
        self.require_valid_group_name(group)
        with self._lock:
            members = tuple(self._groups.get(group, ()))
        for channel in members:
            try:
                self._put(channel, message)
            except ChannelFull:
                log.error("live: channel %s is full and lost a message for %s", channel, group)

    async def flush(self) -> None:
        """Forget every message and group."""
        with self._lock:
            self._mailboxes.clear()
            self._groups.clear()

    def _put(self, channel: str, message: dict[str, Any]) -> None:
        with self._lock:
            box = self._mailboxes.setdefault(channel, _Mailbox())
            if len(box.messages) >= self.get_capacity(channel):
                raise ChannelFull(channel)
            box.messages.append(message)
            waiter, box.waiter = box.waiter, None
        if waiter is not None:
            loop, future = waiter
            try:
                loop.call_soon_threadsafe(_wake, future)
            except RuntimeError:  # the reader's loop was closed: the message waits for the next reader
                log.debug("live: the reader of %s is gone", channel)
