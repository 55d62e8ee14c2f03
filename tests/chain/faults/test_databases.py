"""The database goes away, or is full, in the middle of a commit: nothing is half, and the mirror goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from django.db import DatabaseError, close_old_connections, connection

from chain.mirror import HandlerFailed
from chain.models import Log
from tests.chain.faults.test_processes import assert_whole
from tests.chain.faults.world import World

pytestmark = pytest.mark.django_db(transaction=True)

sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="of SQLite")
postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL")


class Cut:
    """Does harm in front of the n-th statement inside of transactions, COPY among them."""

    def __init__(self, place: int, harm: Callable[[], None]):
        self.place, self.harm, self.seen = place, harm, 0

    def point(self) -> None:
        """Here is a boundary between two statements."""
        if connection.in_atomic_block:
            self.seen += 1
            if self.seen == self.place:
                self.harm()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """A Django execute_wrapper."""
        self.point()
        return execute(sql, params, many, context)

    def before_copies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """COPY goes past Django's wrappers."""
        import psycopg

        copy = psycopg.Cursor.copy

        def copying(*args: Any, **kwargs: Any) -> Any:
            self.point()
            return copy(*args, **kwargs)

        monkeypatch.setattr(psycopg.Cursor, "copy", copying)


def end_session() -> None:
    """End our database session from outside, as an administrator or a fail-over does."""
    import psycopg

    ours = connection.connection.info.backend_pid
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": True}) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [ours])


@postgresql
@pytest.mark.parametrize("place", range(1, 6))
def test_sessionEnds_amidTheCommit(world: World, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fill(6)
    world.heal()
    world.send("countMany", 100, 5, 1)
    cut = Cut(place, end_session)
    cut.before_copies(monkeypatch)
    with connection.execute_wrapper(cut):
        for _ in range(3):
            try:
                world.sync()
            except DatabaseError:
                connection.close()
    close_old_connections()
    assert cut.seen > place, "nothing was asked of the lost session"
    assert_whole(world)
    world.end()


@contextmanager
def no_room(pages: int) -> Iterator[None]:
    """SQLite's own words for a full disk: the file may grow by so many pages and no more."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # what earlier tests gave back would be room
        now = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {now + pages}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")


@sqlite
@pytest.mark.parametrize(
    "pages", [2, *(pytest.param(pages, marks=pytest.mark.slow) for pages in (0, 10, 40))]
)
def test_diskFull_amidTheCommit(world: World, pages: int) -> None:
    world.fill(3)
    world.heal()
    for turn in range(4):
        world.send("countMany", 1_000 * turn, 80, 1)
    with no_room(pages), pytest.raises(DatabaseError, match="full"):
        world.sync()
    assert_whole(world)
    world.heal()
    assert Log.objects.count() == 323
    world.end()


@sqlite
def test_databaseLocked_isWaitedFor(world: World) -> None:
    """Another process holds the file for longer than we wait."""
    import sqlite3

    world.fill(3)
    world.heal()
    world.fill(3)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 100")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match="locked"):
        world.sync()
    other.execute("ROLLBACK")
    other.close()
    world.end()


@contextmanager
def no_room_for(table: str) -> Iterator[None]:
    """Our database session may write no byte beyond the end of this table's file: what a full disk is.

    The table is made larger than a segment of the write-ahead log first, which shares the limit, by rows so
    small that no page has room for one of ours besides.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO {table} (log_id, number, by, amount, note) "
            "SELECT -n, '', '', '', '' FROM generate_series(1, 400000) AS n"
        )
        cursor.execute("SET session_replication_role = origin")
        cursor.execute(f"VACUUM {table}")  # gives back the empty pages at its end
        cursor.execute(f"SELECT pg_relation_size('{table}')")
        size = cursor.fetchone()[0]
    assert size > 1 << 24
    session = psutil.Process(connection.connection.info.backend_pid)

    def limit(soft: str) -> None:
        """As the server's own user: it takes a privilege to limit another's process, even for root."""
        who = {"user": session.uids().real, "group": session.gids().real} if os.geteuid() == 0 else {}
        command = ["prlimit", f"--pid={session.pid}", f"--fsize={soft}:"]
        subprocess.run(command, check=True, cwd="/", **who)  # type: ignore[call-overload]

    limit(str(size))
    try:
        yield
    finally:
        limit("unlimited")
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE log_id < 0")


@postgresql
def test_diskFull_amidTheCommit_ofPostgresql(world: World) -> None:
    world.fill(3)
    world.heal()
    for turn in range(4):
        world.send("countMany", 1_000 * turn, 80, 1)
    with (
        no_room_for("test_count"),
        pytest.raises((DatabaseError, HandlerFailed), match="could not extend file"),
    ):
        world.sync()
    assert_whole(world)
    world.heal()
    assert Log.objects.count() == 323
    world.end()
