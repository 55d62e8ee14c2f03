"""Why a transaction was refused, in a sentence for the person who sent it.

Every custom error in contracts/abi has its words, with its numbers in them. What is none of them is shown as
it came, which is still better than bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chain import abi, ether
from governance.actions import votes_words
from governance.parameters import BY_KEY
from governance.parameters.spec import duration, key_name
from governance.people import name_of

Arguments = dict[str, Any]
_NOT_GOVERNANCE = "Only a proposal that carried may do this, by way of the timelock."
_INTERNAL = "A contract ran into a state that should not be possible: please tell whoever runs this site."

# GovernorUnexpectedProposalState: what it is, and what it should be.
_STATES = (
    "voting has not opened yet",
    "voting is still open",
    "it was cancelled",
    "it was not carried",
    "it was carried and is not queued yet",
    "it waits in the timelock",
    "it has expired",
    "it has taken effect already",
)
_EPOCH_STATES = ("not there", "open", "sealed", "seeded", "anchored", "failed")  # ILivingArtwork.EpochState
_SLASH_STATES = ("not there", "open", "challenged", "upheld", "overturned")  # WorkerTypes.SlashState
_MODEL_STATES = ("not registered", "registered", "active", "retired")  # IModelRegistry.Status
# TimelockController.OperationState.
_OPERATIONS = (
    "is not in the timelock",
    "still waits in the timelock",
    "is ready to take effect",
    "has taken effect",
)


def sentence(data: str | None, message: str = "") -> str:
    """Words for revert data (`0x…`), or for a wallet's message where there are no data."""
    if data:
        known = abi.decode_error(data)
        if known is not None and known[0] in _SENTENCES:
            words = _SENTENCES[known[0]]
            return words if isinstance(words, str) else words(known[1])
        return f"The chain refused it: {abi.explain_revert(data)}."
    lowered = message.lower()
    if "insufficient funds" in lowered or "insufficient balance" in lowered:
        return "This account has too little ether to pay for the transaction."
    if "underpriced" in lowered:
        return "The fee is too low to take the other transaction’s place. Offer more, then try again."
    if "nonce too low" in lowered or "replacement transaction" in lowered or "already known" in lowered:
        return "Another transaction of this account took its place. Please try again."
    if "out of gas" in lowered or "intrinsic gas" in lowered or "gas limit" in lowered:
        return "The gas limit is too low for this. Leave it to your wallet, then try again."
    return f"The wallet could not send it: {message[:300]}" if message else "The chain gave no reason."


def _moment(seconds: int) -> str:
    """Chain time for people; far-off numbers that no calendar has stay numbers."""
    try:
        return f"{datetime.fromtimestamp(seconds, tz=UTC):%-d %b %Y %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"second {seconds}"


def _span(seconds: int) -> str:
    return duration(seconds) or "0 s"


def _label(key32: str) -> str:
    name = key_name(key32)
    return BY_KEY[name].label if name in BY_KEY else f"“{name}”"


def _slot(name32: str) -> str:
    return f"the slot “{key_name(name32)}”"


def _unexpected_state(error: Arguments) -> str:
    current = int(error["current"])
    is_now = _STATES[current] if current < len(_STATES) else "it is in a state of its own"
    wanted = int(error["expectedStates"], 16)
    names = [words for bit, words in enumerate(_STATES) if wanted >> bit & 1]
    needs = f" It would have to be so that {' or '.join(names)}." if names else ""
    return f"Too early or too late: {is_now}.{needs}"


def _proposer_votes(error: Arguments) -> str:
    had, needed = error["votes"], error["threshold"]
    return f"A proposal needs {votes_words(needed)} behind it; a second ago you had {votes_words(had)}."


def _number_out_of_bounds(error: Arguments) -> str:
    parameter = BY_KEY.get(key_name(error["key"]))
    if parameter is None or parameter.kind != "number":
        return f"{_label(error['key'])} can’t be {error['value']:,}."
    why = parameter.problem(error["value"]) or "the contract’s bounds are narrower."
    return f"{parameter.label} can’t be {parameter.words(error['value'])}: {why[0].lower()}{why[1:]}"


