"""How many people watch: open sockets, or pages looked at lately. No cookie, nothing kept beyond a minute.

Both counts live in Django's cache, so they hold for all processes together:
* each hub takes a *seat*, a numbered key that it must renew, and writes its number of open sockets there;
* a page view adds a salted hash of address and browser to the current half minute's count, once.
"""

import logging
import secrets
import time
from collections.abc import Mapping

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from live.address import client_address

log = logging.getLogger(__name__)

SEATS = 32
SEAT_S = 50  # a little over two beats of the hub: a killed process is forgotten by then
BUCKET_S = 30


class Seat:
    """One hub's place among the counts."""

    def __init__(self) -> None:
        self._me = secrets.token_hex(8)
        self._number: int | None = None

    def take(self, sockets: int) -> None:
        """Write this hub's number of open sockets; raises what the cache raises."""
        mine = (self._me, sockets)
        if self._number is not None:
            held = cache.get(_seat(self._number))
            if held is None or held[0] == self._me:
                cache.set(_seat(self._number), mine, SEAT_S)
                return
        for number in range(SEATS):
            if cache.add(_seat(number), mine, SEAT_S):
                self._number = number
                return


def touch(visitor: str, now: float | None = None) -> None:
    """Count a page view by `visitor` (any text that tells people apart) in the current half minute."""
    bucket = int((time.time() if now is None else now) // BUCKET_S)
    seen = salted_hmac("live.presence", f"{bucket}:{visitor}").hexdigest()[:24]
    if cache.add(f"live:seen:{seen}", 1, BUCKET_S * 3):
        count = f"live:views:{bucket}"
        cache.add(count, 0, BUCKET_S * 3)
        cache.incr(count)


def visitors(now: float | None = None) -> int:
    """People here now: open sockets, or different people who looked in the last 30 to 60 seconds, if more.

    0 while the cache is away: a page is worth more than a number on it.
    """
    bucket = int((time.time() if now is None else now) // BUCKET_S)
    try:
        views = cache.get_many([f"live:views:{bucket}", f"live:views:{bucket - 1}"])
        return max(sockets(), *views.values(), 0)
    except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
        log.warning("live: could not ask who watches: %s", type(error).__name__)
        return 0


def sockets() -> int:
    """Open sockets of all processes."""
    held: Mapping[str, tuple[str, int]] = cache.get_many([_seat(number) for number in range(SEATS)])
    return sum(count for _, count in held.values())


def visitor_of(request: HttpRequest) -> str:
    """What tells one visitor from another: the session if there is one, else address and browser."""
    if request.session.session_key:
        return str(request.session.session_key)
    return f"{client_address(request)} {request.META.get('HTTP_USER_AGENT', '')}"


def _seat(number: int) -> str:
    return f"live:seat:{number}"
