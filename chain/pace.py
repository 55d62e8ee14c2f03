"""How many blocks to ask a node for at once.

Two things bound it. A batch is to hold so many logs that storing them in one transaction pays, and not so
many that memory fills: that follows from how many logs the last ranges held. And a node may refuse: for the
number of blocks, of results, of bytes or of calls in a request, for the time it takes, each in words of its
own. Whatever it says, fewer are tried. What then goes through is remembered as the node's limit, and now and
then one range of double the size is tried: after 4 good ranges, and after twice as many each time that it was
refused again, so that a node with a true limit refuses a handful of requests in a whole backfill, and one
that was merely unwell is soon asked for much again.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

LOGS = 5_000  # wanted in a batch
MOST = 500  # blocks in a batch, however empty
START = 32  # blocks, while nothing is known yet
STRIDE = 4  # times as many blocks as in the last range, at most
PATIENCE = 4  # good ranges at the limit before one beyond it is tried
LONGEST_PATIENCE = 256

_FROM_TO = (
    # "this block range should work: [0x0, 0x3e8]", "try with this block range [0xB9F5B6, 0xB9F5C4]"
    (re.compile(r"\[\s*(0x[0-9a-f]{1,16})\s*,\s*(0x[0-9a-f]{1,16})\s*\]", re.IGNORECASE), 16),
    # "query exceeds max results 20000, retry with the range 25766988-25775072"
    (re.compile(r"range\s+(\d{1,18})\s*-\s*(\d{1,18})\b", re.IGNORECASE), 10),
)
_AT_MOST = re.compile(
    # "up to a 2K block range", "limited to a 10,000 block range", "limited to 0 - 10000 blocks range"
    r"(?:up to|limited to|limit of|maximum of)\s+(?:an?\s+|0\s*-\s*)?(\d[\d,]{0,11})(k?)\s+blocks?\b"
    # "range 9009594 is bigger than range limit 2000", "range 1000000 exceeds limit of 10000"
    r"|range\s+(?:\d+\s+(?:is\s+)?\w+\s+(?:than\s+)?(?:range\s+)?)?limit\s+(?:of\s+)?(\d[\d,]{0,11})(k?)\b"
    # "exceed maximum block range: 5000", "max block range 100", "block range is too wide (maximum 1024)"
    r"|(?:max(?:imum)? block range|block range is too wide \(maximum)\s*:?\s*(\d[\d,]{0,11})(k?)\b",
    re.IGNORECASE,
)


def hint(words: str) -> int | None:
    """How many blocks a refusal says would do, if it says so in words that are known.

    They were seen at Alchemy, Infura, Tenderly, Reth, Frontier and others. A hint makes finding the limit
    quicker, and nothing rests on it.
    """
    for pattern, base in _FROM_TO:
        if found := pattern.search(words):
            first, last = (int(number, base) for number in found.groups())
            return last - first + 1 if last >= first else None
    if found := _AT_MOST.search(words):
        number, thousands = [group for group in found.groups() if group is not None]
        return int(number.replace(",", "")) * (1000 if thousands else 1) or None
    return None


@dataclass(slots=True)
class _Limit:
    """What one node lets through: `most` blocks (None: nothing was refused), `good` ranges since."""

    most: int | None = None
    good: int = 0
    patience: int = PATIENCE


class Pace:
    """The sizes of ranges, learnt from what became of the last ones. May be shared between threads."""

    def __init__(self, most: int = MOST, logs: int = LOGS, start: int = START):
        self._most, self._logs = most, logs
        self._wanted = min(start, most)
        self._limits: dict[str, _Limit] = {}
        self._lock = threading.Lock()

    @property
    def wanted(self) -> int:
        """How many blocks make a good batch, whatever a node lets through at once."""
        return self._wanted

    def is_full(self, logs: int) -> bool:
        """Whether a batch with so many logs should have no more."""
        return logs >= self._logs

    def blocks(self, node: str) -> int:
        """How many to ask this node for now."""
        with self._lock:
            limit = self._limits.get(node)
            if limit is None or limit.most is None:
                return self._wanted
            if self._wanted > limit.most and limit.good >= limit.patience:
                limit.good = 0
                return min(self._wanted, limit.most * 2)
            return min(self._wanted, limit.most)

    def went_well(self, node: str, blocks: int, logs: int) -> None:
        """A range of so many blocks was read, with so many logs."""
        with self._lock:
            fitting = int(self._logs * blocks / logs) if logs else self._most
            self._wanted = max(1, min(fitting, max(blocks * STRIDE, self._wanted), self._most))
            limit = self._limits.get(node)
            if limit is None or limit.most is None:
                return
            if blocks > limit.most:
                limit.most, limit.patience = blocks, PATIENCE
            elif blocks == limit.most:
                limit.good += 1

    def refused(self, node: str, blocks: int, words: str) -> int:
        """A range of so many blocks was refused. How many to try instead: fewer, unless it was one."""
        with self._lock:
            limit = self._limits.setdefault(node, _Limit())
            hinted = hint(words)
            if limit.most is not None and blocks > limit.most:
                limit.patience = min(limit.patience * 2, LONGEST_PATIENCE)
            else:
                limit.most = max(1, hinted if hinted is not None and hinted < blocks else blocks // 2)
                limit.good = 0
            return limit.most

    def forgive(self, node: str) -> None:
        """What was refused was not refused for its size: forget this node's limit."""
        with self._lock:
            self._limits.pop(node, None)
