"""Rows as the set of workers would have left them, without a chain: verbs for stories about a round."""

from __future__ import annotations

from typing import Any

from compute import models
from gallery.models import SlotChange
from tests.governance import factories
from tests.governance.factories import hash32

ONE, TWO, THREE = (
    "0xbcd4042de499d14e55001ccbb24a551f3b954096",
    "0x71be63f3384f5fb98995898a86b02fb2426c5788",
    "0xfabb0ac9d68b0b445fb7357272ff202c5651694a",
)
CLASS = "0x" + "c1" * 32
WORKER_SET = "0x04" + "ee" * 19
ETHER = 10**18
RULES = {
    "min_bond": ETHER,
    "render_fee": ETHER // 100,
    "silence_slash": ETHER // 10,
    "mismatch_slash": ETHER // 5,
    "quorum": 2,
    "commit_milli": 500,
    "reveal_milli": 300,
    "exit_delay": 3600,
    "challenge_period": 600,
    "resolve_period": 900,
    "max_gas_price": 10**11,
}


def row(model: Any, at: int, **fields: Any) -> Any:
    """One event in a block of its own."""
    return model.objects.create(**factories.place(factories.block(at)), **fields)


def founded(*who: str, at: int = 10, class_id: str = CLASS) -> None:
    """Rules, an accepted class, a pool, workers with a bond of one ether each; and the painting is theirs."""
    put_in_charge(WORKER_SET, at)
    row(models.RulesChange, at, **RULES)
    row(models.ClassListing, at, class_id=class_id, listed=True)
    row(models.AcceptedClassChange, at, previous="0x" + "00" * 32, current=class_id)
    row(models.PoolChange, at, pool=5 * ETHER, reason="funded")
    for address in who:
        joined(address, at=at, class_id=class_id)


def put_in_charge(painter: str, at: int) -> None:
    """Give the artwork's slot for painters to a contract."""
    log = factories.place(factories.block(at))["log"]
    SlotChange.objects.create(slot="painter", previous=factories.ZERO, current=painter, log=log)


def joined(address: str, at: int = 10, class_id: str = CLASS, first_epoch: int = 1, uri: str = "") -> None:
    row(models.Registration, at, worker=address, class_id=class_id, first_epoch=first_epoch, uri=uri)
    row(models.BondChange, at, worker=address, bond=ETHER, reason="register")


def sealed(epoch: int, at: int, eligible: int = 3, quorum: int = 2) -> None:
    row(
        models.Acceptance,
        at,
        epoch=epoch,
        accepted_class=CLASS,
        quorum=quorum,
        eligible=eligible,
        fee=ETHER // 100,
    )


def opened(epoch: int, at: int, number: int = 1) -> None:
    """A round of a hundred seconds: fifty to commit, thirty to reveal."""
    row(
        models.Window,
        at,
        epoch=epoch,
        round=number,
        commit_until=at + 50,
        reveal_until=at + 80,
        deadline=at + 100,
    )


def committed(epoch: int, address: str, at: int, number: int = 1) -> None:
    row(
        models.Commitment,
        at,
        epoch=epoch,
        round=number,
        worker=address,
        class_id=CLASS,
        commitment=hash32(),
    )


def revealed(epoch: int, address: str, result: str, at: int, number: int = 1, counted: bool = True) -> None:
    hashes = {name: hash32() for name in ("pixel_hash", "thumb_hash", "file_hash", "manifest_hash")}
    row(
        models.Reveal,
        at,
        epoch=epoch,
        round=number,
        worker=address,
        result_hash=result,
        counted=counted,
        **hashes,
    )


def finalized(epoch: int, generation: int, result: str, winners: int, at: int) -> None:
    row(
        models.Finalization,
        at,
        epoch=epoch,
        generation=generation,
        result_hash=result,
        winners=winners,
        by=ONE,
        reimbursed=10**14,
    )


def slashed(slash_id: int, address: str, epoch: int, reason: str, at: int, until: int = 0) -> None:
    row(
        models.Slash,
        at,
        slash_id=slash_id,
        worker=address,
        epoch=epoch,
        round=1,
        reason=reason,
        amount=ETHER // 5,
        challenge_until=until,
    )
