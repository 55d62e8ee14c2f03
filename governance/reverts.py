"""Why a transaction was refused, in a sentence for the person who sent it.

Known custom errors get words; others are shown by name, decoded, which is still better than bytes.
"""

from __future__ import annotations

import re

from chain import abi

_SENTENCES: dict[str, str] = {
    "GovernorAlreadyCastVote": "You have already voted on this proposal.",
    "GovernorInsufficientProposerVotes": "You need more votes to make a proposal.",
    "GovernorRestrictedProposer": "These words name another proposer.",
    "GovernorNonexistentProposal": "The chain does not know this proposal.",
    "GovernorInvalidProposalLength": "A proposal needs at least one change.",
    "GovernorOnlyExecutor": "Only a proposal that carried may do this.",
    "GovernorUnableToCancel": "Only its proposer may cancel it, and only before voting opens.",
    "GovernorAlreadyQueuedProposal": "It is queued already.",
    "NotGovernance": "Only a proposal that carried may do this.",
    "TimelockUnexpectedOperationState": "The timelock is not ready for this yet.",
}
_STATES = (
    "voting has not opened yet",
    "voting is still open",
    "it was cancelled",
    "it was not carried",
    "it was carried and is not queued yet",
    "it is queued already",
    "it has expired",
    "it has taken effect already",
)
_NAME = re.compile(r"\A(?P<name>[A-Za-z_]\w*)\((?P<arguments>.*)\)\Z", re.DOTALL)


def sentence(data: str | None, message: str = "") -> str:
    """Words for revert data (`0x…`), or for a wallet's message where there are no data."""
    if data:
        reason = abi.explain_revert(data)
        match = _NAME.match(reason)
        if match is None:
            return f"The chain refused it: {reason}."
        if match["name"] == "GovernorUnexpectedProposalState":
            return _unexpected_state(match["arguments"])
        return _SENTENCES.get(match["name"], f"The chain refused it: {reason}.")
    lowered = message.lower()
    if "insufficient funds" in lowered:
        return "This account has too little ether to pay for the transaction."
    if "nonce too low" in lowered or "replacement transaction" in lowered:
        return "Another transaction of this account took its place. Please try again."
    return f"The wallet could not send it: {message[:300]}" if message else "The chain gave no reason."


def _unexpected_state(arguments: str) -> str:
    parts = [part.strip() for part in arguments.split(",")]
    try:
        return f"Too early or too late: {_STATES[int(parts[1])]}."
    except (IndexError, ValueError):
        return "Too early or too late for that."
