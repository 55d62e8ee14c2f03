"""A decoded event as handlers see it, and the map from an event to its handler.

The map is data, in `config/events.py`: `"Contract.Event": "app.handlers.function"`. A handler gets every
event of its kind that came in a row, in log order, and inserts rows (`chain.rows.insert`) that point at
their log with `on_delete=CASCADE`. It needs to know nothing of reorganisations: what it inserted goes when
the log goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from chain.reader import Header, RawLog


class Event:
    """One log of a mirrored contract.

    `args` has the ABI's names; ints are int, addresses and bytes are lower-case `0x…`, text is str. An
    indexed argument of dynamic type is its 32-byte hash, as in the log itself. `key` is `Contract.Event`;
    `log_id` is the id of its `chain.Log`, `timestamp` its block's time in seconds, `sender` who sent the
    transaction.
    """

    __slots__ = (
        "args",
        "block_number",
        "contract",
        "key",
        "log_id",
        "name",
        "raw",
        "sender",
        "timestamp",
    )

    def __init__(
        self,
        contract: str,
        name: str,
        key: str,
        args: dict[str, Any],
        raw: RawLog,
        header: Header,
        sender: str | None = None,
        log_id: int = 0,
    ):
        self.contract = contract
        self.name = name
        self.key = key
        self.args = args
        self.raw = raw
        self.sender = sender
        self.log_id = log_id
        self.block_number = header.number
        self.timestamp = header.timestamp

    @property
    def log_index(self) -> int:
        """The log's place in its block."""
        return self.raw.index

    @property
    def block_hash(self) -> str:
        """The block's hash."""
        return self.raw.block_hash

    @property
    def tx_hash(self) -> str:
        """The transaction's hash."""
        return self.raw.tx_hash

    @property
    def address(self) -> str:
        """The contract's address."""
        return self.raw.address

    @property
    def topics(self) -> list[str]:
        """The topics, as in the log."""
        return self.raw.topics

    @property
    def data(self) -> str:
        """The data, as in the log."""
        return self.raw.data

    def __repr__(self) -> str:
        return f"<{self.key} in block {self.block_number}, log {self.log_index}>"


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
    for key, run in groupby(events, key=attrgetter("key")):
        yield key, list(run)
