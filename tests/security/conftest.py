"""A site with an electorate, a proposal and an admin, without a chain behind it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.governance import factories
from tests.governance.conftest import chain_time, deployment  # noqa: F401 - fixtures


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()


@pytest.fixture
def proposal(deployment: Any, chain_time: Any, db: None) -> Any:  # noqa: F811
    """A proposal that is being voted on."""
    factories.electorate(at=1)
    factories.parameters(version=1, at=1)
    chain_time(1010)
    return factories.proposal(1000)


@pytest.fixture
def visitor() -> Client:
    """Somebody whose mistakes come back as answers, CSRF checks included."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)
