"""Pictures that pages of governance include: thumbnails, and the generations that votes made."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from chain.models import Cursor
from compute import pictures
from gallery import decisions
from gallery.models import Epoch, Generation, Sealing
from governance import models, selectors
from governance.models import Proposal, Support
from tests.governance import factories
from tests.governance.conftest import chain_time, deployment  # noqa: F401 - fixtures
from tests.governance.factories import INES, MIRA, hash32

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
ATOM = "{http://www.w3.org/2005/Atom}"


def generation(number: int, version: int, at: int, file_hash: str = "") -> Generation:
    """A generation painted in an epoch of the same number, sealed with a version of the parameters."""
    where = factories.block(at)
    epoch = Epoch.objects.create(number=number, ends_at=at, log=factories.place(where)["log"])
    Sealing.objects.create(
        epoch=epoch,
        params_version=version,
        params_hash=hash32(),
        parent_head=hash32(),
        source=INES,
        round=1,
        log=factories.place(where)["log"],
    )
    return Generation.objects.create(
        number=number,
        epoch_number=number,
        model_id=hash32(),
        parent=hash32(),
        seed=hash32(),
        recipe_hash=hash32(),
        result_hash=hash32(),
        pixel_hash=hash32(),
        file_hash=file_hash or hash32(),
        painter=MIRA,
        founding=False,
        log=factories.place(where)["log"],
    )


def executed(version: int, at: int, **changes: Any) -> Proposal:
    """A proposal whose execution made a version of the parameters."""
    tx = hash32()
    proposal = factories.proposal(at - 100, description=f"# Version {version}")
    factories.parameters(version=version, at=at, tx_hash=tx, **changes)
    models.ProposalExecuted.objects.create(
        **factories.place(factories.block(at), tx_hash=tx), proposal=proposal
    )
    return proposal


@pytest.fixture(autouse=True)
def _world(chain_time: Any) -> None:  # noqa: F811
    factories.electorate(at=1)
    factories.parameters(version=1, at=1)
    chain_time(5000)


def final(number: int) -> None:
    Cursor.objects.create(
        id=1,
        chain_id=31337,
        genesis_hash=hash32(),
        number=number,
        hash=hash32(),
        head_number=number,
        finalized_number=number,
    )


def of(*proposals: Proposal) -> Any:
    return Proposal.objects.filter(pk__in=[one.pk for one in proposals])


def test_a_change_shows_first_in_the_generation_that_was_sealed_after_it():
    generation(1, version=1, at=1000)
    wild = executed(2, 1100, mood="wild")
    dim = executed(3, 1200, mood="dim")  # both before the next sealing: they made one picture together
    generation(2, version=3, at=1300)
    generation(3, version=3, at=1400)
    still = executed(4, 1500, mood="still")
    assert decisions.painted_with(of(wild)) == [2]
    assert decisions.painted_with(of(dim)) == [2]
    assert decisions.painted_with(of(still)) == []  # nothing was painted since
    generation(4, version=4, at=1600)
    assert decisions.painted_with(of(wild, dim, still)) == [4, 2]


def test_an_epoch_that_failed_passes_its_change_on():
    generation(1, version=1, at=1000)
    wild = executed(2, 1100, mood="wild")
    failed = generation(2, version=2, at=1200)
    failed.delete()
    later = generation(3, version=2, at=1300)
    assert decisions.painted_with(of(wild)) == [later.number]


def test_a_proposals_page_includes_what_was_painted_with_it(client):
    wild = executed(2, 1100, mood="wild")
    generation(2, version=2, at=1300)
    page = client.get(f"/proposals/{wild.pk}/").content.decode()
    assert f'hx-get="/generations/of/{wild.pk}/"' in page
    part = client.get(f"/generations/of/{wild.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "Painted with it" in part
    assert 'href="/generations/2/"' in part
    assert "<html" not in part
    whole = client.get(f"/generations/of/{wild.pk}/").content.decode()  # without JavaScript it is a link
    assert "<html" in whole
    assert 'href="/generations/2/"' in whole
    assert client.get("/generations/of/5/").status_code == 404


def test_a_proposal_that_changed_nothing_yet_has_no_such_part(client):
    open_one = factories.proposal(4990)
    part = client.get(f"/generations/of/{open_one.pk}/", headers={"HX-Request": "true"})
    assert part.content.decode().strip() == ""


def test_a_member_decided_what_they_voted_for_and_nothing_else(client):
    wild, dim = executed(2, 1100, mood="wild"), executed(3, 1400, mood="dim")
    generation(2, version=2, at=1300)
    generation(3, version=3, at=1500)
    factories.vote(wild, MIRA, Support.FOR, 2, 1050)
    factories.vote(dim, MIRA, Support.AGAINST, 2, 1350)
    factories.vote(dim, INES, Support.FOR, 0, 1350)  # without weight nobody decides
    part = client.get(f"/generations/decided-by/{MIRA}/", headers={"HX-Request": "true"}).content.decode()
    assert 'href="/generations/2/"' in part
    assert 'href="/generations/3/"' not in part
    none = client.get(f"/generations/decided-by/{INES}/").content.decode()
    assert "None yet" in none


def test_many_generations_are_turned_by_plain_links_at_a_constant_cost(client, django_assert_max_num_queries):
    for number in range(2, 32):
        wild = executed(number, 1000 + 10 * number, steps=10 + number)
        factories.vote(wild, MIRA, Support.FOR, 2, 1000)
        generation(number, version=number, at=1005 + 10 * number)
    with django_assert_max_num_queries(45):
        page = client.get(f"/generations/decided-by/{MIRA}/").content.decode()
    assert "1 of 3" in page
    assert 'href="?page=2"' in page


def test_asked_for_many_generations_at_once_the_deciders_are_the_same():
    executed(2, 1100, mood="wild")
    executed(3, 1150, mood="dim")
    executed(4, 1400, mood="still")
    spans = {2: (1, 3), 3: (3, 4), 4: (4, 4), 5: (0, 1)}
    together = decisions.deciders(spans)
    for key, (after, upto) in spans.items():
        alone = [one.proposal.pk for one in selectors.decided_by(after, upto, 5000)]
        assert [one.proposal.pk for one in together[key]] == alone
    assert [len(found) for found in together.values()] == [2, 1, 0, 0]


def test_a_thumbnail_is_the_picture_of_a_number(client):
    ground = pictures.keep(np.full((64, 64, 3), (40, 60, 90), np.uint8))
    generation(2, version=1, at=1000, file_hash=ground.file_hash)
    answer = client.get("/generations/2/thumbnail/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert "no-cache" in answer["Cache-Control"]  # another may hang there after a reorganisation
    again = client.get("/generations/2/thumbnail/", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_what_is_not_here_is_an_empty_frame(client):
    generation(2, version=1, at=1000)
    for number in (2, 99, 10**30):
        answer = client.get(f"/generations/{number}/thumbnail/")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
        assert ET.fromstring(answer.content).tag.endswith("svg")  # noqa: S314 - our own


def test_the_feed_of_generations_is_xml_whatever_the_words(client):
    ground = pictures.keep(np.full((64, 64, 3), (40, 60, 90), np.uint8))
    evil = executed(2, 1100, prompt="<script>alert(1)</script>]]>\u202e & “x”")
    Proposal.objects.filter(pk=evil.pk).update(description="# <img src=x>\x01")
    last = generation(2, version=2, at=1300, file_hash=ground.file_hash)
    root = ET.fromstring(client.get("/feed.atom").content)  # noqa: S314 - our own
    assert root.findall(ATOM + "entry") == []  # not final: a reader would keep it
    final(10**9)
    root = ET.fromstring(client.get("/feed.atom").content)  # noqa: S314 - our own
    entry = root.find(ATOM + "entry")
    assert entry is not None
    assert entry.findtext(ATOM + "title", "").startswith("Generation 2: ")
    summary = entry.findtext(ATOM + "summary", "")
    assert f'<img src="http://testserver/pictures/{last.file_hash}/512.webp"' in summary
    assert summary.count("<img") == 1
    assert "<script" not in summary
    assert "\u202e" not in summary
    identity = entry.findtext(ATOM + "id", "")
    assert identity.startswith("urn:uuid:")
    assert entry.findtext(ATOM + "updated") == "1970-01-01T00:21:40+00:00"


def test_what_is_withheld_is_withheld_from_the_feed(client):
    ground = pictures.keep(np.full((64, 64, 3), (40, 60, 90), np.uint8))
    executed(2, 1100, prompt="an unspeakable thing")
    generation(2, version=2, at=1300, file_hash=ground.file_hash)
    for kind, subject in (("picture", ground.file_hash), ("words", "unspeakable")):
        models.Withholding.objects.create(kind=kind, subject=subject, reason="It hurts.", by="admin")
    final(10**9)
    body = client.get("/feed.atom").content.decode()
    assert "unspeakable" not in body.lower()
    assert "/512.webp" not in body
    assert "Withheld on this site: It hurts." in body
