"""Who is looking: the wallet that signed in, on every request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

SESSION_KEY = "address"


class WalletMiddleware:
    """Set `request.wallet` to the signed-in address (lower-case `0x…`) or None."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.wallet = request.session.get(SESSION_KEY)  # type: ignore[attr-defined]
        return self.get_response(request)
