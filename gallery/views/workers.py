"""Who paints: the workers' board, and one worker with what it bonded, did and earned."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from eth_utils.address import to_checksum_address

from chain import clock
from compute import board, careers
from gallery import epochs
from governance import people


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The board."""
    context = {"board": board.board(), "in_charge": epochs.by_workers(), "now": clock.now()}
    return render(request, "gallery/workers.html", context)


@require_safe
def page(request: HttpRequest, address: str) -> HttpResponse:
    """One worker; there is one spelling of an address, in lower case. Who never was one has a page that says
    so, with status 404.
    """
    if address != address.lower():
        return redirect(request.path.lower(), permanent=True)
    found = careers.worker_page(address)
    context: dict[str, Any] = {
        "page": found,
        "name": people.name_of(address),
        "address": address,
        "checksummed": to_checksum_address(address),
        "now": clock.now(),
    }
    return render(request, "gallery/worker.html", context, status=200 if found else 404)
