"""How the site is, for machines that watch it: alive, ready, and why not."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from chain import clock
from gallery import health


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers: no more, so that no outage elsewhere has it restarted."""
    return _fresh(JsonResponse({"ok": True}))


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process can serve pages that are right: 200, or 503 with the reasons."""
    report = health.readiness()
    body = {
        "ok": report.ok,
        "problems": [check.words for check in report.checks if not check.ok],
        "checks": {check.name: {"ok": check.ok, **check.detail} for check in report.checks},
        "chain_time": clock.now(),
    }
    return _fresh(JsonResponse(body, status=200 if report.ok else 503))


def _fresh(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
