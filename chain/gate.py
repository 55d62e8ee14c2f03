"""Which nodes may be believed at all: those of the deployment's chain.

A node is held against the deployment file, and against the newest final block that is stored, in one request:
before it is used first, when it answers again after a failure, and at least once a minute. One of another
chain is refused, with the reason (`chain.watch` looks at it again from time to time).
"""

from __future__ import annotations

import logging
import time

from chain.deployments import Deployment
from chain.models import Block, Cursor, ProviderState
from chain.providers import Provider, Providers
from chain.reader import Broken, Header
from chain.rpc import RpcUnavailable

log = logging.getLogger(__name__)

EVERY_S = 60.0
"""How long a node is taken for what it was."""


class WrongChain(Exception):
    """Node, deployment file and database do not speak of the same chain; the message says what to do."""


class Gate:
    """Knows of each node when it was looked at and what was found. Threads may share it."""

    def __init__(self, providers: Providers, deployment: Deployment):
        self.providers = providers
        self.deployment = deployment
        self._looked: dict[Provider, float] = {}
        self._strays: set[Provider] = set()

    def close(self) -> None:
        """Take no node any longer for what it was."""
        self._looked.clear()

    def forget(self, provider: Provider) -> None:
        """This node failed: who knows what it will be when it comes back."""
        self._looked.pop(provider, None)

    def admit(self, provider: Provider) -> None:
        """Make sure that a node is of our chain. Raises WrongChain, RpcUnavailable, RpcError, Broken."""
        if time.monotonic() < self._looked.get(provider, float("-inf")) + EVERY_S:
            if provider.state is ProviderState.REFUSED:
                raise WrongChain(provider.error)
            return
        anchor = newest_final()
        calls: list[tuple[str, list[object]]] = [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["0x0", False]),
            ("eth_getBlockByNumber", [hex(anchor[0] if anchor else 0), False]),
        ]
        chain_id, genesis, block = provider.batch(calls)
        try:
            found = int(chain_id, 16), Header.read(genesis).hash
        except (TypeError, ValueError) as error:
            raise Broken(f"{provider.name} has no chain id: {error!r}") from error
        problem = difference(provider.name, (self.deployment.chain_id, self.deployment.genesis_hash), found)
        self._looked[provider] = time.monotonic()
        if problem:
            if provider.state is not ProviderState.REFUSED:
                log.error("refused: %s", problem)
            self.providers.refuse(provider, problem)
            raise WrongChain(problem)
        if provider.state is ProviderState.REFUSED:
            log.warning("%s is of our chain again", provider.name)
            provider.accept()
        # None is no contradiction: a node that is behind does not have it yet.
        strays = anchor is not None and block is not None and Header.read(block).hash != anchor[1]
        (self._strays.add if strays else self._strays.discard)(provider)

    def strays(self, provider: Provider) -> bool:
        """Whether this node had another block in the place of our newest final one, when it was looked at."""
        return provider in self._strays

    def order(self) -> list[Provider]:
        """The nodes to be asked now, the best first; those that rest only where nobody else is there, and
        refused ones only where all are refused. Raises RpcUnavailable.
        """
        ranked = self.providers.ranked()
        awake = [one for one in ranked if one.state is not ProviderState.RESTING]
        if not awake and ranked and ranked[0].wants_rest:
            rest = ranked[0].rests_s
            raise RpcUnavailable(f"{ranked[0].name} asked to be left alone for {rest:.0f} s", rest, 429)
        if awake or ranked:
            return awake or ranked
        for one in self.providers:
            self.forget(one)
        return list(self.providers)


def difference(name: str, wanted: tuple[int, str], found: tuple[int, str]) -> str:
    """Why the node called `name` is not of our chain; empty if it is. Chains are (chain id, genesis hash)."""
    if found[0] != wanted[0]:
        return (
            f"{name} has chain id {found[0]}, and the contracts were deployed to chain id {wanted[0]} "
            f"(genesis {wanted[1]}): set CHAIN_RPC_URL to a node of that chain, or deploy the contracts to "
            "this one and run `manage.py rebuild`"
        )
    if found[1] != wanted[1]:
        return (
            f"{name} has chain id {found[0]} as it should, but another genesis block ({found[1]} in place of "
            f"{wanted[1]}): the node was reset and began a new chain. Nothing that was mirrored is there: "
            "bring the node's old data back, or deploy the contracts again and run `manage.py rebuild`"
        )
    return ""


def newest_final() -> tuple[int, str] | None:
    """Number and hash of the newest stored block that was final; None while there is none."""
    cursor = Cursor.current()
    if cursor is None:
        return None
    stored = Block.objects.filter(number__lte=cursor.finalized_number).order_by("-number")
    return stored.values_list("number", "hash").first()
