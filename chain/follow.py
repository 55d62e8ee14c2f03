"""Following the chain: when the mirror looks at it again, and what happens when a look fails.

A new head wakes the follower (`chain.heads`), and a poll is the net under it. Every failure that may pass is
waited for, without limit, said once, and visible in `Cursor.error`; where another node is usable it is asked
at once. The loop ends by its `stop` alone.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from chain import deployments, heads, mirror
from chain.deployments import DeploymentMissing
from chain.heads import Heads
from chain.indexer import PROBLEMS, Indexer
from chain.lead import STANDBY_S
from chain.providers import Providers
from chain.rpc import RpcUnavailable
from chain.watch import Watch

log = logging.getLogger(__name__)

POLL_S = 2.0
PRIVATE_POLL_S = 0.35
"""On a private chain without a websocket, which somebody sits in front of and which costs nothing to ask."""
LAGGING_POLL_S = 0.1
"""While the node that is asked doesn't have a block yet that the websocket told of."""
LAGGING_S = 2.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
LONGEST_BUSY_PAUSE_S = 30.0  # after "too many requests"
LONGEST_WISH_S = 60.0  # that a node may have with Retry-After
FAILOVER_PAUSE_S = 0.02
SAID = 100  # reasons that are remembered as said
SLICE_S = 0.25
"""How often a wait looks whether it is to stop."""


def run(stop: threading.Event, leads: Callable[[], bool] = lambda: True) -> None:
    """Follow the configured chain until `stop` is set, while this one `leads`, through every failure that
    may pass. Waits for a deployment if there is none yet.
    """
    waiting = ""
    while not stop.is_set():
        try:
            indexer = Indexer.configured()
        except (DeploymentMissing, RpcUnavailable) as error:
            if waiting != str(error):
                waiting = str(error)
                log.warning("the mirror waits: %s", error)
            stop.wait(1.0)
            continue
        follow(indexer, stop, leads, _is_outdated)
    connection.close()


def follow(
    indexer: Indexer,
    stop: threading.Event,
    leads: Callable[[], bool] = lambda: True,
    is_outdated: Callable[[Indexer], bool] = lambda indexer: False,
) -> None:
    """Follow with one indexer until `stop`, or until it fails and is outdated."""
    indexer.stop = stop
    follower = Follower(indexer, stop)
    try:
        while not stop.is_set():
            if not leads():
                follower.rest()
                stop.wait(STANDBY_S)
            elif not follower.look() and is_outdated(indexer):
                return
            else:
                follower.wait()
    finally:
        follower.rest()
        connection.close()


class Follower:
    """One indexer, and what tells it when to look again."""

    def __init__(self, indexer: Indexer, stop: threading.Event):
        self.indexer = indexer
        self.providers: Providers = indexer.providers
        self.heads: Heads | None = None
        self._watch: Watch | None = None
        self._stop = stop
        self._wake = threading.Event()
        self._failures = 0
        self._pause_s = 0.0
        self._said: set[str] = set()

    def look(self) -> bool:
        """Bring the mirror to the head, if that can be done now. False if it can't."""
        if self.heads is None:
            self._listen()
        self._wake.clear()
        try:
            self.indexer.sync()
        except Exception as error:  # noqa: BLE001 - it is said, and nothing may end the mirror
            self._failed(error)
        else:
            self._succeeded()
        return not self._failures

    def wait(self) -> None:
        """Until there is something new to see, or it is time to try again."""
        if self._failures:
            self._stop.wait(self._pause_s)
            return
        until = time.monotonic() + self._interval() * random.uniform(0.9, 1.1)
        while not self._stop.is_set() and (left := until - time.monotonic()) > 0:
            if self._wake.wait(min(left, SLICE_S)):
                return

    def rest(self) -> None:
        """Close what was opened, while another process leads or for good."""
        if self.heads is not None:
            self.heads.stop()
        if self._watch is not None:
            self._watch.stop()
        self.heads = self._watch = None

    # --- Inside --------------------------------------------------------------------------------------

    def _listen(self) -> None:
        urls, named = heads.configured_urls()
        self.heads = Heads(urls, self._wake, named)
        self.heads.start()
        deployment = self.indexer.deployment
        self._watch = Watch(self.providers, self.heads, deployment.chain_id, deployment.genesis_hash)
        self._watch.start()

    def _interval(self) -> float:
        if self.heads is not None and self.heads.alive:
            told_s = time.monotonic() - self.heads.told_at
            if self.heads.newest > self._head() and told_s < LAGGING_S:
                return LAGGING_POLL_S
            return float(settings.CHAIN_POLL_S or POLL_S)
        return float(settings.CHAIN_POLL_S or (PRIVATE_POLL_S if settings.PRIVATE_CHAIN else POLL_S))

    def _head(self) -> int:
        """The head that the look before found."""
        return self.providers.newest().head

    def _succeeded(self) -> None:
        if self._said:
            log.info("the mirror moves again")
        self._failures = 0
        self._said.clear()
        if self.heads is not None:
            self.heads.polled(self._head())

    def _failed(self, error: Exception) -> None:
        self._pause_s = self._pause_after(error)
        self._failures += 1
        reason = f"{type(error).__name__}: {error}"
        expected = isinstance(error, PROBLEMS)
        known = re.sub(r"\d+ s\b", "… s", reason)  # what counts down is no new reason
        if known not in self._said:
            if len(self._said) >= SAID:
                self._said.clear()
            self._said.add(known)
            log.error("the mirror stands still: %s", reason, exc_info=None if expected else error)
        if not expected:
            self._note(reason)
        close_old_connections()

    def _pause_after(self, error: Exception) -> float:
        """How long to wait, in seconds: with full jitter, since others may wait for the same node."""
        longest = LONGEST_PAUSE_S
        if isinstance(error, RpcUnavailable):
            if self.providers.usable():
                return FAILOVER_PAUSE_S
            if error.retry_after is not None:
                return min(LONGEST_WISH_S, error.retry_after) + random.uniform(0, FIRST_PAUSE_S)
            if error.status == 429:
                longest = LONGEST_BUSY_PAUSE_S
        return random.uniform(0.05, min(longest, FIRST_PAUSE_S * 2 ** min(self._failures, 10)))

    def _note(self, reason: str) -> None:
        try:
            mirror.note_error(reason)
        except DatabaseError as error:
            log.warning("that could not be noted: %s", type(error).__name__)


def _is_outdated(indexer: Indexer) -> bool:
    """Whether the settings name other nodes or another deployment by now: a private chain may have come back
    on another port.
    """
    try:
        return Providers.configured() is not indexer.providers or deployments.load() != indexer.deployment
    except (DeploymentMissing, RpcUnavailable):
        return True
