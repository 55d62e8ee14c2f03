"""What governance looks like right now, computed from the mirror alone; nothing here asks the chain.

`state` is OpenZeppelin's state machine (Governor, GovernorPreventLateQuorum, GovernorTimelockControl 5.7)
over mirrored rows; tests hold it against the real contract at every stage of a proposal's life.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from chain.fields import ExactSum
from governance.models import (
    OperationCancelled,
    OperationExecuted,
    ParameterChange,
    Proposal,
    ProposalExecuted,
    Support,
    Vote,
)
from governance.numbers import Kind, history, setting
from governance.weights import (
    Holder,
    delegate_of,
    delegations,
    excluded_accounts,
    holders,
    owners,
    supplies_at,
    supply_at,
    tokens_of,
    weight_at,
    weight_now,
)

__all__ = [
    "Holder",
    "Standing",
    "State",
    "Tally",
    "candidates",
    "decided_by",
    "delegate_of",
    "delegations",
    "excluded_accounts",
    "holders",
    "open_proposals",
    "owners",
    "proposals",
    "quorum",
    "setting",
    "standing",
    "standings",
    "state",
    "supply_at",
    "tallies",
    "tokens_of",
    "vote_of",
    "weight_at",
    "weight_now",
]

QUORUM_DENOMINATOR = 100
# What should have been queued or executed for so long is not expected to happen by itself any more.
PATIENCE_S = 3600


class State(IntEnum):
    """IGovernor.ProposalState."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7

    @property
    def word(self) -> str:
        return _WORDS[self]

    @property
    def moving(self) -> bool:
        """Whether something still happens to it."""
        return self in (State.PENDING, State.ACTIVE, State.SUCCEEDED, State.QUEUED)


_WORDS = {
    State.PENDING: "Opens soon",
    State.ACTIVE: "Voting",
    State.CANCELED: "Cancelled",
    State.DEFEATED: "Not carried",
    State.SUCCEEDED: "Carried",
    State.QUEUED: "Waiting to take effect",
    State.EXPIRED: "Expired",
    State.EXECUTED: "In effect",
}


@dataclass(frozen=True)
class Tally:
    """Votes as GovernorCountingSimple counts them."""

    for_: int = 0
    against: int = 0
    abstain: int = 0

    @property
    def total(self) -> int:
        return self.for_ + self.against + self.abstain

    @property
    def towards_quorum(self) -> int:
        """Votes for and abstentions; votes against don't count."""
        return self.for_ + self.abstain

    @property
    def carried(self) -> bool:
        return self.for_ > self.against


@dataclass(frozen=True)
class Standing:
    """A proposal at chain time `now`. Times are in seconds; `quorum` is in votes, and the larger of `least`
    and `percent` of `supply`, all as at the snapshot.
    """

    proposal: Proposal
    state: State
    tally: Tally
    quorum: int
    supply: int
    deadline: int
    eta: int | None
    now: int
    percent: int = 0
    least: int = 0

    @property
    def quorum_reached(self) -> bool:
        return self.tally.towards_quorum >= self.quorum

    @property
    def quorum_missing(self) -> int:
        return max(0, self.quorum - self.tally.towards_quorum)

    @property
    def ready(self) -> bool:
        """Whether the timelock would let it be executed now."""
        return self.state is State.QUEUED and self.eta is not None and self.eta <= self.now

    @property
    def changes_at(self) -> int | None:
        """The second from which the state will be another by the clock alone, if there is one."""
        if self.state is State.PENDING:
            return self.proposal.voting_starts + 1
        if self.state is State.ACTIVE:
            return self.deadline + 1
        if self.state is State.QUEUED and not self.ready:
            return self.eta
        return None


def proposals() -> QuerySet[Proposal]:
    """All proposals, newest first, each with its `number`: 1 for the first that was ever made."""
    return _all_proposals().all()


