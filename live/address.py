"""Who asks: the address that limits are counted by, read past the proxies that we put there ourselves.

`TRUSTED_PROXIES` is how many of them stand in front. Each one appends the address it was asked from to
`X-Forwarded-For`, so exactly that many entries, counted from the right, were written by us; everything to
their left was sent by the visitor and means nothing. With the default of 0 the header is not read at all.
(uvicorn's own reading of it is switched off wherever we start uvicorn: it would believe any program on the
same machine.)
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"  # a unix socket without a proxy's word: all of it counts as one visitor
IPV6_PREFIX = 64  # the smallest network that is handed out: who has one address in it has all


def client_address(asked_by: HttpRequest | Mapping[str, Any]) -> str:
    """The address behind a request or an ASGI scope, in its canonical form; `UNKNOWN` when there is none.

    An IPv4 address written as IPv6 is given as IPv4. The header is trusted for TRUSTED_PROXIES entries from
    the right; when it has fewer, for all of them, and when the entry is no address, for none.
    """
    if isinstance(asked_by, HttpRequest):
        peer = asked_by.META.get("REMOTE_ADDR") or ""
        forwarded = asked_by.META.get("HTTP_X_FORWARDED_FOR") or ""
    else:
        peer = (asked_by.get("client") or ("",))[0]
        values = [value for name, value in asked_by.get("headers", ()) if name.lower() == b"x-forwarded-for"]
        forwarded = b",".join(values).decode("latin-1")
    if settings.TRUSTED_PROXIES > 0 and forwarded:
        entries = forwarded.split(",")[-settings.TRUSTED_PROXIES :]
        if told := _canonical(entries[0]):
            return told
    return _canonical(peer) or UNKNOWN


def client_network(asked_by: HttpRequest | Mapping[str, Any]) -> str:
    """What limits are counted by: the address, or of an IPv6 address its /64."""
    address = client_address(asked_by)
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))


def _canonical(text: str) -> str:
    """An address as `ipaddress` writes it, without brackets, port or zone; empty when it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
