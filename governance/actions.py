"""The transactions a person may send, made ready here and sent by their own wallet.

Each function checks against the mirror what the chain would check, so that a refusal comes with a reason, and
returns `chain.contracts.transaction_request`'s dict. The chain has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import eth_abi
from eth_utils.crypto import keccak

from chain import clock, deployments
from chain.contracts import transaction_request
from governance import descriptions, selectors
from governance.models import GovernorSetting, Proposal, Support
from governance.parameters import BY_KEY, Value
from governance.people import name_of
from governance.selectors import State

MAX_REASON_BYTES = 1000
Request = dict[str, str]


class Refused(Exception):
    """The chain would refuse this; the text is a sentence that says why."""


@dataclass(frozen=True)
class Draft:
    """A proposal ready to be sent: the governor's id for it and the transaction that makes it."""

    id: int
    request: Request


def vote(proposal: Proposal, voter: str, support: Support, reason: str) -> Request:
    """ArtGovernor.castVote, or castVoteWithReason where there is a reason. Raises Refused."""
    standing = selectors.standing(proposal, clock.now())
    if refusal := vote_refusal(standing, voter):
        raise Refused(refusal)
    if reason:
        return transaction_request("ArtGovernor", "castVoteWithReason", proposal.pk, int(support), reason)
    return transaction_request("ArtGovernor", "castVote", proposal.pk, int(support))


def vote_refusal(standing: selectors.Standing, voter: str) -> str | None:
    """Why `voter` can't vote now, as a sentence, or None."""
    proposal = standing.proposal
    if standing.state is State.PENDING:
        return "Voting opens in a moment."
    if standing.state is not State.ACTIVE:
        return f"Voting has closed: {standing.state.word.lower()}."
    if selectors.vote_of(proposal, voter) is not None:
        return "You have already voted on this proposal."
    if selectors.weight_at(voter, proposal.voting_starts) == 0:
        return no_weight(voter, proposal.voting_starts)
    return None


def no_weight(address: str, snapshot: int) -> str:
    """Why `address` had no vote at `snapshot` (seconds), as a sentence."""
    if address in selectors.excluded_accounts():
        return "Tokens of this account carry no votes."
    delegate = selectors.delegate_of(address, snapshot)
    held = selectors.tokens_of(address, snapshot)
    if held and delegate != address:
        were, them = ("was", "it") if len(held) == 1 else ("were", "them")
        return (
            f"Your {votes_words(len(held))} {were} with {name_of(delegate)} when voting opened, "
            f"and {name_of(delegate)} casts {them} here."
        )
    if selectors.tokens_of(address):
        return "Your tokens came after voting opened: they count from the next proposal on."
    if selectors.weight_now(address):
        return "The votes you have came after voting opened: they count from the next proposal on."
    return "You have no vote here: you hold none of the artwork’s tokens, and each of them carries one."


def votes_words(count: int) -> str:
    """`1 vote`, `2 votes`."""
    return f"{count:,} vote" if count == 1 else f"{count:,} votes"


def queue(proposal: Proposal) -> Request:
    """ArtGovernor.queue. Raises Refused unless the proposal has succeeded."""
    state = selectors.state(proposal, clock.now())
    if state is not State.SUCCEEDED:
        raise Refused(f"It can’t be queued: {state.word.lower()}.")
    return transaction_request("ArtGovernor", "queue", *governor_arguments(proposal))


def execute(proposal: Proposal) -> Request:
    """ArtGovernor.execute. Raises Refused before the timelock lets it through."""
    standing = selectors.standing(proposal, clock.now())
    if standing.state is not State.QUEUED:
        raise Refused(f"It can’t take effect: {standing.state.word.lower()}.")
    if not standing.ready:
        raise Refused("The timelock is not over yet.")
    return transaction_request("ArtGovernor", "execute", *governor_arguments(proposal))


def governor_arguments(proposal: Proposal) -> tuple[list[str], list[int], list[str], str]:
    """What queue, execute and cancel take: targets, values, calldatas, the description's hash."""
    return list(proposal.targets), proposal.wei, list(proposal.calldatas), proposal.description_hash


def propose(proposer: str, changes: Mapping[str, Value], title: str, reason: str) -> Draft:
    """ArtGovernor.propose with one call for each changed parameter. Raises Refused.

    The description ends with `#proposer=0x…`: nobody can submit it first in the proposer's place.
    """
    target = deployments.address_of("ArtParameters")
    return propose_calls(
        proposer, [(target, _setter_call(key, value)) for key, value in changes.items()], title, reason
    )


def propose_calls(proposer: str, wanted: Sequence[tuple[str, str]], title: str, reason: str) -> Draft:
    """ArtGovernor.propose with calls given as (target, calldata), none of which sends ether.

    Raises Refused.
    """
    if refusal := proposal_refusal(proposer):
        raise Refused(refusal)
    targets, values, calls = [to for to, _ in wanted], [0] * len(wanted), [data for _, data in wanted]
    description = descriptions.compose(title, reason, proposer)
    proposal_id = hash_proposal(targets, values, calls, description)
    if Proposal.objects.filter(pk=proposal_id).exists():
        raise Refused("You have made exactly this proposal before.")
    return Draft(
        id=proposal_id,
        request=transaction_request("ArtGovernor", "propose", targets, values, calls, description),
    )


def proposal_refusal(proposer: str) -> str | None:
    """Why `proposer` can't propose now and what would help, as sentences, or None."""
    threshold = selectors.setting(GovernorSetting.Kind.PROPOSAL_THRESHOLD)
    has = selectors.weight_now(proposer)
    if has >= threshold:
        return None
    needs = f"A proposal needs {votes_words(threshold)} behind it; you have {has or 'none'}."
    if proposer in selectors.excluded_accounts():
        return f"{needs} Tokens of this account carry no votes."
    missing = votes_words(threshold - has)
    delegate = selectors.delegate_of(proposer)
    if selectors.tokens_of(proposer) and delegate != proposer:
        return f"{needs} Yours are with {name_of(delegate)}: take them back, or ask them to propose it."
    return f"{needs} Somebody who has {missing} to spare can delegate to you, or propose it for you."


def delegate(holder: str, to: str) -> Request:
    """ArtToken.delegate: from the next proposal on, `to` votes with `holder`'s tokens. Raises Refused."""
    if holder in selectors.excluded_accounts():
        raise Refused("Tokens of this account carry no votes: there is nothing to delegate.")
    if to == selectors.delegate_of(holder):
        raise Refused(
            "You vote for yourself already." if to == holder else f"{name_of(to)} votes for you already."
        )
    if to in selectors.excluded_accounts() or deployments.name_of(to) is not None:
        raise Refused(f"{name_of(to).capitalize()} can’t vote: your votes would be lost.")
    return transaction_request("ArtToken", "delegate", to)


def hash_proposal(
    targets: Sequence[str], values: Sequence[int], calldatas: Sequence[str], description: str
) -> int:
    """Governor.hashProposal: the id that the governor will give these calls and words."""
    packed = eth_abi.encode(
        ["address[]", "uint256[]", "bytes[]", "bytes32"],
        [
            list(targets),
            list(values),
            [bytes.fromhex(data[2:]) for data in calldatas],
            keccak(description.encode()),
        ],
    )
    return int.from_bytes(keccak(packed), "big")


def _setter_call(key: str, value: Value) -> str:
    return transaction_request("ArtParameters", BY_KEY[key].setter, value)["data"]
