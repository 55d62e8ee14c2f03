"""The addresses of pages that a page names by the dozen."""

from __future__ import annotations

from functools import lru_cache

from django.urls import get_script_prefix, get_urlconf, reverse


def page(name: str, *args: str | int) -> str:
    """`reverse`, which is slow, remembered: what addresses are made of stays while the site runs."""
    return _reverse(get_script_prefix(), get_urlconf(), name, args)


@lru_cache(maxsize=4096)
def _reverse(prefix: str, urlconf: str | None, name: str, args: tuple[str | int, ...]) -> str:
    return reverse(name, urlconf=urlconf, args=args)
