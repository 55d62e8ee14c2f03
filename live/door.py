"""Who may open a live socket, and how those who may not are told.

Asked before the upgrade, so that a refusal costs one small answer:

* another path: 404; a Host that is not ours: 400; an Origin that is not ours, or none: 403;
* more handshakes from one address than `BURST` times its sockets at once: 429;
* more than LIVE_SOCKETS_PER_ADDRESS open from one address: the socket is accepted and closed with 4429 and a
  sentence, because a page can read nothing else; once an address has had `POLITE` of those in a minute, 429;
* more than LIVE_SOCKETS open in this process: 503.

Counts are those of one event loop, which is one process.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

PATH = "/live/"
BURST = 2.0
REFILL_S = 30.0  # in which an address may open as many sockets again as it may hold
POLITE = 20
RETRY_S = 60
MOST_ADDRESSES = 20_000  # remembered at once

CLOSE_CROWD = 4429
CROWD = "Too many pages of this artwork are open from your network"


class Refusal(NamedTuple):
    """An HTTP status and its words; `spoken` when a page should hear them by way of a closed socket."""

    status: int
    words: str
    spoken: bool = False


class Bucket(NamedTuple):
    """Tokens left at a moment (seconds of a monotonic clock)."""

    tokens: float
    at: float


class Rate:
    """So many at once for each name, and so many a second after that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._clock = clock

    def allows(self, name: str, most: float, a_second: float) -> bool:
        """Take a token; False when none is left."""
        now = self._clock()
        held = self._buckets.get(name)
        tokens = most if held is None else min(most, held.tokens + (now - held.at) * a_second)
        if held is None and len(self._buckets) >= MOST_ADDRESSES:
            self._forget(now, most, a_second)
        self._buckets[name] = Bucket(tokens - (tokens >= 1), now)
        return tokens >= 1

    def _forget(self, now: float, most: float, a_second: float) -> None:
        """Drop whoever has all tokens again; if that is hardly anybody, everybody: memory is bounded."""
        left = {
            name: held
            for name, held in self._buckets.items()
            if held.tokens + (now - held.at) * a_second < most
        }
        self._buckets = left if len(left) < MOST_ADDRESSES * 3 // 4 else {}


class Door:
    """The open sockets of one event loop by address."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._handshakes = Rate()
        self._refusals = Rate()

    def enter(self, network: str) -> Refusal | None:
        """Count a socket in; or say why not."""
        most = settings.LIVE_SOCKETS_PER_ADDRESS
        if not self._handshakes.allows(network, max(1.0, BURST * most), most / REFILL_S):
            return Refusal(429, "Too many attempts from your network")
        if self._open[network] >= most:
            return Refusal(429, CROWD, spoken=self._refusals.allows(network, POLITE, POLITE / 60))
        if self._open.total() >= settings.LIVE_SOCKETS:
            return Refusal(503, "As many pages listen here as this process serves")
        self._open[network] += 1
        return None

    def leave(self, network: str) -> None:
        """Count a socket out."""
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]


def ours(scope: dict[str, Any]) -> Refusal | None:
    """Whether a handshake asks for the live path, at a host of ours, from a page of ours; else why not."""
    headers = dict(scope.get("headers", ()))
    if scope.get("path") != PATH:
        return Refusal(404, "Nothing listens here")
    if not _allowed(headers.get(b"host", b"").decode("latin-1")):
        return Refusal(400, "Not a host of this site")
    try:
        origin = urlsplit(headers.get(b"origin", b"").decode("latin-1"))
        _ = origin.port
    except ValueError:  # half an IPv6 address, a port that is none
        return Refusal(403, "Not an origin of this site")
    if origin.scheme not in ("http", "https") or not _allowed(origin.netloc):
        return Refusal(403, "Not an origin of this site")
    return None


def _allowed(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
