"""Numbers of 256 bits in URLs."""

from __future__ import annotations


class Uint256Converter:
    """Decimal without leading zeros, below 2^256; anything else is no such page."""

    regex = "0|[1-9][0-9]{0,77}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number >= 2**256:
            raise ValueError(value)
        return number

    def to_url(self, value: int) -> str:
        return str(value)
