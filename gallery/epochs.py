"""An epoch's life: open, sealed, seeded, then anchored or failed.

The contract holds the state and refuses what isn't due; the rows mirrored from it say where an epoch stands,
and `advance`, called by the tick, does the one thing that comes next:

1. *Open* and due: seal it, unless the artwork rests (`gallery.rest`).
2. *Sealed*: when the randomness is there, draw the seed; when it lapsed, fix it anew; past the limits, fail.
3. *Seeded*: once that is final, build the recipe, check it against the contract's commitment and have it
painted.
4. Painted and still in time: anchor the result, or have our workers commit to it, reveal it and finalize it
(`compute.operator`). Past the deadline, or when the workers come to nothing: reopen the round; past the
rounds, fail.

Every step may be repeated: a contract call is named by a key that the outbox sends once, a painting by its
recipe hash. So a crash costs one tick, and a reorganisation that undoes an anchor finds the painting done.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from chain import clock, contracts, deployments, transactions
from chain.memory import once
from chain.models import Cursor
from compute import operator, rendering, troubles
from compute.models import Rendering
from gallery import randomness, recipes, rest
from gallery.models import Control, Epoch, Failure, Generation, Round, Sealing, SlotChange
from governance import parameters

PENDING, READY, LAPSED = 0, 1, 2
"""`IRandomnessSource.status`."""

EXPECT_S = 30
"""How long before an epoch's end the painter is told to get ready: as long as it takes on a slow machine."""


class EpochState(StrEnum):
    """The contract's states; an epoch that is open and due is still open."""

    OPEN = "open"
    SEALED = "sealed"
    SEEDED = "seeded"
    ANCHORED = "anchored"
    FAILED = "failed"


class Limits(NamedTuple):
    """How long and how often the contract tries; seconds and counts."""

    seed_timeout: int
    paint_period: int
    max_rounds: int
    max_refixes: int


class PainterUnknown(Exception):
    """The epoch names a painter or a source of randomness that isn't in the deployment file."""


class PaintingTrouble(troubles.Plain):
    """The painting doesn't succeed, at least so far: for the tick to show."""


def state(epoch: Epoch) -> EpochState:
    """Where an epoch stands, from the rows mirrored so far."""
    if hasattr(epoch, "failure"):
        return EpochState.FAILED
    if Generation.objects.filter(epoch_number=epoch.number).exists():
        return EpochState.ANCHORED
    if hasattr(epoch, "draw"):
        return EpochState.SEEDED
    return EpochState.SEALED if hasattr(epoch, "sealing") else EpochState.OPEN


def unsettled() -> Epoch | None:
    """The sealed epoch that has neither a generation nor a failure yet; there is one at most."""
    number = _unsettled()
    if number is None:
        return None
    rows = Epoch.objects.select_related("sealing__log__block", "draw__log__block")
    return rows.filter(number=number).first()


@once
def _unsettled() -> int | None:
    """Its number: there is none most of the time, and to ask for the number alone is cheap."""
    settled = Generation.objects.order_by().values("epoch_number")
    found = Epoch.objects.filter(sealing__isnull=False, failure__isnull=True).exclude(number__in=settled)
    return found.values_list("number", flat=True).first()


def opened() -> Epoch | None:
    """The open epoch: the newest, which voters are deciding now."""
    return Epoch.objects.filter(sealing__isnull=True).first()


@lru_cache(maxsize=4)
def _limits(artwork: str) -> Limits:
    names = ("seedTimeout", "paintPeriod", "maxRounds", "maxRefixes")
    return Limits(*(contracts.call("LivingArtwork", name) for name in names))


def limits() -> Limits:
    """The contract's own limits; they never change, so they are asked for once."""
    return _limits(deployments.address_of("LivingArtwork"))


def by_workers() -> bool:
    """Whether bonded workers are to paint the epochs that are sealed from now on: what the slot says."""
    slot = SlotChange.objects.filter(slot="painter").first()
    return slot is not None and deployments.name_of(slot.current) == operator.NAME


def fixed_round(epoch: Epoch) -> int:
    """The round of randomness that a sealed epoch waits for: the one fixed last."""
    refix = epoch.refixes.order_by("-count").first()
    return refix.round if refix else epoch.sealing.round


def advance() -> None:
    """Do what is due for the current epoch, at most one step. While paused, only our workers' word is kept.

    Raises what stops it (RpcUnavailable, RecipeMismatch, ...): the tick shows it and comes back.
    """
    epoch = unsettled()
    if Control.get().paused:
        if epoch is not None:
            operator.keep_word(epoch.number)
        return
    if epoch is None:
        _seal_if_due()
    elif state(epoch) is EpochState.SEALED:
        _draw(epoch)
    else:
        _paint(epoch)


def _seal_if_due() -> None:
    epoch = opened()
    if epoch is None:
        return
    left = epoch.ends_at - clock.now()
    if left <= EXPECT_S and rest.awake(epoch):
        rendering.expect()
        if left <= 0 and settings.KEEPER:
            seal(epoch)


