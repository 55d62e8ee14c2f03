"""Limits are counted by the cache for all processes, and by each process alone while the cache is away."""

import socket

import pytest
from django.core.cache.backends.redis import RedisCache

from governance import limits


@pytest.fixture
def nobody_listens() -> str:
    """The URL of a Redis that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}"


def test_so_many_and_no_more() -> None:
    assert [limits.allowed_for("mira", "test-count", most=2, seconds=60) for _ in range(3)] == [
        True,
        True,
        False,
    ]
    assert limits.allowed_for("ines", "test-count", most=2, seconds=60)


def test_without_the_cache_this_process_counts(
    nobody_listens: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "cache", RedisCache(nobody_listens, {}))
    assert [limits.allowed_for("mira", "test-away", most=2, seconds=60) for _ in range(3)] == [
        True,
        True,
        False,
    ]
    assert "counted by each process alone" in caplog.text
