"""How the whole site is: one list of checks for the status page, for machines that watch it, and the admin.

Nothing here asks the chain or waits for anything but the database and the cache, so a report costs a few
milliseconds however ill the site is. What only the tick can know (when it ran, what the operator owns) the
tick leaves in the cache: `note_tick`, `note_operator`. No words here hold an address with a secret in it.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone

from chain import signers
from chain.models import Block, Cursor, ProviderState, Transaction, TransactionState
from chain.rpc import RpcError, RpcUnavailable, get_rpc
from chain.signers import SignerMissing
from compute.models import Rendering
from gallery import mirrored
from gallery.models import Control

TICK, OPERATOR = "gallery.health.tick", "gallery.health.operator"
KEPT_S = 86_400
TICK_LATE_S = 30
"""The tick is due every second; a busy machine may take longer, a dead worker does not come back."""
MIRROR_LATE_S = 30
MIRROR_MOST_BEHIND = 64
FINALITY_LATE_S = 3600
"""Final blocks are minutes behind on every chain that works; an hour behind, its validators disagree."""
PAINTER_LATE_S = 60
"""A painting handed over so long ago and taken up by nobody."""
OPERATOR_EVERY_S = 30
OPERATOR_LEAST_WEI = 10**16
"""About what an epoch's transactions may cost on a dear day."""
DISK_LEAST_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Check:
    """One part of the site: `words` is a sentence for people, `detail` the numbers behind it."""

    name: str
    ok: bool
    words: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All checks; `ok` when every one is."""

    ok: bool
    checks: list[Check]

    def __getitem__(self, name: str) -> Check:
        """The check of that name. Raises KeyError."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)


def report() -> Report:
    """How every part is now. Never raises: what cannot be found out is a check that failed."""
    return _report(*_BASIC, _chain, _nodes, _mirror, _finality, _tick, _painter, _operator, _disk)


def readiness() -> Report:
    """What a process needs to serve pages that are right: the database, the cache, a node of the artwork's
    chain, and a fresh mirror of it.
    """
    return _report(*_BASIC, _chain_of_ours, _mirror)


def _report(*parts: Callable[[], Check]) -> Report:
    checks = [_look(part) for part in parts]
    return Report(all(check.ok for check in checks), checks)


def _look(part: Callable[[], Check]) -> Check:
    name = _NAMES.get(part.__name__, part.__name__.strip("_"))
    try:
        return part()
    except DatabaseError as error:
        words = f"The database does not answer ({type(error).__name__})."
    except Exception as error:  # noqa: BLE001 - whatever the cache's client or the disk raises
        words = f"This could not be found out ({type(error).__name__})."
    with contextlib.suppress(DatabaseError):
        connection.close_if_unusable_or_obsolete()  # the next question gets a new connection
    return Check(name, False, words)


# --- Checks --------------------------------------------------------------------------------------------


def _database() -> Check:
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    ms = round(1000 * (time.monotonic() - began), 1)
    return Check("database", True, "The database answers.", {"vendor": connection.vendor, "ms": ms})


def _cache() -> Check:
    began = time.monotonic()
    cache.set("gallery.health.cache", "here", 60)
    if cache.get("gallery.health.cache") != "here":
        return Check("cache", False, "The cache forgets what it is given.")
    ms = round(1000 * (time.monotonic() - began), 1)
    kind = "Redis" if settings.REDIS_URL else "memory"
    return Check("cache", True, "The cache answers.", {"kind": kind, "ms": ms})


_BASIC = (_database, _cache)


def _chain() -> Check:
    cursor = Cursor.current()
    if cursor is None:
        return Check("chain", False, "No block of the chain was seen yet.")
    age = _age(cursor.updated_at)
    detail = {"head": cursor.head_number, "seen_s": age, "chain_id": cursor.chain_id}
    if cursor.error:
        return Check("chain", False, f"The chain cannot be followed: {cursor.error}", detail)
    return Check("chain", True, f"The chain's newest block is {cursor.head_number}.", detail)


