"""Who leads: of several processes of one kind on one database, one works and the others stand by.

On PostgreSQL that is a session's advisory lock, so it ends with the process or its connection, however that
ends, and the next one takes over within a second or two. It saves work and noise and nothing depends on it:
the mirror moves by compare-and-set, and ticks exclude one another. SQLite serves one process, which leads.
(A connection pool that hands out one session per transaction breaks such locks: give the indexer and beat
the database's own address.)
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.db import DatabaseError, connection
from django.utils.crypto import salted_hmac

log = logging.getLogger(__name__)

STANDBY_S = 1.0
"""How often who stands by looks again."""


class Lead:
    """The lead of one kind of process, held by this thread's database connection."""

    def __init__(self, kind: str):
        self.kind = kind
        # 63 bits of a name of our own: other programs on the same database take other locks.
        digest = salted_hmac("chain.lead", kind, secret="murmuration", algorithm="sha256").digest()  # noqa: S106
        self._number = int.from_bytes(digest[:8], "big") >> 1
        self._session: Any = None
        self._said = ""
        self._asked = 0.0

    def held(self) -> bool:
        """Whether this process leads, taking the lead if it is free. False while the database is away."""
        if connection.vendor != "postgresql":
            return True
        if self._session is not None and self._session is connection.connection:
            if time.monotonic() < self._asked + STANDBY_S:
                return True
            self._asked = time.monotonic()
            if connection.is_usable():
                return True
            connection.close()  # the server is gone, and the lock with it
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._number])
                taken = bool(cursor.fetchone()[0])
        except DatabaseError as error:
            connection.close()
            self._say(f"cannot ask who leads: {type(error).__name__}")
            return False
        self._session = connection.connection if taken else None
        self._say("leads" if taken else "stands by: another one is at work")
        return taken

    def _say(self, words: str) -> None:
        if self._said != words:
            self._said = words
            log.info("%s %s", self.kind, words)
