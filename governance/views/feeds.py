"""What programs subscribe to: the feed of proposals and the calendar of votes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from governance import ical
from governance.feeds import ProposalFeed, entries

__all__ = ["ProposalFeed", "calendar"]


@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """When votes open and close, for a calendar to follow."""
    body = ical.calendar(entries(), request.build_absolute_uri("/").rstrip("/"))
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="murmuration.ics"'
    response["Cache-Control"] = "public, max-age=60"
    return response
