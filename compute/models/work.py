"""The painters' own work: paintings and pictures."""

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chain.fields import HexField
from compute.storage import picture_path, picture_storage

NEVER = timedelta(minutes=10)
"""Longer than any pause between attempts and any lease."""


class Picture(models.Model):
    """A finished picture, found by the SHA-256 of its canonical PNG. It outlives any reorganisation of the
    chain.

    `file` holds the same pixels in an ordinary compressed PNG; the canonical file is written again from them
    whenever it is asked for (docs/decisions/0051). Sides in pixels.
    """

    file_hash = HexField(length=32, primary_key=True)
    pixel_hash = HexField(length=32)
    thumb_hash = HexField(length=32)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    file = models.FileField(storage=picture_storage, upload_to=picture_path, max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "gallery_picture"  # where it was made, before this app was

    def __str__(self) -> str:
        return self.file_hash


class RenderingQuerySet(models.QuerySet["Rendering"]):
    """Which paintings may be taken up."""

    def claimable(self) -> "RenderingQuerySet":
        """Queued and due, or left behind by a painter whose lease has lapsed; never one that was
        cancelled.

        A time that lies further ahead than any pause or lease is one that a wrong clock left behind.
        """
        now = timezone.now()
        never = now + NEVER
        return self.filter(
            Q(state=Rendering.State.QUEUED, due_at__lte=now)
            | Q(state=Rendering.State.PAINTING, lease_until__lt=now)
            | Q(state=Rendering.State.QUEUED, due_at__gt=never)
            | Q(state=Rendering.State.PAINTING, lease_until__gt=never),
            cancel=False,
        )


class Rendering(models.Model):
    """A painting job: the row, not the broker's message, says where it stands.

    Moves only by conditional updates in `compute.rendering`. `recipe_hash` is the contract's commitment, so
    a job is found again when a reorganisation undoes its anchor. Times are wall-clock; `seconds` is the
    painting's own time.
    """

    class State(models.TextChoices):
        """Where a job stands."""

        QUEUED = "queued"
        PAINTING = "painting"
        PAINTED = "painted"
        FAILED = "failed"
        CANCELLED = "cancelled"

    recipe_hash = HexField(length=32, unique=True)
    epoch_number = models.PositiveBigIntegerField(db_index=True)
    round = models.PositiveBigIntegerField(default=1, help_text="the last round that asked for this painting")
    recipe = models.JSONField(help_text="the studio's recipe")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED, db_index=True)
    due_at = models.DateTimeField(default=timezone.now, help_text="not claimed before")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="last handed to the queue")
    claim = models.UUIDField(null=True, blank=True, help_text="changes with every claim")
    lease_until = models.DateTimeField(null=True, blank=True)
    step = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    cancel = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    environment = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    energy = models.JSONField(default=dict, blank=True, help_text="see compute.energy; empty: not recorded")
    picture = models.ForeignKey(
        Picture, null=True, blank=True, on_delete=models.PROTECT, related_name="renderings"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = RenderingQuerySet.as_manager()

    class Meta:
        db_table = "gallery_rendering"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Painting for epoch {self.epoch_number}, {self.state}"

    @staticmethod
    def new_claim() -> uuid.UUID:
        """A value that no other claim has."""
        return uuid.uuid4()


class Attestation(models.Model):
    """What a worker says of a painting beside its pixels, under the hash that is in its commitment.

    `body` is the canonical JSON (`compute.attestations`): the hash is that of its UTF-8 bytes.
    """

    manifest_hash = HexField(length=32, primary_key=True)
    body = models.TextField()
    worker = HexField(length=20, db_index=True)
    epoch = models.PositiveBigIntegerField(db_index=True)
    recipe_hash = HexField(length=32, db_index=True)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"Attestation of {self.worker} for epoch {self.epoch}"


class Vow(models.Model):
    """What one of our workers commits to, written down before the commitment is sent: with it lost, so would
    be the salt, and the bond's share that silence costs. It outlives any reorganisation of the chain.
    """

    worker = HexField(length=20)
    epoch = models.PositiveBigIntegerField(db_index=True)
    round = models.PositiveIntegerField()
    result_hash = HexField(length=32)
    manifest_hash = HexField(length=32)
    salt = HexField(length=32)
    commitment = HexField(length=32)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-epoch", "-round", "worker"]
        constraints = [models.UniqueConstraint(fields=["worker", "epoch", "round"], name="one_vow_a_round")]

    def __str__(self) -> str:
        return f"Vow of {self.worker} for epoch {self.epoch}, round {self.round}"


class Refusal(models.Model):
    """Why one of our workers does not paint an epoch. Declining costs nothing."""

    worker = HexField(length=20)
    epoch = models.PositiveBigIntegerField(db_index=True)
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-epoch", "worker"]
        constraints = [models.UniqueConstraint(fields=["worker", "epoch"], name="one_refusal_an_epoch")]

    def __str__(self) -> str:
        return f"{self.worker} does not paint epoch {self.epoch}"