def seal(epoch: Epoch) -> transactions.Transaction:
    """Ask the contract to seal the open epoch; it refuses before its end."""
    return transactions.send(f"seal:{epoch.number}", "LivingArtwork", "sealEpoch")


def _draw(epoch: Epoch) -> None:
    """The seed: draw it when its round is there, fix a later one when it lapsed, fail when neither helps.

    A round that lapsed during a long stop is fixed anew even past the timeout, as long as the contract
    allows it. A round of drand that nobody has is waited for up to the timeout; nothing takes its place.
    """
    rendering.expect()
    if not settings.KEEPER:
        return
    sealing = epoch.sealing
    fixed = fixed_round(epoch)
    # What a transaction would meet in the next block: a round may be ready now and lapsed by then.
    status = contracts.call(_name(sealing.source), "status", fixed, block="pending")
    late = clock.now() > sealing.log.block.timestamp + limits().seed_timeout
    if status == READY:
        try:
            proof = randomness.proof(_name(sealing.source), fixed)
        except randomness.RandomnessTrouble:
            if not late:
                raise
            transactions.send(f"fail:{epoch.number}:seed", "LivingArtwork", "failEpoch", epoch.number)
            return
        if proof is not None:
            transactions.send(
                f"draw:{epoch.number}:{fixed}", "LivingArtwork", "drawSeed", epoch.number, proof
            )
        return
    if status == LAPSED and epoch.refixes.count() < limits().max_refixes:
        transactions.send(f"refix:{epoch.number}:{fixed}", "LivingArtwork", "refixSeed", epoch.number)
    elif status == LAPSED or (late and not settings.PRIVATE_CHAIN):  # the private chain mines what is missing
        transactions.send(f"fail:{epoch.number}:seed", "LivingArtwork", "failEpoch", epoch.number)


def _paint(epoch: Epoch) -> None:
    """The painting, once its recipe is final: ask for it, bring it to the chain, or give it another round."""
    current = epoch.rounds.order_by("-round").first()
    if current is None:  # `RoundOpened` comes with `SeedDrawn`, in one transaction
        return
    workers = _name(current.painter) == operator.NAME
    if clock.now() > current.deadline or (workers and operator.is_over(epoch.number, current.round)):
        _next_round(epoch, current)
        return
    cursor = Cursor.current()
    if cursor is None or not cursor.is_final(current.log.block.number):
        return
    job = Rendering.objects.filter(recipe_hash=epoch.draw.recipe_hash).first()
    if workers:
        _paint_by_workers(epoch, current, job)
        return
    if job is None:
        job = rendering.ask(epoch.draw.recipe_hash, epoch.number, recipes.build(epoch.sealing))
    if job.state == Rendering.State.PAINTED:
        anchor(epoch.sealing, current, job)
        return
    _have_painted(job, current)


def _paint_by_workers(epoch: Epoch, current: Round, job: Rendering | None) -> None:
    """Have it painted if a worker of ours may still commit and nothing speaks against it; then their turn."""
    willing = operator.due(epoch.number, current.round)
    painted = job is not None and job.state == Rendering.State.PAINTED
    if willing and not painted:
        if why := operator.refusal(parameters.values_at(epoch.sealing.params_version)):
            operator.decline(epoch.number, willing, why)
            return
        operator.accept(epoch.number, willing)
        job = job or rendering.ask(epoch.draw.recipe_hash, epoch.number, recipes.build(epoch.sealing))
        _have_painted(job, current)
        return
    operator.advance(epoch.number, current.round, job)


def _have_painted(job: Rendering, current: Round) -> None:
    rendering.send_if_lost(job, current.round)
    if why := rendering.trouble(job):
        raise PaintingTrouble(why)


def settle() -> None:
    """What anybody may do for the workers beside the round that is open: see `compute.operator`."""
    if operator.NAME not in deployments.load().contracts:
        return
    operator.settle()
    operator.release(list(Failure.objects.values_list("epoch_id", flat=True)))


def _next_round(epoch: Epoch, current: Round) -> None:
    if not settings.KEEPER:
        return
    if current.round < limits().max_rounds:
        key = f"reopen:{epoch.number}:{current.round}"
        transactions.send(key, "LivingArtwork", "reopenRound", epoch.number)
    else:
        transactions.send(f"fail:{epoch.number}:paint", "LivingArtwork", "failEpoch", epoch.number)


def anchor(sealing: Sealing, current: Round, job: Rendering) -> transactions.Transaction:
    """Commit to a finished painting through the epoch's painter contract."""
    picture = job.picture
    if picture is None:
        raise RuntimeError(f"the painting for epoch {sealing.epoch_id} is done but has no picture")
    key = f"anchor:{job.recipe_hash}:{current.round}"
    result = (picture.pixel_hash, picture.thumb_hash, picture.file_hash)
    return transactions.send(key, _name(current.painter), "anchor", sealing.epoch_id, result)


def _name(address: str) -> str:
    name = deployments.name_of(address)
    if name is None:
        raise PainterUnknown(f"the epoch names {address}, which is not in the deployment file of this site")
    return name
