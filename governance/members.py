"""The people of the artwork: who holds what, votes with how much, and how that came to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from governance import weights
from governance.models import Delegation, Proposal, TokenTransfer, Vote, VotesChanged
from governance.weights import ZERO, Holder


@dataclass(frozen=True)
class Member:
    """A holder with the share of all votes (percent) and those who gave their votes to it."""

    holder: Holder
    percent: float
    lent_by: list[str]

    @property
    def delegate(self) -> str | None:
        """To whom it gave its votes; None if it kept them."""
        return None if self.holder.delegate == self.holder.address else self.holder.delegate


@dataclass(frozen=True)
class Roll:
    """Everyone: `voters` may vote or could, `silent` are the accounts whose tokens carry no vote."""

    voters: list[Member]
    silent: list[Member]
    votes: int


@dataclass(frozen=True)
class Profile:
    """One address now. `lent` are others' tokens in its votes, owner -> tokens; `known` if it ever did
    anything here.
    """

    address: str
    tokens: list[int]
    votes: int
    percent: float
    delegate: str | None
    own: int
    lent: dict[str, int]
    excluded: bool
    known: bool


@dataclass(frozen=True)
class Cause:
    """Why something changed, in words that go before a name."""

    words: str
    who: str | None = None


@dataclass(frozen=True)
class Checkpoint:
    """The votes of an address from `at` (seconds) on; `before` until then."""

    at: int
    block: int
    before: int
    votes: int
    causes: list[Cause]


@dataclass(frozen=True)
class Turn:
    """A delegation seen from one address. `at` in seconds."""

    at: int
    block: int
    cause: Cause


def roll() -> Roll:
    """Everyone who holds a token or a vote: most votes first, and apart those who never vote."""
    holders = weights.holders()
    known = {holder.address for holder in holders}
    excluded = weights.excluded_accounts()
    holders += [
        Holder(address=address, tokens=[], votes=0, delegate=address, excluded=True)
        for address in sorted(excluded - known)
    ]
    total = sum(holder.votes for holder in holders)
    lent: dict[str, list[str]] = defaultdict(list)
    for holder in holders:
        if holder.delegate != holder.address and holder.tokens and not holder.excluded:
            lent[holder.delegate].append(holder.address)
    members = [
        Member(holder, 100 * holder.votes / total if total else 0.0, sorted(lent[holder.address]))
        for holder in holders
    ]
    return Roll(
        voters=[member for member in members if not member.holder.excluded],
        silent=[member for member in members if member.holder.excluded],
        votes=total,
    )


def profile(address: str) -> Profile:
    """What `address` holds and may say now."""
    votes, supply = weights.weight_now(address), weights.supply_now()
    tokens = weights.tokens_of(address)
    found = weights.backing([address])[address]
    delegate = weights.delegate_of(address)
    return Profile(
        address=address,
        tokens=tokens,
        votes=votes,
        percent=100 * votes / supply if supply else 0.0,
        delegate=None if delegate == address else delegate,
        own=found.get(address, 0),
        lent={owner: count for owner, count in found.items() if owner != address},
        excluded=address in weights.excluded_accounts(),
        known=bool(tokens or votes) or _has_a_past(address),
    )


def checkpoints(address: str) -> QuerySet[VotesChanged]:
    """ArtToken's checkpoints of an address, newest first: of several changes in one second the last one."""
    later = VotesChanged.objects.filter(delegate=address, at=OuterRef("at")).filter(
        Q(block_number__gt=OuterRef("block_number"))
        | Q(block_number=OuterRef("block_number"), log_index__gt=OuterRef("log_index"))
    )
    rows = VotesChanged.objects.filter(delegate=address).filter(~Exists(later))
    return rows.order_by("-block_number", "-log_index")


def history(address: str, rows: Sequence[VotesChanged], older: VotesChanged | None) -> list[Checkpoint]:
    """Checkpoints with what they came from. `rows` are some of `checkpoints`, `older` the one below."""
    causes = _causes(address, [row.at for row in rows])
    below = [*(row.current for row in rows), older.current if older else 0][1:]
    return [
        Checkpoint(row.at, row.block_number, before, row.current, causes.get(row.at, []))
        for row, before in zip(rows, below, strict=True)
    ]


def delegations(address: str) -> QuerySet[Delegation]:
    """Every choice of a delegate that concerns an address: its own, and others' for and against it."""
    about = Q(delegator=address) | Q(current=address) | Q(previous=address)
    # A token's first owner is told to vote for itself; nobody chose anything.
    nothing = Q(current=F("previous")) | Q(previous=ZERO, current=F("delegator"))
    return Delegation.objects.filter(about).exclude(nothing).order_by("-block_number", "-log_index")


def turns(address: str, rows: Sequence[Delegation]) -> list[Turn]:
    """Delegations in words, as they look from `address`."""
    return [Turn(row.at, row.block_number, _turn(address, row)) for row in rows]


def votes(address: str) -> QuerySet[Vote]:
    """What an address voted, newest first."""
    rows = Vote.objects.filter(voter=address).select_related("proposal")
    return rows.order_by("-block_number", "-log_index")


def carried(address: str) -> QuerySet[Proposal]:
    """The proposals that an address voted for with some weight. Those that took effect are its decisions."""
    for_it = Vote.objects.filter(voter=address, support=1).exclude(weight=0).order_by()
    return Proposal.objects.filter(pk__in=for_it.values("proposal"))


def _has_a_past(address: str) -> bool:
    return (
        TokenTransfer.objects.filter(Q(sender=address) | Q(recipient=address)).exists()
        or VotesChanged.objects.filter(delegate=address).exists()
        or Vote.objects.filter(voter=address).exists()
        or Proposal.objects.filter(proposer=address).exists()
        or Delegation.objects.filter(Q(delegator=address) | Q(current=address)).exists()
    )


def _causes(address: str, times: Sequence[int]) -> dict[int, list[Cause]]:
    """What happened in these seconds that may have changed the votes of `address`, by second."""
    found: dict[int, list[Cause]] = defaultdict(list)
    moves = TokenTransfer.objects.filter(at__in=times).order_by("block_number", "log_index")
    for move in moves.filter(Q(sender=address) | Q(recipient=address)):
        found[move.at].append(_move(address, move))
    for row in delegations(address).filter(at__in=times):
        found[row.at].append(_turn(address, row))
    for moment in set(times) - found.keys():
        found[moment].append(Cause("Tokens of those who gave their votes moved"))
    return found


def _move(address: str, move: TokenTransfer) -> Cause:
    if move.recipient == address:
        if move.sender == ZERO:
            return Cause(f"Received generation {move.token_id}, newly made")
        return Cause(f"Received generation {move.token_id} from", move.sender)
    return Cause(f"Passed generation {move.token_id} on to", move.recipient)


def _turn(address: str, row: Delegation) -> Cause:
    voter = row.delegator if row.current == ZERO else row.current
    if row.delegator == address:
        if voter == address:
            return Cause("Took their own votes back from", row.previous)
        return Cause("Gave their own votes to", voter)
    if voter == address:
        return Cause("Was given the votes of", row.delegator)
    return Cause("Lost the votes of", row.delegator)
