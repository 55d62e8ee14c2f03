"""The keeper queues and executes what the voters decided, if nobody else has within a short grace period.

It acts at once, without waiting for finality: both calls are cheap, anyone may make them, and after a
reorganisation they are simply due again. `tick` calls `run` about once a second.
"""

from __future__ import annotations

from django.conf import settings

from chain import clock, transactions
from chain.models import Transaction, TransactionState
from governance import actions, selectors
from governance.models import Proposal
from governance.selectors import Standing, State

# For so long it tries, with the outbox's growing pauses; a proposal whose calls revert will not mend itself.
PATIENCE_S = 7 * 86400


def run() -> None:
    """Send what is due. Safe to call at any time and from several processes: the outbox's keys are unique."""
    for standing in selectors.open_proposals(clock.now(), patience=PATIENCE_S):
        due = duty(standing, grace=settings.KEEPER_GRACE_S)
        if due is not None:
            _send(due, standing)


def duty(standing: Standing, grace: int) -> str | None:
    """Which of queue and execute is due once people had `grace` seconds for it; None if neither."""
    if standing.state is State.SUCCEEDED and standing.now > standing.deadline + grace:
        return "queue"
    if standing.ready and standing.eta is not None and standing.now >= standing.eta + grace:
        return "execute"
    return None


def trouble(proposal: Proposal) -> str:
    """Why the keeper could not take this proposal further, in the chain's words; "" if it could."""
    tried = Transaction.objects.filter(
        key__in=[_key(function, proposal) for function in ("queue", "execute")]
    )
    stuck = tried.exclude(error="").exclude(state=TransactionState.MINED).order_by("-pk")
    return stuck.values_list("error", flat=True).first() or ""


def _key(function: str, proposal: Proposal) -> str:
    return f"{function}:{proposal.pk}"


def _send(function: str, standing: Standing) -> None:
    key = _key(function, standing.proposal)
    transactions.send(key, "ArtGovernor", function, *actions.governor_arguments(standing.proposal))
