"""Rate limits: so many requests of a kind from one address in a window.

The cache counts for all processes. While it is away each process counts for itself, so that signing in goes
on and guessing passwords does not become free.
"""

from __future__ import annotations

import logging

from django.core.cache import BaseCache, cache
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest

from live.address import client_address, client_network

__all__ = ["allowed", "allowed_for", "client_address"]

log = logging.getLogger(__name__)

_own = LocMemCache("governance.limits", {})


def allowed(request: HttpRequest, kind: str, most: int, seconds: int) -> bool:
    """Count this request; False once `most` of its kind came from the same address within `seconds`."""
    return allowed_for(client_network(request), kind, most, seconds)


def allowed_for(who: str, kind: str, most: int, seconds: int) -> bool:
    """`allowed` for whoever is counted under `who`."""
    key = f"limit:{kind}:{who}"
    try:
        return _count(cache, key, seconds) <= most
    except Exception as error:
        if not _is_away(error):
            raise
        log.warning("limits are counted by each process alone: %s", error)
        return _count(_own, key, seconds) <= most


def _is_away(error: Exception) -> bool:
    """Whether that is a cache which does not answer."""
    from redis.exceptions import RedisError  # takes a while, and most processes never count

    return isinstance(error, RedisError | OSError)


def _count(where: BaseCache, key: str, seconds: int) -> int:
    if where.add(key, 1, timeout=seconds):
        return 1
    try:
        return where.incr(key)
    except ValueError:  # the window ended between the two
        where.add(key, 1, timeout=seconds)
        return 1
