"""Numbers of 256 bits and addresses in URLs, registered for whoever imports this."""

from __future__ import annotations

from django.urls import register_converter


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


class AddressConverter:
    """`0x` and 40 hexadecimal digits, in any case as wallets write them; links are in lower case."""

    regex = "0x[0-9a-fA-F]{40}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return str(value).lower()


register_converter(Uint256Converter, "uint256")
register_converter(AddressConverter, "address")
