"""Columns for what a chain holds: 256-bit numbers, and bytes as lower-case hexadecimal text.

`DecimalField` and `Sum` are floating point on SQLite (10^18 + 1 comes back as 10^18), so a uint256 is
stored as 78 decimal digits with leading zeros: exact on every database, readable in SQL, and sorted by
value in any collation. `ExactSum` adds such columns up exactly: as NUMERIC on PostgreSQL, by an aggregate
of ours on SQLite. PostgreSQL compares both kinds of columns byte by byte (collation "C"): quicker than by
a language's rules, and one index serves prefixes too.
"""

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import connections, models
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLiteConnection

UINT256_MAX = 2**256 - 1
DIGITS = 78

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*")


class _ByteOrder(models.Field):
    """Text of up to `_width` ASCII characters that the database compares byte by byte."""

    _width: int

    def db_type(self, connection: Any) -> str:
        # Spelled out on PostgreSQL: for "varchar", Django makes a second index for LIKE beside each.
        kind = "character varying" if connection.vendor == "postgresql" else "varchar"
        return f"{kind}({self._width})"

    def db_parameters(self, connection: Any) -> Any:
        collation = "C" if connection.vendor == "postgresql" else None
        return super().db_parameters(connection) | {"collation": collation}


class Uint256Field(_ByteOrder):
    """A Python int from 0 to 2^256 - 1, stored as 78 digits of text. Anything else raises ValueError."""

    description = "unsigned 256-bit integer"
    _width = DIGITS

    def get_internal_type(self) -> str:
        return "CharField"

    def get_prep_value(self, value: Any) -> str | None:
        value = super().get_prep_value(value)
        if value is None:
            return None
        number = self._number(value)
        if not 0 <= number <= UINT256_MAX:
            raise ValueError(f"{number} is not an unsigned 256-bit integer")
        return f"{number:0{DIGITS}d}"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: Any) -> int | None:
        if value is None or value == "":
            return None
        try:
            return self._number(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str(value)

    @staticmethod
    def _number(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError(f"{value!r} is not an integer")
        return int(value)


class HexField(_ByteOrder, models.CharField):
    """`length` bytes as lower-case `0x…` text (an address has 20, a hash 32). Upper case is folded on the
    way in.
    """

    description = "bytes as lower-case hexadecimal text"

    def __init__(self, length: int, **kwargs: Any):
        self.length = length
        kwargs["max_length"] = self._width = 2 + 2 * length
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("max_length", None)
        return name, path, [self.length, *args], kwargs

    def get_prep_value(self, value: Any) -> Any:
        # Not CharField's own, which would report a wrong value as a form's error.
        value = models.Field.get_prep_value(self, value)
        if value is None or value == "":
            return value
        return self._text(value)

    def to_python(self, value: Any) -> Any:
        if value is None or value == "":
            return value
        try:
            return self._text(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def _text(self, value: Any) -> str:
        text = str(value).lower()
        if len(text) != 2 + 2 * self.length or not _HEX.fullmatch(text):
            raise ValueError(f"{value!r} is not {self.length} bytes of hexadecimal text")
        return text


def order_by_bytes(apps: Any, schema_editor: Any, app_label: str) -> None:
    """For a migration: give tables that are older than `_ByteOrder` what it asks of PostgreSQL."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for model in apps.get_app_config(app_label).get_models():
        table = schema_editor.quote_name(model._meta.db_table)
        kinds = {
            field.column: field.db_type(schema_editor.connection)
            for field in model._meta.local_concrete_fields
            if isinstance(stored(field), _ByteOrder)
        }
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation"
                " WHERE attrelid = %s::regclass AND attname = ANY(%s) AND collname <> 'C'",
                [table, list(kinds)],
            )
            columns = sorted(name for (name,) in cursor.fetchall())
            cursor.execute(
                "SELECT DISTINCT indexrelid::regclass::text FROM pg_index"
                " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)"
                " JOIN pg_opclass ON pg_opclass.oid = ANY(indclass)"
                " WHERE indrelid = %s::regclass AND attname = ANY(%s) AND opcname = 'varchar_pattern_ops'",
                [table, list(kinds)],
            )
            twins = sorted(name for (name,) in cursor.fetchall())
        for twin in twins:
            schema_editor.execute(f"DROP INDEX {twin}")
        if columns:
            quote = schema_editor.quote_name
            changes = [f'ALTER COLUMN {quote(name)} TYPE {kinds[name]} COLLATE "C"' for name in columns]
            schema_editor.execute(f"ALTER TABLE {table} {', '.join(changes)}")


def stored(field: Any) -> Any:
    """The field whose kind of value a foreign key stores; any other field itself."""
    while field.is_relation:
        field = field.target_field
    return field


class ExactSum(models.Aggregate):
    """The exact sum of a `Uint256Field` as an int of any size; 0 for no rows. Use it like `Sum`."""

    function = "UINT256_SUM"
    arity = 1

    def __init__(self, expression: Any, **extra: Any):
        extra.setdefault("output_field", models.TextField())
        super().__init__(expression, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        numeric = self.copy()
        numeric.template = "SUM((%(expressions)s)::numeric)"
        return numeric.as_sql(compiler, connection, **extra)

    def convert_value(self, value: Any, expression: Any, connection: Any) -> int:
        if value is None:
            return 0
        return int(value) if not isinstance(value, float) else int(Decimal(value))

    @property
    def empty_result_set_value(self) -> int:  # type: ignore[override]
        """What a queryset that is known to be empty adds up to."""
        return 0


def exact_sum(queryset: models.QuerySet[Any], field: str) -> int:
    """The exact sum of the `Uint256Field` called `field` over `queryset`."""
    return cast(int, queryset.aggregate(total=ExactSum(field))["total"])


class _Uint256Sum:
    """SQLite's side of `ExactSum`: Python integers in, decimal text out."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, value: str | None) -> None:
        """Add one row's value."""
        if value is not None:
            self.total += int(value)

    def finalize(self) -> str:
        """The sum."""
        return str(self.total)


def _add_aggregate(connection: Any, **_: Any) -> None:
    if connection.vendor == "sqlite":
        handle = cast(sqlite3.Connection, connection.connection)
        handle.create_aggregate("UINT256_SUM", 1, cast(Any, _Uint256Sum))


def register_sqlite_functions() -> None:
    """Give every SQLite connection, open or yet to be opened, the aggregate that `ExactSum` calls."""
    connection_created.connect(_add_aggregate, dispatch_uid="chain.fields.uint256_sum")
    for connection in connections.all(initialized_only=True):
        if isinstance(connection, SQLiteConnection) and connection.connection is not None:
            _add_aggregate(connection)
