"""Fixtures that every area shares: a real private chain."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chain.private import PrivateChain


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator["PrivateChain"]:
    """Give a fresh Anvil on a port of the system's choice, ended with the test."""
    from chain.private import PrivateChain

    chain = PrivateChain(tmp_path / "chain")
    chain.start()
    try:
        yield chain
    finally:
        chain.stop()
