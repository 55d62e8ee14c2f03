"""What an operator may do with the epochs, each use written down: who, what, when, and what came of it.

Commands check the permission themselves, so that no page can forget to. A command that can't be carried out
now says why in one sentence (`Refused`); that, and a denied attempt, is written down too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied

from chain import clock
from chain.private import PrivateChain
from gallery import epochs, mining, rendering
from gallery.models import AuditEntry, Control, Epoch, Rendering
from governance.parameters.spec import duration

PERMISSION = "gallery.control_epochs"
MOST_FORWARD_S = 366 * 86400


class Refused(Exception):
    """The command can't be carried out now; the message says why, and what would help."""


@dataclass(frozen=True)
class Action:
    """One control: what its button says, what it will do, and what it asks for ("" for nothing)."""

    name: str
    label: str
    warning: str
    asks: str = ""
    private_only: bool = False


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "seal",
            "Seal now",
            "The open epoch is sealed and a picture is painted, though nobody asked for one.",
        ),
        Action(
            "pause", "Pause", "Nothing new is sealed, painted or anchored until you resume.", asks="reason"
        ),
        Action("resume", "Resume", "The cycle goes on where it stood."),
        Action(
            "retry", "Retry the painting", "The current painting goes back to the queue with new attempts."
        ),
        Action(
            "cancel", "Cancel the painting", "The current painting stops at its next step and is thrown away."
        ),
        Action(
            "forward",
            "Fast-forward",
            "The private chain's clock jumps ahead, for good: votes and epochs may end at once.",
            asks="seconds",
            private_only=True,
        ),
        Action(
            "deadline",
            "To the next deadline",
            "The private chain's clock jumps to the next deadline, for good.",
            private_only=True,
        ),
    )
}


def available() -> list[Action]:
    """The controls that this chain knows."""
    return [action for action in ACTIONS.values() if settings.PRIVATE_CHAIN or not action.private_only]


def use(user: User | AnonymousUser, name: str, argument: str = "") -> str:
    """Carry out a control for `user` and write it down; returns what came of it, in words.

    Raises PermissionDenied without the permission, Refused when it can't be done now, and whatever the chain
    raises; each is written down first.
    """
    if not user.has_perm(PERMISSION):
        _write(user, name, argument, "denied: no permission to control epochs", allowed=False)
        raise PermissionDenied("You may not control epochs.")
    try:
        outcome = _run(name, argument.strip())
    except Refused as refusal:
        _write(user, name, argument, f"refused: {refusal}")
        raise
    except Exception as error:
        _write(user, name, argument, f"failed: {type(error).__name__}: {error}")
        raise
    _write(user, name, argument, outcome)
    return outcome


def _run(name: str, argument: str) -> str:
    commands: dict[str, Callable[[str], str]] = {
        "seal": _seal,
        "pause": _pause,
        "resume": _resume,
        "retry": _retry,
        "cancel": _cancel,
        "forward": _forward,
        "deadline": _to_deadline,
    }
    if name not in commands:
        raise Refused("There is no such control.")
    if ACTIONS[name].private_only and not settings.PRIVATE_CHAIN:
        raise Refused("Only a private chain's clock can be moved.")
    return commands[name](argument)


def _seal(_argument: str) -> str:
    if Control.get().paused:
        raise Refused("The cycle is paused: resume it first.")
    unfinished = epochs.unsettled()
    if unfinished is not None:
        raise Refused(
            f"Epoch {unfinished.number} is {epochs.state(unfinished)} and not finished; "
            "the contract seals the next one only after it."
        )
    epoch = epochs.opened()
    if epoch is None:
        raise Refused("No epoch is open.")
    left = epoch.ends_at - clock.now()
    if left > 0:
        hint = " Fast-forward the private chain to get there now." if settings.PRIVATE_CHAIN else ""
        raise Refused(
            f"Epoch {epoch.number} is open for another {duration(left)}; the contract refuses before.{hint}"
        )
    Control.change(seal_requested=epoch.number)
    _nudge()
    return f"Epoch {epoch.number} is being sealed."


def _pause(reason: str) -> str:
    Control.change(paused=True, paused_reason=reason[:200])
    return "Paused. A painting under way is finished and kept, and nothing new begins."


def _resume(_argument: str) -> str:
    Control.change(paused=False, paused_reason="")
    _nudge()
    return "Resumed."


def _retry(_argument: str) -> str:
    job = current_job()
    if job is None:
        raise Refused("There is no painting to retry: no epoch waits for one.")
    if not rendering.retry(job):
        raise Refused(
            f"The painting is {job.state}; only one that failed, was cancelled or waits can be retried."
        )
    _nudge()
    return f"The painting for epoch {job.epoch_number} is queued again."


def _cancel(_argument: str) -> str:
    job = current_job()
    if job is None:
        raise Refused("There is no painting to cancel: no epoch waits for one.")
    if not rendering.cancel(job):
        raise Refused(f"The painting is {job.state} already.")
    return f"The painting for epoch {job.epoch_number} stops at its next step."


def _forward(argument: str) -> str:
    try:
        seconds = int(argument)
    except ValueError:
        raise Refused("Write a whole number of seconds.") from None
    if not 1 <= seconds <= MOST_FORWARD_S:
        raise Refused(f"Between 1 second and {duration(MOST_FORWARD_S)}.")
    PrivateChain().fast_forward(seconds)
    _nudge()
    return f"The chain's clock is {duration(seconds)} ahead of where it was."


def _to_deadline(_argument: str) -> str:
    now = clock.now()
    ahead = [deadline for deadline in mining.deadlines(epochs.unsettled()) if deadline > now]
    if not ahead:
        raise Refused("No deadline lies ahead.")
    return _forward(str(min(ahead) - now))


def current_job() -> Rendering | None:
    """The painting that the unfinished epoch waits for."""
    epoch: Epoch | None = epochs.unsettled()
    if epoch is None or not hasattr(epoch, "draw"):
        return None
    found: Rendering | None = Rendering.objects.filter(recipe_hash=epoch.draw.recipe_hash).first()
    return found


def _nudge() -> None:
    from gallery.tasks import tick

    tick.apply_async(expires=5)


def _write(user: User | AnonymousUser, action: str, target: str, outcome: str, allowed: bool = True) -> None:
    AuditEntry.objects.create(
        user=user if user.is_authenticated else None,
        username=user.get_username() or "nobody",
        action=action[:40],
        target=target[:120],
        allowed=allowed,
        outcome=outcome[:2000],
    )
