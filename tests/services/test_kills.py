"""kill -9 of each process at each stage, and servers that go away: the same lineage as without."""

import signal
import time

import psutil
import pytest
import requests

from tests.services.drives import STAGES, Drive
from tests.services.fleet import KINDS, Fleet

pytestmark = pytest.mark.services
# Who has most to lose, and when; each of the others is killed at every stage by the slow tests.
QUICK = [
    ("web", "voting"),
    ("indexer", "sealed"),
    ("paint", "painting"),
    ("control", "committed"),
    ("beat", "finalizing"),
]
AWAY_S = 3


@pytest.mark.parametrize(("kind", "stage"), QUICK)
def test_kill_endsInTheSameLineage(fleet: Fleet, kind: str, stage: str):
    drive = Drive(fleet).at(stage)
    left = killed(fleet, kind)
    drive.release()
    started_again(fleet, kind)
    drive.arrive()
    ended(fleet, left)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_killAtEveryStageOfOneEpoch_endsInTheSameLineage(fleet: Fleet, kind: str):
    drive, left = Drive(fleet), []
    for stage in STAGES:
        drive.at(stage)
        left += killed(fleet, kind)
        if stage == "voting":
            drive.release()
        started_again(fleet, kind)
    drive.release().arrive()
    ended(fleet, left)


def killed(fleet: Fleet, kind: str) -> list[psutil.Process]:
    """Kill a process, and leave it away for a while; returns what it had started, which is on its own."""
    process = fleet.named(kind)
    process.kill()
    return [one for one in process.tree() if one.pid != process.pid]


def started_again(fleet: Fleet, kind: str) -> None:
    time.sleep(AWAY_S)
    process = fleet.named(kind)
    process.start()
    if kind == "web":
        fleet.until(lambda: fleet.ready(process), "web to be ready again")


def ended(fleet: Fleet, left: list[psutil.Process]) -> None:
    """What the killed process had started has ended by itself."""
    fleet.until(
        lambda: not [one for one in left if one.is_running() and one.status() != "zombie"],
        "what the killed process had started to end by itself",
    )


@pytest.mark.parametrize("forget", [True, False], ids=["and forgot", "and remembered"])
def test_redisRestartedMidEpoch_theCycleGoesOn(fleet: Fleet, forget: bool):
    drive = Drive(fleet).at("painting")
    fleet.redis.stop(forget)
    try:
        fleet.until(lambda: "cache" in problems(fleet), "web to say that the cache is away")
        assert fleet.get("/healthz/") == 200
        for path in ("/", "/lineage/", "/proposals/", "/signin/"):
            assert fleet.get(path) == 200, f"{path} needs no Redis"
        time.sleep(AWAY_S)
    finally:
        fleet.redis.start()
    drive.release().arrive()
    fleet.until(lambda: not problems(fleet), "web to be ready again")


def test_postgresqlRestartedMidEpoch_theCycleGoesOn(fleet: Fleet):
    drive = Drive(fleet).at("painting")
    fleet.postgres.stop()
    try:
        fleet.until(lambda: "database" in problems(fleet), "web to say that the database is away")
        assert fleet.get("/healthz/") == 200
        time.sleep(AWAY_S)
    finally:
        fleet.postgres.start()
    drive.release().arrive()
    fleet.until(lambda: not problems(fleet), "web to be ready again")


def test_nodeAwayMidEpoch_theAdminSeesWhy(fleet: Fleet):
    drive = Drive(fleet).at("painting")
    mirrors = "SELECT error FROM chain_cursor"
    # What the tick could not do, or, if it was about to send something, what could not be sent.
    ticks = "SELECT string_agg(error, '') FROM (SELECT error FROM gallery_control UNION ALL "
    ticks += "SELECT error FROM chain_transaction WHERE state = 'queued') AS errors"
    fleet.node.send_signal(signal.SIGSTOP)  # it is there and says nothing
    try:
        fleet.until(lambda: "Unavailable" in str(fleet.one(mirrors)), "the mirror's error")
        fleet.until(lambda: "no answer from" in str(fleet.one(ticks)), "the tick's error")
        assert "mirror" in problems(fleet)
    finally:
        fleet.node.send_signal(signal.SIGCONT)
    drive.release().arrive()
    fleet.until(lambda: fleet.one(ticks) == "", "the tick's error to go")


def problems(fleet: Fleet) -> list[str]:
    """The names of what a web process calls not ready."""
    answer = requests.get(fleet.web[0].address + "/readyz/", timeout=60).json()
    return [name for name, check in answer["checks"].items() if not check["ok"]]
