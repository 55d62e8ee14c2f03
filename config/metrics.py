"""What Prometheus scrapes: `/metrics` of each web process.

What a process alone knows, its requests and its websockets, carries the process in a label. Everything else
is read from the database and the cache at the scrape, where it is the same whichever process is asked, and
costs nothing in between. Counts of Celery's tasks are in the cache, since the workers serve no pages.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import psutil
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from chain import catchup, clock
from chain.models import (
    Cursor,
    Log,
    ProviderState,
    Reorganisation,
    Repair,
    Transaction,
    TransactionState,
)
from compute.models import Rendering
from gallery import epochs, health, mirrored
from live import hub, presence

log = logging.getLogger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TASKS = ("gallery.tasks.tick", "compute.tasks.paint")
OUTCOMES = ("SUCCESS", "FAILURE", "RETRY", "REVOKED")
EVENTS, EVENTS_S = "config.metrics.events", 30
FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")

own = CollectorRegistry(auto_describe=True)
_requests = Histogram(
    "murmuration_request_duration_seconds",
    "Time to answer requests, by route; this process's own",
    ["process", "method", "route", "status"],
    buckets=BUCKETS,
    registry=own,
)


def process_name() -> str:
    """Which process this is: machine and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def request_answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request. `route` is the name of a URL pattern, never an address that a visitor chose."""
    _requests.labels(process_name(), method, route, f"{status // 100}xx").observe(seconds)


def task_ended(name: str, outcome: str) -> None:
    """Count a Celery task's end. A cache that is away loses counts, and nothing else."""
    key = f"config.metrics.{name}.{outcome}"
    try:
        cache.add(key, 0, None)
        cache.incr(key)
    except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
        log.debug("a task could not be counted: %s", error)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All of it as text: for METRICS_TOKEN, or for who asks from this machine without a proxy."""
    if not may_read(request):
        return HttpResponse(
            "For METRICS_TOKEN, or from this machine.\n", status=403, content_type="text/plain"
        )
    shared = CollectorRegistry()
    shared.register(Domain())
    text = generate_latest(own) + generate_latest(shared)
    response = HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
    response["Cache-Control"] = "no-store"
    return response


def may_read(request: HttpRequest) -> bool:
    """Whether a request carries the token, or comes from this machine itself."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    if wanted and kind.lower() == "bearer" and hmac.compare_digest(token.encode(), wanted.encode()):
        return True
    if any(name in request.META for name in FORWARDING):
        return False  # a proxy of ours asks for somebody else
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR") or "").is_loopback
    except ValueError:
        return False


class Domain:
    """The collector of everything that is the same for all processes, read as it is asked for."""

    def describe(self) -> list[Metric]:
        """Nothing: names are known once collected, and describing would read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family that can be known now; a part that is away leaves its families out."""
        for part in (_checks, _process, _chain, _mirror, _nodes, _epoch, _jobs, _transactions, _cached):
            try:
                yield from list(part())
            except DatabaseError as error:
                log.warning("metrics, %s: %s", part.__name__.strip("_"), type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
                log.warning("metrics, %s: %s: %s", part.__name__.strip("_"), type(error).__name__, error)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"murmuration_{name}", words, value=value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"murmuration_{name}", words, value=value)


