"""Rate limits: so many requests of a kind from one address in a window."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest

from live.address import client_address, client_network

__all__ = ["allowed", "allowed_for", "client_address"]


def allowed(request: HttpRequest, kind: str, most: int, seconds: int) -> bool:
    """Count this request; False once `most` of its kind came from the same address within `seconds`."""
    return allowed_for(client_network(request), kind, most, seconds)


def allowed_for(who: str, kind: str, most: int, seconds: int) -> bool:
    key = f"limit:{kind}:{who}"
    if cache.add(key, 1, timeout=seconds):
        return True
    try:
        return cache.incr(key) <= most
    except ValueError:  # the window ended between the two
        cache.add(key, 1, timeout=seconds)
        return True
