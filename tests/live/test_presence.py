"""How many people watch."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from live import presence
from live.middleware import PresenceMiddleware


def test_nobody_is_here_at_first() -> None:
    assert presence.visitors() == 0


def test_one_person_looking_often_counts_once() -> None:
    for _ in range(5):
        presence.touch("mira", now=1000)
    presence.touch("ines", now=1001)
    assert presence.visitors(now=1005) == 2


def test_a_visit_is_forgotten_after_a_minute() -> None:
    presence.touch("mira", now=1000)
    assert presence.visitors(now=1029) == 1
    assert presence.visitors(now=1061) == 0


def test_open_sockets_of_several_processes_add_up() -> None:
    first, second = presence.Seat(), presence.Seat()
    first.take(3)
    second.take(4)
    first.take(2)
    assert presence.sockets() == 6
    assert presence.visitors() == 6


def test_a_seat_that_was_lost_is_taken_anew() -> None:
    first, second = presence.Seat(), presence.Seat()
    first.take(3)
    from django.core.cache import cache

    cache.clear()  # the cache restarted empty, and another process was quicker
    second.take(4)
    first.take(3)
    assert presence.sockets() == 7


@pytest.mark.parametrize(
    ("method", "headers", "status", "kind", "counted"),
    [
        ("get", {}, 200, "text/html; charset=utf-8", 1),
        ("get", {"HX-Request": "true"}, 200, "text/html", 0),
        ("get", {}, 404, "text/html", 0),
        ("get", {}, 200, "image/webp", 0),
        ("post", {}, 200, "text/html", 0),
    ],
)
def test_only_whole_pages_are_visits(
    method: str, headers: dict, status: int, kind: str, counted: int
) -> None:
    request = getattr(RequestFactory(), method)("/", headers=headers)
    request.session = type("Session", (), {"session_key": None})()
    PresenceMiddleware(lambda _: HttpResponse("x", status=status, content_type=kind))(request)
    assert presence.visitors() == counted
