"""What a tally means, in words with numbers: the quorum, the majority, and what follows from both."""

from __future__ import annotations

from dataclasses import dataclass

from governance import people
from governance.actions import votes_words
from governance.selectors import Standing, State


@dataclass(frozen=True)
class Rule:
    """One of the two conditions of a proposal: whether it is met, and why."""

    name: str
    met: bool
    words: str


def quorum(standing: Standing) -> Rule:
    """ArtGovernor.quorum against GovernorCountingSimple._quorumReached: for and abstaining count."""
    counted = standing.tally.towards_quorum
    if standing.state is State.PENDING:
        return Rule("Quorum", False, f"{_needed(standing)} Counted when voting opens.")
    if standing.quorum_reached:
        tail = f"{votes_words(counted)} for or abstaining: reached."
    else:
        tail = f"{votes_words(counted)} for or abstaining: {standing.quorum_missing} missing."
    return Rule("Quorum", standing.quorum_reached, f"{_needed(standing)} {tail}")


def majority(standing: Standing) -> Rule:
    """GovernorCountingSimple._voteSucceeded: strictly more for than against."""
    for_, against = standing.tally.for_, standing.tally.against
    if not for_ and not against:
        words = "More must be for than against. Nobody has said either."
    elif for_ > against:
        words = f"{for_} for against {against}: more for it."
    elif for_ == against:
        words = f"{for_} for and {against} against: a tie does not carry."
    else:
        words = f"{against} against outweigh {for_} for."
    return Rule("Majority", standing.tally.carried, words)


def verdict(standing: Standing) -> str:
    """What has come, or would come, of the votes, as one sentence."""
    tally, state = standing.tally, standing.state
    count = f"{tally.for_} of {votes_words(tally.total)}"
    if state is State.PENDING:
        return "What counts is what everybody holds in the second when voting opens: the snapshot."
    if state is State.ACTIVE:
        if lacks(standing):
            return f"If voting closed now, it would not be carried: {lacks(standing)}."
        return "If voting closed now, it would be carried."
    if state is State.DEFEATED:
        return f"It was not carried: {lacks(standing)}."
    if state is State.CANCELED:
        return cancelled(standing)
    if state is State.SUCCEEDED:
        return f"Carried with {count}. Next it waits in the timelock, so that nobody is taken by surprise."
    if state is State.QUEUED:
        return f"Carried with {count}. " + (
            "The timelock is over: it can take effect." if standing.ready else "It waits in the timelock."
        )
    if state is State.EXECUTED:
        return f"Carried with {count}, and in effect."
    return "It was carried and never took effect in time."


def lacks(standing: Standing) -> str:
    """Why it is not carried as the votes stand; "" if it is."""
    tally = standing.tally
    if not tally.total:
        return "nobody voted" if standing.state is State.DEFEATED else "nobody has voted"
    reasons = []
    if not standing.quorum_reached:
        reasons.append(f"the quorum {_lacks_by(standing)} {votes_words(standing.quorum_missing)}")
    if not tally.carried:
        if tally.against == tally.for_:
            reasons.append(
                f"{tally.for_} for and {tally.against} against are a tie"
                if tally.for_
                else "nobody was for it"
            )
        else:
            reasons.append(f"{tally.against} against outweigh {tally.for_} for")
    return ", and ".join(reasons)


def cancelled(standing: Standing) -> str:
    """Who took it back, and when in its life."""
    row = getattr(standing.proposal, "canceled", None)
    if row is None:
        return "It was carried, and then cancelled in the timelock, or left behind in one that was replaced."
    sender = row.log.tx_from
    if sender == standing.proposal.proposer:
        return "Its proposer took it back before voting opened."
    return f"It was cancelled by {people.name_of(sender)}." if sender else "It was cancelled."


def _lacks_by(standing: Standing) -> str:
    return "was missed by" if standing.state is State.DEFEATED else "lacks"


def _needed(standing: Standing) -> str:
    """`A quorum is 2 of the 6 votes there were at the snapshot: 20 %, rounded up.`"""
    when = "there are" if standing.state is State.PENDING else "there were at the snapshot"
    if not standing.supply:
        return f"Nobody {'has' if standing.state is State.PENDING else 'had'} a vote."
    share = f"{standing.percent} %, rounded up"
    if standing.quorum == standing.least and standing.least > -(-standing.percent * standing.supply // 100):
        share = f"more than {standing.percent} %, since {votes_words(standing.least)} is the least"
    return f"It takes {standing.quorum} of the {votes_words(standing.supply)} {when} ({share})."
