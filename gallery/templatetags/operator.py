"""What the admin's front page shows first."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.contrib.auth.models import AnonymousUser, User

from gallery import attention, health
from gallery.models import AuditEntry, Repaint
from gallery.upcoming import Next, upcoming
from governance.models import Withholding

register = template.Library()


@dataclass(frozen=True)
class Overview:
    """How the artwork is, what it waits for, what was done last."""

    troubles: list[attention.Trouble]
    report: health.Report
    next: Next
    withheld: int
    repaints: list[Repaint]
    audit: list[AuditEntry]


@register.simple_tag
def overview(user: User | AnonymousUser) -> Overview | None:
    """The overview; None for people who may not see epochs."""
    if not user.has_perm("gallery.view_epoch"):
        return None
    return Overview(
        troubles=attention.troubles(),
        report=health.report(),
        next=upcoming(),
        withheld=Withholding.objects.filter(lifted_at=None).count(),
        repaints=list(Repaint.objects.filter(state__in=("queued", "painting"))),
        audit=list(AuditEntry.objects.all()[:8]),
    )
