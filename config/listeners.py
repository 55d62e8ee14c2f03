"""Who hears of newly mirrored blocks, and of a mirror that stopped, after their commit."""

from chain import catchup
from chain.models import Cursor
from config.celery import app
from gallery import alarms, freshness
from live import publish


def blocks_indexed(cursor: Cursor, logs: int, reorged: bool) -> None:
    """Tell open pages about the head, and nudge the tick.

    A block without logs of ours may make an earlier one final, or be the one that a seed waits for. While
    the mirror catches up with the past, only its own end is worth a tick. A mirror that stopped says so here
    too: `state` and `why` are what every page shows of it, `lack` and `left` how far behind and for how long.
    """
    catchup.pace.note(cursor, logs)
    state = freshness.state_of(cursor)
    more = {}
    if state is freshness.State.BEHIND:
        progress = catchup.progress(cursor)
        more = {"lack": freshness.blocks(cursor.behind), "left": progress.left if progress else ""}
    elif state is freshness.State.STOPPED:
        more = {"why": alarms.of(cursor.error).kind}
    publish("chain", "head", number=cursor.number, final=cursor.finalized_number, state=str(state), **more)
    if reorged:
        taken = freshness.last_reorganisation()
        publish("chain", "reorg", number=cursor.number, blocks=taken.blocks if taken else None)
    if cursor.behind == 0 and not cursor.error:
        # By its name: the indexer has no use for all that a tick needs.
        app.send_task("gallery.tasks.tick", expires=5)
