"""Many rows into one table, quickly: what `bulk_create` stores, without making a model instance a row.

PostgreSQL takes them by COPY, SQLite by executemany, each through Django's own connection and inside its
transaction. A column is converted as a whole: values of the type that its field stores go the short way,
all others through the field's own `get_db_prep_save`, so what ends in the table is the same. Signals and
`save()` are not called, and expressions are not values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from django.db import IntegrityError, connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from chain.columns import Convert, Values, converter
from chain.models import Block, Log

PIECE = 2000  # rows that are converted and sent at a time: the database works while the next are converted
FEW = 3  # rows up to which one INSERT is not slower than a COPY


def insert(model: type[models.Model], rows: Iterable[Mapping[str, Any]]) -> int:
    """Store rows given by column, foreign keys by their `…_id`; returns how many.

    A column that a row does not name takes its field's default. Raises TypeError for a name that is no
    column of `model`, ValueError as the fields do, and Django's database errors.
    """
    using = router.db_for_write(model)
    connection = connections[using]
    rest = iter(rows)
    piece = list(islice(rest, PIECE))
    if not piece:
        return 0
    table = _table(model, _own_keys(model, piece[0]), connection.vendor)
    targets: dict[int, set[Any]] = {place: set() for place in table.unchecked}
    pieces = _columns(table, piece, rest, connection, targets)
    with transaction.atomic(using=using, savepoint=False):
        if connection.vendor == "sqlite":
            count = _executemany(connection, table, pieces)
        elif len(piece) <= FEW:
            count = _insert(connection, table, pieces)
        else:
            count = _copy(connection, table, pieces)
        for place, wanted in targets.items():
            _check(connection, table.unchecked[place], wanted - {None})
    return count


def reserve(*wanted: tuple[type[models.Model], int]) -> list[range]:
    """For each (model, count), that many ids that no other row has or will get.

    To be called within the transaction that inserts them: rows that point at each other can then be stored
    without asking the database for what it numbered.
    """
    connection = connections[router.db_for_write(wanted[0][0])]
    tables = [model._meta.db_table for model, _ in wanted]
    if connection.vendor == "sqlite":
        # The one writer holds the lock, and an explicit id moves SQLite's sequence along.
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, seq FROM sqlite_sequence")
            last = dict(cursor.fetchall())
        starts = [last.get(table, 0) + 1 for table in tables]
        return [range(start, start + count) for start, (_, count) in zip(starts, wanted, strict=True)]
    return _next_values(connection, wanted)


def _next_values(
    connection: BaseDatabaseWrapper, wanted: Sequence[tuple[type[models.Model], int]]
) -> list[range]:
    """From the tables' own sequences, all in one query."""
    one = (
        "SELECT {}, min(id), max(id) FROM ("
        "SELECT nextval((SELECT pg_get_serial_sequence(%s, %s))) AS id FROM generate_series(1, %s)"
        ") AS ids"
    )
    found = [range(0)] * len(wanted)
    left = {place for place, (_, count) in enumerate(wanted) if count}
    with connection.cursor() as cursor:
        while left:
            asked: list[Any] = []
            for place in sorted(left):
                model, count = wanted[place]
                asked += [connection.ops.quote_name(model._meta.db_table), model._meta.pk.column, count]
            cursor.execute(" UNION ALL ".join(one.format(place) for place in sorted(left)), asked)
            for place, first, last in cursor.fetchall():
                # Else somebody took numbers between ours: those are left unused, and others are asked for.
                if last - first + 1 == wanted[place][1]:
                    found[place] = range(first, last + 1)
                    left.discard(place)
    return found


# --- The table -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """One column: its name in rows, its name in SQL, how values become what the database takes."""

    name: str
    column: str
    convert: Convert
    default: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class _Table:
    """The columns of a model that one insert fills."""

    model: type[models.Model]
    columns: tuple[_Column, ...]
    names: frozenset[str]
    unchecked: Mapping[int, Any]  # foreign keys that the database does not check, by their place
    sql: str  # `"table" ("column", …)`


def _own_keys(model: type[models.Model], row: Mapping[str, Any]) -> frozenset[str]:
    """Which of the columns that the database itself can fill `row` names."""
    return frozenset(name for name in _filled_by_database(model) if name in row)


@cache
def _filled_by_database(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field, models.AutoField) or field.has_db_default()
    )


@cache
def _table(model: type[models.Model], own: frozenset[str], vendor: str) -> _Table:
    if model._meta.parents:
        raise TypeError(f"{model.__name__} has rows in more than one table")
    left = frozenset(_filled_by_database(model)) - own
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.attname not in left and not getattr(field, "generated", False)
    ]
    columns = tuple(
        _Column(field.attname, str(field.column), converter(field), _default(field)) for field in fields
    )
    unchecked = {
        place: field
        for place, field in enumerate(fields)
        # The mirror gives logs and blocks the ids that it just reserved: those need no second look.
        if isinstance(field, models.ForeignKey)
        and not field.db_constraint  # type: ignore[attr-defined]
        and field.related_model not in (Block, Log)
    }
    quote = connections[router.db_for_write(model)].ops.quote_name
    sql = f"{quote(model._meta.db_table)} ({', '.join(quote(column.column) for column in columns)})"
    return _Table(model, columns, frozenset(column.name for column in columns), unchecked, sql)


