"""The past: ranges of final blocks, fetched ahead by a few threads, handed over in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from chain.completeness import Checked, complete
from chain.providers import Provider, Providers
from chain.reader import Header, RawLog, Reader
from chain.rpc import RpcError, RpcUnavailable

THREADS = 3


class Check(Protocol):
    """What `completeness.complete` is."""

    def __call__(
        self, reader: Reader, headers: Sequence[Header], raws: Sequence[RawLog], others: Sequence[Reader]
    ) -> Checked:
        """See `chain.completeness.complete`."""


@dataclass(slots=True)
class Batch:
    """A run of linked blocks with our logs in them, in order, all from one provider and found complete."""

    headers: list[Header]
    raws: list[RawLog]
    senders: dict[str, str]
    checked: Checked
    provider: Provider


class Backfill:
    """The blocks from `first` to `last`, as batches in order."""

    def __init__(
        self,
        providers: Providers,
        make_reader: Callable[[Provider], Reader],
        first: int,
        last: int,
        threads: int = THREADS,
        check: Check = complete,
    ):
        self._providers = providers
        self._make_reader = make_reader
        self._next, self._last = first, last
        self._check = check
        self._most = 200

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[Batch]:
        while self._next <= self._last:
            last = min(self._last, self._next + self._most - 1)
            try:
                batch = self._read(self._next, last)
            except RpcError:
                if last == self._next:
                    raise
                self._most = max(1, (last - self._next + 1) // 2)
                continue
            self._next = last + 1
            yield batch

    def _read(self, first: int, last: int) -> Batch:
        ranked = self._providers.ranked()
        if not ranked:
            raise RpcUnavailable("there is no node to ask")
        provider, *rest = ranked
        reader = self._make_reader(provider)
        headers = reader.headers(first, last)
        checked = self._check(
            reader, headers, reader.logs_in_range(headers), [self._make_reader(one) for one in rest]
        )
        senders: dict[str, Any] = reader.senders(raw.tx_hash for raw in checked.raws)
        return Batch(headers, checked.raws, senders, checked, provider)
