"""Who votes for whom, for one account and for those who may be trusted with its votes."""

from __future__ import annotations

from dataclasses import dataclass

from chain import deployments
from governance import selectors
from governance.weights import Holder


@dataclass(frozen=True)
class Trust:
    """One account's side of it. `tokens` are its own; `votes` are those it may cast, others' included."""

    address: str
    tokens: int
    votes: int
    delegate: str
    excluded: bool
    delegators: tuple[str, ...]

    @property
    def own(self) -> bool:
        """Whether it votes for itself."""
        return self.delegate == self.address


def trust(address: str) -> Trust:
    """How `address` stands now, at the mirrored head."""
    chosen = selectors.delegations()
    return Trust(
        address=address,
        tokens=len(selectors.tokens_of(address)),
        votes=selectors.weight_now(address),
        delegate=chosen.get(address, address),
        excluded=address in selectors.excluded_accounts(),
        delegators=tuple(sorted(who for who, to in chosen.items() if to == address)),
    )


def candidates(address: str | None) -> list[Holder]:
    """Accounts that have votes now, most first, without `address` and without our own contracts."""
    return [
        holder
        for holder in selectors.holders()
        if holder.votes and holder.address != address and deployments.name_of(holder.address) is None
    ]