def _nodes() -> Check:
    """Whether every node can be read from; the mirror goes on with one of them."""
    known = mirrored.nodes(Cursor.current())
    answering = [node for node in known if node.answers]
    detail = {"nodes": len(known), "answering": len(answering)}
    if not known:
        return Check("nodes", True, "No node has been looked at yet.", detail)
    if len(answering) == len(known):
        words = "The node answers." if len(known) == 1 else f"All {len(known)} nodes answer."
        return Check("nodes", True, words, detail)
    ours = _chain_of_ours()
    if not ours.ok:
        return Check("nodes", False, ours.words, detail)
    if not answering:
        words = "The node does not answer." if len(known) == 1 else f"None of {len(known)} nodes answers."
        return Check("nodes", False, words, detail)
    down = next(node for node in known if not node.answers)
    words = f"{len(answering)} of {len(known)} nodes answer. {down.name}: {down.words}"
    return Check("nodes", False, words, detail)


def _chain_of_ours() -> Check:
    """Whether any node may be of the artwork's chain: all were found not to be, or none was."""
    known = mirrored.nodes(Cursor.current())
    refused = [node for node in known if node.state is ProviderState.REFUSED]
    detail = {"nodes": len(known), "refused": len(refused)}
    if known and len(refused) == len(known):
        return Check("nodes", False, f"No node is of the artwork's chain. {refused[0].error}".strip(), detail)
    return Check("nodes", True, "No node was found to be of another chain.", detail)


_NAMES = {_chain_of_ours.__name__: "nodes"}


def _mirror() -> Check:
    cursor = Cursor.current()
    if cursor is None:
        return Check("mirror", False, "Nothing was mirrored yet: is the indexer running?")
    age = _age(cursor.updated_at)
    detail = {"block": cursor.number, "behind": cursor.behind, "seen_s": age}
    if cursor.error:
        return Check("mirror", False, f"The mirror stands still: {cursor.error}", detail)
    if age > MIRROR_LATE_S:
        words = f"The mirror last moved {age:.0f} s ago: is the indexer running?"
        return Check("mirror", False, words, detail)
    if cursor.behind > MIRROR_MOST_BEHIND:
        words = f"The mirror is {cursor.behind} blocks behind and catches up."
        return Check("mirror", False, words, detail)
    return Check("mirror", True, f"The mirror is at block {cursor.number}.", detail)


def _finality() -> Check:
    cursor = Cursor.current()
    if cursor is None:
        return Check("finality", False, "No block is known to be final yet.")
    behind = max(0, cursor.head_number - max(0, cursor.finalized_number))
    detail = {"final": cursor.finalized_number, "behind": behind}
    if cursor.finalized_number < 0:
        return Check("finality", False, "The node says of no block that it is final.", detail)
    final = f"Blocks up to {cursor.finalized_number} are final"
    if not settings.PRIVATE_CHAIN:  # a private chain mines when there is something to mine
        block = Block.objects.filter(number__lte=cursor.finalized_number).order_by("-number").first()
        stored = block.number if block else None
        if block and stored == cursor.finalized_number:
            late = cursor.head_timestamp - block.timestamp
            detail["behind_s"] = late
            if late > FINALITY_LATE_S:
                return Check("finality", False, f"{final}, {late / 3600:.1f} hours behind the head.", detail)
    return Check("finality", True, f"{final}.", detail)


def _tick() -> Check:
    last: dict[str, Any] | None = cache.get(TICK)
    control = Control.get()
    detail: dict[str, Any] = {"paused": control.paused, "problem": control.error}
    if last is None:
        return Check("tick", False, "The tick has not run: are beat and the control worker running?", detail)
    age = max(0.0, round(time.time() - last["at"], 1))
    detail |= {"age_s": age, "seconds": last["seconds"]}
    if age > TICK_LATE_S:
        words = f"The tick last ran {age:.0f} s ago: are beat and the control worker running?"
        return Check("tick", False, words, detail)
    if control.error:
        return Check("tick", False, f"The cycle cannot go on: {control.error}", detail)
    waiting = Transaction.objects.filter(state=TransactionState.QUEUED).exclude(error="").first()
    if waiting is not None:
        detail["waiting"] = waiting.key
        return Check("tick", False, f"A transaction could not be sent: {waiting.error}", detail)
    return Check("tick", True, "The cycle is paused." if control.paused else "The cycle goes on.", detail)