@cache
def _all_proposals() -> QuerySet[Proposal]:
    """The question alone, which takes longer to put together than to answer; only copies of it are asked."""
    earlier = Q(block_number__lt=OuterRef("block_number")) | Q(
        block_number=OuterRef("block_number"), log_index__lte=OuterRef("log_index")
    )
    counted = Proposal.objects.filter(earlier).order_by().annotate(one=F("block_number") * 0)
    number = Subquery(counted.values("one").annotate(count=Count("pk")).values("count"))
    return (
        Proposal.objects.select_related("extended", "queued", "executed", "canceled")
        .annotate(number=number)
        .order_by("-block_number", "-log_index")
    )


def tallies(ids: Iterable[int]) -> dict[int, Tally]:
    """Sums of the mirrored votes for each of the proposals `ids`."""
    counted: dict[int, dict[int, int]] = defaultdict(dict)
    rows = (
        Vote.objects.filter(proposal_id__in=list(ids))
        .order_by()
        .values_list("proposal_id", "support")
        .annotate(total=ExactSum("weight"))
    )
    for proposal_id, support, total in rows:
        counted[proposal_id][support] = total
    return {
        proposal_id: Tally(
            for_=sums.get(Support.FOR, 0),
            against=sums.get(Support.AGAINST, 0),
            abstain=sums.get(Support.ABSTAIN, 0),
        )
        for proposal_id, sums in counted.items()
    }


def quorum(proposal: Proposal) -> int:
    """ArtGovernor.quorum at the proposal's snapshot: `max(minVotes, ceil(numerator * supply / 100))`."""
    return quorum_at(proposal.voting_starts)


def quorum_at(timestamp: int) -> int:
    """ArtGovernor.quorum(timestamp)."""
    return _quorum(
        supply_at(timestamp), setting(Kind.QUORUM_NUMERATOR, timestamp), setting(Kind.MIN_VOTES, timestamp)
    )


