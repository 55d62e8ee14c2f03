"""The operator's switch and notes, and who used which control."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Control(models.Model):
    """The operator's switch and notes: exactly one row, `Control.get()`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    paused = models.BooleanField(default=False)
    paused_reason = models.CharField(max_length=200, blank=True)
    seal_requested = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="an epoch to seal though at rest"
    )
    error = models.TextField(blank=True, help_text="why the last tick could not go on; empty when it could")
    error_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_control_row")]
        permissions = [
            ("pause_cycle", "Can pause and resume the cycle"),
            ("move_clock", "Can move a private chain's clock"),
            ("rebuild_mirror", "Can have the mirror read again from the chain"),
        ]

    def __str__(self) -> str:
        return "paused" if self.paused else "running"

    @classmethod
    def get(cls) -> "Control":
        """The one row, made when it isn't there."""
        return cls.objects.get_or_create(id=1)[0]

    @classmethod
    def change(cls, **values: Any) -> None:
        """Set columns of the one row."""
        cls.get()
        cls.objects.filter(id=1).update(**values, updated_at=timezone.now())


class AuditEntry(models.Model):
    """Who used which control, when, and what came of it. Written, never changed."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    username = models.CharField(max_length=150, help_text="as it was then")
    action = models.CharField(max_length=40)
    target = models.CharField(max_length=120, blank=True)
    allowed = models.BooleanField()
    outcome = models.TextField()

    class Meta:
        ordering = [F("at").desc(), "-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.username} {self.action} {self.target}".strip()
