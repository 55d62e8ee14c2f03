"""What an operator is told first: what can't go on, why, and what would help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from chain.models import Transaction, TransactionState
from compute import pictures
from gallery import attention, health, rebuilds
from gallery.models import Control, Epoch
from tests.governance.factories import block, place

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site of which every check is well, so that only what a test breaks is told."""
    cache.clear()
    monkeypatch.setattr(health, "report", lambda: health.Report(True, []))


def told() -> list[str]:
    return [trouble.what for trouble in attention.troubles()]


def sent(key: str, state: str, error: str) -> Transaction:
    return Transaction.objects.create(
        key=key, state=state, error=error, contract="LivingArtwork", function="sealEpoch", to="0x" + "aa" * 20
    )


def test_allWell_nothingIsTold() -> None:
    assert told() == []


def test_checkThatFailed_comesWithARemedy(monkeypatch: pytest.MonkeyPatch) -> None:
    ill = health.Check("operator", False, "The operator has 0.000001 ether left: send it some.")
    monkeypatch.setattr(health, "report", lambda: health.Report(False, [ill]))
    (trouble,) = attention.troubles()
    assert trouble.what == ill.words
    assert "OPERATOR_KEY" in trouble.help


def test_everyCheckOfTheReport_hasARemedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert {check.name for check in health.report().checks} <= set(attention.REMEDIES)


def test_pausedAndRebuilding_areTold() -> None:
    Control.change(paused=True, paused_reason="Hanging day")
    rebuilds.ask("olga")
    assert told() == ["The cycle is paused: Hanging day", "0 % of the mirror is read again."]


def test_transactionThatFails_isToldWithItsReason_untilItsEpochIsPast() -> None:
    Epoch.objects.create(number=3, ends_at=100, log=place(block(1))["log"])
    sent("seal:3", TransactionState.REVERTED, "EpochStillOpen(12)")
    sent("seal:2", TransactionState.FAILED, "long ago")
    sent("queue:17", TransactionState.QUEUED, "insufficient funds")
    sent("execute:17", TransactionState.MINED, "")
    found = told()
    assert len(found) == 2
    assert "EpochStillOpen(12)" in found[1]
    assert "insufficient funds" in found[0]


def test_pictureWhoseFileIsLost_isTold(colours: Any) -> None:
    picture = pictures.keep(colours)
    assert told() == []
    Path(picture.file.path).unlink()
    (trouble,) = attention.troubles()
    assert picture.file_hash in trouble.what
    assert "Paint that generation again" in trouble.help
