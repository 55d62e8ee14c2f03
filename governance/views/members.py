"""The collectors: everyone with tokens or votes, and one person's record."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from governance import selectors


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Everyone who holds a token or has a vote."""
    return render(request, "governance/members.html", {"holders": selectors.holders()})


@require_safe
def page(request: HttpRequest, address: str) -> HttpResponse:
    """One address. Any address has a page; there is one spelling of it, in lower case."""
    if address != address.lower():
        query = request.META.get("QUERY_STRING", "")
        return redirect(request.path.lower() + (f"?{query}" if query else ""), permanent=True)
    context = {"address": address, "votes": selectors.weight_now(address)}
    return render(request, "governance/member.html", context)
