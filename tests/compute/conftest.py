"""The gallery's picture store and its small world, in which the painters work."""

import pytest

from tests.compute.workshop import CLASS, Workshop
from tests.gallery.conftest import colours, media, world

__all__ = ["colours", "media", "workshop", "world"]


@pytest.fixture
def workshop(world, settings) -> Workshop:  # type: ignore[no-untyped-def]
    """An artwork that three workers of ours paint."""
    settings.WORKER_CLASS = CLASS
    return Workshop(world, world.accounts[10:13])
