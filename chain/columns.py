"""A column's values as the database takes them, all at once.

Where all are of the type that the field stores, they are converted in a few passes; else each goes through
the field's own `get_db_prep_save`. For SQLite the result is values, for PostgreSQL text, None for NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from chain.fields import DIGITS, UINT256_MAX, HexField, Uint256Field, stored

Values = Sequence[Any]
Convert = Callable[[Values, BaseDatabaseWrapper], Values]


def converter(field: Any) -> Convert:
    """How the values of `field` are converted; of a foreign key's, as those that it points at."""
    field = stored(field)
    kinds, quick = _QUICK.get(type(field), (frozenset(), None))
    if isinstance(field, models.JSONField) and field.encoder is not None:
        quick = None
    nullable = kinds | {type(None)}

    def convert(values: Values, connection: BaseDatabaseWrapper) -> Values:
        found = set(map(type, values))
        if quick is not None:
            if found <= kinds:
                made = quick(field, values, connection)
                if made is not None:
                    return made
            elif found <= nullable:
                made = quick(field, [value for value in values if value is not None], connection)
                if made is not None:
                    filled = iter(made)
                    return [None if value is None else next(filled) for value in values]
        prepared = [field.get_db_prep_save(value, connection) for value in values]
        return prepared if connection.vendor == "sqlite" else _as_text(prepared, connection)

    return convert


def _as_text(values: Values, connection: BaseDatabaseWrapper) -> Values:
    """What psycopg would send for these, as text; None for NULL."""
    from psycopg.adapt import PyFormat, Transformer

    adapt = Transformer(connection.connection)

    def text(value: Any) -> str | None:
        if value is None or type(value) is str:
            return value
        dumped = adapt.get_dumper(value, PyFormat.TEXT).dump(value)
        return None if dumped is None else bytes(dumped).decode()

    return [text(value) for value in values]


def _integers(field: Any, values: Values, connection: Any) -> Values | None:
    return values if connection.vendor == "sqlite" else list(map(str, values))


def _booleans(field: Any, values: Values, connection: Any) -> Values | None:
    return values if connection.vendor == "sqlite" else ["t" if value else "f" for value in values]


def _texts(field: Any, values: Values, connection: Any) -> Values | None:
    return values


def _uint256(field: Any, values: Values, connection: Any) -> Values | None:
    distinct = set(values)
    if not distinct or min(distinct) < 0 or max(distinct) > UINT256_MAX:
        return None  # the field says what is wrong with it
    made = {value: str(value).zfill(DIGITS) for value in distinct}
    return [made[value] for value in values]


def _hex(field: HexField, values: Values, connection: Any) -> Values | None:
    """All of them at once: `0x`, then lower-case digits, each as long as the field says."""
    distinct = set(values)
    width = 2 + 2 * field.length
    joined = "".join(distinct)
    count = len(distinct)
    if (
        set(map(len, distinct)) == {width}
        and joined.isascii()
        and joined[::width] == "0" * count
        and joined[1::width] == "x" * count
        and joined.encode().translate(None, b"0123456789abcdef") == b"x" * count
    ):
        return values
    return None


def _json(field: Any, values: Values, connection: Any) -> Values | None:
    try:
        return [orjson.dumps(value, option=_JSON).decode() for value in values]
    except TypeError:
        return None  # integers beyond 64 bits and the like: Python's own encoder knows them


_JSON = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_INTEGERS = (frozenset({int}), _integers)
_TEXTS = (frozenset({str}), _texts)
_QUICK: dict[type, tuple[frozenset[type], Callable[[Any, Values, Any], Values | None]]] = {
    models.AutoField: _INTEGERS,
    models.BigAutoField: _INTEGERS,
    models.IntegerField: _INTEGERS,
    models.BigIntegerField: _INTEGERS,
    models.SmallIntegerField: _INTEGERS,
    models.PositiveIntegerField: _INTEGERS,
    models.PositiveBigIntegerField: _INTEGERS,
    models.PositiveSmallIntegerField: _INTEGERS,
    models.BooleanField: (frozenset({bool}), _booleans),
    models.CharField: _TEXTS,
    models.TextField: _TEXTS,
    models.JSONField: (frozenset({dict, list, str}), _json),
    Uint256Field: (frozenset({int}), _uint256),
    HexField: (frozenset({str}), _hex),
}
