"""Who voted how and why on one proposal, and what the person who looks may say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Max, Q

from chain.memory import once
from chain.models import Cursor
from governance import actions, life, selectors, weights
from governance.models import Vote
from governance.selectors import Standing, State


@dataclass(frozen=True)
class Ballot:
    """One vote. `percent` is its share of all that was cast; `lent`: others' tokens in it, by owner."""

    vote: Vote
    percent: float
    own: int
    lent: dict[str, int]
    to_final: int

    @property
    def colour(self) -> str:
        """The class of its kind: for, against or abstain."""
        return ("against", "for", "abstain")[self.vote.support]


@dataclass(frozen=True)
class Power:
    """The votes of one address on one proposal, and where they come from.

    `at` is the snapshot, or None while it lies ahead: then `weight` is that of now. `later` is the weight now
    less the weight that counts. `refusal` says why there is none.
    """

    address: str
    at: int | None
    weight: int
    own: int
    lent: dict[str, int]
    later: int
    refusal: str

    @property
    def words(self) -> str:
        """What came or went since the snapshot, as a sentence; "" if nothing did."""
        if self.at is None or not self.later:
            return ""
        now = f"You have {actions.votes_words(self.weight + self.later)} now; "
        return now + (
            "what came since doesn’t count here." if self.later > 0 else "what left since still counts here."
        )


@dataclass(frozen=True)
class Cast:
    """How many votes with weight and without one proposal has, and the block of the newest, 0 for none."""

    counted: int
    weightless: int
    newest: int


@once
def cast(proposal_id: int) -> Cast:
    """What was cast on a proposal, in one query."""
    found = Vote.objects.filter(proposal_id=proposal_id).aggregate(
        all=Count("pk"), weightless=Count("pk", filter=Q(weight=0)), newest=Max("block_number")
    )
    return Cast(found["all"] - found["weightless"], found["weightless"], found["newest"] or 0)


def ballots(votes: Sequence[Vote], standing: Standing, cursor: Cursor | None) -> list[Ballot]:
    """These votes on one proposal with their shares and with whose tokens are in them."""
    lent = weights.backing({vote.voter for vote in votes}, standing.proposal.voting_starts)
    total = standing.tally.total
    return [
        Ballot(
            vote=vote,
            percent=100 * vote.weight / total if total else 0.0,
            own=lent[vote.voter].get(vote.voter, 0),
            lent={owner: count for owner, count in lent[vote.voter].items() if owner != vote.voter},
            to_final=life.blocks_to_final(vote.block_number, cursor),
        )
        for vote in votes
    ]


def power(standing: Standing, address: str) -> Power:
    """What `address` may cast on a proposal, or could now if voting opened in this second."""
    snapshot = standing.proposal.voting_starts
    at = None if standing.state is State.PENDING else snapshot
    now = selectors.weight_now(address)
    weight = now if at is None else selectors.weight_at(address, snapshot)
    found = weights.backing([address], at)[address]
    return Power(
        address=address,
        at=at,
        weight=weight,
        own=found.get(address, 0),
        lent={owner: count for owner, count in found.items() if owner != address},
        later=now - weight,
        refusal="" if weight else actions.no_weight(address, snapshot),
    )