def _painter() -> Check:
    now = timezone.now()
    states = Rendering.State
    queued = Rendering.objects.filter(state=states.QUEUED).count()
    at_work = Rendering.objects.filter(state=states.PAINTING)
    detail: dict[str, Any] = {"queued": queued, "painting": at_work.count()}
    newest = Rendering.objects.exclude(state=states.QUEUED).order_by("-updated_at").first()
    if newest is not None:
        detail |= {"heard_s": _age(newest.updated_at), "last": newest.state}
    if at_work.filter(lease_until__lt=now).exists():
        return Check("painter", False, "The painter at work was not heard of in time.", detail)
    if (
        waiting := Rendering.objects.filter(state=states.QUEUED, due_at__lte=now)
        .order_by("created_at")
        .first()
    ):
        waits = _age(max(waiting.due_at, waiting.created_at))
        detail["waits_s"] = waits
        if waits > PAINTER_LATE_S and not at_work.exists():
            words = f"A painting has waited for {waits:.0f} s: is the paint worker running?"
            return Check("painter", False, words, detail)
    failed = Rendering.objects.filter(state=states.FAILED).order_by("-updated_at").first()
    if failed is not None and newest is not None and failed.pk == newest.pk:
        return Check("painter", False, f"The last painting failed: {failed.error[:300]}", detail)
    words = "A painting is being made." if detail["painting"] else "The painter waits for work."
    return Check("painter", True, words, detail)


def _operator() -> Check:
    known: dict[str, Any] | None = cache.get(OPERATOR)
    if known is None:
        return Check("operator", False, "The operator's account was not looked at yet.")
    detail = {"address": known["address"], "wei": known["wei"], "age_s": round(time.time() - known["at"])}
    if known["error"]:
        return Check("operator", False, known["error"], detail)
    ether = int(known["wei"]) / 10**18
    if int(known["wei"]) < OPERATOR_LEAST_WEI:
        return Check("operator", False, f"The operator has {ether:.6f} ether left: send it some.", detail)
    return Check("operator", True, f"The operator has {ether:.4f} ether.", detail)


def _disk() -> Check:
    folders = {str(Path(settings.VAR_DIR)), str(Path(settings.MEDIA_ROOT))}
    free: dict[str, int] = {}
    for folder in sorted(folders):
        place = Path(folder)
        while not place.exists():
            place = place.parent
        free[folder] = shutil.disk_usage(place).free
    least = min(free.values())
    words = f"{least / 1e9:.1f} GB of disk are free."
    ok = least >= DISK_LEAST_BYTES
    return Check("disk", ok, words if ok else f"Only {words}", {"free_bytes": least})


def _age(moment: Any) -> float:
    return float(max(0.0, round((timezone.now() - moment).total_seconds(), 1)))


# --- What the tick leaves ------------------------------------------------------------------------------


def note_tick(seconds: float) -> None:
    """Note that the tick ran now, and for how long. A cache that is away is no reason to stop."""
    with contextlib.suppress(Exception):  # the check of the cache says so
        cache.set(TICK, {"at": time.time(), "seconds": round(seconds, 4)}, KEPT_S)


def note_operator() -> None:
    """Look at the operator's account, every half minute at most. Raises what the cache raises."""
    if not cache.add(f"{OPERATOR}.due", 1, OPERATOR_EVERY_S):
        return
    known: dict[str, Any] = {"at": time.time(), "address": "", "wei": "0", "error": ""}
    try:
        rpc = get_rpc()
        known["address"] = signers.configured(rpc).address
        known["wei"] = str(int(rpc.call("eth_getBalance", known["address"], "latest"), 16))
    except SignerMissing as error:
        known["error"] = f"The site cannot send anything: {error}"
    except (RpcUnavailable, RpcError) as error:
        known["error"] = f"The operator's account could not be looked at: {error}"
    cache.set(OPERATOR, known, KEPT_S)
