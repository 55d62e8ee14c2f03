"""A small artwork to do harm to, and painters of one's own making."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live import presence
from tests.faults.painters import command
from tests.gallery.conftest import media, world

__all__ = ["media", "world"]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is looking."""
    monkeypatch.setattr(presence, "visitors", lambda now=None: 1)


@pytest.fixture
def tally(tmp_path: Path) -> Path:
    """Where a failing painter counts."""
    return tmp_path / "tally"


@pytest.fixture
def failing(settings: object, tally: Path) -> Iterator[Callable[..., None]]:
    """Have the site use a painter that fails, the first `times` times that it is asked."""
    import shlex

    from compute import painter

    def use(fault: str, times: int = 1) -> None:
        settings.PAINTER_COMMAND = shlex.join(command(fault, times, tally))

    yield use
    painter.get().stop()
