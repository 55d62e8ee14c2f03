"""Many rows into one table, quickly: what `bulk_create` stores, without making a model instance a row.

PostgreSQL takes them by COPY, SQLite by executemany, each through Django's own connection and inside its
transaction. What they are made of can be made before, elsewhere: `prepare`, then `store`. A column is
converted as a whole: values of the type that its field stores go the short way, all others through the
field's own `get_db_prep_save`, so what ends in the table is the same. Signals and `save()` are not called,
and expressions are not values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any

from django.db import IntegrityError, connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from chain.columns import Convert, Values, converter
from chain.models import Block, Log

FEW = 3  # rows up to which one INSERT is not slower than a COPY
ASKED = 500  # keys that are looked for in one query


def insert(model: type[models.Model], rows: Iterable[Mapping[str, Any]]) -> int:
    """Store rows given by column, foreign keys by their `…_id`; returns how many.

    A column that a row does not name takes its field's default. Raises TypeError for a name that is no
    column of `model`, ValueError as the fields do, and Django's database errors.
    """
    given = list(rows)
    return insert_columns(model, _transposed(model, given)) if given else 0


def insert_columns(model: type[models.Model], columns: Mapping[str, Values]) -> int:
    """As `insert`, of equally long columns by their names, which is quicker where there are thousands."""
    return store(prepare(model, columns))


def prepare(model: type[models.Model], columns: Mapping[str, Values], *later: str) -> Prepared:
    """What `store` needs, made without the database: in another thread, say. The values of the columns that
    `later` names are still to come.
    """
    connection = connections[router.db_for_write(model)]
    table = _table(model, frozenset(columns), later, connection.vendor)
    lengths = set(map(len, columns.values()))
    if len(lengths) != 1:
        raise ValueError(f"columns of {sorted(lengths)} values")
    (count,) = lengths
    made = []
    for column in table.columns[len(later) :]:
        values = columns.get(column.name)
        if values is None:
            values = [column.default() for _ in range(count)]
        made.append(column.convert(values, connection))
    lines = None
    if connection.vendor != "sqlite" and count > FEW:
        lines = list(map("\t".join, zip(*map(_escape, made), strict=True)))
    targets = {place: set(made[place - len(later)]) - {None} for place in table.unchecked}
    return Prepared(table, count, made, lines, targets)


def store(prepared: Prepared, **later: Values) -> int:
    """Store what was prepared, with the columns that were still to come; returns how many rows."""
    table = prepared.table
    if not prepared.count:
        return 0
    using = router.db_for_write(table.model)
    connection = connections[using]
    missing = table.columns[: len(table.columns) - len(prepared.columns)]
    first = [column.convert(later[column.name], connection) for column in missing]
    with transaction.atomic(using=using, savepoint=False):
        if connection.vendor == "sqlite":
            _executemany(connection, table, zip(*first, *prepared.columns, strict=True))
        elif prepared.lines is None:
            _insert(connection, table, zip(*first, *prepared.columns, strict=True), prepared.count)
        else:
            _copy(connection, table, first, prepared.lines)
        for place, wanted in prepared.targets.items():
            _check(connection, table.unchecked[place], wanted)
    return prepared.count


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
    one = "SELECT {}, min(id), max(id) FROM (SELECT nextval(%s) AS id FROM generate_series(1, %s)) AS ids"
    found = [range(0)] * len(wanted)
    left = {place for place, (_, count) in enumerate(wanted) if count}
    with connection.cursor() as cursor:
        while left:
            asked: list[Any] = []
            for place in sorted(left):
                model, count = wanted[place]
                asked += [_sequence(connection.alias, model), count]
            cursor.execute(" UNION ALL ".join(one.format(place) for place in sorted(left)), asked)
            for place, first, last in cursor.fetchall():
                # Else somebody took numbers between ours: those are left unused, and others are asked for.
                if last - first + 1 == wanted[place][1]:
                    found[place] = range(first, last + 1)
                    left.discard(place)
    return found


@cache
def _sequence(using: str, model: type[models.Model]) -> str:
    """The name of what numbers a table's rows."""
    connection = connections[using]
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, model._meta.pk.column])
        (name,) = cursor.fetchone()
    return str(name)


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
    unchecked: Mapping[int, Any]  # foreign keys that the database does not check, by their place
    sql: str  # `"table" ("column", …)`


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows as the database takes them, but for their first columns perhaps."""

    table: _Table
    count: int
    columns: Sequence[Values]
    lines: Sequence[str] | None  # the same as lines of COPY, where that is how they go
    targets: Mapping[int, set[Any]]  # what unchecked foreign keys name, by their place


@cache
def _filled_by_database(model: type[models.Model]) -> frozenset[str]:
    return frozenset(
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field, models.AutoField) or field.has_db_default()
    )


@cache
def _fields(model: type[models.Model]) -> Mapping[str, Any]:
    if model._meta.parents:
        raise TypeError(f"{model.__name__} has rows in more than one table")
    return {
        field.attname: field
        for field in model._meta.concrete_fields
        if not getattr(field, "generated", False)
    }


@cache
def _table(model: type[models.Model], given: frozenset[str], later: tuple[str, ...], vendor: str) -> _Table:
    known = _fields(model)
    _refuse_unknown(model, given.union(later))
    left = _filled_by_database(model) - given
    fields = [known[name] for name in later]
    fields += [field for name, field in known.items() if name not in left and name not in later]
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
    if unchecked and min(unchecked) < len(later):
        raise TypeError(f"{model.__name__}'s keys must be there before")
    quote = connections[router.db_for_write(model)].ops.quote_name
    sql = f"{quote(model._meta.db_table)} ({', '.join(quote(column.column) for column in columns)})"
    return _Table(model, columns, unchecked, sql)


def _refuse_unknown(model: type[models.Model], names: AbstractSet[str]) -> None:
    unknown = names - _fields(model).keys()
    if unknown:
        raise TypeError(f"{model.__name__} has no column {', '.join(sorted(unknown))} to insert")


def _default(field: Any) -> Callable[[], Any]:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        if isinstance(field, models.DateTimeField):
            return timezone.now
        raise TypeError(f"{field} must be given")
    default: Callable[[], Any] = field.get_default
    return default


def _transposed(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    """Rows as columns."""
    names = list(rows[0])
    if set(map(len, rows)) == {len(names)}:
        try:
            if len(names) == 1:
                return {names[0]: [row[names[0]] for row in rows]}
            return dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True))
        except (KeyError, TypeError):
            pass  # they do not all name the same columns
    every = set().union(*rows)
    if not every:
        every = {next(name for name in _fields(model) if name not in _filled_by_database(model))}
    _refuse_unknown(model, every)
    defaults = {name: _default(_fields(model)[name]) for name in every}
    return {name: [row[name] if name in row else defaults[name]() for row in rows] for name in every}


# --- Databases -------------------------------------------------------------------------------------------


def _executemany(connection: Any, table: _Table, rows: Iterable[Values]) -> None:
    marks = ", ".join(["%s"] * len(table.columns))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table.sql} VALUES ({marks})", list(rows))  # noqa: S608 - ours


def _insert(connection: Any, table: _Table, rows: Iterable[Values], count: int) -> None:
    marks = f"({', '.join(['%s'] * len(table.columns))})"
    sql = f"INSERT INTO {table.sql} VALUES {', '.join([marks] * count)}"  # noqa: S608 - the models' own names
    with connection.cursor() as cursor:
        cursor.execute(sql, list(chain.from_iterable(rows)))


def _copy(connection: Any, table: _Table, first: Sequence[Values], lines: Iterable[str]) -> None:
    if first:
        lines = map("\t".join, zip(*map(_escape, first), lines, strict=True))
    text = ("\n".join(lines) + "\n").encode()
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table.sql} FROM STDIN") as copy,
    ):
        copy.write(text)


def _check(connection: Any, field: Any, wanted: set[Any]) -> None:
    """Raise IntegrityError unless every one of `wanted` is there for `field` to point at."""
    target, quote = field.target_field, connection.ops.quote_name
    table, column = quote(target.model._meta.db_table), quote(target.column)
    with connection.cursor() as cursor:
        for some in _pieces(sorted(wanted), ASKED):
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
