"""An Emitter on a real Anvil, its ABI instead of the project's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from chain import abi
from chain.private import PrivateChain
from tests.chain.node import Node

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(autouse=True)
def _emitter_abi(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.CONTRACTS_ABI_DIRS = [FIXTURES]
    settings.CHAIN_LISTENERS = []
    settings.VAR_DIR = tmp_path
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    abi.reset()
    yield
    abi.reset()


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[PrivateChain]:
    """A private chain that remembers enough states for deep reorganisations."""
    chain = PrivateChain(tmp_path / "chain", history=100).start()
    yield chain
    chain.stop()


@pytest.fixture
def node(anvil: PrivateChain, db: None, settings: Any) -> Node:
    """The chain with an Emitter, configured as the site's."""
    made = Node(anvil)
    settings.PRIVATE_CHAIN = True
    settings.CHAIN_RPC_URL = anvil.url
    settings.OPERATOR_KEY = settings.OPERATOR_KEYSTORE = settings.OPERATOR_ADDRESS = ""
    settings.WORKER_KEYS, settings.WORKER_KEYSTORES = [], []
    settings.DEPLOYMENT_FILE.write_bytes(orjson.dumps(made.deployment.to_json()))
    return made
