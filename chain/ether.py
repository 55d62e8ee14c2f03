"""Amounts of ether for people, exact to the wei."""

from __future__ import annotations

WEI = 10**18


def words(wei: int) -> str:
    """`10000000000000000` is `0.01 ether`; no digit is lost and none is added."""
    whole, rest = divmod(abs(wei), WEI)
    amount = f"{whole:,}.{rest:018d}".rstrip("0").rstrip(".")
    return f"{'−' if wei < 0 else ''}{amount} ether"
