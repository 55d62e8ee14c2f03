"""One function for each mirrored event of governance: events in, rows out, pages told on commit.

`config/events.py` says which event comes here. Rows point at their log and go when it goes; nothing is
updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import eth_abi
from eth_utils.crypto import keccak

import live
from chain import abi
from chain.events import Event
from chain.rows import insert
from governance import models, people
from governance.descriptions import readable
from governance.parameters.spec import key_name

Kind = models.GovernorSetting.Kind


def parameter_set(events: Sequence[Event]) -> None:
    insert(
        models.ParameterChange,
        [
            {
                **_place(event),
                "version": event.args["version"],
                "key": key_name(event.args["key"]),
                "value": event.args["value"],
            }
            for event in events
        ],
    )
    live.publish("governance", "parameters")


def proposal_created(events: Sequence[Event]) -> None:
    insert(models.Proposal, [_proposal(event) for event in events])
    _tell_proposals(events)


def proposal_extended(events: Sequence[Event]) -> None:
    insert(
        models.ProposalExtended,
        [
            {
                **_place(event),
                "proposal_id": event.args["proposalId"],
                "voting_ends": event.args["extendedDeadline"],
            }
            for event in events
        ],
    )
    _tell_proposals(events)


def proposal_queued(events: Sequence[Event]) -> None:
    insert(
        models.ProposalQueued,
        [
            {**_place(event), "proposal_id": event.args["proposalId"], "eta": event.args["etaSeconds"]}
            for event in events
        ],
    )
    _tell_proposals(events)


def proposal_executed(events: Sequence[Event]) -> None:
    insert(
        models.ProposalExecuted,
        [{**_place(event), "proposal_id": event.args["proposalId"]} for event in events],
    )
    _tell_proposals(events)


def proposal_canceled(events: Sequence[Event]) -> None:
    insert(
        models.ProposalCanceled,
        [{**_place(event), "proposal_id": event.args["proposalId"]} for event in events],
    )
    _tell_proposals(events)


def call_executed(events: Sequence[Event]) -> None:
    insert(
        models.OperationExecuted,
        [
            {**_place(event), "operation_id": event.args["id"], "index": event.args["index"]}
            for event in events
        ],
    )
    _tell_operations(events)


def cancelled(events: Sequence[Event]) -> None:
    insert(
        models.OperationCancelled, [{**_place(event), "operation_id": event.args["id"]} for event in events]
    )
    _tell_operations(events)


def vote_cast(events: Sequence[Event]) -> None:
    """Also for VoteCastWithParams, whose extra bytes mean nothing to simple counting."""
    insert(
        models.Vote,
        [
            {
                **_place(event),
                "proposal_id": event.args["proposalId"],
                "voter": event.args["voter"],
                "support": event.args["support"],
                "weight": event.args["weight"],
                "reason": event.args["reason"].replace("\x00", "\ufffd"),
            }
            for event in events
        ],
    )
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
    insert(
        models.TokenTransfer,
        [
            {
                **_place(event),
                "sender": event.args["from"],
                "recipient": event.args["to"],
                "token_id": event.args["tokenId"],
            }
            for event in events
        ],
    )
    live.publish("governance", "members")


def delegate_changed(events: Sequence[Event]) -> None:
    insert(
        models.Delegation,
        [
            {
                **_place(event),
                "delegator": event.args["delegator"],
                "previous": event.args["fromDelegate"],
                "current": event.args["toDelegate"],
            }
            for event in events
        ],
    )
    live.publish("governance", "delegation")


def delegate_votes_changed(events: Sequence[Event]) -> None:
    insert(
        models.VotesChanged,
        [
            {
                **_place(event),
                "delegate": event.args["delegate"],
                "previous": event.args["previousVotes"],
                "current": event.args["newVotes"],
            }
            for event in events
        ],
    )
    live.publish("governance", "members")


def voting_units_excluded(events: Sequence[Event]) -> None:
    insert(
        models.Exclusion,
        [
            {**_place(event), "account": event.args["account"], "excluded": event.args["excluded"]}
            for event in events
        ],
    )


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
    packed = eth_abi.encode(
        ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"],
        [list(targets), list(values), [bytes.fromhex(data[2:]) for data in calldatas], bytes(32), salt],
    )
    return "0x" + keccak(packed).hex()


def _proposal(event: Event) -> dict[str, Any]:
    args = event.args
    # The id and the timelock know the description's bytes; as text, what isn't UTF-8 would be lost.
    _, raw = abi.decode_log("ArtGovernor", event.topics, event.data, raw_text=True)
    description = bytes.fromhex(raw["description"][2:])
    description_hash = "0x" + keccak(description).hex()
    return {
        **_place(event),
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


def _place(event: Event) -> dict[str, Any]:
    return {
        "log_id": event.log_id,
        "block_number": event.block_number,
        "log_index": event.log_index,
        "at": event.timestamp,
    }


def _settings(events: Sequence[Event], kind: Kind, argument: str) -> None:
    insert(
        models.GovernorSetting,
        [{**_place(event), "kind": kind.value, "value": _number(event.args[argument])} for event in events],
    )


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
