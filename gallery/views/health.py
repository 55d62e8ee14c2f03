"""How the site is, for machines that watch it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from chain import clock
from chain.models import Cursor


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the site serves and its mirror follows the chain: 200, or 503 with the reason."""
    cursor = Cursor.current()
    problem = "nothing was mirrored yet" if cursor is None else cursor.error
    body: dict[str, Any] = {"ok": not problem, "problem": problem or None, "chain_time": clock.now()}
    if cursor is not None:
        body |= {"block": cursor.number, "head": cursor.head_number, "final": cursor.finalized_number}
    response = JsonResponse(body, status=503 if problem else 200)
    response["Cache-Control"] = "no-store"
    return response
