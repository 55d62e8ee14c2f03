"""Tables that are older than their lean indexes, with rows in them, become as new ones are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chain.models import Block, Log
from governance.models import Exclusion, Proposal, Vote
from tests.governance.factories import MIRA, block, hash32

OLD = {"gallery": "0005", "governance": "0003", "chain": "0003"}


@pytest.fixture
def old_tables(transactional_db: None) -> Iterator[None]:
    for app, number in OLD.items():
        call_command("migrate", app, number, verbosity=0)
    if connection.vendor == "postgresql":  # what Django made of these columns before
        with connection.cursor() as cursor:
            for table, column, size in (("chain_block", "hash", 66), ("governance_vote", "proposal_id", 78)):
                cursor.execute(f'ALTER TABLE {table} ALTER {column} TYPE varchar({size}) COLLATE "default"')
                cursor.execute(f"CREATE INDEX {table}_like ON {table} ({column} varchar_pattern_ops)")
    yield
    call_command("migrate", verbosity=0)


def indexes(table: str) -> list[list[str]]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table).values()
    return sorted(
        one["columns"] for one in found if (one["index"] or one["unique"]) and not one["primary_key"]
    )


def shape() -> dict[str, Any]:
    """The indexes of the two largest tables, and on PostgreSQL how their hashes are compared."""
    made: dict[str, Any] = {
        table: indexes(table) for table in ("chain_log", "governance_vote", "chain_block")
    }
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT attrelid::regclass::text, attname, collname FROM pg_attribute"
                " JOIN pg_collation ON pg_collation.oid = attcollation"
                " WHERE attrelid IN ('chain_block'::regclass, 'governance_vote'::regclass) ORDER BY 1, 2"
            )
            made["collations"] = cursor.fetchall()
    return made


def old_place(where: Block, index: int) -> dict[str, Any]:
    """Where a row's event stands, with a log as old tables have it."""
    loader = MigrationExecutor(connection).loader
    state = loader.project_state([("chain", "0003_completeness")])
    log = state.apps.get_model("chain", "Log").objects.create(
        block_id=where.pk,
        block_hash=where.hash,
        log_index=index,
        tx_hash=hash32(),
        address=MIRA,
        contract="ArtGovernor",
        event="Told",
        topics=[],
        data="0x",
        args={"told": "1"},
    )
    return {
        "log_id": log.pk,
        "block_number": where.number,
        "log_index": index,
        "at": where.timestamp,
    }


@pytest.mark.slow
def test_oldRows_areKept(old_tables: None) -> None:
    where = block(1000)
    words = {
        "targets": [],
        "values": [],
        "calldatas": [],
        "description": "",
        "voting_starts": 1,
        "voting_ends": 2,
    }
    hashes = {"description_hash": hash32(), "operation_id": hash32()}
    Proposal.objects.create(**old_place(where, 0), id=2**255, proposer=MIRA, **words, **hashes)
    Vote.objects.create(**old_place(where, 1), proposal_id=2**255, voter=MIRA, support=1, weight=2**200)
    Exclusion.objects.create(**old_place(where, 2), account=MIRA, excluded=True)
    old = shape()
    call_command("migrate", verbosity=0)
    vote = Vote.objects.select_related("proposal", "log__block").get()
    assert (vote.weight, vote.proposal.pk, vote.log.block.hash) == (2**200, 2**255, where.hash)
    assert Block.objects.filter(hash=where.hash, logs__isnull=False).count() == 3
    assert Log.objects.count() == 3
    now = shape()
    assert ["tx_hash"] in old["chain_log"]
    assert now["chain_log"] == [["block_id", "log_index"]]
    assert now["governance_vote"] == [["proposal_id", "voter"], ["voter"]], "and its log for a name"
    assert now["chain_block"] == [["hash"], ["number"]]
    if connection.vendor == "postgresql":
        kinds = {column: collation for _, column, collation in now["collations"]}
        assert kinds == {
            **dict.fromkeys(["hash", "parent_hash", "proposal_id", "voter", "weight"], "C"),
            "reason": "default",
        }
