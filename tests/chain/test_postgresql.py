"""The same exactness and the same stories on PostgreSQL."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.chain import test_mirror, test_rows
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


# What is written, and how much is taken back: each as on SQLite, by COPY and by PostgreSQL's own rules.
test_whatBulkCreateStores_isStored = test_rows.test_whatBulkCreateStores_isStored
test_aColumnThatARowLeavesOut_hasItsDefault = test_rows.test_aColumnThatARowLeavesOut_hasItsDefault
test_manyRows_areStoredAsFew = test_rows.test_manyRows_areStoredAsFew
test_moreThanAPiece_isStored = test_rows.test_moreThanAPiece_isStored
test_whatAFieldRefuses_isRefused = test_rows.test_whatAFieldRefuses_isRefused
test_whatTheDatabaseRefuses_isDjangosError = test_rows.test_whatTheDatabaseRefuses_isDjangosError
test_aKeyThatTheDatabaseDoesNotCheck_isChecked = test_rows.test_aKeyThatTheDatabaseDoesNotCheck_isChecked
test_reservedIds_areUsedByNobodyElse = test_rows.test_reservedIds_areUsedByNobodyElse
test_oneRowOfEachKind_readsBack = test_rows.test_oneRowOfEachKind_readsBack
test_append = test_mirror.test_append_storesBlocksLogsRowsAndCursor
test_overtaken_leavesNothing = test_mirror.test_overtaken_leavesNothing
test_rewind = test_mirror.test_rewind_takesWhatHangsOnTheBlocks_andNothingElse
test_forget = test_mirror.test_forget_leavesNothingOfTheChain_andAllElse
test_deletingReadsNoRows = test_mirror.test_deleting_readsNoRows
test_pruning = test_mirror.test_emptyFinalBlocks_areForgottenInSteps
test_statements = test_mirror.test_oneBlockWithOneLog_isAFewStatements


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
