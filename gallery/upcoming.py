"""What happens next, in a few honest words and, where a clock decides, with the chain time to count down
to.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain import clock, drand
from chain.models import Cursor
from compute import rounds
from compute.models import Refusal, Rendering
from compute.rounds import RoundState
from gallery import epochs, randomness, rest
from gallery.models import Control, Epoch, Generation, Round
from governance import selectors
from governance.models import ParameterChange
from governance.selectors import Standing, State
from governance.withholding import shown


@dataclass(frozen=True)
class Next:
    """`kind` is one of resting, voting, open, sealed, seed, painting, anchoring, paused, failed.

    `at` is chain time in seconds, None when no clock decides. `proposal` is the id (decimal) the words speak
    of.
    """

    kind: str
    headline: str
    detail: str
    at: int | None = None
    proposal: str | None = None


@dataclass(frozen=True)
class Painting:
    """A painting under way: `step` of `steps` is done."""

    epoch: int
    step: int
    steps: int


def painting() -> Painting | None:
    """The painting under way for the current epoch."""
    epoch = epochs.unsettled()
    job = _job(epoch) if epoch else None
    if epoch is None or job is None or job.state != Rendering.State.PAINTING:
        return None
    return Painting(epoch.number, job.step, job.steps)


def upcoming() -> Next:
    """What happens next, from the mirror and the painter's rows alone."""
    now = clock.now()
    control = Control.get()
    if control.paused:
        return Next(
            "paused", "Paused", control.paused_reason or "The operator has paused the painting for now."
        )
    epoch = epochs.unsettled()
    if epoch is not None:
        if epochs.state(epoch) is epochs.EpochState.SEALED:
            return _seed(epoch)
        return _paint(epoch, now)
    open_epoch = epochs.opened()
    if open_epoch is None:
        return Next("resting", "Not open yet", "The first epoch has not been opened.")
    return _open(open_epoch, now)


def _open(epoch: Epoch, now: int) -> Next:
    under_way = selectors.open_proposals(now)
    voting = next((one for one in under_way if one.state is State.ACTIVE), None)
    if voting is not None:
        return Next(
            "voting",
            "The collectors are voting",
            f"“{shown(voting.proposal.title)}” closes",
            voting.deadline,
            _id(voting),
        )
    waiting = next((one for one in under_way if one.state in (State.SUCCEEDED, State.QUEUED)), None)
    if waiting is not None:
        detail = f"“{shown(waiting.proposal.title)}” was carried and takes effect"
        return Next("voting", "The vote is in", detail, waiting.eta, _id(waiting))
    pending = next((one for one in under_way if one.state is State.PENDING), None)
    if pending is not None:
        detail = f"“{shown(pending.proposal.title)}” opens for votes"
        return Next(
            "voting", "A vote is about to open", detail, pending.proposal.voting_starts + 1, _id(pending)
        )
    failed = Epoch.objects.filter(number=epoch.number - 1, failure__isnull=False).first()
    why = rest.awake(epoch)
    if why is None:
        if failed is not None:
            return Next(
                "failed",
                f"Epoch {failed.number} ended without a picture",
                f"{failure_words(failed.failure.reason)} It rests now.",
            )
        return Next("resting", "At rest", "It paints again when somebody proposes a change.")
    if now >= epoch.ends_at:
        return Next("sealed", "Sealing the epoch", "Its parameters and its parent are being fixed on chain.")
    before = f"Epoch {failed.number} ended without a picture. " if failed is not None else ""
    if why is rest.Reason.CHANGED and (decided := _decided(now)):
        titles = " and ".join(f"“{shown(one.proposal.title)}”" for one in decided)
        verb = "takes" if len(decided) == 1 else "take"
        return Next("open", f"{before}Decided", f"{titles} {verb} effect", epoch.ends_at)
    return Next("open", f"{before}Open for proposals", "The next picture begins", epoch.ends_at)


def _decided(now: int) -> list[Standing]:
    """The proposals that were carried since the last sealing, at most two."""
    versions = ParameterChange.objects.order_by("-version").values_list("version", flat=True)
    newest = versions.first() or 1
    return selectors.decided_by(rest.sealed_version(), newest, now)[:2]


