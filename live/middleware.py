"""Somebody looks at a page: that is what keeps the artwork awake."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from live import presence

log = logging.getLogger(__name__)


class PresenceMiddleware:
    """Count views of whole HTML pages; fragments, pictures and errors are not visits."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if (
            request.method == "GET"
            and response.status_code == 200
            and response.headers.get("Content-Type", "").startswith("text/html")
            and "HX-Request" not in request.headers
        ):
            try:
                presence.touch(presence.visitor_of(request))
            except Exception:  # a page is not refused because the cache is down
                log.exception("live: could not count a visit")
        return response
