"""A node's word that there is a new block, over a websocket (`eth_subscribe newHeads`).

It wakes the follower and says nothing else: what is stored is always asked for. So a socket may lose heads,
repeat them or die, and only time is lost: a poll is the net.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

log = logging.getLogger(__name__)


class Heads:
    """One subscription, kept alive by a thread of its own, at the first of `urls` that works."""

    def __init__(self, urls: Sequence[str], wake: threading.Event):
        self.urls = list(urls)
        self.alive = False
        """Whether a subscription stands that is believed to tell of every head."""
        self.newest = -1
        """The newest head that it told of."""
        self._wake = wake
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to listen; returns at once."""

    def stop(self) -> None:
        """Close the socket and end the thread, within a second."""
        self._stop.set()

    def polled(self, number: int) -> None:
        """A poll found the chain's head at `number`: a socket that doesn't tell of it soon is replaced."""
