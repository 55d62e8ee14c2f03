"""`make run`'s process, for real: it starts, serves, stops, and goes on, however it stopped."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import Site


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Start the process on one data folder, again and again; nothing of it outlives the test."""
    sites: list[Site] = []

    def begin() -> Site:
        sites.append(Site(tmp_path / "var"))
        return sites[-1]

    yield begin
    for site in reversed(sites):  # the newest has the chain, whose process only its parent can bury
        site.end()


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
    again.until(lambda: len(again.lineage()) >= 7, 480)
    [(_, _, _, parent)] = [row for row in again.lineage() if row[0] == 7]
    assert parent
    assert again.stop() < 5
