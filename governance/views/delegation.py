"""The page where people say who votes for them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from governance import actions, delegations
from governance.actions import Refused
from governance.forms import DelegateForm
from governance.views.actions import SIGN_IN, faults, offer, wallet_of
from governance.views.bodies import refuse

_NO_SCRIPT = "Sending it needs JavaScript: your wallet speaks to the page. Nothing is lost."


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Who votes for you, and who could; `?to=0x…` fills in the address. A POST readies the transaction."""
    if request.method != "POST":
        to = request.GET.get("to", "")[:60]
        return _page(request, DelegateForm(initial={"to": to}))
    form = DelegateForm(request.POST)
    address = wallet_of(request)
    message, status = "", 422
    wanted: dict[str, str] | None = None
    if address is None:
        message, status = SIGN_IN, 401
    elif form.is_valid():
        try:
            wanted = actions.delegate(address, form.cleaned_data["to"])
        except Refused as refusal:
            message = str(refusal)
    if "application/json" not in request.headers.get("Accept", ""):
        return _page(request, form, message or (_NO_SCRIPT if wanted else ""), status)
    if message:
        return refuse(message, status=status)
    return offer(str(address), wanted) if wanted else faults(form.errors)


@require_safe
def part(request: HttpRequest) -> HttpResponse:
    """Where the visitor's votes are, for open pages to fetch again."""
    return render(request, "governance/_trust.html", _trust(request))


def _trust(request: HttpRequest) -> dict[str, Any]:
    address = wallet_of(request)
    return {
        "trust": None if address is None else delegations.trust(address),
        "candidates": delegations.candidates(address),
    }


def _page(request: HttpRequest, form: DelegateForm, message: str = "", status: int = 200) -> HttpResponse:
    context = {"form": form, "message": message, **_trust(request)}
    return render(request, "governance/delegate.html", context, status=status)
