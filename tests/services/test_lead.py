"""Two indexers, two beats on one database: one leads, the other takes over; two at work do no harm."""

import threading
from typing import Any

import pytest
from django.db import connection, connections

from chain.lead import Lead
from tests.services.drives import Drive
from tests.services.fleet import Fleet, Process

pytestmark = pytest.mark.services


def elsewhere(lead: Lead) -> bool:
    """What `held` says in a thread with a database connection of its own."""
    answers: list[bool] = []

    def ask() -> None:
        answers.append(lead.held())
        connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(60)
    return answers[0]


@pytest.mark.django_db(transaction=True)
def test_oneLeads_untilItsConnectionEnds():
    assert connection.vendor == "postgresql", "set DATABASE_URL, or run make test-services"
    ours = Lead("tests")
    assert ours.held()
    assert ours.held(), "asking again is no second lock"
    assert not elsewhere(Lead("tests"))
    assert elsewhere(Lead("tests, of another kind"))
    connection.close()
    assert elsewhere(Lead("tests"))
    assert ours.held(), "it was given back, and is taken anew"
    connection.close()


@pytest.mark.parametrize("kind", ["indexer", "beat"])
def test_aSecondOne_standsBy_takesOver_andDoesNoHarm(fleet: Fleet, kind: str, tmp_path: Any):
    first = fleet.named(kind)
    second = Process(kind, fleet.environment, tmp_path / "second.txt").start()
    try:
        fleet.until(lambda: "stands by" in second.console(), "the second to stand by")
        Drive(fleet).begin().arrive()
        first.kill()
        fleet.until(lambda: f"{kind} leads" in second.console(), "the second to take over")
        first.start()
        Drive(fleet).begin().arrive()
        assert second.running
    finally:
        second.end()
        first.end()
        first.start()