def _seed(epoch: Epoch) -> Next:
    block = epochs.fixed_round(epoch)
    if randomness.is_drand(epoch.sealing.source):
        return _drand(epoch, block)
    cursor = Cursor.current()
    if cursor is None or cursor.head_number < block:
        return Next("sealed", f"Epoch {epoch.number} is sealed", f"Block {block} will decide its seed.")
    again = epoch.refixes.count()
    times = f" Fixed anew {again} time{'s' if again > 1 else ''}." if again else ""
    return Next("seed", "Drawing the seed", f"From the hash of block {block}.{times}")


def _drand(epoch: Epoch, round: int) -> Next:
    due = drand.EVMNET.time_of(round)
    name = randomness.words(epoch.sealing.source, round)
    if clock.now() < due:
        return Next("sealed", f"Epoch {epoch.number} is sealed", f"The {name} will decide its seed.", due)
    return Next("seed", "Drawing the seed", f"From the {name}. Nothing else can take its place.")


def _paint(epoch: Epoch, now: int) -> Next:
    number = (Generation.objects.values_list("number", flat=True).first() or 0) + 1
    current = epoch.rounds.order_by("-round").first()
    job = _job(epoch)
    if current is not None and now > current.deadline:
        return Next("failed", "The painting took too long", _round_words(epoch, current))
    if job is None:
        if declined := Refusal.objects.filter(epoch=epoch.number).first():
            return Next("failed", "The workers here decline", declined.reason)
        if by_workers := _workers(number, epoch, now):
            return by_workers
        cursor = Cursor.current()
        final = current is not None and cursor is not None and cursor.is_final(current.log.block.number)
        detail = (
            "The painter is about to begin." if final else "Waiting until the chain can't take the seed back."
        )
        return Next("seed", "The seed is drawn", detail)
    if job.state == Rendering.State.PAINTED and (by_workers := _workers(number, epoch, now)):
        return by_workers
    deadline = current.deadline if current is not None else None
    match job.state:
        case Rendering.State.PAINTING:
            return Next("painting", f"Painting generation {number}", f"step {job.step} of {job.steps}")
        case Rendering.State.PAINTED:
            return Next(
                "anchoring", f"Generation {number} is painted", "Its hash is being written to the chain."
            )
        case Rendering.State.FAILED:
            return Next("failed", "The painter failed", "It gets another round after", deadline)
        case Rendering.State.CANCELLED:
            return Next(
                "failed", "The painting was cancelled", "Unless it is retried, the round ends", deadline
            )
    if job.error:
        detail = f"Attempt {job.attempts} failed; the painter tries again."
        return Next("painting", f"Painting generation {number}", detail)
    return Next("painting", f"Painting generation {number}", "The painter is about to begin.")


def _workers(number: int, epoch: Epoch, now: int) -> Next | None:
    """How far workers are with a painting: None where one operator paints, or while nobody has committed."""
    current = rounds.newest(epoch.number, now)
    if current is None or not (current.commitments or current.reveals):
        return None
    headline = f"Generation {number} is painted"
    if current.state is RoundState.COMMITTING:
        told = f"{len(current.commitments)} committed to a result. Results are shown after"
        return Next("anchoring", headline, told, current.commit_until)
    if current.state is RoundState.REVEALING:
        shown_by = len(current.commitments) - len(current.waiting_for)
        told = f"{shown_by} of {len(current.commitments)} showed their result. It is decided after"
        return Next("anchoring", headline, told, current.reveal_until)
    if current.state is RoundState.CLOSED:
        told = f"{current.best} workers agree. Its hash is being written to the chain."
        return Next("anchoring", headline, told)
    if current.finalization is not None:
        return Next("anchoring", headline, "Its hash was written to the chain.")
    told = (
        f"At most {current.best} agree, and {current.quorum} must. {_round_words_of(epoch, current.number)}"
    )
    return Next("failed", "The workers did not agree", told)


def _round_words(epoch: Epoch, current: Round) -> str:
    return _round_words_of(epoch, current.round)


def _round_words_of(epoch: Epoch, number: int) -> str:
    ended = f"Round {number} of epoch {epoch.number} has ended without a picture"
    return f"{ended}; another is opened, or the epoch fails."


def failure_words(reason: str) -> str:
    """Why an epoch failed, from the contract's word for it."""
    words = {"seed": "No seed could be drawn.", "paint": "Nobody finished a painting in time."}
    return words.get(reason, reason)


def _job(epoch: Epoch) -> Rendering | None:
    if not hasattr(epoch, "draw"):
        return None
    found: Rendering | None = Rendering.objects.filter(recipe_hash=epoch.draw.recipe_hash).first()
    return found


def _id(standing: Standing) -> str:
    return str(standing.proposal.pk)
