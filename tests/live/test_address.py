"""Whose address counts, with and without proxies in front."""

from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from governance import limits
from live.address import UNKNOWN, client_address, client_network


def scope(*forwarded: str, peer: str | None = "192.0.2.9") -> dict[str, Any]:
    """An ASGI scope with one X-Forwarded-For line for each text."""
    headers = [(b"host", b"site"), *((b"x-forwarded-for", text.encode("latin-1")) for text in forwarded)]
    return {"type": "websocket", "client": (peer, 1234) if peer else None, "headers": headers}


def test_without_a_proxy_nobody_chooses_an_address(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    assert client_address(scope("203.0.113.5")) == "192.0.2.9"
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR="203.0.113.5", REMOTE_ADDR="192.0.2.9")
    assert client_address(request) == "192.0.2.9"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (1, ["203.0.113.5"], "203.0.113.5"),
        (1, ["10.0.0.1, 203.0.113.5"], "203.0.113.5"),  # what a visitor wrote stands on the left
        (1, ["10.0.0.1", "203.0.113.5"], "203.0.113.5"),  # two lines are one list
        (2, ["10.0.0.1, 203.0.113.5, 198.51.100.1"], "203.0.113.5"),
        (2, ["198.51.100.1"], "198.51.100.1"),  # it came past the outer proxy
        (1, ["203.0.113.5:4711"], "203.0.113.5"),
        (1, ["[2001:db8::7]:4711"], "2001:db8::7"),
        (1, ["2001:DB8:0:0::7"], "2001:db8::7"),
        (1, ["::ffff:203.0.113.5"], "203.0.113.5"),
        (1, ["unknown"], "192.0.2.9"),
        (1, [""], "192.0.2.9"),
        (1, [], "192.0.2.9"),
    ],
)
def test_exactly_our_proxies_are_believed(
    settings: Any, proxies: int, forwarded: list[str], address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert client_address(scope(*forwarded)) == address
    headers = {"HTTP_X_FORWARDED_FOR": ",".join(forwarded)} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.9", **headers)
    assert client_address(request) == limits.client_address(request) == address


def test_a_unix_socket_has_no_address_of_its_own(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    assert client_address(scope(peer=None)) == UNKNOWN
    settings.TRUSTED_PROXIES = 1
    assert client_address(scope("203.0.113.5", peer=None)) == "203.0.113.5"


def test_who_has_one_ipv6_address_has_its_whole_network(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    assert client_network(scope(peer="2001:db8:1:2:3::4")) == "2001:db8:1:2::/64"
    assert client_network(scope(peer="2001:db8:1:2:ffff::1")) == "2001:db8:1:2::/64"
    assert client_network(scope(peer="192.0.2.9")) == "192.0.2.9"


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_no_header_breaks_it(text: str) -> None:
    from django.test import override_settings

    with override_settings(TRUSTED_PROXIES=1):
        assert client_network(scope(text))
