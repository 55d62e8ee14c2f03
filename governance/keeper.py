"""The keeper queues and executes what the voters decided, if nobody else has within a short grace period.

It acts at once, without waiting for finality: both calls are cheap, anyone may make them, and after a
reorganisation they are simply due again. `tick` calls `run` about once a second.
"""

from __future__ import annotations

import logging

from django.conf import settings

from chain import clock, transactions
from governance import actions, selectors
from governance.selectors import Standing, State

log = logging.getLogger(__name__)
# A proposal whose calls revert reverts every time: after so many attempts it is left to people.
MOST_ATTEMPTS = 5


def run() -> None:
    """Send what is due. Safe to call at any time and from several processes: the outbox's keys are unique."""
    for standing in selectors.open_proposals(clock.now()):
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


def _send(function: str, standing: Standing) -> None:
    key = f"{function}:{standing.proposal.pk}"
    transactions.send(key, "ArtGovernor", function, *actions.governor_arguments(standing.proposal))
