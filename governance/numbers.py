"""The governor's and the timelock's own numbers, now and as they were."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from chain.memory import once
from governance.models import GovernorSetting

Kind = GovernorSetting.Kind


@dataclass(frozen=True)
class History:
    """Every value of every kind, oldest first: (block, log, chain seconds, value)."""

    rows: dict[str, list[tuple[int, int, int, int]]]

    def at(self, kind: str, timestamp: int) -> int:
        """The value after the last block at or before `timestamp` (seconds); 0 before it was ever set."""
        found = (value for *_, at, value in reversed(self.rows.get(kind, [])) if at <= timestamp)
        return next(found, 0)

    def changed_since(self, kind: str, block: int, log: int) -> bool:
        """Whether it was set after the log `log` of `block`."""
        return any(row[:2] > (block, log) for row in self.rows.get(kind, []))


@once
def history() -> History:
    """All of them in one query: there is a row for each time that one was set, and that is seldom."""
    rows: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    found = GovernorSetting.objects.order_by("block_number", "log_index")
    for kind, *row in found.values_list("kind", "block_number", "log_index", "at", "value"):
        rows[kind].append((row[0], row[1], row[2], row[3]))
    return History(dict(rows))


def setting(kind: str, timestamp: int | None = None) -> int:
    """One of the governor's numbers, now or as it was at `timestamp`; 0 before it was ever set."""
    rows = GovernorSetting.objects.filter(kind=kind)
    if timestamp is not None:
        rows = rows.filter(at__lte=timestamp)
    return rows.order_by("-block_number", "-log_index").values_list("value", flat=True).first() or 0
