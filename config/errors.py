"""What a visitor gets when a page can't be made: pages in the site's look that need neither a database nor a
request's context.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.csrf import requires_csrf_token

RETRY_S = 10


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """500; or 503 when what failed was the way to the database, which comes back without us."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        response = HttpResponse(loader.get_template("503.html").render(), status=503)
        response["Retry-After"] = str(RETRY_S)
        return response
    return HttpResponse(loader.get_template("500.html").render(), status=500)


class TooManyMiddleware:
    """Somebody who follows a link or sends a form, and is refused for asking too often, gets a page.

    Scripts, which don't ask for HTML by name, keep the answer that was made for them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 429 or "text/html" not in request.headers.get("Accept", ""):
            return response
        if response.headers.get("Content-Type", "").startswith("text/html"):
            return response  # a page that says it in words of its own
        page = HttpResponse(loader.get_template("429.html").render(), status=429)
        page["Retry-After"] = response.headers.get("Retry-After", "60")
        return page
