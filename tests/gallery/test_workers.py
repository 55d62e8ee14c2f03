"""The workers' board: who may paint, who has done what in the round that is open, and what it cost them."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from chain.models import Block, Cursor
from compute import board, models
from gallery.models import Generation
from tests.gallery import guild
from tests.gallery.guild import CLASS, ETHER, ONE, THREE, TWO
from tests.governance import factories
from tests.governance.factories import hash32

pytestmark = pytest.mark.django_db


@pytest.fixture
def deployment(tmp_path: Path, settings: Any) -> dict[str, str]:
    """A deployment file, with no chain behind it."""
    contracts = {
        "LivingArtwork": "0x01" + "ee" * 19,
        "ArtGovernor": "0x02" + "ee" * 19,
        "WorkerSet": guild.WORKER_SET,
    }
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.DEPLOYMENT_FILE.write_text(
        json.dumps({"chainId": 31337, "genesisHash": hash32(), "block": 1, "contracts": contracts})
    )
    return contracts


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Any, deployment: dict[str, str]) -> Any:
    """Set the chain's time."""
    settings.PRIVATE_CHAIN = True

    def set_to(seconds: int) -> None:
        monkeypatch.setattr("chain.clock.now", lambda: seconds)

    set_to(100)
    return set_to


def text(client: Client, address: str = "/workers/", status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, address
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def seats() -> dict[str, tuple[str, str]]:
    found = board.board().open
    assert found is not None
    return {seat.address: (seat.did, seat.result) for seat in found.seats}


def generation(number: int) -> None:
    hashes = ("model_id", "parent", "seed", "recipe_hash", "result_hash", "pixel_hash", "file_hash")
    Generation.objects.create(
        number=number,
        epoch_number=number,
        painter=ONE,
        founding=False,
        log=factories.place(factories.block(90))["log"],
        **{name: hash32() for name in hashes},
    )


def test_without_a_set_of_workers_the_page_says_that_one_paints(client: Client, clock: Any) -> None:
    assert "One operator paints here." in text(client)


def test_before_any_round_the_board_names_workers_and_rules(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO, THREE)
    page = text(client)
    assert "when 2 of 3 workers" in page
    assert "No round yet" in page
    assert "Worker two" in page
    assert "0.01 ETH, set aside when it is sealed, sale or no sale" in page
    assert "5 ETH" in page
    assert "Two who agree on a lie win against one who is honest" in page
    assert "share one machine, and one painting" in page


def test_too_few_workers_are_told(client: Client, clock: Any) -> None:
    guild.founded(ONE)
    assert "Too few: 1 active worker of the class that counts, and 2 are needed" in text(client)


def test_a_round_is_told_as_it_goes(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO, THREE)
    guild.sealed(1, at=100)
    assert "Epoch 1 is sealed with 3 workers; 2 have to agree" in text(client)

    guild.opened(1, at=110)
    clock(115)
    assert set(seats().values()) == {("waiting", "")}
    guild.committed(1, ONE, at=120)
    guild.committed(1, TWO, at=121)
    models.Refusal.objects.create(worker=THREE, epoch=1, reason="This would take about 48 J.")
    assert seats() == {ONE: ("committed", ""), TWO: ("committed", ""), THREE: ("declined", "")}
    page = text(client)
    assert "nobody sees another’s result yet" in page
    assert "declined: This would take about 48 J." in page

    clock(161)  # the time to commit is over
    page = text(client)
    assert "Commitments are closed" in page
    assert "committed, and has to reveal now" in page
    guild.revealed(1, ONE, "0x" + "aa" * 32, at=162)
    assert seats()[ONE] == ("revealed", "A")
    assert "1 more with the same result is needed" in text(client)
    guild.revealed(1, TWO, "0x" + "bb" * 32, at=163)
    assert seats()[TWO] == ("revealed", "B")

    clock(195)
    assert "too few agree" in text(client)


def test_equal_results_are_anchored_and_their_generation_is_linked(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO, THREE)
    guild.sealed(1, at=100)
    guild.opened(1, at=110)
    for at, one in enumerate((ONE, TWO, THREE), start=120):
        guild.committed(1, one, at=at)
    for at, one in enumerate((ONE, TWO), start=162):
        guild.revealed(1, one, "0x" + "aa" * 32, at=at)
    clock(192)
    assert "A quorum agrees" in text(client)
    assert seats()[THREE] == ("silent", "")
    generation(7)
    guild.finalized(1, 7, "0x" + "aa" * 32, winners=2, at=193)
    page = text(client)
    assert "The last round: epoch 1" in page
    assert "2 results were the same, and theirs is anchored. It is generation 7" in page
    raw = client.get("/workers/").content.decode()
    assert 'href="/generations/7/"' in raw
    [one, _, three] = board.board().active
    assert (one.counts.won, one.latency) == (1, 52.0)
    assert three.counts.silent == 1


def test_another_class_is_shown_and_not_counted(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO)
    guild.row(models.ClassListing, 11, class_id="0x" + "c2" * 32, listed=True)
    guild.joined(THREE, at=12, class_id="0x" + "c2" * 32)
    guild.sealed(1, at=100, eligible=2)
    guild.opened(1, at=110)
    guild.committed(1, THREE, at=120)
    clock(165)
    guild.revealed(1, THREE, hash32(), at=163, counted=False)
    page = text(client)
    assert "Of another class: shown, not counted." in page
    assert "when 2 of 2 workers" in page


def test_slashes_are_told_until_they_are_settled(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO, THREE)
    guild.slashed(1, ONE, 1, "silence", at=200)
    guild.slashed(2, TWO, 1, "mismatch", at=201, until=800)
    clock(300)
    page = text(client)
    assert "committed and did not reveal in time" in page
    assert "Final: it went to the treasury." in page
    assert "Held back. It may be challenged until" in page
    assert "1 slash held" in page

    guild.row(models.Challenge, 400, worker=TWO, slash_id=2, uri="https://two.example/why", decide_until=1300)
    clock(410)
    page = text(client)
    assert "Challenged: the voters decide. Silence upholds it until" in page
    assert "https://two.example/why" in page
    clock(1301)
    assert "the voters said nothing: anybody may uphold it" in text(client)
    guild.row(models.Settlement, 1310, worker=TWO, slash_id=2, upheld=False, amount=ETHER // 5)
    assert "Overturned: it went back to the bond." in text(client)


def test_a_workers_page_has_its_rounds_fees_bond_and_reasons(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO, THREE)
    guild.row(models.UriChange, 20, worker=ONE, uri="https://one.example/")
    result = "0x" + "aa" * 32
    for epoch, at in ((1, 100), (2, 300)):
        guild.sealed(epoch, at=at)
        guild.opened(epoch, at=at + 10)
        guild.committed(epoch, ONE, at=at + 20)
    guild.revealed(1, ONE, result, at=165)
    generation(7)
    guild.finalized(1, 7, result, winners=2, at=170)
    guild.row(models.FeeCredit, 171, worker=ONE, epoch=1, amount=ETHER // 200)
    guild.row(models.Credit, 171, account=ONE, amount=ETHER // 200, reason="fee")
    models.Refusal.objects.create(worker=ONE, epoch=3, reason="The model’s files are not here.")
    models.Refusal.objects.create(worker=ONE, epoch=2, reason="A passing trouble.")  # it committed after all
    clock(500)
    page = text(client, f"/workers/{ONE}/")
    assert "The winning result, generation 7" in page
    assert "Did not reveal in time" in page
    assert "0.005 ETH in fees, 0.005 ETH not taken yet" in page
    assert "55 s, the median" in page
    assert "The model’s files are not here." in page
    assert "A passing trouble." not in page
    assert "bonded as it registered" in page
    raw = client.get(f"/workers/{ONE}/").content.decode()
    assert 'href="https://one.example/"' in raw
    shown = models.Reveal.objects.get().manifest_hash
    assert f'href="/attestations/{shown}"' in raw
    assert CLASS in raw


def test_a_worker_that_leaves_says_when_it_may_take_its_bond(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO)
    guild.row(models.ExitRequest, 50, worker=ONE, last_epoch=0, withdrawable_at=3650)
    page = text(client, f"/workers/{ONE}/")
    assert "Leaving" in page
    assert "May take its bond" in page
    assert "Not painting now" in text(client)


def test_whoever_never_was_a_worker_has_a_page_that_says_so(client: Client, clock: Any) -> None:
    assert "Never a worker" in text(client, f"/workers/{ONE}/", status=404)
    upper = "0x" + ONE[2:].upper()
    assert client.get(f"/workers/{upper}/").status_code == 301


def test_an_address_that_would_run_a_script_is_no_link(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO)
    guild.row(models.UriChange, 20, worker=ONE, uri="javascript:alert(1)")
    raw = client.get(f"/workers/{ONE}/").content.decode()
    assert "javascript:alert(1)" in raw
    assert 'href="javascript' not in raw


def test_what_is_not_final_is_marked_and_goes_with_its_block(client: Client, clock: Any) -> None:
    guild.founded(ONE, TWO)
    guild.sealed(1, at=100)
    guild.opened(1, at=110)
    clock(130)
    final = Block.objects.order_by("-number").first()
    assert final is not None
    guild.committed(1, ONE, at=120)
    newest = Block.objects.order_by("-number").first()
    assert newest is not None
    Cursor.objects.update_or_create(
        pk=1,
        defaults={
            "chain_id": 31337,
            "number": newest.number,
            "hash": newest.hash,
            "head_number": newest.number,
            "finalized_number": final.number,
        },
    )
    marked = 'data-until-final="210">not final yet'
    assert marked in client.get("/workers/").content.decode()
    newest.delete()
    assert marked not in client.get("/workers/").content.decode()
    assert seats()[ONE] == ("waiting", "")


def test_workers_that_stand_by_are_told_from_workers_that_paint(
    client: Client, clock: Any, deployment: dict[str, str]
) -> None:
    guild.founded(ONE, TWO, THREE)
    guild.put_in_charge("0x" + "50" * 20, at=20)
    page = text(client)
    assert "Workers stand by: one operator paints now." in page
    assert "A vote can put these workers in its place" in page
    assert "One operator paints. The chain fixes" in text(client, "/about/")
    guild.put_in_charge(deployment["WorkerSet"], at=21)
    assert "when 2 of 3 workers" in text(client)
    assert "each for itself, and a quorum of them must agree" in text(client, "/about/")
