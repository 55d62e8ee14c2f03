"""What the mirror writes. Each function is one transaction, and none of them talks to a node.

Block, logs, the rows that handlers make from them, and the cursor move together or not at all. The cursor
moves by compare-and-set: if another indexer was quicker, the whole transaction is undone (`Overtaken`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from chain import abi, cascade, rows
from chain.deployments import Deployment
from chain.events import Event, Handler, dispatch
from chain.models import Block, Cursor, Log, Reorganisation, Repair, Transaction
from chain.reader import Header, RawLog

if TYPE_CHECKING:
    from chain.completeness import Checked

log = logging.getLogger(__name__)

KEPT_HEADERS = 256  # empty final blocks that are kept, so that a fork is found close to where it is
PRUNED_AT_ONCE = 32  # so that not every block brings a look for another one to forget
LOOKED_EVERY = timedelta(seconds=10)
STARTING = "Starting: what is stored is being held against the node"


class Overtaken(Exception):
    """The cursor is not where it was read: another indexer moved it."""


class UndecodableLog(Exception):
    """A log of a mirrored contract does not fit its ABI. The mirror stops in front of it."""

    def __init__(self, header: Header, raw: RawLog, contract: str, problem: str):
        super().__init__(
            f"log {raw.index} of {contract} in block {header.number} (transaction {raw.tx_hash}) "
            f"cannot be decoded: {problem}"
        )
        self.block_number = header.number


class HandlerFailed(Exception):
    """A handler raised. Its transaction was undone, and the mirror stops in front of the event."""


def decode(
    headers: Sequence[Header], raws: Sequence[RawLog], names: Mapping[str, str], senders: Mapping[str, str]
) -> list[Event]:
    """Decode logs by the ABI of the contract at their address. Raises UndecodableLog at the first that does
    not fit.
    """
    by_hash = {header.hash: header for header in headers}
    kinds: dict[tuple[str, str], list[int]] = {}
    for place, raw in enumerate(raws):
        kinds.setdefault((raw.address, raw.topics[0] if raw.topics else ""), []).append(place)
    decoded: list[Any] = [None] * len(raws)
    problems: list[tuple[int, UndecodableLog]] = []
    for (address, _), places in kinds.items():
        some, contract = [raws[place] for place in places], names[address]
        made: list[dict[str, Any]] | None = []
        try:
            entry = abi.event_of(contract, some[0].topics)
            made = entry.many.decode([raw.topics for raw in some], [raw.data for raw in some])
            if made is None:  # in doubt, or of arrays: one by one, up to the first that does not fit
                made = []
                for raw in some:
                    made.append(entry.decode(raw.topics, raw.data))
        except abi.DecodeError as error:
            place = places[len(made or ())]
            raw = raws[place]
            problem = UndecodableLog(by_hash[raw.block_hash], raw, contract, str(error))
            problem.__cause__ = error
            problems.append((place, problem))
            continue
        name, key = entry.name, f"{contract}.{entry.name}"
        for place, raw, args in zip(places, some, made, strict=True):
            header, sender = by_hash[raw.block_hash], senders.get(raw.tx_hash)
            decoded[place] = Event(contract, name, key, args, raw, header, sender)
    if problems:
        raise min(problems, key=itemgetter(0))[1]
    return decoded


def prepare(events: Sequence[Event]) -> rows.Prepared:
    """The logs of these events as the database takes them, but for their ids and their blocks'."""
    raws = [event.raw for event in events]
    columns: dict[str, Sequence[Any]] = {
        "block_hash": [raw.block_hash for raw in raws],
        "log_index": [raw.index for raw in raws],
        "tx_hash": [raw.tx_hash for raw in raws],
        "tx_from": [event.sender for event in events],
        "address": [raw.address for raw in raws],
        "contract": [event.contract for event in events],
        "event": [event.name for event in events],
        "topics": [raw.topics for raw in raws],
        "data": [raw.data for raw in raws],
    }
    return rows.prepare(Log, columns, "id", "block_id")


def begin(deployment: Deployment, before: Header | None) -> Cursor:
    """Make the cursor of a fresh mirror, standing in front of the deployment's first block.

    `before` is the header of the block below it, None if that would be below genesis.
    """
    cursor, _ = Cursor.objects.get_or_create(
        pk=1,
        defaults={
            "chain_id": deployment.chain_id,
            "genesis_hash": deployment.genesis_hash,
            "contracts": deployment.contracts,
            "number": before.number if before else -1,
            "hash": before.hash if before else "0x" + "00" * 32,
            "begin_number": before.number if before else -1,
        },
    )
    return cursor


