"""What was asked for beside the cycle: a generation painted once more, the mirror read anew."""

import uuid

from django.db import models
from django.utils import timezone

from chain.fields import HexField


class Repaint(models.Model):
    """A generation's recipe painted once more, to compare. It never touches what is anchored.

    Found by `number`, not by a key: generations are rows of the mirror and may go and come back. Moves only
    by conditional updates in `gallery.repaints`. `distance` is the peak signal-to-noise ratio in decibels,
    `changed` the share of pixels that differ, `furthest` the largest difference of a channel (0 to 255).

    An operator's is of the recipe that the mirror has. A visitor's (`verify`) asks the chain when it is
    painted: `recipe`, `threads`, `block`, `checked` and `then` (who said how it was painted) are known then.
    """

    class State(models.TextChoices):
        """Where it stands, or how it ended."""

        QUEUED = "queued", "waiting"
        PAINTING = "painting", "painting"
        SAME = "same", "same pixels"
        NEAR = "near", "within tolerance"
        DIFFERENT = "different", "different pixels"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    number = models.PositiveBigIntegerField(db_index=True, help_text="the generation")
    recipe_hash = HexField(length=32)
    recipe = models.JSONField(help_text="the studio's recipe")
    pixel_hash = HexField(length=32, help_text="what the chain says")
    threads = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED, db_index=True)
    by = models.CharField(max_length=150, help_text="username, as it was then")
    asked_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now, help_text="not claimed before")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="last handed to the queue")
    claim = models.UUIDField(default=uuid.uuid4, help_text="changes with every claim")
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    environment = models.JSONField(default=dict, blank=True)
    painted_hash = HexField(length=32, null=True, blank=True, help_text="of the pixels that came out")
    distance = models.FloatField(null=True, blank=True)
    changed = models.FloatField(null=True, blank=True)
    furthest = models.PositiveIntegerField(null=True, blank=True)
    restored = models.BooleanField(default=False, help_text="a lost or damaged file was written again")
    error = models.TextField(blank=True)
    verify = models.BooleanField(default=False, help_text="a visitor's: what goes in is asked of the chain")
    block = models.PositiveBigIntegerField(null=True, blank=True, help_text="at which the chain was asked")
    checked = models.JSONField(default=list, blank=True, help_text="what was computed again, in words")
    then = models.JSONField(default=dict, blank=True, help_text="who said where and how it was painted")
    energy = models.JSONField(default=dict, blank=True, help_text="see compute.energy")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["number"],
                condition=models.Q(state__in=["queued", "painting"]),
                name="one_repaint_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"Generation {self.number} again: {self.get_state_display()}"

    @property
    def under_way(self) -> bool:
        """Whether it has no result yet."""
        return self.state in (self.State.QUEUED, self.State.PAINTING)

    @property
    def changed_percent(self) -> str:
        """The share of pixels that differ, in percent, with as many digits as say something."""
        return f"{100 * (self.changed or 0):.3g}"


class Rebuild(models.Model):
    """The mirror was to be deleted and read again from the chain. Moves only in `gallery.rebuilds`."""

    by = models.CharField(max_length=150, help_text="username, as it was then")
    asked_at = models.DateTimeField(default=timezone.now)
    began_at = models.DateTimeField(null=True, blank=True, help_text="when the mirror was emptied")
    upto = models.BigIntegerField(null=True, blank=True, help_text="the block to get back to")
    logs_before = models.PositiveBigIntegerField(null=True, blank=True)
    logs_after = models.PositiveBigIntegerField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="why it could not begin yet")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(ended_at=None), name="one_rebuild_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Rebuild asked by {self.by}"
