"""The mirror's tables: blocks, logs, where the mirror stands, and the transactions that the site sends
itself.

Only the chain that the node calls canonical is stored: a reorganisation deletes the blocks above the fork,
and with them, by Django's cascade, their logs and every row that a handler made from those logs.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from chain import abi
from chain.fields import HexField
from chain.memory import once


class Block(models.Model):
    """A header of the canonical chain. Final blocks without logs are pruned, so numbers have gaps."""

    number = models.BigIntegerField(unique=True)
    hash = HexField(32, unique=True)
    parent_hash = HexField(32)
    timestamp = models.BigIntegerField(help_text="chain time in seconds")

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"block {self.number}"


class LogQuerySet(models.QuerySet["Log"]):
    """Logs, by how settled they are."""

    def final(self) -> LogQuerySet:
        """Those in blocks that the chain's own finality (or the configured depth) covers."""
        finalized = Cursor.objects.values("finalized_number")[:1]
        return self.filter(block__number__lte=models.Subquery(finalized))

    def in_order(self) -> LogQuerySet:
        """In the order of the chain."""
        return self.order_by("block__number", "log_index")


class Log(models.Model):
    """One event of a mirrored contract, exactly as the chain holds it: what it means is in `args`, and in the
    rows that handlers made of it.
    """

    # log_once begins with it, so it has no index; a check by the database would cost a third of a log.
    block = models.ForeignKey(
        Block, on_delete=models.CASCADE, related_name="logs", db_index=False, db_constraint=False
    )
    block_hash = HexField(32)
    log_index = models.PositiveIntegerField()
    tx_hash = HexField(32)
    tx_from = HexField(20, null=True, help_text="who sent the transaction")
    address = HexField(20)
    contract = models.CharField(max_length=64)
    event = models.CharField(max_length=128)
    topics = models.JSONField()
    data = models.TextField()

    objects = LogQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["block", "log_index"], name="log_once")]

    def __str__(self) -> str:
        return f"{self.contract}.{self.event} in block {self.block_id}, log {self.log_index}"

    @property
    def args(self) -> dict[str, Any]:
        """The arguments by name, integers as decimal text. Raises UnknownArtifact or DecodeError where the
        ABI files are no longer those that it was read with.
        """
        return abi.event_of(self.contract, self.topics).decode_as_json(self.topics, self.data)


class Cursor(models.Model):
    """Where the mirror stands: everything up to and including block `number` with `hash` is in the database.

    One row, moved in the same transaction as what it stands for. `error` is empty while all is well;
    otherwise it says in one sentence why the mirror is not moving.
    """

    chain_id = models.BigIntegerField()
    genesis_hash = HexField(32)
    contracts = models.JSONField(default=dict, help_text="the mirrored addresses by name")
    number = models.BigIntegerField()
    hash = HexField(32)
    finalized_number = models.BigIntegerField(default=-1)
    head_number = models.BigIntegerField(default=-1, help_text="the chain's head when last seen")
    head_timestamp = models.BigIntegerField(default=0, help_text="that head's chain time in seconds")
    error = models.TextField(blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)
    begin_number = models.BigIntegerField(default=-1, help_text="the block that the mirror began behind")
    doubts = models.BigIntegerField(default=0, help_text="blocks that were read again, for their bloom")
    samples = models.BigIntegerField(default=0, help_text="blocks that were held against their receipts")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_cursor")]

    def __str__(self) -> str:
        return f"at block {self.number} of {self.head_number}"

    @classmethod
    def current(cls) -> Cursor | None:
        """The cursor, or None while nothing was mirrored yet; for pages, read once a request."""
        return _cursor()

    @property
    def behind(self) -> int:
        """How many blocks the mirror is behind the head it last saw."""
        return max(0, self.head_number - self.number)

    def is_final(self, number: int) -> bool:
        """Whether block `number` can no longer be reorganised away."""
        return number <= self.finalized_number


@once
def _cursor() -> Cursor | None:
    return Cursor.objects.filter(pk=1).first()


class Reorganisation(models.Model):
    """The chain took back its newest `blocks` blocks, down to block `number`, which stands. `final_blocks` of
    them had counted as final, which should be none.

    Written by the mirror in the transaction that forgets them; kept, so that pages can say what happened to
    them and the operator can see how often it does. `at` is wall-clock time.
    """

    number = models.BigIntegerField()
    blocks = models.PositiveBigIntegerField()
    final_blocks = models.PositiveBigIntegerField(default=0, help_text="of them, those that had been final")
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.blocks} blocks above {self.number} taken back"


class Repair(models.Model):
    """A node was caught giving a wrong answer about a block, and what put it right.

    Written in the transaction that stores the block, and kept: a node that does this often should be left.
    `at` is wall-clock time.
    """

    number = models.BigIntegerField()
    block_hash = HexField(32)
    provider = models.CharField(max_length=200, help_text="the node that was wrong, without its key")
    problem = models.TextField(help_text="what it did wrong: a predicate")
    remedy = models.CharField(max_length=200, help_text="what gave the right answer")
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"block {self.number}: {self.problem}"


