"""A proposal's life as it happened and as it will: each step with its time, its block, and how settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chain.models import Cursor
from governance.models import OperationCancelled, OperationExecuted, Proposal
from governance.selectors import Standing, State


@dataclass(frozen=True)
class Step:
    """One line of a proposal's life. `at` is in chain seconds; `done` tells past from future.

    `block` is the block that says so (None for what the clock alone decides) and `to_final` how many blocks
    are missing until the chain can't take it back, 0 if none. `who` sent the transaction.
    """

    name: str
    at: int | None
    done: bool
    current: bool = False
    note: str = ""
    block: int | None = None
    to_final: int = 0
    who: str | None = None


def blocks_to_final(block: int, cursor: Cursor | None) -> int:
    """How many blocks `block` still is from final; 0 when it is, or when nothing is mirrored."""
    return max(0, block - cursor.finalized_number) if cursor else 0


def missing(proposal: Proposal, vote: int, cursor: Cursor | None) -> int:
    """How many blocks the newest thing that is known of a proposal still is from final; `vote` is the block
    of its newest vote, 0 if it has none.
    """
    blocks = [proposal.block_number, vote]
    for name in ("extended", "queued", "executed", "canceled"):
        row = getattr(proposal, name, None)
        if row is not None:
            blocks.append(row.block_number)
    return blocks_to_final(max(blocks), cursor)


def steps(standing: Standing, cursor: Cursor | None) -> list[Step]:
    """What has happened to a proposal, what happens next, and what might."""
    proposal, now, state = standing.proposal, standing.now, standing.state

    def event(name: str, row: Any, **more: Any) -> Step:
        left = blocks_to_final(row.block_number, cursor)
        return Step(name, row.at, done=True, block=row.block_number, to_final=left, **more)

    found = [
        event("Proposed", proposal, who=proposal.proposer),
        Step(
            "Voting opens",
            proposal.voting_starts,
            now > proposal.voting_starts,
            state is State.PENDING,
            note="The snapshot: what everybody held in this second counts.",
        ),
    ]
    extended = getattr(proposal, "extended", None)
    if extended is not None:
        found.append(
            event("Late quorum", extended, note="It came near the end, so that voting stays open for longer.")
        )
    found.append(Step("Voting closes", standing.deadline, now > standing.deadline, state is State.ACTIVE))
    canceled = getattr(proposal, "canceled", None)
    if canceled is not None:
        kept = [step for step in found if step.at is not None and step.at <= canceled.at]
        return [*kept, event("Cancelled", canceled, who=canceled.log.tx_from)]
    if state is State.DEFEATED:
        return [*found[:-1], replace(found[-1], name="Voting closed: not carried")]
    return [*found, *_after(standing, event)]


def _after(standing: Standing, event: Any) -> list[Step]:
    """What comes after a vote that was carried, or may yet be."""
    proposal, state = standing.proposal, standing.state
    queued, executed = getattr(proposal, "queued", None), getattr(proposal, "executed", None)
    found = []
    if queued is not None:
        found.append(event("Queued in the timelock", queued, who=queued.log.tx_from))
    else:
        found.append(Step("Queued in the timelock", None, False, state is State.SUCCEEDED))
    if executed is not None:
        return [*found, event("Executed", executed, who=executed.log.tx_from)]
    if state is State.EXECUTED:  # at the timelock itself, past the governor
        rows = OperationExecuted.objects.filter(operation_id=proposal.operation_id)
        done = rows.select_related("log").first()
        assert done is not None  # noqa: S101 - it is why the state is EXECUTED
        return [*found, event("Executed", done, who=done.log.tx_from)]
    if state is State.CANCELED:
        lost = OperationCancelled.objects.filter(operation_id=proposal.operation_id)
        row = lost.select_related("log").first()
        if row is not None:
            return [*found, event("Cancelled in the timelock", row, who=row.log.tx_from)]
        return [*found, Step("Left behind when the timelock was replaced", None, True)]
    ready = standing.ready
    if standing.eta is not None:
        found.append(Step("Timelock ends", standing.eta, ready, state is State.QUEUED and not ready))
    return [*found, Step("Executed: takes effect", None, False, ready)]