def _text_out_of_bounds(error: Arguments) -> str:
    parameter = BY_KEY.get(key_name(error["key"]))
    if parameter is None:
        return f"{_label(error['key'])} can’t be {error['length']:,} bytes long."
    fit = f"{parameter.min_bytes:,} to {parameter.max_bytes:,}"
    return f"{parameter.label} is {error['length']:,} bytes long: {fit} fit."


def _operation_state(error: Arguments) -> str:
    wanted = int(error["expectedStates"], 16)
    names = [words for bit, words in enumerate(_OPERATIONS) if wanted >> bit & 1]
    needs = f" It works while the decision {' or '.join(names)}." if names else ""
    return f"The timelock is not ready for this.{needs}"


def _epoch_not_in(error: Arguments) -> str:
    def word(state: int) -> str:
        return _EPOCH_STATES[state] if state < len(_EPOCH_STATES) else f"in state {state}"

    is_now, must_be = word(error["actual"]), word(error["expected"])
    return f"Epoch {error['epoch']:,} is {is_now}, and this needs it to be {must_be}."


def _round_pending(error: Arguments) -> str:
    if "readyAt" in error:  # drand's, whose rounds come by the clock
        return f"Round {error['round']:,} of drand is not due yet: it comes at {_moment(error['readyAt'])}."
    return f"Block {error['round']:,} does not exist yet: its randomness comes with it."


def _slash_not_in(error: Arguments) -> str:
    def word(state: int) -> str:
        return _SLASH_STATES[state] if state < len(_SLASH_STATES) else f"in state {state}"

    is_now, must_be = word(error["actual"]), word(error["expected"])
    return f"Slash {error['slashId']:,} is {is_now}, and this needs it to be {must_be}."


def _model_is(error: Arguments) -> str:
    status = error["status"]
    word = _MODEL_STATES[status] if status < len(_MODEL_STATES) else f"in state {status}"
    return f"The model {error['id'][:10]}… is {word}, so this can’t be done with it."


def _class(words: str) -> Callable[[Arguments], str]:
    """A sentence that names the determinism class, where `{}` stands."""
    return lambda error: words.format(f"{error['classId'][:10]}…")


def _who(argument: str, words: str) -> Callable[[Arguments], str]:
    """A sentence that names the account in `argument`, where `{}` stands."""
    return lambda error: words.format(name_of(error[argument]))


def _number(argument: str, words: str) -> Callable[[Arguments], str]:
    return lambda error: words.format(f"{error[argument]:,}")


