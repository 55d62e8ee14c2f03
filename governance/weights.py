"""Who may vote with how much: read from the token's own checkpoints (DelegateVotesChanged), never guessed.

ArtToken counts an account as its own delegate until it says otherwise, and tokens of excluded accounts (the
treasury, the auction) as nobody's; both show in its checkpoints, so the sums here need no special case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from chain.fields import ExactSum
from chain.memory import once
from governance.models import Delegation, Exclusion, TokenTransfer, VotesChanged

ZERO = "0x" + "0" * 40


@dataclass(frozen=True)
class Holder:
    """An account with tokens or votes. `votes` counts what others delegated to it too, right now."""

    address: str
    tokens: list[int]
    votes: int
    delegate: str
    excluded: bool


def weight_at(address: str, timestamp: int) -> int:
    """ArtToken.getPastVotes: votes after the last block at or before `timestamp` (seconds)."""
    changes = VotesChanged.objects.filter(delegate=address, at__lte=timestamp)
    latest = changes.order_by("-block_number", "-log_index").values_list("current", flat=True).first()
    return latest or 0


def weight_now(address: str) -> int:
    """ArtToken.getVotes(address) at the mirrored head."""
    changes = VotesChanged.objects.filter(delegate=address).order_by("-block_number", "-log_index")
    return changes.values_list("current", flat=True).first() or 0


def supplies_at(timestamps: Iterable[int]) -> dict[int, int]:
    """ArtToken.getPastTotalSupply for each of `timestamps`.

    Every voting unit is always delegated to somebody, so the supply is the sum of all changes so far.
    """
    wanted = sorted(set(timestamps))
    if not wanted:
        return {}
    supplies, total, index = {}, 0, 0
    steps = _supply_steps()
    for timestamp in wanted:
        while index < len(steps) and steps[index][0] <= timestamp:
            total += steps[index][1] - steps[index][2]
            index += 1
        supplies[timestamp] = total
    return supplies


@once
def _supply_steps() -> list[tuple[int, int, int]]:
    """Each change of anybody's votes in order: (chain seconds, votes after it, votes before it)."""
    return list(VotesChanged.objects.order_by("at").values_list("at", "current", "previous"))


def supply_at(timestamp: int) -> int:
    """ArtToken.getPastTotalSupply(timestamp): tokens that can vote."""
    return supplies_at([timestamp])[timestamp]


def supply_now() -> int:
    """ArtToken's votes at the mirrored head: all tokens but those of excluded accounts."""
    totals = VotesChanged.objects.aggregate(more=ExactSum("current"), less=ExactSum("previous"))
    return int(totals["more"]) - int(totals["less"])


def delegate_of(address: str, timestamp: int | None = None) -> str:
    """Who votes for `address`: itself unless it chose somebody else."""
    chosen = Delegation.objects.filter(delegator=address)
    if timestamp is not None:
        chosen = chosen.filter(at__lte=timestamp)
    latest = chosen.order_by("-block_number", "-log_index").values_list("current", flat=True).first()
    return address if latest in (None, ZERO) else latest


def delegations() -> dict[str, str]:
    """Delegator -> delegate, for everyone who delegates to somebody else."""
    rows = Delegation.objects.order_by("block_number", "log_index").values_list("delegator", "current")
    return {a: b for a, b in dict(rows).items() if b not in (ZERO, a)}


def backing(delegates: Iterable[str], timestamp: int | None = None) -> dict[str, dict[str, int]]:
    """Whose tokens make up the votes of each of `delegates`: delegate -> {owner: tokens}, most first.

    Now, or after the last block at or before `timestamp`. An account that names nobody is its own delegate;
    tokens of excluded accounts are nobody's votes. The tokens add up to `weight_at`.
    """
    wanted = set(delegates)
    if not wanted:
        return {}
    naming = Delegation.objects.filter(current__in=wanted).order_by().values("delegator")
    rows = Delegation.objects.filter(Q(delegator__in=wanted) | Q(delegator__in=naming))
    if timestamp is not None:
        rows = rows.filter(at__lte=timestamp)
    chosen = dict(rows.order_by("block_number", "log_index").values_list("delegator", "current"))
    voter_of = {owner: owner if named == ZERO else named for owner, named in chosen.items()}
    voter_of = {address: address for address in wanted} | voter_of
    owners = {owner for owner, voter in voter_of.items() if voter in wanted} - excluded_accounts(timestamp)
    counted: dict[str, dict[str, int]] = {delegate: {} for delegate in wanted}
    for owner, count in balances(owners, timestamp).items():
        counted[voter_of[owner]][owner] = count
    return {
        delegate: dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
        for delegate, found in counted.items()
    }


def balances(owners: Iterable[str], timestamp: int | None = None) -> dict[str, int]:
    """ArtToken.balanceOf for each of `owners` that holds anything, now or after the last block at or before
    `timestamp`.
    """
    wanted = set(owners)
    moves = TokenTransfer.objects.order_by()
    if timestamp is not None:
        moves = moves.filter(at__lte=timestamp)
    held: dict[str, int] = defaultdict(int)
    theirs = moves.filter(Q(recipient__in=wanted) | Q(sender__in=wanted)).values_list("sender", "recipient")
    for sender, recipient, count in theirs.annotate(count=Count("pk")):
        held[sender] -= count
        held[recipient] += count
    return {owner: count for owner, count in held.items() if count and owner in wanted}


def excluded_accounts(timestamp: int | None = None) -> set[str]:
    """Accounts whose tokens carry no votes, now or after the last block at or before `timestamp`."""
    rows = Exclusion.objects.order_by("block_number", "log_index").values_list("account", "excluded")
    if timestamp is not None:
        rows = rows.filter(at__lte=timestamp)
    return {account for account, excluded in dict(rows).items() if excluded}


def owners() -> dict[int, str]:
    """Token -> who holds it."""
    rows = TokenTransfer.objects.order_by("block_number", "log_index").values_list("token_id", "recipient")
    return {token: owner for token, owner in dict(rows).items() if owner != ZERO}


def tokens_of(address: str, timestamp: int | None = None) -> list[int]:
    """Tokens that `address` holds, now or after the last block at or before `timestamp`."""
    moves = TokenTransfer.objects.filter(Q(recipient=address) | Q(sender=address))
    if timestamp is not None:
        moves = moves.filter(at__lte=timestamp)
    last = dict(moves.order_by("block_number", "log_index").values_list("token_id", "recipient"))
    return sorted(token for token, owner in last.items() if owner == address)


def holders() -> list[Holder]:
    """Everyone who holds a token or has a vote: most votes first, then by address."""
    tokens: dict[str, list[int]] = defaultdict(list)
    for token, owner in sorted(owners().items()):
        tokens[owner].append(token)
    rows = VotesChanged.objects.order_by("block_number", "log_index").values_list("delegate", "current")
    votes = {delegate: current for delegate, current in dict(rows).items() if current}
    chosen, excluded = delegations(), excluded_accounts()
    found = [
        Holder(
            address=address,
            tokens=tokens.get(address, []),
            votes=votes.get(address, 0),
            delegate=chosen.get(address, address),
            excluded=address in excluded,
        )
        for address in tokens.keys() | votes.keys()
    ]
    return sorted(found, key=lambda holder: (-holder.votes, holder.address))
