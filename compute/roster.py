"""Who may paint which epochs, as the mirror has it: members, classes, rules.

The contract's own rules are followed row by row (`contracts/src/Roster.sol`), so that every answer equals
the contract's. Amounts are in wei, times in seconds of the chain.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chain.memory import once
from compute.models import (
    Acceptance,
    AcceptedClassChange,
    BondChange,
    ClassListing,
    Drop,
    ExitRequest,
    Registration,
    Return,
    RulesChange,
    UriChange,
)
from governance.models import EventRow

ZERO32 = "0x" + "00" * 32
THIS_MACHINE = "0x" + hashlib.sha256(b"DETERMINISM_CLASS_V1:this machine").hexdigest()
"""The class that a private chain's workers declare: they share one machine, so they are of one class whatever
it is. Saying so by name spares measuring it, which would import the painter.
"""
FOREVER = 2**64 - 1
"""The contract's last epoch of whoever hasn't left."""

Place = tuple[int, int]
"""Where an event stands: block number, log index."""
NOW: Place = (2**62, 0)


class Standing(StrEnum):
    """How a worker stands. Out: it took its bond, and may register again."""

    ACTIVE = "active"
    LEAVING = "leaving"
    DROPPED = "dropped"
    OUT = "out"


@dataclass(frozen=True)
class Member:
    """A worker. It may paint the epochs from its first to its last; FOREVER: there is no last.

    `withdrawable_at` is 0 while it hasn't asked to leave; `since` is when it registered.
    """

    address: str
    class_id: str
    bond: int
    uri: str
    standing: Standing
    first_epoch: int
    last_epoch: int
    withdrawable_at: int
    since: int


@once
def members(upto: Place = NOW) -> dict[str, Member]:
    """By address, all that are or were workers, as they stood after the event at `upto`; bare of what they
    did.
    """
    found: dict[str, Member] = {}
    kinds = (Registration, UriChange, BondChange, ExitRequest, Drop, Return)
    for row in _in_order(*kinds, upto=upto):
        old = found.get(row.worker)
        if isinstance(row, Registration):
            found[row.worker] = Member(
                address=row.worker,
                class_id=row.class_id,
                bond=0,
                uri=row.uri,
                standing=Standing.ACTIVE,
                first_epoch=row.first_epoch,
                last_epoch=FOREVER,
                withdrawable_at=0,
                since=row.at,
            )
        elif old is not None:
            found[row.worker] = _after(old, row)
    return found


def _after(old: Member, row: Any) -> Member:
    if isinstance(row, BondChange):
        gone = row.reason == "withdrawn"
        return replace(old, bond=row.bond, standing=Standing.OUT if gone else old.standing)
    if isinstance(row, UriChange):
        return replace(old, uri=row.uri)
    if isinstance(row, ExitRequest):
        return replace(
            old,
            standing=Standing.LEAVING,
            last_epoch=row.last_epoch,
            withdrawable_at=row.withdrawable_at,
        )
    if isinstance(row, Drop):
        return replace(old, standing=Standing.DROPPED, last_epoch=row.last_epoch)
    if isinstance(row, Return):
        return replace(old, standing=Standing.ACTIVE, first_epoch=row.first_epoch, last_epoch=FOREVER)
    return old


@dataclass(frozen=True)
class WorkerClass:
    """A determinism class: whether its workers may paint, which epochs, and how many of them are active."""

    id: str
    listed: bool
    first_epoch: int
    last_epoch: int
    active: int


@once
def classes(upto: Place = NOW) -> dict[str, WorkerClass]:
    """The classes that were ever listed, by id."""
    spans: dict[str, tuple[int, int]] = {}
    last_sealed = 0
    for row in _in_order(ClassListing, Acceptance, upto=upto):
        if isinstance(row, Acceptance):
            last_sealed = row.epoch
            continue
        first, last = spans.get(row.class_id, (0, 0))
        if row.listed:  # one that was away while no epoch was sealed hasn't been away
            first = first if last == last_sealed and first else last_sealed + 1
            spans[row.class_id] = first, FOREVER
        else:
            spans[row.class_id] = first, last_sealed
    active: dict[str, int] = defaultdict(int)
    for one in members(upto).values():
        active[one.class_id] += one.standing is Standing.ACTIVE
    return {
        id_: WorkerClass(id_, last == FOREVER, first, last, active[id_])
        for id_, (first, last) in spans.items()
    }


def accepted_class() -> str:
    """The class whose results count for the epochs that are sealed from now on; zeros for none."""
    newest = AcceptedClassChange.objects.order_by("-block_number", "-log_index").first()
    return newest.current if newest else ZERO32


def rules(upto: Place = NOW) -> RulesChange | None:
    """The rules in force after the event at `upto`; None where there is no set of workers."""
    found: list[RulesChange] = _in_order(RulesChange, upto=upto)
    return found[-1] if found else None


def rules_of(epoch: int) -> RulesChange | None:
    """The rules that an epoch goes by; None before it was sealed."""
    row = Acceptance.objects.filter(epoch=epoch).first()
    return rules((row.block_number, row.log_index)) if row else None


def entitled(epoch: int) -> dict[str, Member]:
    """By address, who may commit to a result of an epoch, as far as that depends on who it is: the workers
    that it was sealed with, as long as their bond suffices.
    """
    in_force = rules_of(epoch)
    if in_force is None:
        return {}
    listed = classes()
    return {
        address: one
        for address, one in members().items()
        if one.bond >= in_force.min_bond and _paints(epoch, one, listed)
    }


def in_snapshot(epoch: int, address: str) -> bool:
    """Whether a worker may paint an epoch that was sealed."""
    if not Acceptance.objects.filter(epoch=epoch).exists():
        return False
    return _paints(epoch, members().get(address.lower()), classes())


def snapshot(epoch: int) -> list[Member]:
    """The workers that an epoch was sealed with, of all listed classes, as they stood then."""
    row = Acceptance.objects.filter(epoch=epoch).first()
    if row is None:
        return []
    then = row.block_number, row.log_index
    listed = classes(then)
    return [one for one in members(then).values() if _paints(epoch, one, listed)]


def _paints(epoch: int, one: Member | None, listed: dict[str, WorkerClass]) -> bool:
    if one is None or one.standing is Standing.OUT or one.class_id not in listed:
        return False
    group = listed[one.class_id]
    return one.first_epoch <= epoch <= one.last_epoch and group.first_epoch <= epoch <= group.last_epoch


def _in_order(*kinds: type[EventRow], upto: Place) -> list[Any]:
    """Rows of several kinds, up to and with the event at `upto`, in the order of the chain."""
    rows = [
        row for kind in kinds for row in kind._default_manager.filter(block_number__lte=upto[0]).order_by()
    ]
    return sorted(
        (row for row in rows if (row.block_number, row.log_index) <= upto),
        key=lambda row: (row.block_number, row.log_index),
    )
