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
    """Create the table, unless it is there."""
    connection = connections[using]
    if Count._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Count)


post_migrate.connect(make_table, sender=apps.get_app_config("chain"), dispatch_uid="tests.chain.tables")
