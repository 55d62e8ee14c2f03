"""A table that a handler fills, as an app above `chain` would have one."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import models

from chain.events import Event
from chain.fields import HexField, Uint256Field
from chain.models import Log


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
    Count.objects.bulk_create(
        Count(
            log=event.log,
            number=event.args["id"],
            by=event.args["by"],
            amount=event.args["amount"],
            note=event.args["note"],
        )
        for event in events
    )
