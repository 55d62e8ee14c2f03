"""A chain, a provider that fails, and the mirror behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from chain.anvil import CHAIN_ID, launch
from chain.indexer import PROBLEMS
from chain.private import PrivateChain
from chain.providers import Providers
from chain.rpc import Rpc
from tests.chain.faults.proxy import Proxy
from tests.chain.node import Node, assert_equal_to_chain


class World(Node):
    """A Node whose mirror asks through `proxy`."""

    def __init__(self, chain: PrivateChain, proxy: Proxy, through: Any = None):
        self.proxy = proxy
        super().__init__(chain, through)

    def heal(self, seconds: float = 20.0) -> list[Exception]:
        """Sync until the mirror stands at the node's head, as the follower does, without its pauses.

        Returns the problems that were met on the way.
        """
        met: list[Exception] = []
        deadline = time.monotonic() + seconds
        with self._stopped_after(seconds):
            while True:
                try:
                    self.sync()
                    assert not self.indexer.stop.is_set(), f"not healed, and it never ended: {met[-3:]}"
                    return met
                except PROBLEMS as error:
                    met.append(error)
                    if time.monotonic() > deadline:
                        raise AssertionError("not healed") from error
                    time.sleep(0.01)

    @contextmanager
    def _stopped_after(self, seconds: float) -> Iterator[None]:
        """A sync that goes in circles for ever fails its test instead of holding up all of them."""
        timer = threading.Timer(seconds + 5, self.indexer.stop.set)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def tries(self, times: int) -> list[Exception]:
        """So many looks at the chain; what they met."""
        met: list[Exception] = []
        for _ in range(times):
            try:
                self.sync()
            except PROBLEMS as error:
                met.append(error)
        return met

    def stands_still(self) -> Exception:
        """The problem that every one of several looks at the chain meets."""
        met = self.tries(4)
        assert len(met) == 4
        return met[-1]

    def ask_both(self, second: Proxy) -> None:
        """From now on the mirror has two providers: the proxy first, and another one."""
        rpcs = [Rpc(proxy.url, timeout=5) for proxy in (self.proxy, second)]
        self.through = Providers.of(*rpcs)
        self.indexer = self.new_indexer()

    def tick(self) -> bool:
        """One more event; True."""
        self.send("tick")
        return True

    def on_chain(self, chain: Any) -> World:
        """The same Emitter and mirror, on another node."""
        other = copy(self)
        other.chain, other.rpc = chain, chain.rpc
        return other

    def end(self) -> None:
        """No more faults; the mirror as it is then must be the chain, and equal to a fresh one."""
        self.proxy.honest()
        self.heal()
        assert_equal_to_chain(self)


class Forked:
    """An Anvil that has another node's chain up to block `number`, and its own from there."""

    def __init__(self, url: str, number: int, folder: Path):
        folder.mkdir()
        # Their blocks have other times, since no two nodes would make the same block at the same place.
        arguments = ["--host", "127.0.0.1", "--fork-url", url, "--fork-block-number", str(number), "--silent"]
        arguments += ["--chain-id", str(CHAIN_ID), "--slots-in-an-epoch", "1", "--no-storage-caching"]
        self._child, self._running = launch(arguments, folder / "anvil.log")
        self.url = self._running.url
        self.rpc = Rpc(self.url, timeout=20)
        self.rpc.call("evm_increaseTime", 1_000)

    def accounts(self) -> list[str]:
        """See PrivateChain."""
        return [account.lower() for account in self.rpc.call("eth_accounts")]

    def mine(self, blocks: int = 1) -> None:
        """See PrivateChain."""
        self.rpc.call("anvil_mine", hex(blocks))

    def stop(self) -> None:
        """End it."""
        self.rpc.close()
        self._child.kill()
        self._child.wait()
