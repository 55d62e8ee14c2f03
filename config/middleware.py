"""What holds for every request: headers, a name for it in the logs, a count."""

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config import metrics
from config.logs import request_id

log = logging.getLogger("config.requests")

NAME = re.compile(r"[A-Za-z0-9._-]{8,64}")
"""What a proxy may call a request; anything else could forge lines of the log."""
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
QUIET = ("/healthz/", "/readyz/", "/metrics")

# No inline script or style anywhere; data: images are the painter's small previews.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)


class ContentSecurityPolicyMiddleware:
    """Send one strict Content-Security-Policy with every response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class RequestMiddleware:
    """Name, time, count and log each request: its path, and never its query, which may hold a token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request.headers.get("X-Request-ID", "")
        name = told if NAME.fullmatch(told) else secrets.token_hex(8)
        token = request_id.set(name)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
            seconds = time.perf_counter() - began
            route = request.resolver_match.view_name if request.resolver_match else "unmatched"
            method = request.method if request.method in METHODS else "OTHER"
            metrics.request_answered(str(method), route or "unnamed", response.status_code, seconds)
            if settings.LOG_REQUESTS and not request.path.startswith(QUIET):
                facts = {"method": method, "path": request.path, "status": response.status_code}
                words = "%(method)s %(path)s %(status)s %(ms)s ms"
                facts["ms"] = round(1000 * seconds, 1)
                log.info(words, facts, extra=facts)
        finally:
            request_id.reset(token)
        response.headers["X-Request-ID"] = name
        return response