class ProviderState(models.TextChoices):
    """How a node is used."""

    GOOD = "good", "answers"
    RESTING = "resting", "left alone for a while after failures"
    BEHIND = "behind", "behind the others"
    REFUSED = "refused", "not of this chain"


class ProviderHealth(models.Model):
    """What the indexer last knew of one node, for pages and metrics; written every few seconds.

    `latency_ms` is a moving average over answered requests; `failures` counts unanswered ones in a row.
    """

    name = models.CharField(max_length=200, unique=True, help_text="its address without any key")
    place = models.PositiveIntegerField(help_text="its place in CHAIN_RPC_URL, from 0")
    state = models.CharField(max_length=10, choices=ProviderState.choices, default=ProviderState.GOOD)
    in_use = models.BooleanField(default=False)
    head_number = models.BigIntegerField(default=-1)
    latency_ms = models.FloatField(default=0)
    requests = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    socket = models.BooleanField(default=False, help_text="whether its websocket tells of new blocks")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["place"]
        verbose_name_plural = "provider healths"

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"


class TransactionState(models.TextChoices):
    """What is known of a transaction of ours."""

    QUEUED = "queued", "not sent yet"
    SENDING = "sending", "handed to the node, answer unknown"
    SENT = "sent", "waiting to be mined"
    MINED = "mined", "mined"
    REVERTED = "reverted", "mined and reverted"
    FAILED = "failed", "refused before it was sent"
    DROPPED = "dropped", "another transaction took its place"


LONGEST_PAUSE = timedelta(minutes=5)
"""Between two attempts to send a transaction."""

IN_FLIGHT = (TransactionState.SENDING, TransactionState.SENT)
HOLDS_NONCE = (*IN_FLIGHT, TransactionState.MINED, TransactionState.REVERTED)


class TransactionQuerySet(models.QuerySet["Transaction"]):
    """Transactions, by what is to be done about them."""

    def move(self, transaction: Transaction, *states: str, **changes: Any) -> bool:
        """Compare-and-set: change `transaction` if it is still in one of `states`. True if this call
        changed it.
        """
        now = timezone.now()
        changed = self.filter(pk=transaction.pk, state__in=states).update(updated_at=now, **changes)
        if changed:
            for name, value in changes.items():
                setattr(transaction, name, value)
        return bool(changed)

    def unmine_above(self, number: int) -> int:
        """Take back that transactions were mined above block `number`: a reorganisation removed their
        blocks.
        """
        mined = (TransactionState.MINED, TransactionState.REVERTED)
        return self.filter(state__in=mined, block_number__gt=number).update(
            state=TransactionState.SENT, block_number=None, block_hash=None, updated_at=timezone.now()
        )


class Transaction(models.Model):
    """One intention to call a contract, named by `key`, and what became of it (see `chain.transactions`)."""

    key = models.CharField(max_length=200, unique=True)
    state = models.CharField(
        max_length=10, choices=TransactionState.choices, default=TransactionState.QUEUED, db_index=True
    )
    contract = models.CharField(max_length=64)
    function = models.CharField(max_length=128)
    arguments = models.JSONField(default=list, help_text="for display; the truth is in data")
    to = HexField(20)
    data = models.TextField()
    sender = HexField(20, blank=True, default="")
    nonce = models.BigIntegerField(null=True)
    request = models.JSONField(default=dict, help_text="the fields as sent: gas, fees, nonce")
    raw = models.TextField(blank=True, default="", help_text="the signed bytes, if we hold the key")
    tx_hash = HexField(32, null=True, db_index=True)
    replaced = models.JSONField(default=list, help_text="hashes of the same nonce with lower fees")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")
    block_number = models.BigIntegerField(null=True)
    block_hash = HexField(32, null=True)
    gas_used = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TransactionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "nonce"],
                condition=Q(state__in=[state.value for state in HOLDS_NONCE]) & Q(nonce__isnull=False),
                name="nonce_once",
            )
        ]
        indexes = [models.Index(F("block_number").desc(), name="transaction_block")]

    def __str__(self) -> str:
        return f"{self.key}: {self.state}"

    @property
    def in_flight(self) -> bool:
        """Whether the node may still mine it."""
        return self.state in IN_FLIGHT

    @property
    def mined(self) -> bool:
        """Whether it was mined and did what it was sent for."""
        return self.state == TransactionState.MINED

    def is_due(self, now: datetime | None = None) -> bool:
        """Whether its back-off is over. One that lies beyond any back-off was set by a wrong clock."""
        if self.next_attempt_at is None:
            return True
        left = self.next_attempt_at - (now or timezone.now())
        return left <= timedelta(0) or left > 2 * LONGEST_PAUSE
