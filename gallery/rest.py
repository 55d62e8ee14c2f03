"""When the artwork paints and when it rests.

With nobody there and nothing decided the cycle rests, so that it uses neither energy nor disk. An open epoch
that is due is sealed when one of these holds:

* a parameter changed since the version that was sealed last;
* a proposal is under way;
* somebody is looking, and fewer than `UNCHANGED_IN_A_ROW` generations in a row were painted with unchanged
parameters;
* an admin asked for it.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from chain import clock
from gallery.models import Control, Epoch, Failure, Sealing
from governance import selectors
from governance.models import ParameterChange
from live import presence

UNCHANGED_IN_A_ROW = 12


class Reason(StrEnum):
    """Why a due epoch is sealed."""

    CHANGED = "changed"
    PROPOSAL = "proposal"
    VISITOR = "visitor"
    ASKED = "asked"


def awake(epoch: Epoch) -> Reason | None:
    """Why the open epoch would be sealed once due, None when the artwork rests."""
    if Control.get().seal_requested == epoch.number:
        return Reason.ASKED
    if changed():
        return Reason.CHANGED
    if proposal_under_way():
        return Reason.PROPOSAL
    if presence.visitors() > 0 and unchanged_in_a_row() < UNCHANGED_IN_A_ROW:
        return Reason.VISITOR
    return None


def changed() -> bool:
    """Whether a newer version of the parameters exists than the one that was sealed last (founding: version
    1).
    """
    return ParameterChange.objects.filter(version__gt=sealed_version()).exists()


def sealed_version() -> int:
    """The version of the parameters that was sealed last; 1, the deployment's, before the first sealing."""
    return Sealing.objects.values_list("params_version", flat=True).first() or 1


def proposal_under_way() -> bool:
    """Whether a proposal waits for its vote, is voted on, or waits to be executed."""
    return bool(selectors.open_proposals(clock.now()))


def unchanged_in_a_row() -> int:
    """How many of the newest epochs were sealed with the version of the epoch before them."""
    failed = set(
        Failure.objects.order_by("-epoch_id").values_list("epoch_id", flat=True)[: UNCHANGED_IN_A_ROW + 2]
    )
    versions = [
        version
        for number, version in Sealing.objects.order_by("-epoch_id").values_list(
            "epoch_id", "params_version"
        )[: 2 * UNCHANGED_IN_A_ROW + 4]
        if number not in failed
    ]
    if len(versions) < 2 * UNCHANGED_IN_A_ROW + 4:
        versions.append(1)  # the founding generations were painted before the first sealing
    count = 0
    for newer, older in pairwise(versions):
        if newer != older:
            break
        count += 1
    return count
