"""What the tests themselves stand on: a browser that starts, a database server of their own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from config import testbed
from config.install import Problem


def fake(folder: Path, name: str, text: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def test_a_named_browser_is_taken_and_a_broken_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    good = fake(tmp_path, "mine", "echo Chromium 150.0")
    monkeypatch.setenv("CHROMIUM", str(good))
    assert testbed.find_chromium() == str(good)
    monkeypatch.setenv("CHROMIUM", str(fake(tmp_path, "broken", "exit 127")))
    with pytest.raises(Problem, match="does not start"):
        testbed.find_chromium()


def test_a_browser_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    fake(tmp_path, "chromium", "echo libnss3.so is missing >&2; exit 127")
    chrome = fake(tmp_path, "google-chrome", "echo Google Chrome 150.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    monkeypatch.setattr(testbed, "CHROMIUMS", ("chromium", "chromium-browser", "google-chrome"))
    assert testbed.find_chromium() == str(chrome)


def test_only_root_on_debian_installs_packages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert not testbed.apt_install("chromium")


def test_it_says_how_it_is_used():
    ran = subprocess.run(
        [sys.executable, "-m", "config.testbed"], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 2
    assert "python -m config.testbed postgres" in ran.stderr


@pytest.mark.services
def test_the_private_cluster_is_empty_runs_a_command_and_goes_away():
    look = "import os; print(os.environ['DATABASE_URL'])"
    ran = subprocess.run(
        [sys.executable, "-m", "config.testbed", "postgres", sys.executable, "-c", look],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    url = ran.stdout.strip()
    assert url.startswith("postgres://murmuration@127.0.0.1:")
    assert url != os.environ.get("DATABASE_URL")
    port = int(url.rpartition(":")[2].partition("/")[0])
    with testbed.socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.services
def test_redis_keepsWhatItWasTold_unlessItIsToForget():
    import redis

    with testbed.redis() as server:
        redis.Redis.from_url(server.url).set("told", "kept")
        redis.Redis.from_url(server.url).execute_command("BGREWRITEAOF")
        time.sleep(1.5)  # appendfsync everysec
        server.stop()
        server.start()
        assert redis.Redis.from_url(server.url).get("told") == b"kept"
        server.stop(forget=True)
        server.start()
        assert redis.Redis.from_url(server.url).get("told") is None
    assert not testbed.answers(server.port)


@pytest.mark.services
@pytest.mark.django_db
def test_these_tests_run_on_postgresql():
    assert connection.vendor == "postgresql"


@pytest.mark.services
@pytest.mark.parametrize("server", ["postgres", "redis"])
def test_a_port_that_was_taken_meanwhile_is_passed_over(server: str, monkeypatch: pytest.MonkeyPatch):
    with testbed.socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        ports = iter([taken, testbed.free_port()])
        monkeypatch.setattr(testbed, "free_port", lambda: next(ports))
        with getattr(testbed, server)() as started:
            assert started.port != taken
            testbed.socket.create_connection(("127.0.0.1", started.port), timeout=10).close()
