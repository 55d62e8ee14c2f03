"""Hashes in URLs, registered for whoever imports this."""

from django.urls import register_converter


class HashConverter:
    """32 bytes as lower-case 0x text."""

    regex = "0x[0-9a-f]{64}"

    def to_python(self, value: str) -> str:
        """The hash as it is."""
        return value

    def to_url(self, value: str) -> str:
        """The hash as it is."""
        return value


register_converter(HashConverter, "hash32")
