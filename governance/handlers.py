"""One function for each mirrored event of governance: events in, rows out, pages told on commit.

`config/events.py` says which event comes here. Rows point at their log and go when it goes; nothing is
updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from eth_hash.auto import keccak

import live
from chain import abi
from chain.events import Event
from chain.rows import insert, insert_columns
from governance import models, people
from governance.descriptions import readable
from governance.parameters.spec import key_name

Kind = models.GovernorSetting.Kind


def parameter_set(events: Sequence[Event]) -> None:
    names = [key_name(event.args["key"]) for event in events]
    insert_columns(
        models.ParameterChange, {**_columns(events, version="version", value="value"), "key": names}
    )
    live.publish("governance", "parameters")


def proposal_created(events: Sequence[Event]) -> None:
    insert(models.Proposal, [_proposal(event) for event in events])
    _tell_proposals(events)


def proposal_extended(events: Sequence[Event]) -> None:
    columns = _columns(events, proposal_id="proposalId", voting_ends="extendedDeadline")
    insert_columns(models.ProposalExtended, columns)
    _tell_proposals(events)


def proposal_queued(events: Sequence[Event]) -> None:
    insert_columns(models.ProposalQueued, _columns(events, proposal_id="proposalId", eta="etaSeconds"))
    _tell_proposals(events)


def proposal_executed(events: Sequence[Event]) -> None:
    insert_columns(models.ProposalExecuted, _columns(events, proposal_id="proposalId"))
    _tell_proposals(events)


def proposal_canceled(events: Sequence[Event]) -> None:
    insert_columns(models.ProposalCanceled, _columns(events, proposal_id="proposalId"))
    _tell_proposals(events)


def call_executed(events: Sequence[Event]) -> None:
    insert_columns(models.OperationExecuted, _columns(events, operation_id="id", index="index"))
    _tell_operations(events)


def cancelled(events: Sequence[Event]) -> None:
    insert_columns(models.OperationCancelled, _columns(events, operation_id="id"))
    _tell_operations(events)


def vote_cast(events: Sequence[Event]) -> None:
    """Also for VoteCastWithParams, whose extra bytes mean nothing to simple counting."""
    reasons = [event.args["reason"].replace("\x00", "\ufffd") for event in events]
    columns = _columns(events, proposal_id="proposalId", voter="voter", support="support", weight="weight")
    insert_columns(models.Vote, {**columns, "reason": reasons})
    for event in events[-50:]:  # a rebuild replays thousands; an open page refetches on the first anyway
        ballot = {
            "proposal": str(event.args["proposalId"]),
            "voter": event.args["voter"],
            "voter_name": people.name_of(event.args["voter"]),
            "support": event.args["support"],
            "weight": str(event.args["weight"]),
        }
        live.publish("governance", "vote", **ballot)
        live.publish(f"proposal.{event.args['proposalId']}", "vote", **ballot)


def transfer(events: Sequence[Event]) -> None:
    columns = _columns(events, sender="from", recipient="to", token_id="tokenId")  # noqa: S106 - no secret
    insert_columns(models.TokenTransfer, columns)
    live.publish("governance", "members")


def delegate_changed(events: Sequence[Event]) -> None:
    columns = _columns(events, delegator="delegator", previous="fromDelegate", current="toDelegate")
    insert_columns(models.Delegation, columns)
    live.publish("governance", "delegation")


def delegate_votes_changed(events: Sequence[Event]) -> None:
    columns = _columns(events, delegate="delegate", previous="previousVotes", current="newVotes")
    insert_columns(models.VotesChanged, columns)
    live.publish("governance", "members")


def voting_units_excluded(events: Sequence[Event]) -> None:
    insert_columns(models.Exclusion, _columns(events, account="account", excluded="excluded"))


def quorum_numerator_updated(events: Sequence[Event]) -> None:
    _settings(events, Kind.QUORUM_NUMERATOR, "newQuorumNumerator")


def min_votes_updated(events: Sequence[Event]) -> None:
    _settings(events, Kind.MIN_VOTES, "newMinVotes")


def voting_delay_set(events: Sequence[Event]) -> None:
    _settings(events, Kind.VOTING_DELAY, "newVotingDelay")


def voting_period_set(events: Sequence[Event]) -> None:
    _settings(events, Kind.VOTING_PERIOD, "newVotingPeriod")


def proposal_threshold_set(events: Sequence[Event]) -> None:
    _settings(events, Kind.PROPOSAL_THRESHOLD, "newProposalThreshold")


def late_quorum_vote_extension_set(events: Sequence[Event]) -> None:
    _settings(events, Kind.LATE_EXTENSION, "newVoteExtension")


def min_delay_change(events: Sequence[Event]) -> None:
    _settings(events, Kind.TIMELOCK_DELAY, "newDuration")


def timelock_change(events: Sequence[Event]) -> None:
    _settings(events, Kind.TIMELOCK, "newTimelock")


def operation_id(
    governor: str,
    targets: Sequence[str],
    values: Sequence[int],
    calldatas: Sequence[str],
    description_hash: str,
) -> str:
    """The timelock's id of a proposal's calls: TimelockController.hashOperationBatch with no predecessor.

    The salt is the governor's address, left-aligned, XOR the description's hash (GovernorTimelockControl).
    """
    aligned = bytes.fromhex(governor[2:]).ljust(32, b"\0")
    salt = bytes(a ^ b for a, b in zip(aligned, bytes.fromhex(description_hash[2:]), strict=True))
    # abi.encode(address[], uint256[], bytes[], bytes32, bytes32): by hand, since loading an encoder takes
    # longer than reading a small chain does.
    head = 5 * 32
    to = _words(len(targets), *(int(target, 16) for target in targets))
    wei = _words(len(values), *values)
    payloads = [_blob(data) for data in calldatas]
    starts = accumulate((len(payload) for payload in payloads[:-1]), initial=32 * len(payloads))
    calls = _words(len(payloads), *starts) if payloads else _words(0)
    offsets = _words(head, head + len(to), head + len(to) + len(wei))
    return "0x" + keccak(offsets + bytes(32) + salt + to + wei + calls + b"".join(payloads)).hex()


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def _blob(data: str) -> bytes:
    raw = bytes.fromhex(data[2:])
    return _words(len(raw)) + raw.ljust(-(-len(raw) // 32) * 32, b"\0")


def _proposal(event: Event) -> dict[str, Any]:
    args = event.args
    # The id and the timelock know the description's bytes; as text, what isn't UTF-8 would be lost.
    _, raw = abi.decode_log("ArtGovernor", event.topics, event.data, raw_text=True)
    description = bytes.fromhex(raw["description"][2:])
    description_hash = "0x" + keccak(description).hex()
    return {
        "log_id": event.log_id,
        "block_number": event.block_number,
        "log_index": event.log_index,
        "at": event.timestamp,
        "id": args["proposalId"],
        "proposer": args["proposer"],
        "targets": args["targets"],
        "values": [str(value) for value in args["values"]],
        "calldatas": args["calldatas"],
        "description": readable(description),
        "description_hash": description_hash,
        "operation_id": operation_id(
            event.address, args["targets"], args["values"], args["calldatas"], description_hash
        ),
        "voting_starts": args["voteStart"],
        "voting_ends": args["voteEnd"],
    }


def _columns(events: Sequence[Event], **arguments: str) -> dict[str, list[Any]]:
    """What every row has of its event, and a column for each of these arguments."""
    return {
        "log_id": [event.log_id for event in events],
        "block_number": [event.block_number for event in events],
        "log_index": [event.log_index for event in events],
        "at": [event.timestamp for event in events],
        **{column: [event.args[name] for event in events] for column, name in arguments.items()},
    }


def _settings(events: Sequence[Event], kind: Kind, argument: str) -> None:
    values = [_number(event.args[argument]) for event in events]
    columns = {**_columns(events), "kind": [kind.value] * len(events), "value": values}
    insert_columns(models.GovernorSetting, columns)


def _number(value: int | str) -> int:
    return int(value, 16) if isinstance(value, str) else value


def _tell_proposals(events: Sequence[Event]) -> None:
    for proposal_id in dict.fromkeys(str(event.args["proposalId"]) for event in events[-50:]):
        live.publish("governance", "proposal", id=proposal_id)
        live.publish(f"proposal.{proposal_id}", "proposal", id=proposal_id)


def _tell_operations(events: Sequence[Event]) -> None:
    ids = {event.args["id"] for event in events[-50:]}
    for proposal_id in models.Proposal.objects.filter(operation_id__in=ids).values_list("pk", flat=True):
        live.publish("governance", "proposal", id=str(proposal_id))
        live.publish(f"proposal.{proposal_id}", "proposal", id=str(proposal_id))
