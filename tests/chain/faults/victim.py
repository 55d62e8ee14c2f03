"""Indexers in processes of their own, which may be killed: `python -m tests.chain.faults.victim`.

It reads orders from standard input, one JSON object a line:

    {"url": …, "deployment": {…}, "near": 4, "patient": false, "die_at": [3, null]}

and forks one indexer for each number in `die_at`. Each syncs once with the database that DATABASE_URL names;
a patient one until it succeeds. One with a number kills itself in front of that statement, counted from 1:
`BEGIN`, every query, every COPY and `executemany`, `COMMIT`, and the first thing after it. The answer is one
line, a list with how each ended: `{"signal": 9}` or `{"said": "…", "passed": […]}`: the words of what was
raised, empty if nothing was, and the statements.

Forking saves the second that Django takes to start; nothing is connected before the fork.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import orjson

FIXTURES = Path(__file__).parent.parent / "fixtures"


class Fuse:
    """Kills this process in front of the n-th statement."""

    def __init__(self, die_at: int | None):
        self.die_at = die_at
        self.passed: list[str] = []

    def point(self, what: str) -> None:
        """Here is a boundary between two statements."""
        self.passed.append(what)
        if self.die_at is not None and len(self.passed) == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """A Django execute_wrapper."""
        self.point(sql[:60])
        return execute(sql, params, many, context)

    def install(self) -> None:
        """Put points where Django's wrapper has none: commits and COPY."""
        from django.db import connection

        commit = connection._commit

        def committing() -> Any:
            self.point("COMMIT")
            done = commit()
            self.point("after COMMIT")
            return done

        connection._commit = committing
        if connection.vendor == "postgresql":
            import psycopg

            copy = psycopg.Cursor.copy

            def copying(cursor: Any, statement: Any, *args: Any, **kwargs: Any) -> Any:
                self.point(str(statement)[:60])
                return copy(cursor, statement, *args, **kwargs)

            psycopg.Cursor.copy = copying  # type: ignore[method-assign]


def live(order: dict[str, Any], die_at: int | None) -> dict[str, Any]:
    """Sync once, or die."""
    from django.db import connection

    from chain.deployments import Deployment
    from chain.indexer import PROBLEMS, Indexer
    from chain.rpc import Rpc
    from tests.chain.node import HANDLERS

    fuse = Fuse(die_at)
    fuse.install()
    deadline = time.monotonic() + 60
    with connection.execute_wrapper(fuse.around):
        indexer = Indexer(Rpc(order["url"], timeout=20), Deployment.from_json(order["deployment"]), HANDLERS)
        while True:
            try:
                indexer.sync()
                return {"said": "", "passed": fuse.passed}
            except PROBLEMS as error:
                if not order["patient"] or time.monotonic() > deadline:
                    return {"said": f"{type(error).__name__}: {error}", "passed": fuse.passed}
                time.sleep(0.01)


def fork(order: dict[str, Any], die_at: int | None) -> tuple[int, int]:
    """A process that lives; its id, and where its last words can be read."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    try:
        words = live(order, die_at)
    except BaseException as error:  # noqa: BLE001 - told to the test, which fails of it
        words = {"said": f"died of {error!r}", "passed": []}
    os.write(writing, orjson.dumps(words))
    os._exit(0)


def main() -> None:
    """Take orders until standard input ends."""
    django.setup()
    from django.conf import settings

    settings.CONTRACTS_ABI_DIRS = [FIXTURES]
    settings.CHAIN_LISTENERS = []
    from chain import indexer
    from tests.chain import node  # noqa: F401 - imported once, before the forks

    for line in sys.stdin:
        order = orjson.loads(line)
        indexer.NEAR = order["near"]
        ends = []
        for child, reading in [fork(order, die_at) for die_at in order["die_at"]]:
            with os.fdopen(reading, "rb") as pipe:
                words = pipe.read()
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                ends.append({"signal": os.WTERMSIG(status)})
            else:
                ends.append(orjson.loads(words))
        sys.stdout.write(orjson.dumps(ends).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