def append(
    cursor: Cursor,
    headers: Sequence[Header],
    decoded: Sequence[Event],
    handlers: Mapping[str, Handler],
    head: Header,
    finalized: int,
    checked: Checked | None = None,
    durable: bool = True,
    logs: rows.Prepared | None = None,
) -> Cursor:
    """Store blocks that follow the cursor's, their logs and what handlers make of them, and move the cursor.

    `headers` are linked, the first to the cursor; `decoded` is in log order; `logs` is what `prepare` made of
    it, if somebody did already. Where it need not be `durable`, a crash of the database's machine may undo
    the newest of such transactions, each whole: the past is read on from where the cursor then is. Returns
    the new cursor. Raises HandlerFailed, Overtaken.
    """
    with_logs = {event.raw.block_hash for event in decoded}
    kept_above = _kept_above(finalized)
    kept = [one for one in headers if one.number > kept_above or one.hash in with_logs]
    last = headers[-1]
    changes: dict[str, Any] = {
        "number": last.number,
        "hash": last.hash,
        "finalized_number": max(cursor.finalized_number, min(finalized, last.number)),
        "head_number": head.number,
        "head_timestamp": head.timestamp,
    }
    if checked is not None:
        changes["doubts"] = cursor.doubts + checked.doubts
        changes["samples"] = cursor.samples + checked.samples
    with transaction.atomic():
        if not durable and connection.vendor == "postgresql":
            with connection.cursor() as sql:
                sql.execute("SET LOCAL synchronous_commit TO OFF")
        block_ids, log_ids = rows.reserve((Block, len(kept)), (Log, len(decoded)))
        rows.insert_columns(Block, {"id": block_ids, **_block_columns(kept)})
        at_block = {one.hash: block_id for block_id, one in zip(block_ids, kept, strict=True)}
        for log_id, event in zip(log_ids, decoded, strict=True):
            event.log_id = log_id
        block_of = [at_block[event.raw.block_hash] for event in decoded]
        rows.store(logs or prepare(decoded), id=log_ids, block_id=block_of)
        if checked is not None and checked.repairs:
            Repair.objects.bulk_create(checked.repairs)
        _handle(decoded, handlers)
        moved = _move(cursor, **changes)
        prune(cursor.finalized_number, moved.finalized_number)
        _notify_on_commit(moved, len(decoded), reorged=False)
    return moved


def rewind(cursor: Cursor, number: int, block_hash: str, finalized: int | None = None) -> Cursor:
    """A reorganisation: forget every block above `number`, with its logs and all rows made from them.

    Transactions of ours that were mined there count as sent again. `finalized` is what the node calls final
    now: less than it was, perhaps. Raises Overtaken.
    """
    final = min(cursor.finalized_number, number)
    with transaction.atomic():
        moved = _move(
            cursor,
            number=number,
            hash=block_hash,
            finalized_number=final if finalized is None else min(final, finalized),
        )
        cascade.delete(Block.objects.filter(number__gt=number))
        if cursor.number > number:
            was_final = max(0, min(cursor.finalized_number, cursor.number) - number)
            Reorganisation.objects.create(
                number=number, blocks=cursor.number - number, final_blocks=was_final
            )
        Transaction.objects.unmine_above(number)
        _notify_on_commit(moved, 0, reorged=True)
    return moved


def note_head(cursor: Cursor, head: Header, finalized: int) -> Cursor:
    """Record a new head or a new final block where the mirror itself need not move. Raises Overtaken."""
    finalized = max(cursor.finalized_number, min(finalized, cursor.number))
    if (finalized, head.number, head.timestamp, "") == (
        cursor.finalized_number,
        cursor.head_number,
        cursor.head_timestamp,
        cursor.error,
    ):
        if timezone.now() - cursor.updated_at > LOOKED_EVERY:
            # So that others can tell a chain without new blocks from a mirror that nobody keeps.
            Cursor.objects.filter(pk=1, hash=cursor.hash).update(updated_at=timezone.now())
        return cursor
    with transaction.atomic():
        moved = _move(
            cursor, finalized_number=finalized, head_number=head.number, head_timestamp=head.timestamp
        )
        prune(cursor.finalized_number, finalized)
        _notify_on_commit(moved, 0, reorged=False)
    return moved