_SENTENCES: dict[str, str | Callable[[Arguments], str]] = {
    # The governor
    "GovernorAlreadyCastVote": "You have already voted on this proposal. A vote can’t be changed.",
    "GovernorAlreadyQueuedProposal": "It is queued in the timelock already.",
    "GovernorDisabledDeposit": "The governor takes no ether: the treasury is the timelock.",
    "GovernorInsufficientProposerVotes": _proposer_votes,
    "GovernorInvalidProposalLength": lambda e: (
        "A proposal needs at least one change, and as many targets as calls: "
        f"this has {e['targets']:,} targets, {e['calldatas']:,} calls and {e['values']:,} values."
    ),
    "GovernorInvalidQuorumFraction": lambda e: (
        f"A quorum can’t be {e['quorumNumerator']:,} of {e['quorumDenominator']:,} votes."
    ),
    "GovernorInvalidSignature": _who("voter", "The ballot’s signature is not {}’s."),
    "GovernorInvalidVoteParams": "This governor counts plain votes only: for, against or abstain.",
    "GovernorInvalidVoteType": "There is no such vote: choose for, against or abstain.",
    "GovernorInvalidVotingPeriod": lambda e: f"Voting can’t last {_span(e['votingPeriod'])}.",
    "GovernorNonexistentProposal": "The chain does not know this proposal. Perhaps it was taken back.",
    "GovernorOnlyExecutor": _NOT_GOVERNANCE,
    "GovernorPreventLateQuorumVoteExtensionTooLarge": lambda e: (
        f"A late quorum can’t extend the voting by {_span(e['newVoteExtension'])}: "
        f"at most {_span(e['maxVoteExtension'])}."
    ),
    "GovernorProposalQueueingFailed": "The timelock did not take it in.",
    "GovernorProposalQueueingNotRequired": "This governor has no timelock to queue it in.",
    "GovernorRestrictedProposer": _who("proposer", "These words name another proposer, and you are {}."),
    "GovernorUnableToCancel": "Only its proposer may cancel it, and only before voting opens.",
    "GovernorUnexpectedProposalState": _unexpected_state,
    "InvalidMinVotes": _number(
        "minVotes", "A quorum of at least {} votes can’t be: from 1 to all there are."
    ),
    "InvalidVotingDelay": lambda e: f"Voting can’t open after {_span(e['votingDelay'])}: at least 1 s.",
    # The timelock
    "AccessControlBadConfirmation": "A role can only be given up by who holds it.",
    "AccessControlUnauthorizedAccount": _who("account", "{} does not have the role that this needs."),
    "TimelockInsufficientDelay": lambda e: (
        f"A wait of {_span(e['delay'])} is too short: the timelock asks for {_span(e['minDelay'])}."
    ),
    "TimelockInvalidOperationLength": lambda e: (
        f"Its lists differ in length: {e['targets']:,} targets, {e['payloads']:,} calls, "
        f"{e['values']:,} values."
    ),
    "TimelockUnauthorizedCaller": _who("caller", "Only the timelock itself may do this, and {} is not it."),
    "TimelockUnexecutedPredecessor": "A decision that must take effect before this one has not.",
    "TimelockUnexpectedOperationState": _operation_state,
    # The parameters
    "ModelNotActive": lambda e: (
        f"The model {e['modelId'][:10]}… is not one that the registry lists as active."
    ),
    "NoBounds": lambda e: f"{_label(e['key'])} is not a parameter with bounds of that kind.",
    "NotGovernance": _NOT_GOVERNANCE,
    "NumberOutOfBounds": _number_out_of_bounds,
    "TextNotUtf8": lambda e: f"{_label(e['key'])} is not well-formed text (UTF-8).",
    "TextOutOfBounds": _text_out_of_bounds,
    "UnknownKey": lambda e: f"There is no parameter called “{key_name(e['key'])}”.",
    "UnknownVersion": _number("version", "There is no version {} of the parameters."),
    # The token
    "AccountHoldsTokens": lambda e: (
        f"{name_of(e['account'])} holds {e['balance']:,} of the tokens: "
        "its votes can be taken away or given back only while it holds none."
    ),
    "ERC5805FutureLookup": lambda e: (
        f"Votes at {_moment(e['timepoint'])} can’t be counted yet: "
        f"the chain is at {_moment(e['clock'])}. Wait a moment."
    ),
    "ERC721IncorrectOwner": lambda e: (
        f"Token {e['tokenId']:,} belongs to {name_of(e['owner'])}, not to {name_of(e['sender'])}."
    ),
    "ERC721InsufficientApproval": lambda e: (
        f"{name_of(e['operator'])} has no leave to move token {e['tokenId']:,}."
    ),
    "ERC721InvalidApprover": _who("approver", "{} can’t give leave for this token."),
    "ERC721InvalidOperator": _who("operator", "{} can’t be given leave for tokens."),
    "ERC721InvalidOwner": _who("owner", "{} can’t own tokens."),
    "ERC721InvalidReceiver": _who(
        "receiver", "{} can’t take a token: it is a contract that does not expect one."
    ),
    "ERC721InvalidSender": _who("sender", "{} can’t be who a token comes from: it may exist already."),
    "ERC721NonexistentToken": _number("tokenId", "There is no token {}."),
    "NotMinter": _who("caller", "Only the artwork mints tokens, and {} is not it."),
    "VotesExpiredSignature": lambda e: f"That signed delegation was good until {_moment(e['expiry'])}.",
    # The artwork, its painter and its randomness
    "EmptyResult": "A generation needs the hashes of its picture.",
    "EpochNotIn": _epoch_not_in,
    "InvalidConfig": "The artwork’s settings contradict one another.",
    "InvalidSlot": lambda e: f"{name_of(e['part'])} can’t be put into {_slot(e['name'])}.",
    "NoRoundsLeft": _number("epoch", "Epoch {} has had all of its rounds."),
    "NotArtwork": _who("caller", "Only the artwork may do this, and {} is not it."),
    "NotAttachable": _number("generation", "Nothing can be attached to generation {} now."),
    "NotFounder": _who(
        "caller", "Only the founder may do this, before the founding is closed, and {} is not."
    ),
    "NotOperator": _who("caller", "Only the painter’s operator may do this, and {} is not."),
    "NotPart": lambda e: (
        f"Only the part in {_slot(e['slot'])} may do this, and {name_of(e['caller'])} is not it."
    ),
    "PainterNotReady": _who("painter", "The painter {} is not ready."),
    "PreviousEpochUnfinished": _number("epoch", "Epoch {} is not finished yet."),
    "RoundLapsed": _number("round", "The randomness of block {} is gone: another block must be chosen."),
    "RoundNotLapsed": _number("round", "The randomness of block {} can still be used."),
    "RoundPending": _round_pending,
    "TooEarly": lambda e: f"Too early: possible from {_moment(e['readyAt'])} on.",
    "TooLate": lambda e: f"Too late: it was possible until {_moment(e['deadline'])}.",
    "UnknownGeneration": _number("generation", "There is no generation {}."),
    "UnknownSlot": lambda e: f"The contract has no {_slot(e['name'])[4:]}.",
    # The workers
    "AlreadyCommitted": lambda e: (
        f"{name_of(e['worker'])} has committed to a result in round {e['round']:,} of epoch {e['epoch']:,}: "
        "a commitment can’t be changed."
    ),
    "AlreadyFinalized": _number("epoch", "The picture of epoch {} is settled already."),
    "AlreadyRegistered": _who("worker", "{} is a worker already."),
    "AlreadyRevealed": lambda e: (
        f"{name_of(e['worker'])} has shown its result for epoch {e['epoch']:,}: that one goes on counting."
    ),
    "BondTooLow": lambda e: (
        f"A bond of {ether.words(e['bond'])} is too little: the rules ask for {ether.words(e['least'])}."
    ),
    "ClassInUse": _class("The class {} is the accepted one: name another first."),
    "ClassNotListed": _class("The determinism class {} is not listed: a vote lists classes."),
    "ClassUnchanged": lambda e: (
        f"The class {e['classId'][:10]}… is {'listed' if e['listed'] else 'not listed'} already."
    ),
    "CommitmentMismatch": "What is shown is not what was committed to: result, attestation or salt differ.",
    "CommitsClosed": lambda e: (
        f"Round {e['round']:,} of epoch {e['epoch']:,} takes no more commitments: results are shown now."
    ),
    "EmptyCommitment": "A commitment can’t be zero.",
    "Expired": lambda e: f"Too late: it was possible until {_moment(e['deadline'])}.",
    "InvalidRules": "These rules contradict one another: a slash is above zero and within the least bond, "
    "and commitments and reveals leave a part of the round over.",
    "Leaving": _who("worker", "{} is leaving."),
    "NoFeeToRelease": _number("epoch", "Epoch {} holds no fee to release: only a failed epoch’s goes back."),
    "NoQuorum": lambda e: (
        f"Too few workers agree on this result: {e['count']:,} of the {e['quorum']:,} that are needed."
    ),
    "NoRound": _number("epoch", "No round of painting was opened for epoch {}."),
    "NotCommitted": lambda e: (
        f"{name_of(e['worker'])} has nothing to show in this round of epoch {e['epoch']:,}: "
        "only a commitment of the same round can be shown, once."
    ),
    "NotInSnapshot": lambda e: (
        f"{name_of(e['worker'])} was no active worker when epoch {e['epoch']:,} was sealed."
    ),
    "NotLeaving": _who("worker", "{} has not asked to leave."),
    "NotWorker": _who("account", "{} is not a worker, or not the one that this is about."),
    "NotYet": lambda e: f"Too early: possible from {_moment(e['readyAt'])} on.",
    "NothingToResolve": _who("worker", "Nothing of {} waits to be settled."),
    "NothingToTransfer": "There is nothing to transfer.",
    "RevealsNotOpen": lambda e: (
        f"Results are shown once every worker has committed, or from {_moment(e['commitUntil'])} on."
    ),
    "RevealsOpen": lambda e: (
        f"Round {e['round']:,} of epoch {e['epoch']:,} is still under way: workers are committing or showing."
    ),
    "SlashNotIn": _slash_not_in,
    "SlashesOpen": lambda e: (
        f"{name_of(e['worker'])} has {e['count']:,} slashes that are not decided yet: the bond waits."
    ),
    "Unresolved": lambda e: (
        f"A commitment of {name_of(e['worker'])} in epoch {e['epoch']:,} is not settled yet."
    ),
    "UriTooLong": lambda e: f"The address is {e['length']:,} bytes long: at most {e['most']:,} fit.",
    # The registry of models
    "InvalidModel": lambda e: f"The entry of the model {e['id'][:10]}… lacks something that it must have.",
    "InvalidText": lambda e: (
        f"The entry of the model {e['id'][:10]}… has a “{key_name(e['field'])}” that is empty, too long or "
        "not plain text."
    ),
    "LengthMismatch": lambda e: f"There are {e['ids']:,} ids for {e['models']:,} models.",
    "ModelIs": _model_is,
    # drand
    "InvalidPublicKey": "That is not a public key of drand’s network.",
    "InvalidTimes": "A source of randomness needs a period and a delay above zero.",
    "NotAPoint": "That signature is not a point of the curve.",
    "PrecompileFailed": _number("precompile", "This chain lacks the precompiled contract {} for the curve."),
    "ProofLength": _number("length", "A round of drand is shown by 64 bytes, not {}."),
    "TagTooLong": _INTERNAL,
    "UnknownRound": _number("round", "There is no round {} of drand."),
    "WrongSignature": _number("round", "That is not drand’s signature of round {}."),
    # What the libraries check
    "InsufficientBalance": lambda e: (
        f"The contract holds {ether.words(e['balance'])}, and {ether.words(e['needed'])} are needed."
    ),
    "ReentrancyGuardReentrantCall": "A contract that was being paid called back: that is refused.",
    "CheckpointUnorderedInsertion": _INTERNAL,
    "ECDSAInvalidSignature": "That is not a signature of anybody.",
    "ECDSAInvalidSignatureLength": _number("length", "A signature has 65 bytes, not {}."),
    "ECDSAInvalidSignatureS": "That signature has been tampered with.",
    "ERC6372InconsistentClock": _INTERNAL,
    "FailedCall": "One of the calls failed and gave no reason.",
    "InvalidAccountNonce": lambda e: (
        f"That was signed before something else of {name_of(e['account'])}’s was counted: "
        f"sign again, with number {e['currentNonce']:,}."
    ),
    "InvalidShortString": _INTERNAL,
    "SafeCastOverflowedUintDowncast": lambda e: f"The number {e['value']:,} does not fit {e['bits']} bits.",
    "StringTooLong": lambda e: f"“{e['str'][:40]}” is too long: at most 31 bytes.",
    "StringsInsufficientHexLength": lambda e: (
        f"The number {e['value']:,} needs more than {e['length']:,} digits."
    ),
    "ZeroAddress": "The zero address can’t be used for this.",
}
