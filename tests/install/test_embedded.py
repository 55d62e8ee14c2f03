"""`make run`'s process, for real: it starts, serves, stops, and goes on, however it stopped."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120  # for a start on a machine that other programs keep busy


class Site:
    """One run of the process on a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder.parent / f"console-{time.monotonic_ns()}.txt"
        self.began = time.monotonic()
        environment = {**os.environ, "VAR_DIR": str(folder), "PORT": "0"}
        for name in ("DATABASE_URL", "REDIS_URL", "CHAIN_RPC_URL", "DJANGO_SETTINGS_MODULE"):
            environment.pop(name, None)
        with open(self.output, "w") as console:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.embedded"],
                cwd=ROOT,
                env=environment,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def console(self) -> str:
        return self.output.read_text()

    @property
    def address(self) -> str:
        found = re.search(r"^Murmuration is at (http://127\.0\.0\.1:\d+)$", self.console, re.M)
        assert found, self.console
        return found[1]

    def until_ready(self) -> "Site":
        self.until(lambda: "Murmuration is at" in self.console, PATIENCE_S)
        self.seconds = time.monotonic() - self.began
        return self

    def until(self, true: Callable[[], object], patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while not true():
            assert self.process.poll() is None, self.story()
            assert time.monotonic() < deadline, self.story()
            time.sleep(0.1)

    def story(self) -> str:
        log = self.folder / "logs" / "murmuration.log"
        return self.console + (log.read_text()[-4000:] if log.exists() else "")

    def get(self, path: str) -> int:
        return requests.get(self.address + path, timeout=30).status_code

    def rows(self, query: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(
            f"file:{self.folder / 'murmuration.sqlite3'}?mode=ro", uri=True, timeout=20
        )
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def lineage(self) -> list[tuple[object, ...]]:
        return self.rows(
            "SELECT number, recipe_hash, result_hash, parent FROM gallery_generation ORDER BY number"
        )

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def chain(self) -> psutil.Process:
        """Anvil, a child of the process or one that was adopted."""
        [anvil] = [
            process
            for process in psutil.process_iter(["name", "cmdline"])
            if "anvil" in (process.info["name"] or "")
            and str(self.folder) in " ".join(process.info["cmdline"] or [])
        ]
        return anvil

    def stop(self, number: int = signal.SIGINT) -> float:
        """Ask it to stop; the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - began

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Start the process on one data folder, again and again; nothing of it outlives the test."""
    sites: list[Site] = []

    def begin() -> Site:
        sites.append(Site(tmp_path / "var"))
        return sites[-1]

    yield begin
    for site in sites:
        if site.process.poll() is None:
            site.kill()
    for process in psutil.process_iter(["name", "cmdline"]):
        if "anvil" in (process.info["name"] or "") and str(tmp_path) in " ".join(
            process.info["cmdline"] or []
        ):
            process.kill()


def test_it_starts_serves_stops_and_goes_on(start: Callable[[], Site]):
    first = start().until_ready()
    assert re.search(r"^Admin: http://\S+/admin/ as admin, password \S{12,}", first.console, re.M)
    assert first.get("/") == 200
    assert first.get("/healthz/") == 200
    assert first.get("/admin/login/") == 200
    first.until(lambda: len(first.lineage()) == 6, 30)
    lineage = first.lineage()

    refused = start()
    assert refused.process.wait(60) == 1
    assert f"already running at {first.address}" in refused.console

    children = first.children()
    assert children, "the private chain is a child"
    assert first.stop() < 5
    assert first.process.returncode == 0
    assert not [child for child in children if child.is_running()]
    assert "Traceback" not in first.console

    again = start().until_ready()
    assert "password" not in again.console, "the admin's password is said once"
    assert again.get("/") == 200
    assert again.lineage() == lineage
    assert again.stop(signal.SIGTERM) < 5
    assert not (again.folder / "logs" / "murmuration.log").read_text().count("Traceback")


@pytest.mark.slow
def test_it_stops_while_it_starts(start: Callable[[], Site]):
    for seconds in (0.5, 2.0, 4.0):
        site = start()
        time.sleep(seconds)
        children = site.children()
        assert site.stop() < 5
        assert not [child for child in children if child.is_running()]
    assert len(start().until_ready().lineage()) <= 6


@pytest.mark.slow
def test_a_killed_process_is_resumed_with_its_chain_adopted(start: Callable[[], Site]):
    first = start().until_ready()
    first.until(lambda: len(first.lineage()) == 6, 30)
    lineage, anvil = first.lineage(), first.chain()
    first.kill()
    assert anvil.is_running()

    again = start().until_ready()
    assert again.chain().pid == anvil.pid
    assert again.lineage() == lineage
    assert again.get("/healthz/") == 200
    assert again.stop() < 5
    assert not anvil.is_running()


@pytest.mark.slow
def test_a_killed_process_and_chain_are_resumed_from_their_state(start: Callable[[], Site]):
    first = start().until_ready()
    first.until(lambda: len(first.lineage()) == 6, 30)
    time.sleep(2)  # up to a second of chain may be lost, and this test is about the rest
    lineage, anvil = first.lineage(), first.chain()
    first.kill()
    anvil.kill()

    again = start().until_ready()
    assert again.chain().pid != anvil.pid
    assert again.lineage() == lineage
    again.until(lambda: again.get("/healthz/") == 200, 20)
    assert again.stop() < 5


@pytest.mark.slow
def test_a_chain_that_dies_is_started_again_under_the_site(start: Callable[[], Site]):
    site = start().until_ready()
    site.until(lambda: len(site.lineage()) == 6, 30)
    time.sleep(2)
    anvil = site.chain()
    anvil.kill()
    site.until(
        lambda: any(child.pid != anvil.pid and "anvil" in child.name() for child in site.children()), 30
    )
    site.until(lambda: site.get("/healthz/") == 200, 30)
    assert len(site.lineage()) == 6
    assert site.stop() < 5


@pytest.mark.slow
def test_a_painting_that_was_stopped_is_painted_after_the_next_start(start: Callable[[], Site]):
    site = start().until_ready()
    site.until(lambda: len(site.lineage()) == 6, 30)

    def painting() -> object:
        site.get("/")  # a visitor keeps the artwork awake
        time.sleep(1)
        return site.rows("SELECT step FROM gallery_rendering WHERE state = 'painting' AND step > 0")

    site.until(painting, 240)
    children = site.children()
    assert site.stop() < 5
    assert not [child for child in children if child.is_running()]

    again = start().until_ready()
    again.until(lambda: len(again.lineage()) >= 7, 180)
    [(_, _, _, parent)] = [row for row in again.lineage() if row[0] == 7]
    assert parent
    assert again.stop() < 5
