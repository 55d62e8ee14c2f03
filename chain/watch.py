"""An eye on all nodes, also on those that nobody asks just now: so that a second node is known to be good
before it is needed, a slow or lagging first one is noticed, and one of another chain is never trusted. And a
word about all of them for pages, also while the follower waits for a node that hangs.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import DatabaseError, connection

from chain import mirror
from chain.gate import difference
from chain.heads import Heads
from chain.models import ProviderState
from chain.providers import Provider, Providers
from chain.rpc import Rpc, RpcError, RpcUnavailable

log = logging.getLogger(__name__)

TURN_S = 0.4
EVERY_S = 15.0
REFUSED_EVERY_S = 60.0
PATIENCE_S = 3.0


class Watch:
    """Asks each node now and then for its chain id, its genesis and its head, in a thread of its own, and
    writes down how they are.

    A single node is only asked while it is refused: all else the mirror learns by asking it.
    """

    def __init__(self, providers: Providers, heads: Heads, chain_id: int, genesis_hash: str):
        self._providers = providers
        self._heads = heads
        self._said = ""
        self._identity = (chain_id, genesis_hash)
        self._looked: dict[Provider, float] = {}
        self._probes = {one: Rpc(one.rpc.url, timeout=PATIENCE_S) for one in providers}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End. A question that is on its way is not waited for."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(0.3)

    def _run(self) -> None:
        try:
            while not self._stop.wait(TURN_S):
                for one in self._providers:
                    if self._is_due(one) and not self._stop.is_set():
                        self._looked[one] = time.monotonic()
                        self.look(one)
                self._tell()
        finally:
            connection.close()
            for probe in self._probes.values():
                probe.close()

    def _tell(self) -> None:
        """Let pages know how the nodes are."""
        try:
            if self._providers.write(self._heads.host):
                mirror.tell()
            self._said = ""
        except DatabaseError as error:
            connection.close()  # the next try gets a new one
            if self._said != str(error):
                self._said = str(error)
                log.warning("how the nodes are could not be kept: %s", type(error).__name__)

    def _is_due(self, one: Provider) -> bool:
        refused = one.state is ProviderState.REFUSED
        if one.rests_s or (len(self._providers) == 1 and not refused):
            return False
        last = self._looked.get(one)
        return last is None or time.monotonic() > last + (REFUSED_EVERY_S if refused else EVERY_S)

    def look(self, one: Provider) -> None:
        """Ask one node who it is and where it stands."""
        probe = self._probes[one]
        began = time.monotonic()
        try:
            chain_id, genesis, head = probe.batch(
                [
                    ("eth_chainId", []),
                    ("eth_getBlockByNumber", ["0x0", False]),
                    ("eth_blockNumber", []),
                ]
            )
            identity, number = (int(chain_id, 16), genesis["hash"].lower()), int(head, 16)
        except RpcUnavailable as error:
            one.failed(error)
            return
        except (RpcError, TypeError, KeyError, ValueError, AttributeError):
            return  # it has its own way; whether it is of use, those who ask it will see
        seconds = time.monotonic() - began
        refused = one.state is ProviderState.REFUSED
        reason = difference(one.name, self._identity, identity)
        if reason:
            if not refused:
                log.error("refused: %s", reason)
            self._providers.refuse(one, reason)
            return
        if refused:
            log.info("%s is of our chain again", one.name)
            one.accept()
        one.felt(seconds)
        one.saw(number)
        one.recovered()
