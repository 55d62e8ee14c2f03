"""The nodes that may be asked, and which of them to ask: each with its health, the healthiest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chain.models import ProviderState
from chain.rpc import Rpc


class Provider:
    """One node: asked like an `Rpc`, and what came of it remembered."""

    def __init__(self, rpc: Rpc, place: int = 0):
        self.rpc = rpc
        self.place = place
        self.name = rpc.name
        self.state: ProviderState = ProviderState.GOOD
        self.head = -1
        self.error = ""

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `RpcError` or `RpcUnavailable`."""
        return self.rpc.call(method, *params)

    def batch(self, calls: Iterable[tuple[str, list[Any]]]) -> list[Any]:
        """The results of many calls in their order. Raises `RpcError` or `RpcUnavailable`."""
        return self.rpc.batch(calls)


class Providers(Sequence[Provider]):
    """All nodes that the settings name, in that order."""

    def __init__(self, providers: Sequence[Provider]):
        self._all = list(providers)

    @classmethod
    def of(cls, *rpcs: Rpc) -> Providers:
        """Providers around these endpoints."""
        return cls([Provider(rpc, place) for place, rpc in enumerate(rpcs)])

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: Any) -> Any:
        return self._all[index]

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._all)

    def ranked(self) -> list[Provider]:
        """Those that may be asked now, the healthiest first; refused ones are not among them."""
        return [one for one in self._all if one.state is not ProviderState.REFUSED]

    def refuse(self, provider: Provider, reason: str) -> None:
        """Ask a node no more until it is found to be of our chain after all."""
        provider.state, provider.error = ProviderState.REFUSED, reason
