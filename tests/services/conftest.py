"""A fleet for a module's tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.fleet import Fleet, running
from tests.studio.conftest import build_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights: it paints in a blink what nobody would hang."""
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Fleet]:
    """The site in production, shared by the tests of a module, which leave it as they found it: running."""
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with running(tmp_path_factory.mktemp("fleet"), tiny_model) as fleet:
        yield fleet
