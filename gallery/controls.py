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
from compute import rendering
from compute.models import Rendering
from gallery import audit, epochs, mining, randomness, rebuilds, repaints, roles
from gallery.models import Control, Epoch
from governance import withholding
from governance.parameters.spec import duration

MOST_FORWARD_S = 366 * 86400
CYCLE_PAGE, GENERATION_PAGE, CHAIN_PAGE = "cycle", "generation", "chain"


class Refused(Exception):
    """The command can't be carried out now; the message says why, and what would help."""


@dataclass(frozen=True)
class Action:
    """One control: what its button says, what it will do, who may, and what it asks for ("" for nothing)."""

    name: str
    label: str
    warning: str
    permission: str = roles.EPOCHS
    asks: str = ""
    private_only: bool = False
    page: str = CYCLE_PAGE
    """The admin's page that has its button."""


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "seal",
            "Seal now",
            "The open epoch is sealed and a picture is painted, though nobody asked for one.",
        ),
        Action(
            "pause",
            "Pause",
            "Nothing new is sealed, painted or anchored until you resume.",
            roles.CYCLE,
            asks="reason",
        ),
        Action("resume", "Resume", "The cycle goes on where it stood.", roles.CYCLE),
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
            roles.CLOCK,
            asks="seconds",
            private_only=True,
        ),
        Action(
            "deadline",
            "To the next deadline",
            "The private chain's clock jumps to the next deadline, for good.",
            roles.CLOCK,
            private_only=True,
        ),
        Action(
            "repaint",
            "Paint it again",
            "The same recipe is painted once more and compared bit for bit with what is anchored, which "
            "stays as it is. A file that is lost or damaged here is written anew if the pixels agree.",
            asks="generation",
            page=GENERATION_PAGE,
        ),
        Action(
            "leave", "Give up the repaint", "It stops at its next step.", asks="repaint", page=GENERATION_PAGE
        ),
        Action(
            "rebuild",
            "Read the mirror again",
            "Every row that came from the chain is deleted and read again. Until that is done the site shows "
            "less than there is, and nothing is sealed, painted or anchored.",
            roles.MIRROR,
            page=CHAIN_PAGE,
        ),
    )
}


def available(user: User | AnonymousUser, page: str = CYCLE_PAGE) -> list[Action]:
    """The controls of a page that this chain knows and that `user` may use."""
    return [
        action
        for action in ACTIONS.values()
        if action.page == page
        and (settings.PRIVATE_CHAIN or not action.private_only)
        and user.has_perm(action.permission)
    ]


def use(user: User | AnonymousUser, name: str, argument: str = "") -> str:
    """Carry out a control for `user` and write it down; returns what came of it, in words.

    Raises PermissionDenied without the permission, Refused when it can't be done now, and whatever the chain
    raises; each is written down first.
    """
    action = ACTIONS.get(name)
    permission = action.permission if action is not None else roles.EPOCHS
    return written(user, permission, name, argument, lambda: _run(user, name, argument.strip()))


def written(
    user: User | AnonymousUser, permission: str, name: str, target: str, command: Callable[[], str]
) -> str:
    """Carry out a command that needs `permission` and write down what came of it, whatever it was.

    Raises PermissionDenied, and whatever the command raises.
    """
    if not user.has_perm(permission):
        audit.write(user, name, target, f"denied: no permission {permission}", allowed=False)
        raise PermissionDenied("Your role does not allow this.")
    try:
        outcome = command()
    except (Refused, withholding.Refused) as refusal:
        audit.write(user, name, target, f"refused: {refusal}")
        raise
    except Exception as error:
        audit.write(user, name, target, f"failed: {type(error).__name__}: {error}")
        raise
    audit.write(user, name, target, outcome)
    return outcome


def _run(user: User | AnonymousUser, name: str, argument: str) -> str:
    commands: dict[str, Callable[[str], str]] = {
        "seal": _seal,
        "pause": _pause,
        "resume": _resume,
        "retry": _retry,
        "cancel": _cancel,
        "forward": _forward,
        "deadline": _to_deadline,
        "repaint": lambda argument: _repaint(argument, user.get_username()),
        "leave": _leave_repaint,
        "rebuild": lambda _argument: _rebuild(user.get_username()),
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
    if randomness.keeps_time():
        raise Refused("Seeds come from drand, whose rounds come in their own time: the clock can't be moved.")
    PrivateChain().fast_forward(seconds)
    _nudge()
    return f"The chain's clock is {duration(seconds)} ahead of where it was."


def _to_deadline(_argument: str) -> str:
    now = clock.now()
    deadlines = mining.deadlines(epochs.unsettled(), now, windows=False)
    ahead = [deadline for deadline in deadlines if deadline > now]
    if not ahead:
        raise Refused("No deadline lies ahead.")
    return _forward(str(min(ahead) - now))


def _repaint(argument: str, username: str) -> str:
    try:
        asked = repaints.ask(_number(argument, "generation"), username)
    except repaints.CantRepaint as error:
        raise Refused(str(error)) from error
    _nudge()
    return f"Generation {asked.number} is painted again, and compared, as soon as no epoch's painting waits."


def _leave_repaint(argument: str) -> str:
    if not repaints.cancel(_number(argument, "repaint")):
        raise Refused("That repaint is over already.")
    return "The repaint is given up."


def _rebuild(username: str) -> str:
    if rebuilds.ask(username) is None:
        raise Refused("The mirror is being read again already.")
    _nudge()
    return "The mirror is emptied at the next tick and read again from the chain."


def _number(argument: str, of_what: str) -> int:
    if not (argument.isascii() and argument.isdecimal() and len(argument) < 19):
        raise Refused(f"Write the number of a {of_what}.")
    return int(argument)


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
