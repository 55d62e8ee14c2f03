"""Following the chain: when the mirror looks at it again, and what happens when a look fails.

A new head wakes the follower (`chain.heads`), and a poll is the net under it. Every failure that may pass is
waited for, without limit, and said once; the loop ends by its `stop` alone.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections, connection

from chain import deployments
from chain.deployments import DeploymentMissing
from chain.indexer import PROBLEMS, Indexer
from chain.lead import STANDBY_S
from chain.rpc import RpcUnavailable, get_rpc

log = logging.getLogger(__name__)

POLL_S = 0.35
LONGEST_PAUSE_S = 5.0
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
        follow(indexer, stop, leads, _outdated)
    connection.close()


def follow(
    indexer: Indexer,
    stop: threading.Event,
    leads: Callable[[], bool] = lambda: True,
    outdated: Callable[[Indexer], bool] = lambda indexer: False,
) -> None:
    """Follow with one indexer until `stop`, or until it fails and is `outdated`."""
    wake = threading.Event()
    pause, complaint = POLL_S, ""
    while not stop.is_set():
        if not leads():
            stop.wait(STANDBY_S)
            continue
        wake.clear()
        try:
            indexer.sync()
        except PROBLEMS as error:
            pause = min(LONGEST_PAUSE_S, max(pause, POLL_S) * 2)
            if complaint != str(error):
                complaint = str(error)
                log.error("the mirror stands still: %s: %s", type(error).__name__, error)
            close_old_connections()
            if outdated(indexer):
                return
        else:
            if complaint:
                log.info("the mirror moves again")
            pause, complaint = POLL_S, ""
        _wait(stop, wake, pause * random.uniform(0.9, 1.1))
    connection.close()


def _outdated(indexer: Indexer) -> bool:
    """Whether the settings name other nodes or another deployment by now: a private chain may have come back
    on another port.
    """
    try:
        return get_rpc() is not indexer.reader.rpc or deployments.load() != indexer.deployment
    except (DeploymentMissing, RpcUnavailable):
        return True


def _wait(stop: threading.Event, wake: threading.Event, seconds: float) -> None:
    """Until woken, stopped, or `seconds` are over."""
    until = time.monotonic() + seconds
    while not stop.is_set() and (left := until - time.monotonic()) > 0:
        if wake.wait(min(left, SLICE_S)):
            return
