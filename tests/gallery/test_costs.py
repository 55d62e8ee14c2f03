"""What a page asks of the database: little, and no more when the artwork is older."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chain import abi, memory
from chain.models import Cursor
from compute.models import Picture, Rendering
from gallery.models import Control, Epoch, Generation, Sealing
from governance.models import Proposal, ProposalCanceled, ProposalExecuted, ProposalQueued, Support
from tests.governance import factories
from tests.governance.conftest import chain_time, deployment  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]

MOST = {"/": 22, "/lineage/": 14, "/proposals/": 11, "/proposals/?show=open": 12, "proposal": 14}
"""Queries of each page at most; "proposal" is the one under vote."""
SMALL, LARGE = 4, 30


class Past:
    """An artwork that grows by whole epochs, each with a proposal that was carried, voted on by all."""

    def __init__(self, set_clock: Callable[[int], None]) -> None:
        self.set_clock = set_clock
        self.number = 0
        self.voters = [f"0x{number:040x}" for number in range(0xA000, 0xA000 + 12)]
        factories.electorate(at=1)
        factories.parameters(version=1, at=1)
        for number, voter in enumerate(self.voters, start=100):
            factories.token(number, voter, 1)
            factories.votes(voter, 0, 1, 1)
        Control.get()

    def grow(self, generations: int) -> str:
        """Add epochs up to this many generations; returns the page of a new proposal under vote."""
        for last in Proposal.objects.filter(executed__isnull=True):
            place = factories.place(factories.block(self._at() + 600))
            ProposalCanceled.objects.create(**place, proposal=last)
        while self.number < generations:
            self._epoch()
        at = self._at() + 500
        self.set_clock(at + 20)
        ongoing = self._proposal(at, voting_ends=at + 500)
        head = factories.block(at + 10)
        Epoch.objects.create(number=1000 + self.number, ends_at=at + 5000, log=factories.place(head)["log"])
        defaults = {
            "chain_id": 31337, "genesis_hash": factories.hash32(), "number": head.number, "hash": head.hash,
            "head_number": head.number, "finalized_number": head.number, "head_timestamp": head.timestamp,
        }  # fmt: skip
        Cursor.objects.update_or_create(pk=1, defaults=defaults)
        return f"/proposals/{ongoing.pk}/"

    def _at(self) -> int:
        return 1000 + self.number * 1000

    def _proposal(self, at: int, **fields: Any) -> Any:
        call = abi.encode_call("ArtParameters", "setMood", ("calm", "wild")[self.number % 2])
        proposal = factories.proposal(at, calldatas=[call], **fields)
        for voter in self.voters[: 4 + self.number % 8]:
            factories.vote(proposal, voter, Support.FOR, 1, at + 5, reason="Yes.")
        return proposal

    def _epoch(self) -> None:
        at = self._at()
        self.number += 1
        carried = self._proposal(at)
        tx = factories.hash32()
        queued = factories.place(factories.block(at + 200))
        ProposalQueued.objects.create(**queued, proposal=carried, eta=at + 210)
        executed = factories.place(factories.block(at + 220), tx)
        mood = ("calm", "wild")[self.number % 2]
        factories.parameters(version=1 + self.number, at=at + 220, tx_hash=tx, mood=mood)
        ProposalExecuted.objects.create(**executed, proposal=carried)
        painted = factories.block(at + 300)
        epoch = Epoch.objects.create(
            number=self.number, ends_at=at + 250, log=factories.place(painted)["log"]
        )
        Sealing.objects.create(
            epoch=epoch, params_version=1 + self.number, params_hash=factories.hash32(),
            parent_head=factories.hash32(), source=factories.TREASURY, round=self.number,
            log=factories.place(painted)["log"],
        )  # fmt: skip
        file, recipe = factories.hash32(), factories.hash32()
        Generation.objects.create(
            number=self.number, epoch_number=self.number, model_id=factories.hash32(),
            parent=factories.hash32(), seed=factories.hash32(), recipe_hash=recipe,
            result_hash=factories.hash32(), pixel_hash=factories.hash32(), file_hash=file,
            painter=factories.TREASURY, founding=False, log=factories.place(painted)["log"],
        )  # fmt: skip
        Picture.objects.create(
            file_hash=file, pixel_hash=factories.hash32(), thumb_hash=factories.hash32(), width=512,
            height=512, file=f"{file}.png",
        )  # fmt: skip
        values = {"prompt": "a tide", "mood": mood, "parent_file": "0x01", "seed": "0x02"}
        Rendering.objects.create(
            recipe_hash=recipe, epoch_number=self.number, state="painted", seconds=9.0, picture_id=file,
            recipe=values,
        )  # fmt: skip


def asked(client: Client, address: str) -> list[str]:
    """The queries of a page that answers."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [str(query["sql"]) for query in captured.captured_queries]


def counts(client: Client, proposal: str) -> dict[str, int]:
    return {name: len(asked(client, proposal if name == "proposal" else name)) for name in MOST}


def test_pages_ask_little_and_no_more_when_there_is_more(client, chain_time):  # noqa: F811
    past = Past(chain_time)
    small = counts(client, past.grow(SMALL))
    large = counts(client, past.grow(LARGE))
    assert large == small
    assert all(large[name] <= most for name, most in MOST.items()), large


def test_a_page_never_asks_the_same_twice(client, chain_time):  # noqa: F811
    proposal = Past(chain_time).grow(SMALL)
    for address in ("/", "/lineage/", "/proposals/", proposal):
        found = asked(client, address)
        assert len(found) == len(set(found)), address


def test_the_next_page_sees_what_changed(client, chain_time):  # noqa: F811
    Past(chain_time).grow(SMALL)
    before = client.get("/").content.decode()
    Cursor.objects.update(number=987_654, head_number=987_654)
    after = client.get("/").content.decode()
    assert "block 987 654" in after
    assert "block 987 654" not in before


def test_a_question_is_asked_once_within_a_request_and_each_time_outside_of_one():
    asked_for: list[int] = []

    @memory.once
    def double(number: int) -> int:
        asked_for.append(number)
        return 2 * number

    assert [double(2), double(2)] == [4, 4]
    assert asked_for == [2, 2]
    with memory.remembered():
        assert [double(2), double(2), double(3)] == [4, 4, 6]
    assert asked_for == [2, 2, 2, 3]
    with memory.remembered():
        double(2)
    assert asked_for == [2, 2, 2, 3, 2]
