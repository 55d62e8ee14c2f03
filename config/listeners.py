"""Who hears of newly mirrored blocks, after their commit."""

from chain.models import Cursor
from gallery.tasks import tick
from live import publish


def blocks_indexed(cursor: Cursor, logs: int, reorged: bool) -> None:
    """Tell open pages about the head, and nudge the tick when anything of ours happened."""
    publish("chain", "head", number=cursor.number, final=cursor.finalized_number, reorged=reorged)
    if logs or reorged:
        tick.apply_async(expires=5)