def _default(field: Any) -> Callable[[], Any]:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        if isinstance(field, models.DateTimeField):
            return timezone.now
        raise TypeError(f"{field} must be given")
    default: Callable[[], Any] = field.get_default
    return default


def _columns(
    table: _Table,
    piece: list[Mapping[str, Any]],
    rest: Iterator[Mapping[str, Any]],
    connection: Any,
    targets: dict[int, set[Any]],
) -> Iterator[tuple[Values, ...]]:
    """The rows piece by piece, as converted columns; what unchecked foreign keys name goes to `targets`."""
    while piece:
        names = table.columns if len(piece[0]) == len(table.columns) else _given(table, piece[0])
        taken: dict[str, Values]
        try:
            if len(names) != len(piece[0]) or len(set(map(len, piece))) > 1:
                raise KeyError
            taken = _take([column.name for column in names], piece)
        except KeyError:
            taken = _take_each(table, piece)
        columns = tuple(
            column.convert(
                taken[column.name] if column.name in taken else [column.default() for _ in piece], connection
            )
            for column in table.columns
        )
        for place, found in targets.items():
            found.update(columns[place])
        yield columns
        piece = list(islice(rest, PIECE))


def _given(table: _Table, row: Mapping[str, Any]) -> tuple[_Column, ...]:
    return tuple(column for column in table.columns if column.name in row)


def _take(names: Sequence[str], piece: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    if len(names) < 2:
        return {name: [row[name] for row in piece] for name in names}
    return dict(zip(names, zip(*map(itemgetter(*names), piece), strict=True), strict=True))


def _take_each(table: _Table, piece: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    """As `_take`, for rows that do not all name the same columns. Raises TypeError for one that none has."""
    for row in piece:
        unknown = row.keys() - table.names
        if unknown:
            raise TypeError(f"{table.model.__name__} has no column {', '.join(sorted(unknown))} to insert")
    return {
        column.name: [row[column.name] if column.name in row else column.default() for row in piece]
        for column in table.columns
    }


# --- Databases -------------------------------------------------------------------------------------------


def _executemany(connection: Any, table: _Table, pieces: Iterator[tuple[Values, ...]]) -> int:
    marks = ", ".join(["%s"] * len(table.columns))
    count = 0
    sql = f"INSERT INTO {table.sql} VALUES ({marks})"  # noqa: S608 - the models' own names
    with connection.cursor() as cursor:
        for columns in pieces:
            cursor.executemany(sql, list(zip(*columns, strict=True)))
            count += len(columns[0])
    return count


def _insert(connection: Any, table: _Table, pieces: Iterator[tuple[Values, ...]]) -> int:
    count = 0
    marks = f"({', '.join(['%s'] * len(table.columns))})"
    sql = f"INSERT INTO {table.sql} VALUES "  # noqa: S608 - the models' own names
    with connection.cursor() as cursor:
        for columns in pieces:
            values = list(chain.from_iterable(zip(*columns, strict=True)))
            cursor.execute(sql + ", ".join([marks] * len(columns[0])), values)
            count += len(columns[0])
    return count


def _copy(connection: Any, table: _Table, pieces: Iterator[tuple[Values, ...]]) -> int:
    count = 0
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table.sql} FROM STDIN") as copy,
    ):
        for columns in pieces:
            lines = map("\t".join, zip(*map(_escape, columns), strict=True))
            copy.write(("\n".join(lines) + "\n").encode())
            count += len(columns[0])
    return count


def _check(connection: Any, field: Any, wanted: set[Any]) -> None:
    """Raise IntegrityError unless every one of `wanted` is there for `field` to point at."""
    target, quote = field.target_field, connection.ops.quote_name
    table, column = quote(target.model._meta.db_table), quote(target.column)
    with connection.cursor() as cursor:
        for some in _pieces(sorted(wanted), PIECE // 4):
            marks = ", ".join(["%s"] * len(some))
            cursor.execute(
                f"SELECT count(*) FROM {table} WHERE {column} IN ({marks})",  # noqa: S608 - the models' own
                some,
            )
            if cursor.fetchone() != (len(some),):
                raise IntegrityError(f"{field} names {field.related_model.__name__} rows that are not there")


def _pieces(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _escape(values: Values) -> Values:
    """Text as COPY wants it: `\\N` for NULL, and its own separators behind a backslash."""
    if None in values:
        return ["\\N" if value is None else _escaped(value) for value in values]
    joined = "".join(values)
    if "\\" in joined or "\n" in joined or "\t" in joined or "\r" in joined:
        return [_escaped(value) for value in values]
    return values


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
