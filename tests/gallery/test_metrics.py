"""What Prometheus reads, and who may."""

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.test import Client, RequestFactory
from prometheus_client.parser import text_string_to_metric_families

from chain.models import Cursor
from config import metrics
from gallery import tasks
from gallery.models import Control


@pytest.fixture(autouse=True)
def forget():
    cache.clear()


def scrape(client: Client, **options: object) -> dict[tuple[str, str], float]:
    """Samples by name and the values of their labels, sorted."""
    response = client.get("/metrics", **options)
    assert response.status_code == 200, response.content
    return {
        (sample.name, " ".join(sorted(sample.labels.values()))): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_everyPart_isMeasured(world, client: Client):
    client.get("/about/")
    tasks.tick()
    metrics.task_ended("gallery.tasks.tick", "SUCCESS")
    metrics.task_ended("gallery.tasks.tick", "SUCCESS")
    found = scrape(client)
    assert found["murmuration_chain_head_block", ""] == Cursor.current().head_number
    assert found["murmuration_mirror_lag_blocks", ""] == 0
    assert found["murmuration_epoch_number", ""] == 1
    assert found["murmuration_epoch_state", "open"] == 1
    assert found["murmuration_epoch_state", "sealed"] == 0
    assert found["murmuration_jobs", "painted"] == 1
    assert found["murmuration_jobs", "queued"] == 0
    assert found["murmuration_transactions", "mined"] == 0
    assert found["murmuration_operator_balance_ether", ""] > 1
    assert found["murmuration_tick_age_seconds", ""] < 60
    assert found["murmuration_tick_duration_seconds", ""] > 0
    assert found["murmuration_tasks_total", "success tick"] == 2
    assert found["murmuration_tasks_total", "paint success"] == 0
    assert found["murmuration_live_sockets", metrics.process_name()] == 0
    assert found["murmuration_check_ok", "mirror"] == 1


def test_requests_areCountedByRouteAndNotByAddress(client: Client, transactional_db):
    for path in ("/about/", "/generations/999999/", "/no/such/page-of-ours/"):
        client.get(path)
    client.generic("EVIL-METHOD", "/about/")
    text = client.get("/metrics").content.decode()
    assert 'route="gallery:about"' in text
    assert 'route="unmatched",status="4xx"' in text
    assert 'method="OTHER"' in text
    for strange in ("page-of-ours", "EVIL", "/999999"):  # no bare digits: a measured time may hold them
        assert strange not in text


def test_aDatabaseThatIsAway_leavesTheRest(transactional_db, client: Client, monkeypatch: pytest.MonkeyPatch):
    def away(*_arguments: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(Cursor, "current", away)
    monkeypatch.setattr(Control, "get", away)
    found = scrape(client)
    assert found["murmuration_check_ok", "mirror"] == 0
    assert ("murmuration_mirror_block", "") not in found
    assert ("murmuration_live_sockets_everywhere", "") in found


@pytest.mark.parametrize(
    ("allowed", "environment"),
    [
        (True, {"REMOTE_ADDR": "127.0.0.1"}),
        (True, {"REMOTE_ADDR": "::1"}),
        (False, {"REMOTE_ADDR": "192.0.2.7"}),
        (False, {"REMOTE_ADDR": ""}),
        (False, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}),
        (False, {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.7"}),
        (True, {"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": "Bearer let-me-see"}),
        (False, {"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": "Bearer let-me"}),
        (False, {"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": "Bearer "}),
    ],
)
def test_onlyTheTokenOrThisMachine_mayRead(settings, allowed: bool, environment: dict[str, str]):
    settings.METRICS_TOKEN = "let-me-see"
    assert metrics.may_read(RequestFactory().get("/metrics", **environment)) is allowed


def test_noTokenIsSet_noTokenIsRight(settings, client: Client):
    settings.METRICS_TOKEN = ""
    refused = client.get("/metrics", REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION="Bearer ")
    assert refused.status_code == 403
