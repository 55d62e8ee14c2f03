"""From votes to pictures and back: which generations proposals made, and which proposals made them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from django.db.models import F, Q, QuerySet

from gallery.models import Generation, Sealing
from governance import selectors
from governance.models import OperationExecuted, ParameterChange, Proposal
from governance.selectors import Tally


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


class Decider(NamedTuple):
    """A proposal that changed what a generation was painted with, and how it was voted."""

    proposal: Proposal
    tally: Tally


def deciders(spans: Mapping[int, tuple[int, int]]) -> dict[int, list[Decider]]:
    """For each key, the proposals whose execution made the versions `after + 1 .. upto` of its span, oldest
    first; `selectors.decided_by` for many at once, without where they stand. Of a proposal its title alone
    is read.
    """
    wide = [span for span in spans.values() if span[1] > span[0]]
    if not wide:
        return {}
    changes = ParameterChange.objects.filter(
        version__gt=min(after for after, _ in wide), version__lte=max(upto for _, upto in wide)
    )
    made = dict(changes.order_by().values_list("version", "log__tx_hash"))
    transactions = set(made.values())
    sent = defaultdict(set)
    operations = OperationExecuted.objects.filter(log__tx_hash__in=transactions).order_by()
    for operation, tx in operations.values_list("operation_id", "log__tx_hash"):
        sent[operation].add(tx)
    rows = list(
        selectors.proposals()
        .filter(Q(executed__log__tx_hash__in=transactions) | Q(operation_id__in=list(sent)))
        .order_by("block_number", "log_index")
        .select_related(None)
        .annotate(tx=F("executed__log__tx_hash"))
        .only("description", "operation_id")
    )
    tallies = selectors.tallies(row.pk for row in rows)
    found = [
        (Decider(row, tallies.get(row.pk, Tally())), {row.tx, *sent.get(row.operation_id, ())})  # type: ignore[attr-defined]
        for row in rows
    ]
    return {
        key: [
            one
            for one, behind in found
            if any(made.get(version) in behind for version in range(after + 1, upto + 1) if version in made)
        ]
        for key, (after, upto) in spans.items()
    }
