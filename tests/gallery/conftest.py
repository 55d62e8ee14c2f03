"""A picture store of its own for every test."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: object) -> Path:
    """Pictures go to a temporary folder."""
    folder = tmp_path / "media"
    settings.MEDIA_ROOT = str(folder)
    return folder


@pytest.fixture
def colours() -> NDArray[np.uint8]:
    """Pixels of a small picture that no other test has by chance."""
    rng = np.random.default_rng(7)
    return rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
