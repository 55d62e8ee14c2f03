from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from tests.governance import factories


@pytest.fixture(autouse=True)
def _no_limits_left_over() -> None:
    cache.clear()


@pytest.fixture
def deployment(tmp_path: Path, settings: Any) -> dict[str, str]:
    """A deployment file for pages that need addresses and no chain behind them."""
    contracts = {
        "ArtParameters": factories.PARAMETERS_AT,
        "ArtGovernor": "0x" + "b2" * 20,
        "ArtToken": "0x" + "c3" * 20,
        "TimelockController": factories.TREASURY,
        "LivingArtwork": "0x" + "d4" * 20,
        "ModelRegistry": "0x" + "e5" * 20,
    }
    file = tmp_path / "deployment.json"
    file.write_text(
        json.dumps({"chainId": 31337, "genesisHash": factories.hash32(), "block": 1, "contracts": contracts})
    )
    settings.DEPLOYMENT_FILE = file
    settings.PRIVATE_CHAIN = True
    settings.VAR_DIR = tmp_path
    return contracts


@pytest.fixture
def chain_time(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the chain's clock: `chain_time(1002)`."""

    def set_to(seconds: int) -> None:
        monkeypatch.setattr("chain.clock.now", lambda: seconds)

    return set_to
