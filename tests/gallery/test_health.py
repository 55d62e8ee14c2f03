"""What the site says of its own health, and to whom."""

import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from chain.models import Cursor, Transaction
from compute.models import Rendering
from gallery import health, tasks
from gallery.models import Control


@pytest.fixture(autouse=True)
def forget():
    cache.clear()


def test_aSiteThatRuns_isWell(world):
    tasks.tick()
    report = health.report()
    assert report.ok, [check.words for check in report.checks if not check.ok]
    names = [
        "database",
        "cache",
        "chain",
        "nodes",
        "mirror",
        "finality",
        "tick",
        "painter",
        "operator",
        "disk",
    ]
    assert [check.name for check in report.checks] == names
    assert report["mirror"].detail["behind"] == 0
    assert int(report["operator"].detail["wei"]) > 10**18
    assert report["tick"].detail["age_s"] < 30


def test_nothingRunsYet_eachPartSaysWhatToStart(transactional_db):
    report = health.report()
    assert not report.ok
    assert "is the indexer running?" in report["mirror"].words
    assert "beat and the control worker" in report["tick"].words
    assert report["database"].ok


def test_aMirrorNobodyKeeps_isToldFromAQuietChain(world):
    long_ago = timezone.now() - timedelta(minutes=5)
    Cursor.objects.update(updated_at=long_ago)
    assert "is the indexer running?" in health.report()["mirror"].words
    world.sync()  # no new block, but somebody looked
    assert health.report()["mirror"].ok


def test_whatStopsTheMirrorAndTheTick_isSaid(world):
    Cursor.objects.update(error="RpcUnavailable: no answer from http://127.0.0.1:1")
    Control.change(error="Epochs: RecipeMismatch: not ours")
    health.note_tick(0.1)
    report = health.report()
    assert "RpcUnavailable" in report["mirror"].words
    assert "RecipeMismatch" in report["tick"].words


def test_aTransactionThatCannotBeSent_isSaid(world):
    error = "no answer from http://127.0.0.1:1: it did not answer in time"
    Transaction.objects.create(
        key="anchor:1", contract="SoloPainter", function="anchor", to="0x" + "11" * 20, data="0x", error=error
    )
    health.note_tick(0.1)
    assert health.report()["tick"].words == f"A transaction could not be sent: {error}"


def test_aTickLongGone_isMissed(transactional_db):
    cache.set(health.TICK, {"at": time.time() - 90, "seconds": 0.2})
    assert "90 s ago" in health.report()["tick"].words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"state": "queued", "due_at": timezone.now() - timedelta(minutes=3)},
            "is the paint worker running?",
        ),
        ({"state": "painting", "lease_until": timezone.now() - timedelta(minutes=1)}, "not heard of"),
        ({"state": "failed", "error": "OutOfMemory: no room"}, "OutOfMemory"),
    ],
)
def test_aPainterInTrouble_isSaid(transactional_db, fields, words):
    created = timezone.now() - timedelta(minutes=4)
    Rendering.objects.create(
        recipe_hash="0x" + "11" * 32, epoch_number=1, recipe={}, created_at=created, **fields
    )
    check = health.report()["painter"]
    assert not check.ok
    assert words in check.words


def test_alive_asksNothing(client: Client):
    """No database mark: a query would fail the test."""
    response = client.get("/healthz/")
    assert response.status_code == 200
    assert response.json() == {"ok": True}


def test_ready_withAFreshMirror(world, client: Client):
    response = client.get("/readyz/")
    assert response.status_code == 200, response.content
    assert response["Cache-Control"] == "no-store"
    assert set(response.json()["checks"]) == {"database", "cache", "nodes", "mirror"}


def test_notReady_saysWhy(transactional_db, client: Client):
    response = client.get("/readyz/")
    assert response.status_code == 503
    assert response.json()["problems"] == ["Nothing was mirrored yet: is the indexer running?"]


def test_aDatabaseThatIsAway_isACheckThatFails(transactional_db, monkeypatch: pytest.MonkeyPatch):
    def away(*_arguments: object) -> None:
        raise DatabaseError("password=secret refused")

    monkeypatch.setattr(Cursor, "current", away)
    check = health.report()["mirror"]
    assert check.words == "The database does not answer (DatabaseError)."
