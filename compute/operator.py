"""What our workers do in a round of painting: decline and say why, commit, reveal; and what anybody may do.

    painted, in time     the vow is written down, then the commitment is sent
    reveals are open     each commitment of ours that is final is revealed
    a quorum agrees      the result is finalized, by whoever comes first
    afterwards           what follows from each worker's last commitment is settled

The rows mirrored from the chain say where a round stands (`compute.rounds`), the outbox sends each intention
once, and a vow is kept before its commitment leaves: so every step may be repeated, and a crash between two
costs nothing. Several workers of ours share one painting, and each vows and attests for itself.

Commitments wait until the round that they are for is final (see `gallery.epochs`), and reveals until their
commitment is: else a reorganisation could show a result to others who then commit to it.
"""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
import sys
from functools import cache
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from chain import clock, deployments, signers, transactions
from chain.models import IN_FLIGHT, Cursor, Transaction, TransactionState
from chain.rpc import get_rpc
from chain.signers import SignerMissing
from compute import attestations, commitments, roster, rounds, workers
from compute.models import (
    Acceptance,
    Attestation,
    FeeRelease,
    Finalization,
    Refusal,
    Rendering,
    Vow,
    Window,
)
from compute.roster import Member
from compute.rounds import PaintingRound, RoundState
from compute.workers import Unresolved
from governance import energy
from governance.parameters import Value
from live import publish
from studio import models as studio_models
from studio.environment import determinism_class
from studio.models import UnknownModel

log = logging.getLogger(__name__)

NAME = "WorkerSet"
HASTE = 5
"""In the last fifth of its time a reveal doesn't wait for finality any longer: silence costs for certain."""
LONGEST_TURN_S = 30
TURNS = 10
"""Turns that the time for finalizing is divided into."""
OTHERS_TURNS = 3


# --- Who we are ---------------------------------------------------------------------------------------


def ours() -> list[str]:
    """The addresses of the workers whose keys we hold; none when a key can't be opened, which the outbox
    tells.
    """
    return [signer.address for signer in signers.workers(get_rpc())]


def class_id() -> str:
    """The determinism class that our workers declare, 0x text: WORKER_CLASS, else this machine's own."""
    if settings.WORKER_CLASS:
        return str(settings.WORKER_CLASS).lower()
    return roster.THIS_MACHINE if settings.PRIVATE_CHAIN else _measured(settings.PAINTER_THREADS)


@cache
def _measured(threads: int) -> str:
    """In a process of its own: PyTorch is not for this one."""
    code = (
        "import sys; from studio import environment as e\n"
        "print(e.determinism_class(e.environment(int(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(threads)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
        timeout=settings.PAINTER_LOAD_TIMEOUT_S,
    )
    return done.stdout.strip()


# --- Before painting ----------------------------------------------------------------------------------


def due(epoch: int, number: int) -> list[str]:
    """Those of our workers that may still commit in a round: among the epoch's workers, with bond enough,
    without a commitment in it or a result that counts from an earlier one.
    """
    current = rounds.newest(epoch)
    if current is None or current.number != number or current.state is not RoundState.COMMITTING:
        return []
    done = {one.worker for one in (*current.commitments, *current.reveals)}
    entitled = roster.entitled(epoch)
    return [address for address in ours() if address not in done and address in entitled]


def refusal(values: dict[str, Value]) -> str:
    """Why this machine doesn't paint a recipe of these governed values, in a sentence; "" if it does."""
    if why := energy.over_budget(values):
        return why
    try:
        studio_models.resolve(str(values["model"]), settings.PAINTER_MODELS)
    except UnknownModel as error:
        return f"The model's files are not here: {error}"
    return ""


def decline(epoch: int, addresses: list[str], reason: str) -> None:
    """Write down why workers of ours don't paint an epoch, and tell open pages when that is new."""
    for address in addresses:
        row, made = Refusal.objects.get_or_create(worker=address, epoch=epoch, defaults={"reason": reason})
        if made or row.reason != reason:
            Refusal.objects.filter(pk=row.pk).update(reason=reason, at=timezone.now())
            log.warning("worker %s does not paint epoch %s: %s", address, epoch, reason)
            publish("artwork", "workers", epoch=epoch)


