"""Who hears of newly mirrored blocks, after their commit."""

from chain.models import Cursor
from gallery.tasks import tick
from live import publish


def blocks_indexed(cursor: Cursor, logs: int, reorged: bool) -> None:
    """Tell open pages about the head, and nudge the tick.

    A block without logs of ours may make an earlier one final, or be the one that a seed waits for. While
    the mirror catches up with the past, only its own end is worth a tick.
    """
    publish("chain", "head", number=cursor.number, final=cursor.finalized_number)
    if reorged:
        publish("chain", "reorg", number=cursor.number)
    if cursor.behind == 0:
        tick.apply_async(expires=5)
