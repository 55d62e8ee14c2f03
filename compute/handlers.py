"""Events of `WorkerSet` become rows that point at their logs; open pages hear of it after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models as db

from chain.events import Event
from chain.rows import insert
from compute import models
from live import publish


def worker_registered(events: Sequence[Event]) -> None:
    """`WorkerRegistered(worker, classId, firstEpoch, uri)`."""
    _keep(models.Registration, events, "worker", class_id="classId", first_epoch="firstEpoch", uri="uri")


def uri_set(events: Sequence[Event]) -> None:
    """`UriSet(worker, uri)`."""
    _keep(models.UriChange, events, "worker", "uri")


def bond_changed(events: Sequence[Event]) -> None:
    """`BondChanged(worker, bond, reason)`."""
    _keep(models.BondChange, events, "worker", "bond", "reason")


def exit_requested(events: Sequence[Event]) -> None:
    """`ExitRequested(worker, lastEpoch, withdrawableAt)`."""
    _keep(models.ExitRequest, events, "worker", last_epoch="lastEpoch", withdrawable_at="withdrawableAt")


def worker_dropped(events: Sequence[Event]) -> None:
    """`WorkerDropped(worker, lastEpoch)`."""
    _keep(models.Drop, events, "worker", last_epoch="lastEpoch")


def worker_returned(events: Sequence[Event]) -> None:
    """`WorkerReturned(worker, firstEpoch)`."""
    _keep(models.Return, events, "worker", first_epoch="firstEpoch")


def rules_set(events: Sequence[Event]) -> None:
    """`RulesSet(rules)`."""
    names = {
        "min_bond": "minBond",
        "render_fee": "renderFee",
        "silence_slash": "silenceSlash",
        "mismatch_slash": "mismatchSlash",
        "quorum": "quorum",
        "commit_milli": "commitMilli",
        "reveal_milli": "revealMilli",
        "exit_delay": "exitDelay",
        "challenge_period": "challengePeriod",
        "resolve_period": "resolvePeriod",
        "max_gas_price": "maxGasPrice",
    }
    insert(
        models.RulesChange,
        [
            {**_place(event), **{column: event.args["rules"][name] for column, name in names.items()}}
            for event in events
        ],
    )
    _tell(events)


def class_listed(events: Sequence[Event]) -> None:
    """`ClassListed(classId, listed)`."""
    _keep(models.ClassListing, events, "listed", class_id="classId")


def accepted_class_set(events: Sequence[Event]) -> None:
    """`AcceptedClassSet(previous, current)`."""
    _keep(models.AcceptedClassChange, events, "previous", "current")


def epoch_accepted(events: Sequence[Event]) -> None:
    """`EpochAccepted(epoch, acceptedClass, quorum, eligible, fee)`."""
    _keep(models.Acceptance, events, "epoch", "quorum", "eligible", "fee", accepted_class="acceptedClass")


def painting_opened(events: Sequence[Event]) -> None:
    """`PaintingOpened(epoch, round, commitUntil, revealUntil, deadline)`."""
    until = {"commit_until": "commitUntil", "reveal_until": "revealUntil"}
    _keep(models.Window, events, "epoch", "round", "deadline", **until)


def reveals_opened(events: Sequence[Event]) -> None:
    """`RevealsOpened(epoch, round)`."""
    _keep(models.Opening, events, "epoch", "round")


def committed(events: Sequence[Event]) -> None:
    """`Committed(epoch, round, worker, classId, commitment)`."""
    _keep(models.Commitment, events, "epoch", "round", "worker", "commitment", class_id="classId")


def revealed(events: Sequence[Event]) -> None:
    """`Revealed(epoch, round, worker, resultHash, result, manifestHash, counted)`."""
    insert(
        models.Reveal,
        [
            {
                **_place(event),
                "epoch": event.args["epoch"],
                "round": event.args["round"],
                "worker": event.args["worker"],
                "result_hash": event.args["resultHash"],
                "pixel_hash": event.args["result"]["pixelHash"],
                "thumb_hash": event.args["result"]["thumbHash"],
                "file_hash": event.args["result"]["fileHash"],
                "manifest_hash": event.args["manifestHash"],
                "counted": event.args["counted"],
            }
            for event in events
        ],
    )
    _tell(events)


def result_finalized(events: Sequence[Event]) -> None:
    """`ResultFinalized(epoch, generation, resultHash, winners, by, reimbursed)`."""
    plain = ("epoch", "generation", "winners", "by", "reimbursed")
    _keep(models.Finalization, events, *plain, result_hash="resultHash")


def fee_credited(events: Sequence[Event]) -> None:
    """`FeeCredited(epoch, worker, amount)`."""
    _keep(models.FeeCredit, events, "epoch", "worker", "amount")


def fee_released(events: Sequence[Event]) -> None:
    """`FeeReleased(epoch, amount)`."""
    _keep(models.FeeRelease, events, "epoch", "amount")


def slashed(events: Sequence[Event]) -> None:
    """`Slashed(slashId, worker, epoch, round, reason, amount, challengeUntil)`."""
    plain = ("worker", "epoch", "round", "reason", "amount")
    _keep(models.Slash, events, *plain, slash_id="slashId", challenge_until="challengeUntil")


def slash_challenged(events: Sequence[Event]) -> None:
    """`SlashChallenged(slashId, worker, uri, decideUntil)`."""
    _keep(models.Challenge, events, "worker", "uri", slash_id="slashId", decide_until="decideUntil")


def slash_settled(events: Sequence[Event]) -> None:
    """`SlashSettled(slashId, worker, upheld, amount)`."""
    _keep(models.Settlement, events, "worker", "upheld", "amount", slash_id="slashId")


def pool_changed(events: Sequence[Event]) -> None:
    """`PoolChanged(pool, reason)`."""
    _keep(models.PoolChange, events, "pool", "reason")


def credited(events: Sequence[Event]) -> None:
    """`Credited(account, amount, reason)`."""
    _keep(models.Credit, events, "account", "amount", "reason")


def credit_withdrawn(events: Sequence[Event]) -> None:
    """`CreditWithdrawn(account, to, amount)`."""
    _keep(models.CreditWithdrawal, events, "account", "to", "amount")


def ascii_word(value: str) -> str:
    """The ASCII text at the left of 32 bytes; bytes that are no ASCII are shown as hexadecimal text."""
    raw = bytes.fromhex(value.removeprefix("0x")).rstrip(b"\x00")
    return raw.decode("ascii") if raw.isascii() and raw.decode("ascii").isprintable() else value


def _keep(model: type[db.Model], events: Sequence[Event], *plain: str, **renamed: str) -> None:
    """A row per event: the arguments `plain` under their own names, and `renamed` (column = argument)."""
    columns = {**{name: name for name in plain}, **renamed}
    insert(
        model,
        [
            {**_place(event), **{column: _value(name, event) for column, name in columns.items()}}
            for event in events
        ],
    )
    _tell(events)


def _value(name: str, event: Event) -> Any:
    value = event.args[name]
    if name == "reason":
        return ascii_word(value)
    return value.replace("\x00", "\ufffd") if name == "uri" else value  # PostgreSQL's text holds no zero byte


def _place(event: Event) -> dict[str, Any]:
    return {
        "log_id": event.log_id,
        "block_number": event.block_number,
        "log_index": event.log_index,
        "at": event.timestamp,
    }


def _tell(events: Sequence[Event]) -> None:
    """Tell open pages that something about the workers is new: they look again."""
    publish("artwork", "workers", epoch=events[-1].args.get("epoch"))