def note_error(problem: str) -> None:
    """Make it visible that the mirror does not move, and why; listeners hear of a new reason once."""
    with transaction.atomic():
        stopped = Cursor.objects.filter(pk=1).exclude(error=problem)
        cursor = Cursor.current()
        if cursor is not None and stopped.update(error=problem, updated_at=timezone.now()):
            cursor.error = problem
            _notify_on_commit(cursor, 0, reorged=False)


def note_start() -> None:
    """Say that what is stored was not yet held against a node by the indexer that starts now: the chain may
    have become another one while nobody looked. The first step that finds it right takes this back.
    """
    Cursor.objects.filter(pk=1, error="").update(error=STARTING)


def tell() -> None:
    """Have the listeners hear of the mirror as it stands: not it has changed, but how its nodes are."""
    with transaction.atomic():
        cursor = Cursor.current()
        if cursor is not None:
            _notify_on_commit(cursor, 0, reorged=False)


def prune(was_final: int, finalized: int) -> None:
    """Forget headers of empty blocks that became old enough when finality moved from `was_final` on."""
    above, upto = _kept_above(was_final), _kept_above(finalized)
    if upto > max(above, -1):
        cascade.delete_childless(Block.objects.filter(number__gt=above, number__lte=upto))


def _kept_above(finalized: int) -> int:
    """Empty blocks are kept above this number."""
    return (finalized - KEPT_HEADERS) // PRUNED_AT_ONCE * PRUNED_AT_ONCE


def forget() -> None:
    """Delete the whole mirror: blocks, logs, every derived row, the cursor. Transactions of ours stay."""
    with transaction.atomic():
        Cursor.objects.all().delete()  # first: an indexer at work waits for it, and then finds it gone
        cascade.delete(Block.objects.all())


def _move(cursor: Cursor, **changes: Any) -> Cursor:
    changes |= {"error": "", "updated_at": timezone.now()}
    was = {"id": cursor.pk, "number": cursor.number, "hash": cursor.hash}
    was["finalized_number"] = cursor.finalized_number  # which never goes back, but with the blocks
    if not _update(Cursor, changes, was):
        raise Overtaken(f"the cursor left block {cursor.number} meanwhile")
    values = {field.attname: getattr(cursor, field.attname) for field in Cursor._meta.concrete_fields}
    return Cursor(**(values | changes))


def _update(model: type[models.Model], changes: Mapping[str, Any], where: Mapping[str, Any]) -> int:
    """A queryset's `update` in a third of the time: it goes with every block."""
    quote = connection.ops.quote_name
    fields: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}

    def terms(values: Mapping[str, Any]) -> list[str]:
        return [f"{quote(fields[name].column)} = %s" for name in values]

    named = (*changes.items(), *where.items())
    values = [fields[name].get_db_prep_save(value, connection) for name, value in named]
    with connection.cursor() as sql:
        sql.execute(
            f"UPDATE {quote(model._meta.db_table)} "  # noqa: S608 - the model's own names
            f"SET {', '.join(terms(changes))} WHERE {' AND '.join(terms(where))}",
            values,
        )
        return int(sql.rowcount)


def _block_columns(headers: Sequence[Header]) -> dict[str, Sequence[Any]]:
    return {
        "number": [header.number for header in headers],
        "hash": [header.hash for header in headers],
        "parent_hash": [header.parent_hash for header in headers],
        "timestamp": [header.timestamp for header in headers],
    }


def _handle(events: Sequence[Event], handlers: Mapping[str, Handler]) -> None:
    try:
        dispatch(events, handlers)
    except (OperationalError, InterfaceError):
        raise  # the database is away, or full: no handler's fault
    except Exception as error:
        kinds = ", ".join(sorted({event.key for event in events if event.key in handlers}))
        blocks = f"{events[0].block_number} to {events[-1].block_number}"
        raise HandlerFailed(f"a handler of {kinds} failed in blocks {blocks}: {error!r}") from error


def _notify_on_commit(cursor: Cursor, n_logs: int, reorged: bool) -> None:
    def tell(path: str) -> Callable[[], None]:
        listener = import_string(path)

        def listen() -> None:  # Django wants a name for its log when this fails, which a partial has not
            listener(cursor, n_logs, reorged)

        return listen

    for path in settings.CHAIN_LISTENERS:
        # robust: a listener that fails is logged and must not make the mirror look failed, which it has not.
        transaction.on_commit(tell(path), robust=True)
