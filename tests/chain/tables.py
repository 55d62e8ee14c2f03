"""A table that a handler fills, as an app above `chain` would have one.

It is made with the test database as soon as this module is imported, since deleting a log looks into every
table that may point at it, in the tests of all other areas too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db import connections, models
from django.db.models.signals import post_migrate

from chain.events import Event
from chain.fields import HexField, Uint256Field
from chain.models import Log
from chain.rows import insert


class Count(models.Model):
    """One Emitter.Counted."""

    log = models.OneToOneField(Log, on_delete=models.CASCADE, related_name="+")
    number = Uint256Field()
    by = HexField(20)
    amount = Uint256Field()
    note = models.TextField()

    class Meta:
        app_label = "chain"
        db_table = "test_count"

    def __str__(self) -> str:
        return f"{self.number}: {self.amount}"


class Sample(models.Model):
    """One column of each kind that mirrored tables have, and some that go the long way."""

    class Kind(models.TextChoices):
        ONE = "one"

    number = Uint256Field(null=True)
    hash = HexField(4, null=True)
    text = models.TextField(default="nothing")
    name = models.CharField(max_length=200, null=True)
    json = models.JSONField(null=True)
    flag = models.BooleanField(default=True)
    small = models.SmallIntegerField(null=True)
    big = models.BigIntegerField(null=True)
    seen = models.DateTimeField(null=True)
    made = models.DateTimeField(auto_now_add=True)
    token = models.UUIDField(null=True)
    ratio = models.FloatField(null=True)
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    raw = models.BinaryField(null=True)
    count = models.ForeignKey(Count, on_delete=models.SET_NULL, null=True, related_name="+")
    parent = models.ForeignKey("Sample", on_delete=models.CASCADE, null=True, db_constraint=False)

    class Meta:
        app_label = "chain"
        db_table = "test_sample"

    def __str__(self) -> str:
        return f"sample {self.pk}"


def counted(events: Sequence[Event]) -> None:
    """The handler."""
    insert(
        Count,
        [
            {
                "log_id": event.log_id,
                "number": event.args["id"],
                "by": event.args["by"],
                "amount": event.args["amount"],
                "note": event.args["note"],
            }
            for event in events
        ],
    )


def make_table(using: str, **_: Any) -> None:
    """Create the tables, unless they are there."""
    connection = connections[using]
    there = connection.introspection.table_names()
    for model in (Count, Sample):
        if model._meta.db_table not in there:
            with connection.schema_editor() as editor:
                editor.create_model(model)


post_migrate.connect(make_table, sender=apps.get_app_config("chain"), dispatch_uid="tests.chain.tables")
