"""The private chain mines a block with each transaction, and otherwise only when something waits for one.

Waiting are: a log that is not final yet, a seed whose block doesn't exist yet, and a deadline that passed
since the newest block (a contract that is asked sees the time of that block). Each is over with one or a few
blocks, so a resting artwork adds none.
"""

from __future__ import annotations

from chain import clock
from chain.models import Cursor, Log
from chain.private import PrivateChain
from compute import rounds
from gallery import epochs, randomness
from gallery.models import Epoch
from governance import selectors

MOST_AT_ONCE = 4


def wanted() -> int:
    """How many blocks something waits for now, at most MOST_AT_ONCE."""
    cursor = Cursor.current()
    if cursor is None:
        return 0
    epoch = epochs.unsettled()
    return min(
        MOST_AT_ONCE, max(_for_finality(cursor), _for_seed(cursor, epoch), _for_deadline(cursor, epoch))
    )


def run() -> None:
    """Mine what is wanted."""
    if count := wanted():
        PrivateChain().mine(count)


def _for_finality(cursor: Cursor) -> int:
    newest = Log.objects.order_by("-block__number").values_list("block__number", flat=True).first()
    return max(0, newest - cursor.finalized_number) if newest is not None else 0


def _for_seed(cursor: Cursor, epoch: Epoch | None) -> int:
    if epoch is None or epochs.state(epoch) is not epochs.EpochState.SEALED:
        return 0
    if randomness.is_drand(epoch.sealing.source):  # its rounds are not blocks
        return 0
    return max(0, epochs.fixed_round(epoch) - cursor.head_number)


def _for_deadline(cursor: Cursor, epoch: Epoch | None) -> int:
    now = clock.now()
    seen = cursor.head_timestamp
    return int(any(seen < deadline <= now for deadline in deadlines(epoch, seen)))


def deadlines(epoch: Epoch | None, seen: int, windows: bool = True) -> list[int]:
    """Chain times at which something may become possible or impossible, `epoch` being the unsettled one.

    `windows`: also those in which workers commit and reveal. Who moves the clock on leaves these out: to jump
    over one takes a round from a painting that is under way.

    A proposal's is that of its state at `seen`, the newest block's time: by now it may be over for us, while
    the contracts still see it open, and stay so until the next block.
    """
    times = list(Epoch.objects.filter(sealing__isnull=True).values_list("ends_at", flat=True)[:1])
    if epoch is not None and (current := epoch.rounds.order_by("-round").first()) is not None:
        times.append(current.deadline + 1)
        painted = rounds.newest(epoch.number, seen) if windows else None
        if painted is not None and painted.changes_at is not None:
            times.append(painted.changes_at)
    return times + [one.changes_at for one in selectors.open_proposals(seen) if one.changes_at is not None]