def accept(epoch: int, addresses: list[str]) -> None:
    """What kept workers of ours from painting an epoch is over."""
    Refusal.objects.filter(epoch=epoch, worker__in=addresses).delete()


# --- The round ----------------------------------------------------------------------------------------


def advance(epoch: int, number: int, job: Rendering | None) -> None:
    """Do what is due in a round that is final: commit when painted, reveal, finalize.

    `job` is the painting, None while nobody asked for it here. Raises what keeps the chain or a key from us.
    """
    current = rounds.newest(epoch)
    if current is None or current.number != number:
        return  # the mirror is between two events of one transaction's block
    if current.state is RoundState.COMMITTING:
        if job is not None and job.state == Rendering.State.PAINTED:
            for address in due(epoch, number):
                _commit(current, job, address)
    elif current.state is RoundState.REVEALING:
        reveal(current)
    elif current.state is RoundState.CLOSED:
        finalize(current)


def is_over(epoch: int, number: int) -> bool:
    """Whether a round came to nothing before its deadline: too few agree, and nobody may reveal any more."""
    current = rounds.newest(epoch)
    return (
        current is not None
        and current.number == number
        and current.state is RoundState.OVER
        and current.finalization is None
    )


def _commit(current: PaintingRound, job: Rendering, address: str) -> None:
    member = roster.members()[address]
    if why := _stranger(member, job):
        decline(current.epoch, [address], why)
        return
    vow = _vow(current, job, member)
    transactions.send(
        f"commit:{vow.epoch}:{vow.round}:{address}",
        NAME,
        "commit",
        vow.epoch,
        vow.commitment,
        sender=address,
    )


def _stranger(member: Member, job: Rendering) -> str:
    """Why a result of this machine would be a risk to a worker's bond: it is of another class by now."""
    if settings.PRIVATE_CHAIN and member.class_id == roster.THIS_MACHINE:
        return ""
    found = settings.WORKER_CLASS.lower() or determinism_class(job.environment)
    if found == member.class_id:
        return ""
    return (
        f"This machine paints as class {found[:10]}…, the worker is registered as {member.class_id[:10]}…: "
        "its result could differ from the others of its class."
    )


def _vow(current: PaintingRound, job: Rendering, member: Member) -> Vow:
    """What a worker commits to in a round: written once, before anything is sent.

    Only where the chain was set back and drew the epoch anew (which finality rules out, but not a private
    chain that lost its last second), a vow whose commitment isn't on its way is made anew.
    """
    key = {"worker": member.address, "epoch": current.epoch, "round": current.number}
    vow = Vow.objects.filter(**key).first()
    picture = job.picture
    if picture is None:
        raise RuntimeError(f"the painting for epoch {current.epoch} is done but has no picture")
    hashes = (picture.pixel_hash, picture.thumb_hash, picture.file_hash)
    result = commitments.result_hash(job.recipe_hash, *hashes)
    if vow is not None and (vow.result_hash == result or not _unsent(vow)):
        return vow
    manifest = attestations.keep(attestations.manifest(job, member.address, member.class_id, current.number))
    salt = "0x" + secrets.token_hex(32)
    deployment = deployments.load()
    content: dict[str, Any] = {
        "result_hash": result,
        "manifest_hash": manifest.manifest_hash,
        "salt": salt,
        "commitment": commitments.commitment(
            deployment.chain_id,
            deployment.address_of(NAME),
            current.epoch,
            current.number,
            member.address,
            member.class_id,
            result,
            manifest.manifest_hash,
            salt,
        ),
    }
    if vow is not None:
        log.warning("epoch %s was drawn anew: worker %s vows again", current.epoch, member.address)
        Vow.objects.filter(pk=vow.pk, commitment=vow.commitment).update(**content, made_at=timezone.now())
        return Vow.objects.get(pk=vow.pk)
    try:
        with transaction.atomic():
            return Vow.objects.create(**key, **content)
    except IntegrityError:  # another process was quicker, and its vow is the one that counts
        return Vow.objects.get(**key)


def _unsent(vow: Vow) -> bool:
    key = f"commit:{vow.epoch}:{vow.round}:{vow.worker}"
    row = Transaction.objects.filter(key=key).first()
    return row is None or row.state not in (*IN_FLIGHT, TransactionState.MINED)