def _quorum(supply: int, numerator: int, min_votes: int) -> int:
    return max(min_votes, -(-numerator * supply // QUORUM_DENOMINATOR))


def standings(found: Sequence[Proposal], now: int) -> list[Standing]:
    """Where each proposal stands at chain time `now` (seconds), in a handful of queries for all of them."""
    if not found:
        return []
    ids = [proposal.pk for proposal in found]
    tally = tallies(ids)
    supply = supplies_at(proposal.voting_starts for proposal in found)
    past = history()
    operations = [proposal.operation_id for proposal in found if _waits(proposal)]
    done: set[str] = set()
    cancelled: set[str] = set()
    if operations:
        done = set(_ids(OperationExecuted.objects.filter(operation_id__in=operations)))
        cancelled = set(_ids(OperationCancelled.objects.filter(operation_id__in=operations)))
    result = []
    for proposal in found:
        snapshot = proposal.voting_starts
        votes = tally.get(proposal.pk, Tally())
        percent, fewest = past.at(Kind.QUORUM_NUMERATOR, snapshot), past.at(Kind.MIN_VOTES, snapshot)
        needed = _quorum(supply[snapshot], percent, fewest)
        queued = _event(proposal, "queued")
        deadline = _deadline(proposal)
        current = _state(
            now=now,
            executed=_event(proposal, "executed") is not None,
            canceled=_event(proposal, "canceled") is not None,
            snapshot=snapshot,
            deadline=deadline,
            carried=votes.towards_quorum >= needed and votes.carried,
            queued=queued is not None,
            operation_done=proposal.operation_id in done,
            operation_lost=proposal.operation_id in cancelled
            or (
                queued is not None
                and past.changed_since(Kind.TIMELOCK, queued.block_number, queued.log_index)
            ),
        )
        result.append(
            Standing(
                proposal=proposal,
                state=current,
                tally=votes,
                quorum=needed,
                supply=supply[snapshot],
                deadline=deadline,
                eta=queued.eta if queued is not None else None,
                now=now,
                percent=percent,
                least=fewest,
            )
        )
    return result


def standing(proposal: Proposal, now: int) -> Standing:
    """Where one proposal stands at chain time `now`."""
    return standings([proposal], now)[0]


def state(proposal: Proposal, now: int) -> State:
    """ArtGovernor.state(proposal) in a block whose time is `now` (seconds)."""
    return standing(proposal, now).state


def _state(
    *,
    now: int,
    executed: bool,
    canceled: bool,
    snapshot: int,
    deadline: int,
    carried: bool,
    queued: bool,
    operation_done: bool,
    operation_lost: bool,
) -> State:
    """Governor.state, then GovernorTimelockControl.state; a boundary second belongs to what it ends."""
    if executed:
        return State.EXECUTED
    if canceled:
        return State.CANCELED
    if snapshot >= now:
        return State.PENDING
    if deadline >= now:
        return State.ACTIVE
    if not carried:
        return State.DEFEATED
    if not queued:
        return State.SUCCEEDED
    if operation_done:
        return State.EXECUTED
    return State.CANCELED if operation_lost else State.QUEUED


def open_proposals(now: int, patience: int = PATIENCE_S) -> list[Standing]:
    """Proposals that something still happens to at chain time `now`, oldest first.

    One whose next step (to be queued, to be executed) is overdue by more than `patience` seconds, perhaps
    because its calls revert, is not among them.
    """
    ids = candidates(now, patience)
    if not ids:  # the usual case of every tick, which shares its processor with a painting
        return []
    found = proposals().filter(pk__in=ids).order_by("block_number", "log_index")
    return [item for item in standings(list(found), now) if item.state.moving]


def candidates(now: int, patience: int = PATIENCE_S) -> list[int]:
    """The ids among which `open_proposals` are: not ended by an event, and not overdue."""
    ends = Coalesce("extended__voting_ends", "voting_ends")
    return list(
        Proposal.objects.order_by()
        .annotate(ends=ends)
        .filter(executed__isnull=True, canceled__isnull=True)
        .filter(Q(ends__gte=now - patience) | Q(queued__eta__gte=now - patience))
        .values_list("pk", flat=True)
    )


def decided_by(after: int, upto: int, now: int) -> list[Standing]:
    """The proposals whose execution made the parameter versions `after + 1 .. upto`, oldest first."""
    changes = ParameterChange.objects.filter(version__gt=after, version__lte=upto)
    transactions = set(changes.values_list("log__tx_hash", flat=True))
    operations = OperationExecuted.objects.filter(log__tx_hash__in=transactions)
    behind = proposals().filter(
        Q(executed__log__tx_hash__in=transactions) | Q(operation_id__in=set(_ids(operations)))
    )
    return standings(list(behind.order_by("block_number", "log_index")), now)


def vote_of(proposal: Proposal, address: str | None) -> Vote | None:
    """How `address` voted, if it did."""
    return Vote.objects.filter(proposal=proposal, voter=address).first() if address else None


def versions_made(made_by: QuerySet[Proposal]) -> list[int]:
    """The parameter versions that the execution of these proposals made, oldest first."""
    executed = ProposalExecuted.objects.filter(proposal__in=made_by.values("pk")).order_by()
    operations = OperationExecuted.objects.filter(operation_id__in=made_by.values("operation_id")).order_by()
    changes = ParameterChange.objects.filter(
        Q(log__tx_hash__in=executed.values("log__tx_hash"))
        | Q(log__tx_hash__in=operations.values("log__tx_hash"))
    )
    return sorted(set(changes.order_by().values_list("version", flat=True)))


def _ids(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.values_list("operation_id", flat=True)


def _waits(proposal: Proposal) -> bool:
    """Whether the timelock has the last word on it: nothing else asks for its operation."""
    return _event(proposal, "queued") is not None and not (
        _event(proposal, "executed") or _event(proposal, "canceled")
    )


def _event(proposal: Proposal, name: str) -> Any:
    return getattr(proposal, name, None)  # a missing one-to-one row is an AttributeError too


def _deadline(proposal: Proposal) -> int:
    extended = _event(proposal, "extended")
    return max(proposal.voting_ends, extended.voting_ends) if extended is not None else proposal.voting_ends
