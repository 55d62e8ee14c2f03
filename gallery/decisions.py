"""From votes to pictures: the generations that a proposal, or a member's votes, made what they are.

The reverse of `governance.selectors.decided_by`, which a generation's page asks.
"""

from __future__ import annotations

from bisect import bisect_left

from django.db.models import QuerySet

from gallery.models import Generation, Sealing
from governance import selectors
from governance.models import Proposal


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