def keep_word(epoch: int) -> None:
    """Reveal and no more: for a pause, in which what was promised still costs if it isn't kept."""
    current = rounds.newest(epoch)
    if current is not None and current.state is RoundState.REVEALING:
        reveal(current)


def reveal(current: PaintingRound) -> None:
    """Reveal our workers' commitments, once they are final."""
    cursor = Cursor.current()
    mine = set(ours())
    hurry = _hurries(current)
    for row in current.commitments:
        if row.worker not in mine or row.worker not in current.waiting_for or cursor is None:
            continue
        if not (hurry or cursor.is_final(row.block_number)):
            continue
        vow = Vow.objects.filter(worker=row.worker, epoch=row.epoch, round=row.round).first()
        if vow is None or vow.commitment != row.commitment:
            log.error("worker %s committed to what is not known here: it can't be revealed", row.worker)
            continue
        said = json.loads(Attestation.objects.get(pk=vow.manifest_hash).body)
        result = (said["pixel_hash"], said["thumb_hash"], said["file_hash"])
        transactions.send(
            f"reveal:{row.epoch}:{row.round}:{row.worker}",
            NAME,
            "reveal",
            row.epoch,
            result,
            vow.manifest_hash,
            vow.salt,
            sender=row.worker,
        )


def _hurries(current: PaintingRound) -> bool:
    opened = min(current.commit_until + 1, max(row.at for row in current.commitments))
    return (current.reveal_until - clock.now()) * HASTE < current.reveal_until - opened


# --- What anybody may do ------------------------------------------------------------------------------


def finalize(current: PaintingRound) -> None:
    """Have a quorum's result anchored, once it is our turn: who revealed it first goes first, the others
    follow, and who did not find it comes last. All at once, each would pay for a race that one wins.
    """
    if (winner := current.winner) is None:
        return
    found = [one.worker for one in current.reveals if one.result_hash == winner.result_hash]
    mine = set(ours())
    turn = next((place for place, worker in enumerate(found) if worker in mine), len(found))
    last = max(one.at for one in current.reveals)
    closed_at = max(last, current.reveal_until + 1) if current.waiting_for else last
    if clock.now() < closed_at + turn * _turn_s(current.deadline - current.reveal_until):
        return
    result = (winner.pixel_hash, winner.thumb_hash, winner.file_hash)
    _send(f"finalize:{current.epoch}:{current.number}", "finalize", current.epoch, result)


def settle() -> None:
    """Settle what follows from workers' last commitments, and slashes that nobody challenged or decided. Ours
    at once; others' only when they had their time to do it themselves.
    """
    mine = set(ours())
    for one in workers.unresolved():
        if one.worker not in mine and not _is_left_over(one):
            continue
        _send(f"resolve:{one.epoch}:{one.round}:{one.worker}", "resolve", one.worker)
    now = clock.now()
    for slashes in workers.pending().values():
        for slash in slashes:
            if now >= slash.settles_at:
                _send(f"settle:{slash.id}", "settleSlash", slash.id)


def release(failed: list[int]) -> None:
    """Have the fees of failed epochs put back into the pool."""
    released = FeeRelease.objects.values("epoch")
    held = Acceptance.objects.filter(epoch__in=failed).exclude(epoch__in=released)
    for row in held:
        if row.fee:
            _send(f"release:{row.epoch}", "releaseFee", row.epoch)


def _is_left_over(one: Unresolved) -> bool:
    window = Window.objects.get(epoch=one.epoch, round=one.round)
    end = Finalization.objects.filter(epoch=one.epoch).first()
    since = window.reveal_until if end is None else end.at
    return clock.now() > since + OTHERS_TURNS * _turn_s(window.deadline - window.reveal_until)


def _turn_s(to_finalize: int) -> int:
    """How long one has for what anybody may do before the next one does it, in seconds: some blocks."""
    return max(1, min(LONGEST_TURN_S, to_finalize // TURNS))


def _send(key: str, function: str, *arguments: Any) -> None:
    """Send what anybody may: as the site's operator, or, where there is none, as our first worker. Who has no
    key at all only watches.
    """
    sender = None
    try:
        signers.configured(get_rpc())
    except SignerMissing:
        if not (mine := ours()):
            return
        sender = mine[0]
    transactions.send(key, NAME, function, *arguments, sender=sender)
