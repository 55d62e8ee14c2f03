"""Who is looking, and what may be shown: on every request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from governance import withholding

SESSION_KEY = "address"


class WalletMiddleware:
    """Set `request.wallet` to the signed-in address (lower-case `0x…`) or None."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.wallet = request.session.get(SESSION_KEY)  # type: ignore[attr-defined]
        return self.get_response(request)


class WithholdingMiddleware:
    """Read what is withheld once a request at most, whatever the number of words on the page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with withholding.remembered():
            return self.get_response(request)
