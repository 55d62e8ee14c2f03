"""`rows.insert` against `bulk_create`: what the one stores, the other stores."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain import rows
from chain.models import Block, Log
from tests.chain.tables import Sample

pytestmark = pytest.mark.django_db

HARD = [
    "\t",
    "\n",
    "\r",
    "\\",
    "\\.",
    "\\N",
    "\\n.\n",
    '"',
    "'",
    "%s",
    "%(x)s",
    "🜁",
    "\u2028",
    "",
    "\x01",
    "é\ufffd",
]
texts = st.lists(
    st.sampled_from(HARD) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    max_size=4,
).map("".join)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
)
jsons = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.none() | st.integers(0, 2**256 - 1) | st.sampled_from([0, 2**256 - 1, 2**64, "12"]),
    "hash": st.none()
    | st.binary(min_size=4, max_size=4).map(lambda raw: "0x" + raw.hex())
    | st.just("0xABCDEF00"),
    "text": texts,
    "name": st.none() | texts.map(lambda text: text[:200]) | st.just(Sample.Kind.ONE),
    "json": jsons,
    "flag": st.booleans(),
    "small": st.none() | st.integers(-(2**15), 2**15 - 1) | st.booleans(),
    "big": st.none() | st.integers(-(2**63), 2**63 - 1),
    "seen": st.none()
    | st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    "token": st.none() | st.uuids(),
    "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "amount": st.none() | st.decimals(-(10**12), 10**12, places=4),
    "raw": st.none() | st.binary(max_size=9),
}
MADE = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def stored() -> list[tuple[Any, ...]]:
    """The table as the database holds it; JSON as it reads, for its spaces are not its meaning."""
    names = [field.column for field in Sample._meta.concrete_fields if field.column not in ("id", "made")]
    with connection.cursor() as cursor:
        quoted = ", ".join(map(connection.ops.quote_name, names))
        cursor.execute(f"SELECT {quoted} FROM test_sample ORDER BY id")
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in found:
        for name, value in row.items():
            if name == "json" and value is not None:
                row[name] = json.dumps(json.loads(value), sort_keys=True)
            elif isinstance(value, memoryview):
                row[name] = bytes(value)
    return [tuple(row.values()) for row in found]


def check_same(given_rows: list[dict[str, Any]]) -> None:
    """Store the rows both ways and compare."""
    with transaction.atomic():
        _check_same(given_rows)


def _check_same(given_rows: list[dict[str, Any]]) -> None:
    Sample.objects.all().delete()
    Sample.objects.bulk_create(Sample(**row) for row in given_rows)
    wanted, read = stored(), list(Sample.objects.order_by("id").values_list("json", flat=True))
    Sample.objects.all().delete()
    assert rows.insert(Sample, iter(given_rows)) == len(given_rows)
    assert stored() == wanted
    assert list(Sample.objects.order_by("id").values_list("json", flat=True)) == read


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.fixed_dictionaries(COLUMNS), max_size=4))
def test_whatBulkCreateStores_isStored(given_rows: list[dict[str, Any]]) -> None:
    check_same(given_rows)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.fixed_dictionaries({}, optional=COLUMNS), min_size=1, max_size=4))
def test_aColumnThatARowLeavesOut_hasItsDefault(given_rows: list[dict[str, Any]]) -> None:
    check_same(given_rows)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.fixed_dictionaries(COLUMNS), min_size=1, max_size=3), st.integers(9, 40))
def test_manyRows_areStoredAsFew(given_rows: list[dict[str, Any]], times: int) -> None:
    """More rows than one INSERT takes: a COPY on PostgreSQL."""
    check_same(given_rows * times)


def test_moreThanAPiece_isStored() -> None:
    count = 2 * 2000 + 7
    assert rows.insert(Sample, ({"big": number, "text": f"a\tb{number}"} for number in range(count))) == count
    assert list(Sample.objects.order_by("big").values_list("big", "text")) == [
        (number, f"a\tb{number}") for number in range(count)
    ]
    assert set(Sample.objects.values_list("flag", "name")) == {(True, None)}


@pytest.mark.parametrize("count", [1, 3, 4, 60])
def test_whatIsPrepared_isStoredWithWhatComesLater(count: int) -> None:
    texts = [f"a\t{place}\\" for place in range(count)]
    columns = {"text": texts, "number": list(range(count))}
    with CaptureQueriesContext(connection) as asked:
        prepared = rows.prepare(Sample, columns, "id", "big")
    assert not asked
    with pytest.raises(KeyError):
        rows.store(prepared, id=range(1, count + 1))
    assert rows.store(prepared, id=range(1, count + 1), big=[7] * count) == count
    assert list(Sample.objects.order_by("id").values_list("id", "big", "text", "number", "flag")) == [
        (place + 1, 7, text, place, True) for place, text in enumerate(texts)
    ]


def test_columns_areEquallyLong_andKnown() -> None:
    with pytest.raises(ValueError, match="columns of"):
        rows.insert_columns(Sample, {"big": [1, 2], "text": ["a"]})
    with pytest.raises(TypeError, match="Sample has no column colour"):
        rows.prepare(Sample, {"big": [1]}, "colour")
    with pytest.raises(TypeError, match="keys must be there before"):
        rows.prepare(Sample, {"big": [1]}, "parent_id")
    assert rows.insert_columns(Sample, {"big": []}) == 0
    assert not Sample.objects.exists()


def test_noRows_isNoQuery() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert rows.insert(Sample, iter([])) == 0
    assert not asked


@pytest.mark.parametrize("times", [1, 60])
def test_unknownColumn_isNamed(times: int) -> None:
    with pytest.raises(TypeError, match="Sample has no column colour"), transaction.atomic():
        rows.insert(Sample, [{"big": 1}] * times + [{"big": 1, "colour": "red"}])
    with pytest.raises(TypeError, match="Sample has no column count to insert"), transaction.atomic():
        rows.insert(Sample, [{"count": None}] * times)  # it is called count_id here
    assert not Sample.objects.exists()


@pytest.mark.parametrize("times", [1, 60])
@pytest.mark.parametrize(
    "row",
    [
        {"number": 2**256},
        {"number": -1},
        {"number": True},
        {"number": 1.5},
        {"hash": "0x12"},
        {"hash": "0x1234567g"},
        {"hash": "1234567890"},
        {"hash": "0x123456 7"},
        {"hash": "0x12345٣78"},
    ],
)
def test_whatAFieldRefuses_isRefused(row: dict[str, Any], times: int) -> None:
    with pytest.raises(ValueError), transaction.atomic():
        rows.insert(Sample, [{"number": 1, "hash": "0x12345678"}] * times + [row])
    with pytest.raises(ValueError):
        Sample.objects.bulk_create([Sample(**row)])


@pytest.mark.parametrize("times", [1, 60])
def test_whatTheDatabaseRefuses_isDjangosError(times: int) -> None:
    rows.insert(Sample, [{"id": 5}])
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(Sample, [{"id": 5 + number} for number in range(times)])
    with pytest.raises((DataError, OverflowError)), transaction.atomic():
        rows.insert(Sample, [{"big": 2**63}] * times)
    assert Sample.objects.count() == 1


@pytest.mark.parametrize("times", [1, 60])
def test_aKeyThatTheDatabaseDoesNotCheck_isChecked(times: int) -> None:
    rows.insert(Sample, [{"id": 7}])
    assert rows.insert(Sample, [{"parent_id": 7}, {"parent_id": None}] * times) == 2 * times
    with pytest.raises(IntegrityError, match="names Sample rows that are not there"), transaction.atomic():
        rows.insert(Sample, [{"parent_id": 7}] * times + [{"parent_id": 10**9}])
    assert Sample.objects.count() == 1 + 2 * times


def test_reservedIds_areUsedByNobodyElse() -> None:
    def block(number: int, **more: Any) -> dict[str, Any]:
        return {
            "number": number,
            "hash": f"0x{number:064x}",
            "parent_hash": "0x" + "00" * 32,
            "timestamp": 1,
            **more,
        }

    with transaction.atomic():
        Block.objects.create(**block(1))
        blocks, logs = rows.reserve((Block, 3), (Log, 0))
        assert len(set(blocks)) == 3
        assert list(logs) == []
        rows.insert(Block, [block(2 + place, id=number) for place, number in enumerate(blocks)])
        later = Block.objects.create(**block(9))
        assert rows.insert(Block, [block(10)]) == 1
    assert later.pk not in blocks
    assert Block.objects.count() == 6


def test_oneRowOfEachKind_readsBack() -> None:
    row = {
        "number": 2**256 - 1,
        "hash": "0x00ff00ff",
        "text": "a\tb\nc\\d\\.\r'\"🜁",
        "name": "\\N",
        "json": {"a\n": ["\\", "\t", None, 2**60, "🜁"]},
        "flag": False,
        "small": -3,
        "big": 2**62,
        "seen": MADE,
        "token": UUID(int=7),
        "ratio": 0.1,
        "amount": Decimal("1.2500"),
        "raw": b"\x00\\x",
    }
    for times in (1, 50):
        Sample.objects.all().delete()
        rows.insert(Sample, [row] * times)
        assert list(Sample.objects.values(*row)) == [row] * times
        assert not Sample.objects.filter(made=None).exists()
