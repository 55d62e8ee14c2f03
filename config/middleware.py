"""What holds for every request: headers, a name for it in the logs, a count."""

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chain import memory
from config import metrics
from config.logs import request_id
from governance import limits

log = logging.getLogger("config.requests")

NAME = re.compile(r"[A-Za-z0-9._-]{8,64}")
"""What a proxy may call a request; anything else could forge lines of the log."""
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
QUIET = ("/healthz/", "/readyz/", "/metrics")

# No inline script or style anywhere; data: images are the painter's small previews and wallets' icons.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "camera",
        "display-capture",
        "geolocation",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
    )
)
COSTLY = (
    # method, path, kind, so many in so many seconds: guessing a password, encoding a file, building a feed
    ("POST", re.compile(r"/admin/login/"), "admin-login", 10, 300),
    ("GET", re.compile(r"/pictures/[^/]+/original\.png"), "original", 120, 60),
    ("GET", re.compile(r"/lineage/0x[^/]+"), "lineage", 600, 60),
    ("GET", re.compile(r".*\.(atom|ics)"), "feed", 60, 60),
)
RETRY_S = 60


class ContentSecurityPolicyMiddleware:
    """Send one strict Content-Security-Policy with every response, and the headers that go with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = f"{POLICY}; upgrade-insecure-requests" if settings.SECURE_SSL_REDIRECT else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        # Pictures may be shown anywhere, as any token's may; nothing else is for other sites to embed.
        everywhere = request.path.startswith("/pictures/")
        response.headers.setdefault(
            "Cross-Origin-Resource-Policy", "cross-origin" if everywhere else "same-origin"
        )
        return response


class RateLimitMiddleware:
    """Refuse more of what is costly than one address needs; every 429 says when to come back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._refusal(request) or self.get_response(request)
        if response.status_code == 429:
            response.headers.setdefault("Retry-After", str(RETRY_S))
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        for method, path, kind, most, seconds in COSTLY:
            asked = request.method == method and path.fullmatch(request.path)
            if asked and not limits.allowed(request, kind, most=most, seconds=seconds):
                words = "Too many requests from your network. Please wait a minute.\n"
                answer = HttpResponse(words, status=429, content_type="text/plain; charset=utf-8")
                answer.headers["Retry-After"] = str(seconds)
                return answer
        return None


class MemoryMiddleware:
    """Ask the mirror the same thing once a page. What writes asks afresh each time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        with memory.remembered():
            return self.get_response(request)


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
