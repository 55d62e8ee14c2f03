"""A decoded event as handlers see it, and the map from an event to its handler.

The map is data, in `config/events.py`: `"Contract.Event": "app.handlers.function"`. A handler gets every
event of its kind that came in a row, in log order, and inserts rows that point at their log with
`on_delete=CASCADE`. It needs to know nothing of reorganisations: what it inserted goes when the log goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from chain.models import Block, Log


@dataclass(frozen=True, slots=True)
class Event:
    """One log of a mirrored contract.

    `args` has the ABI's names; ints are int, addresses and bytes are lower-case `0x…`, text is str. An
    indexed argument of dynamic type is its 32-byte hash, as in the log itself.
    """

    contract: str
    name: str
    args: dict[str, Any]
    log: Log
    block: Block

    @property
    def key(self) -> str:
        """`Contract.Event`."""
        return f"{self.contract}.{self.name}"


Handler = Callable[[Sequence[Event]], None]


def load_handlers(paths: Mapping[str, str]) -> dict[str, Handler]:
    """Import the handlers that the map names; a wrong path raises ImportError now, not at the first event."""
    return {key: import_string(path) for key, path in paths.items()}


def dispatch(events: Sequence[Event], handlers: Mapping[str, Handler]) -> None:
    """Hand events over in log order, consecutive ones of one kind together; a kind without a handler is
    skipped.

    The order between kinds is kept: a proposal's row exists before its first vote arrives.
    """
    for key, run in _runs(events):
        handler = handlers.get(key)
        if handler is not None:
            handler(run)


def _runs(events: Sequence[Event]) -> Iterator[tuple[str, list[Event]]]:
    for key, run in groupby(events, key=lambda event: event.key):
        yield key, list(run)
