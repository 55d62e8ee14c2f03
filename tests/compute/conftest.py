"""The gallery's picture store and its small world, in which the painters work."""

from tests.gallery.conftest import colours, media, world

__all__ = ["colours", "media", "world"]
