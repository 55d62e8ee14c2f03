"""What an operator should know of first: what can't go on, why, and what to do about it, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from chain.models import Cursor, Reorganisation, Repair, Transaction, TransactionState
from compute.models import Picture, Rendering
from gallery import alarms, health, rebuilds
from gallery.models import Control

PICTURES_LOOKED_AT = 500
OFTEN = 10
"""A node that was caught wrong so many times within a day is worth leaving."""
STUCK = (TransactionState.FAILED, TransactionState.REVERTED, TransactionState.DROPPED)


@dataclass(frozen=True)
class Trouble:
    """`what` is wrong, what would `help`, and where to look (an address, or "")."""

    what: str
    help: str
    link: str = ""


REMEDIES = {
    "database": "Is the database's server running, and is DATABASE_URL right? All goes on when it answers.",
    "cache": "Is Redis running, and is REDIS_URL right? Pages and painting go on when it answers.",
    "chain": "Does the node at CHAIN_RPC_URL answer, and is it on the chain of the deployment file?",
    "nodes": "The others are asked meanwhile. Mend the node, or take its address out of CHAIN_RPC_URL; where "
    "it is the only one, name another beside it.",
    "mirror": "Is the process `manage.py index` running? Its log says what it met. If the rows are wrong "
    "rather than late, read the mirror again.",
    "finality": "Nothing to do here but wait: a painting begins when its seed can no longer be taken back.",
    "tick": "If a cause is named, mend that: the tick tries again every second. If none is, look whether "
    "celery beat and the worker of the queue `control` run.",
    "painter": "Look at the painting's last error below. Is the worker of the queue `paint` running? Retry "
    "the painting once the cause is mended.",
    "operator": "Send the operator's account ether, or set OPERATOR_KEY or OPERATOR_KEYSTORE. What waits is "
    "sent by itself then.",
    "disk": "Free some space: paintings can't be kept, and the database can't grow.",
}


def troubles() -> list[Trouble]:
    """All that keeps the artwork from going on, most general first; empty when all is well."""
    alarm = _alarm()
    told = ("chain", "mirror") if alarm else ()
    found = [
        Trouble(check.words, REMEDIES.get(check.name, ""), _page(check.name))
        for check in health.report().checks
        if not check.ok and check.name not in told
    ]
    return [*alarm, *found, *_final_lost(), *_repairs(), *_switch(), *_outbox(), *_paintings()]


def _alarm() -> list[Trouble]:
    """Why the mirror stands still, told once, with what helps against just that."""
    cursor = Cursor.current()
    if cursor is None or not cursor.error:
        return []
    alarm = alarms.of(cursor.error)
    what = f"The mirror stands still at block {cursor.number}. {alarm.title}: {alarm.detail}"
    return [Trouble(what, alarm.remedy, _page("mirror"))]


def _final_lost() -> list[Trouble]:
    """What a public chain took back though it had been final: never to be got used to."""
    since = timezone.now() - timedelta(days=7)
    if settings.PRIVATE_CHAIN:  # a crash may cost its last second
        return []
    return [
        Trouble(
            f"The chain took back {one.final_blocks} blocks above block {one.number} that had been final, on "
            f"{one.at:%d %B at %H:%M} UTC.",
            "Look at the nodes, and look again at whatever was decided by those blocks.",
            reverse("admin:chain_reorganisation_changelist"),
        )
        for one in Reorganisation.objects.filter(at__gte=since, final_blocks__gt=0)[:3]
    ]


def _repairs() -> list[Trouble]:
    """Nodes that were caught with wrong answers again and again."""
    since = timezone.now() - timedelta(days=1)
    counted = Repair.objects.filter(at__gte=since).values("provider").annotate(times=Count("pk"))
    return [
        Trouble(
            f"{row['provider']} gave {row['times']} wrong answers within a day; each was put right.",
            "Nothing is missing here, but a node like that should be left: change CHAIN_RPC_URL.",
            reverse("admin:chain_repair_changelist"),
        )
        for row in counted.filter(times__gte=OFTEN).order_by("provider")
    ]


def _switch() -> list[Trouble]:
    control = Control.get()
    found = []
    if control.paused:
        why = f": {control.paused_reason}" if control.paused_reason else "."
        found.append(Trouble(f"The cycle is paused{why}", "An owner can resume it.", _page("tick")))
    rebuild = rebuilds.current()
    if rebuild is not None:
        said = f" It could not begin: {rebuild.error}" if rebuild.error else ""
        part = f"{100 * rebuilds.share(rebuild):.0f} % of the mirror is read again.{said}"
        found.append(
            Trouble(part, "Nothing is sealed, painted or anchored until it is done.", _page("mirror"))
        )
    return found


def _outbox() -> list[Trouble]:
    """Transactions of ours that did not do what they were to do, or that can't be sent."""
    failing = Q(state__in=STUCK) | (Q(state=TransactionState.QUEUED) & ~Q(error=""))
    found = []
    for row in Transaction.objects.filter(failing).order_by("-updated_at")[:5]:
        if _outdated(row):
            continue
        again = f" Next attempt at {row.next_attempt_at:%H:%M:%S} UTC." if row.next_attempt_at else ""
        found.append(
            Trouble(
                f"{row.function} ({row.key}) is {row.get_state_display()}: {row.error or 'no reason given'}",
                f"The site tries again by itself while it is still wanted.{again}",
                reverse("admin:chain_transaction_change", args=[row.pk]),
            )
        )
    return found


def _outdated(row: Transaction) -> bool:
    """Whether what it was to do has been done since, by ourselves in a later attempt or by somebody else."""
    from gallery import epochs

    kind, _, rest = row.key.partition(":")
    current = epochs.unsettled() or epochs.opened()
    number = rest.partition(":")[0]
    if kind in ("seal", "draw", "refix", "reopen", "fail") and number.isdecimal() and current is not None:
        return int(number) < current.number
    if kind == "anchor":
        return current is None or not hasattr(current, "draw") or current.draw.recipe_hash != number
    return False


def _paintings() -> list[Trouble]:
    found = []
    failed = Rendering.objects.filter(state=Rendering.State.FAILED).order_by("-updated_at").first()
    from gallery import controls

    current = controls.current_job()
    if current is not None and failed is not None and failed.pk == current.pk:
        found.append(
            Trouble(
                f"The painting for epoch {failed.epoch_number} failed: {failed.error}",
                "Mend the cause and retry it; else it gets new attempts with the next round.",
                reverse("admin:compute_rendering_change", args=[failed.pk]),
            )
        )
    newest = Picture.objects.order_by("-created_at").only("file_hash", "file")[:PICTURES_LOOKED_AT]
    lost = [row.file_hash for row in newest if not _exists(row)]
    if lost:
        found.append(
            Trouble(
                f"{len(lost)} picture file{'s are' if len(lost) > 1 else ' is'} lost, the first {lost[0]}.",
                "Paint that generation again: if the pixels agree, its file is written again.",
                reverse("admin:compute_picture_change", args=[lost[0]]),
            )
        )
    return found


def _exists(row: Picture) -> bool:
    return bool(row.file) and row.file.storage.exists(str(row.file.name))


def _page(check: str) -> str:
    if check in ("chain", "nodes", "mirror", "finality"):
        return reverse("admin:gallery_rebuild_status")
    return reverse("admin:gallery_epoch_controls")
