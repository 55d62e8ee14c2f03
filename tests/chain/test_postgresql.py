"""The same exactness and the same stories on PostgreSQL."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.chain.node import Node, assert_equal_to_chain
from tests.chain.test_fields import check_exactness
from tests.chain.test_indexer import test_reorg_takesDerivedRowsWithIt as reorg
from tests.chain.test_indexer import test_story_logsBecomeRows as story
from tests.chain.test_indexer import test_textThatIsNoText_isKept as text
from tests.chain.test_transactions import test_manyAtOnce_haveNoncesOfTheirOwn as nonces
from tests.chain.test_transactions import test_reorg_sendsAgain as resend

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _on_postgresql(db: None) -> None:
    assert connection.vendor == "postgresql", "set DATABASE_URL, or run make test-services"


def test_uint256_isExactToTheLastUnit() -> None:
    check_exactness()


def test_stories(node: Node) -> None:
    story(node)


def test_text(node: Node) -> None:
    text(node)


def test_reorg(node: Node) -> None:
    reorg(node, 20)
    assert_equal_to_chain(node)


def test_outbox(node: Node) -> None:
    resend(node, 1)


def test_nonces(node: Node) -> None:
    node.rpc.call("evm_setAutomine", False)
    nonces(node)
