"""From votes to pictures and back: which generations proposals made, and which proposals made them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

from django.db.models import QuerySet

from gallery.models import Generation, Sealing
from governance import selectors
from governance.models import OperationExecuted, ParameterChange, Proposal, ProposalExecuted
from governance.selectors import Standing


def painted_with(proposals: QuerySet[Proposal]) -> list[int]:
    """The numbers of the generations that were the first to be painted with what these proposals changed,
    newest first.

    An epoch freezes the newest version at its end, so a change first shows in the first generation whose
    version is the change's or a later one.
    """
    versions = selectors.versions_made(proposals)
    if not versions:
        return []
    sealed = dict(Sealing.objects.order_by().values_list("epoch_id", "params_version"))
    painted = [
        (sealed[epoch], number)
        for number, epoch in Generation.objects.filter(founding=False)
        .order_by("number")
        .values_list("number", "epoch_number")
        if epoch in sealed
    ]
    frozen = [version for version, _ in painted]  # versions only grow, as generations do
    places = {bisect_left(frozen, version) for version in versions}
    return sorted({painted[place][1] for place in places if place < len(painted)}, reverse=True)


def deciders(spans: Mapping[int, tuple[int, int]], now: int) -> dict[int, list[Standing]]:
    """For each key, the proposals whose execution made the versions `after + 1 .. upto` of its span, oldest
    first; `selectors.decided_by` for many at once, in a handful of queries.
    """
    wide = [span for span in spans.values() if span[1] > span[0]]
    if not wide:
        return {}
    changes = ParameterChange.objects.filter(
        version__gt=min(after for after, _ in wide), version__lte=max(upto for _, upto in wide)
    )
    made = dict(changes.order_by().values_list("version", "log__tx_hash"))
    behind: dict[str, set[int]] = defaultdict(set)
    executed = ProposalExecuted.objects.filter(log__tx_hash__in=changes.order_by().values("log__tx_hash"))
    for tx, proposal in executed.order_by().values_list("log__tx_hash", "proposal_id"):
        behind[tx].add(proposal)
    operations = OperationExecuted.objects.filter(log__tx_hash__in=changes.order_by().values("log__tx_hash"))
    sent = defaultdict(set)
    for tx, operation in operations.order_by().values_list("log__tx_hash", "operation_id"):
        sent[operation].add(tx)
    for proposal, operation in Proposal.objects.filter(operation_id__in=sent.keys()).values_list(
        "pk", "operation_id"
    ):
        for tx in sent[operation]:
            behind[tx].add(proposal)
    ids = set().union(*behind.values()) if behind else set()
    rows = selectors.proposals().filter(pk__in=ids).order_by("block_number", "log_index")
    standings = selectors.standings(list(rows), now)
    return {
        key: [
            one
            for one in standings
            if any(
                one.proposal.pk in behind.get(made.get(version, ""), ())
                for version in range(after + 1, upto + 1)
            )
        ]
        for key, (after, upto) in spans.items()
    }