def _by(name: str, words: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"murmuration_{name}", words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _checks() -> Iterator[Metric]:
    checks = {check.name: float(check.ok) for check in health.report().checks}
    yield _by("check_ok", "Whether a part of the site is well, as /status has it", "check", checks)


def _process() -> Iterator[Metric]:
    name, memory = process_name(), psutil.Process().memory_info().rss
    yield _by("live_sockets", "Open websockets of this process", "process", {name: hub.open_sockets()})
    yield _by("resident_memory_bytes", "Memory of this process", "process", {name: memory})


def _chain() -> Iterator[Metric]:
    cursor = Cursor.current()
    if cursor is None:
        return
    seen = (timezone.now() - cursor.updated_at).total_seconds()
    stored = mirrored.stored_until(cursor)
    lag = cursor.head_timestamp - stored if cursor.behind and stored is not None else 0
    yield _gauge("chain_head_block", "The chain's newest block, as last seen", cursor.head_number)
    yield _gauge("chain_final_block", "The newest final block", cursor.finalized_number)
    yield _gauge("chain_head_timestamp_seconds", "That newest block's time", cursor.head_timestamp)
    yield _gauge("mirror_block", "The newest block in the database", cursor.number)
    yield _gauge("mirror_lag_blocks", "Blocks that the mirror is behind the head", cursor.behind)
    yield _gauge("mirror_lag_seconds", "Chain time that it is behind the head, 0 at it", max(0, lag))
    yield _gauge("mirror_seen_age_seconds", "Since the indexer last looked", max(0.0, seen))
    yield _gauge("mirror_stopped", "1 while the mirror stands still, and says why", float(bool(cursor.error)))
    yield _counter("mirror_doubts", "Blocks read again, since their bloom did not fit", cursor.doubts)
    yield _counter("mirror_samples", "Blocks held against their receipts", cursor.samples)


def _mirror() -> Iterator[Metric]:
    progress = catchup.progress(Cursor.current())
    left = progress.total - progress.done if progress else 0
    rate = (progress.events_per_s or 0.0) if progress else 0.0
    yield _gauge("backfill_blocks_left", "Blocks to catch up with, 0 when there is nothing to", left)
    yield _gauge("backfill_events_per_second", "What catching up brings, 0 when there is nothing to", rate)
    yield _gauge("mirror_events", "Events in the database; a reorganisation takes some back", _events())
    yield _counter("mirror_repairs", "Wrong answers of nodes that were put right", Repair.objects.count())
    taken = Reorganisation.objects.aggregate(times=Count("pk"), final=Sum("final_blocks"))
    yield _counter("reorganisations", "Times that the chain took blocks back", taken["times"])
    yield _counter("final_blocks_lost", "Blocks taken back though they had been final", taken["final"] or 0)


def _events() -> int:
    """How many logs are stored: counted once in a while, since a database counts by reading them all."""
    count: int | None = cache.get(EVENTS)
    if count is None:
        count = Log.objects.count()
        cache.set(EVENTS, count, EVENTS_S)
    return count


def _nodes() -> Iterator[Metric]:
    """Labelled by the node's name: `mirrored.NODES` of them at most, all from the settings."""
    nodes = mirrored.nodes(Cursor.current())
    head = {node.name: float(node.head) for node in nodes}
    latency = {node.name: node.latency_ms / 1000 for node in nodes if node.latency_ms is not None}
    failures = {node.name: float(node.failures) for node in nodes}
    yield _by("provider_head_block", "A node's newest block, -1 while unknown", "provider", head)
    yield _by("provider_latency_seconds", "How soon a node answers, averaged", "provider", latency)
    yield _by("provider_failures", "A node's failures in a row", "provider", failures)
    flags = {
        "provider_in_use": ("Whether a node is read from", [node.in_use for node in nodes]),
        "provider_socket": ("Whether a node's websocket tells of blocks", [node.socket for node in nodes]),
    }
    for name, (words, values) in flags.items():
        yield _by(name, words, "provider", {n.name: float(v) for n, v in zip(nodes, values, strict=True)})
    ages = {node.name: node.age_s for node in nodes}
    yield _by("provider_seen_age_seconds", "Since the indexer wrote of a node", "provider", ages)
    states = GaugeMetricFamily(
        "murmuration_provider_state", "1 for the state a node is in", labels=["provider", "state"]
    )
    for node in nodes:
        for state in ProviderState.values:
            states.add_metric([node.name, state], float(node.state == state))
    yield states


def _epoch() -> Iterator[Metric]:
    epoch = epochs.unsettled() or epochs.opened()
    if epoch is None:
        return
    now = epochs.state(epoch)
    yield _gauge("epoch_number", "The epoch that is not finished", epoch.number)
    yield _gauge("epoch_ends_in_seconds", "Until that epoch may be sealed", epoch.ends_at - clock.now())
    states = {str(state): float(state is now) for state in epochs.EpochState}
    yield _by("epoch_state", "1 for the state that epoch is in", "state", states)


def _jobs() -> Iterator[Metric]:
    rows = Rendering.objects.values_list("state").annotate(Count("pk"), Min("created_at"))
    found = {state: (count, oldest) for state, count, oldest in rows}
    counts = {state: float(found.get(state, (0, None))[0]) for state in Rendering.State.values}
    yield _by("jobs", "Painting jobs", "state", counts)
    waiting = (Rendering.State.QUEUED, Rendering.State.PAINTING)
    ages = {
        str(state): (timezone.now() - found[state][1]).total_seconds() if state in found else 0.0
        for state in waiting
    }
    yield _by("oldest_job_age_seconds", "The oldest painting job that is not over", "state", ages)


def _transactions() -> Iterator[Metric]:
    rows = dict(Transaction.objects.values_list("state").annotate(Count("pk")))
    counts = {state: float(rows.get(state, 0)) for state in TransactionState.values}
    yield _by("transactions", "Transactions of the site's own", "state", counts)


def _cached() -> Iterator[Metric]:
    yield _gauge("live_sockets_everywhere", "Open websockets of all processes", presence.sockets())
    tick: dict[str, Any] | None = cache.get(health.TICK)
    if tick is not None:
        yield _gauge("tick_age_seconds", "Since the tick last ran", max(0.0, time.time() - tick["at"]))
        yield _gauge("tick_duration_seconds", "What the last tick took", tick["seconds"])
    operator: dict[str, Any] | None = cache.get(health.OPERATOR)
    if operator is not None and not operator["error"]:
        yield _gauge("operator_balance_ether", "What the operator owns", int(operator["wei"]) / 10**18)
    family = CounterMetricFamily("murmuration_tasks", "Celery tasks that ended", labels=["task", "outcome"])
    for name in TASKS:
        for outcome in OUTCOMES:
            count = cache.get(f"config.metrics.{name}.{outcome}") or 0
            family.add_metric([name.rpartition(".")[2], outcome.lower()], count)
    yield family
