"""A visitor has a generation painted again: asked by a form, painted from the chain, shown to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from compute.models import Acceptance, Attestation, Commitment, Finalization, Picture, Rendering, Reveal
from gallery import again, painted, repaints
from gallery.models import Generation, Repaint
from governance import withholding
from tests.gallery.test_repaints import asked_by, hung  # noqa: F401 - fixtures
from tests.gallery.test_verification import attest
from tests.governance.factories import block, place

State = Repaint.State
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def second(world, monkeypatch: pytest.MonkeyPatch) -> Generation:
    """Generation 2, painted and anchored."""
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    return world.next_generation()


def row() -> Repaint:
    return Repaint.objects.get()


def test_aVisitorAsks_itIsPaintedFromTheChain_andThePageSaysWhatCameOut(world, second):
    visitor = Client(enforce_csrf_checks=True)
    page = visitor.get("/generations/2/")
    assert "Paint it again and compare" in page.content.decode()
    assert visitor.post("/generations/2/again/").status_code == 403  # without the form's token
    token = page.context["csrf_token"]
    answer = visitor.post("/generations/2/again/", {"csrfmiddlewaretoken": str(token)})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/generations/2/again/")
    waiting = visitor.get("/generations/2/again/").content.decode()
    assert "Waiting to be painted again" in waiting
    assert '<noscript><a class="button ghost" href="/generations/2/again/">Look again</a>' in waiting
    assert "Paint it again and compare" not in waiting

    assert repaints.send_if_due()
    assert repaints.paint(row().pk) == State.SAME
    done = row()
    assert (done.by, done.painted_hash, done.block) == (
        "a visitor",
        second.pixel_hash,
        int(world.rpc.call("eth_blockNumber"), 16),
    )
    assert done.recipe == Rendering.objects.get(recipe_hash=second.recipe_hash).recipe
    assert done.then["who"] == "this site"
    assert done.energy["joules"] > 0
    said = visitor.get("/generations/2/").content.decode()
    assert "Bit-exact" in said
    assert "Painted again here, bit for bit" in said
    assert "The parameters from their logs against the sealed hash." in said
    assert "one determinism class" in said
    assert "Paint it once more" in said

    told = visitor.get("/generations/2/generation.json").json()
    assert told["verification"]["verdict"] == "same pixels"
    assert told["pixel_hash"] == second.pixel_hash
    assert told["head"] == world.call("head")
    assert told["energy"]["joules"] > 0
    assert told["energy"]["basis"]
    assert told["painted_by"] == []


def test_whatIsNotWhatTheChainSays_isSaidSo_withBothEnvironments(world):
    """The founding picture of this small world is of one colour, which nobody painted."""
    again.ask(1, "10.0.0.1")
    assert repaints.paint(row().pk) == State.DIFFERENT
    said = Client().get("/generations/1/again/").content.decode()
    assert "It came out as another picture." in said
    assert "dB apart, from 40 dB on nobody sees it" in said
    assert "Then: not known here" in said
    assert "torch" in said


def test_whatCantBeVerifiedHere_saysWhy_andBlamesNobody(world, second, settings):
    settings.PAINTER_MODELS = []
    again.ask(2, "10.0.0.1")
    assert repaints.paint(row().pk) == State.FAILED
    said = Client().get("/generations/2/").content.decode()
    assert "Can’t be verified here" in said
    assert "Its model is not here" in said


def test_aMirrorThatDiffersFromTheChain_isFoundOut(world, second):
    Generation.objects.filter(number=2).update(pixel_hash="0x" + "77" * 32)
    again.ask(2, "10.0.0.1")
    assert repaints.paint(row().pk) == State.FAILED
    assert "the mirror is at fault" in row().error


def test_askingTwice_isAskingOnce_andOneIsPaintedAtATime(hung, settings):  # noqa: F811
    first = again.ask(1, "10.0.0.1")
    assert again.ask(1, "10.0.0.2") == first
    other = Repaint.objects.create(
        number=2, recipe_hash=hung.recipe_hash, recipe={}, pixel_hash=hung.pixel_hash, threads=1, verify=True
    )
    lease = timezone.now() + timedelta(minutes=1)
    Repaint.objects.filter(pk=first.pk).update(state=State.PAINTING, lease_until=lease)
    assert not repaints.send_if_due()
    assert repaints.paint(other.pk) == "skipped"
    assert again.again(2).ahead == 1
    # Whoever painted the first one died: its lease ends, and it is taken up again before the other.
    Repaint.objects.filter(pk=first.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert repaints.send_if_due()


def test_anEpochsPaintingGoesFirst_howeverLongItWaited(world, second):
    again.ask(2, "10.0.0.1")
    Repaint.objects.update(asked_at=timezone.now() - repaints.GIVES_WAY_FOR * 2)
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    assert not repaints.send_if_due()
    assert repaints.paint(row().pk) == "skipped"
    assert world.paint() == ["painted"]
    assert repaints.send_if_due()


def test_anOperatorsGoesBeforeAVisitors(hung):  # noqa: F811
    visitors = again.ask(1, "10.0.0.1")
    Repaint.objects.filter(pk=visitors.pk).update(number=7)
    operators = repaints.ask(1, "olga")
    repaints.send_if_due()
    assert Repaint.objects.get(pk=operators.pk).sent_at is not None
    assert Repaint.objects.get(pk=visitors.pk).sent_at is None


def finish() -> None:
    Repaint.objects.update(state=State.SAME, ended_at=timezone.now())


def test_oneNetworkMayAskThriceAnHour_andAllTogetherSoOften(hung, settings):  # noqa: F811
    visitor = Client(REMOTE_ADDR="10.0.0.1", HTTP_ACCEPT="text/html")
    for _ in range(3):
        assert visitor.post("/generations/1/again/").status_code == 302
        finish()
    refused = visitor.post("/generations/1/again/")
    assert refused.status_code == 429
    assert "3 an hour from one network are painted again." in refused.content.decode()
    assert refused.headers["Retry-After"]
    part = visitor.post("/generations/1/again/", **HTMX)
    assert part.status_code == 200  # it is put into the page as it is
    assert 'role="alert"' in part.content.decode()
    assert "<html" not in part.content.decode()

    settings.VERIFY_PER_HOUR = 5
    assert Client(REMOTE_ADDR="10.0.0.2").post("/generations/1/again/").status_code == 302
    finish()
    assert Client(REMOTE_ADDR="10.0.0.3").post("/generations/1/again/").status_code == 302
    finish()
    assert Client(REMOTE_ADDR="10.0.0.4").post("/generations/1/again/").status_code == 429
    settings.VERIFY_PER_HOUR = 0
    answer = Client(REMOTE_ADDR="10.0.0.5").post("/generations/1/again/")
    assert answer.status_code == 409
    assert "does not paint again for visitors" in answer.content.decode()
    assert "<form" not in answer.content.decode().partition("<main")[2].partition("</main")[0]


def test_onlySoManyWait(hung):  # noqa: F811
    common = {"recipe_hash": hung.recipe_hash, "recipe": {}, "pixel_hash": hung.pixel_hash, "threads": 1}
    Repaint.objects.bulk_create(Repaint(number=n, verify=True, **common) for n in range(2, 7))
    with pytest.raises(again.TooMany, match="5 verifications wait already"):
        again.ask(1, "10.0.0.1")


def test_aGenerationThatIsNotThere_hasNothingToPaint(db):
    assert Client().get("/generations/9/again/").status_code == 404
    assert Client().post("/generations/9/again/").status_code == 404
    assert Client().get("/generations/9/generation.json").status_code == 404
    with pytest.raises(repaints.CantRepaint):
        again.ask(9, "10.0.0.1")


def test_whoPainted_isReadFromReveals_andTheirAttestations(hung):  # noqa: F811

    Generation.objects.update(epoch_number=7, founding=False)
    Rendering.objects.update(epoch_number=7, seconds=4.0)
    job = Rendering.objects.get()
    one = Generation.objects.get()
    kind = "0x" + "cc" * 32
    here = block(2)

    def put(model: Any, **values: Any) -> Any:
        return model.objects.create(**place(here), **values)

    put(Acceptance, epoch=7, accepted_class=kind, quorum=2, eligible=3, fee=0)
    hashes = {"pixel_hash": one.pixel_hash, "thumb_hash": job.picture.thumb_hash, "file_hash": one.file_hash}
    for number, (result, counted) in enumerate(
        [(one.result_hash, True), (one.result_hash, True), ("0x" + "99" * 32, False)], start=1
    ):
        worker = f"0x{number:040x}"
        put(Commitment, epoch=7, round=1, worker=worker, class_id=kind, commitment="0x" + "01" * 32)
        manifest = "0x" + f"{number:064x}"
        if number == 1:
            attest(job, worker, one.pixel_hash)
            manifest = Attestation.objects.get().manifest_hash
        put(
            Reveal,
            epoch=7,
            round=1,
            worker=worker,
            result_hash=result,
            manifest_hash=manifest,
            counted=counted,
            **hashes,
        )
    found = painted.painted(one, job)
    assert [(who.agreed, who.counted, who.kept) for who in found.revealers] == [
        (True, True, True),
        (True, True, False),
        (False, False, False),
    ]
    assert (found.quorum, found.eligible, len(found.agreed)) == (2, 3, 2)
    assert found.energy.how == "nobody looked"
    said = Client().get("/generations/1/").content.decode()
    assert "2 of 3 workers agree" in said
    assert f'href="/workers/0x{1:040x}/"' in said
    assert f'href="/attestations/{found.revealers[0].manifest_hash}"' in said
    assert "another class: shown, not counted" in said
    assert "Energy unknown" in said
    told = Client().get("/generations/1/generation.json").json()
    assert [one["agreed"] for one in told["painted_by"]] == [True, True, False]
    assert told["energy"] == {"method": "unknown", "reason": "nobody looked"}
    assert told["quorum"] == 2
    assert "the operator" in Client().get("/").content.decode()  # no set of workers has settled on it
    end = {"generation": 1, "result_hash": one.result_hash, "winners": 2, "by": f"0x{1:040x}"}
    put(Finalization, epoch=7, reimbursed=0, **end)
    assert "2 workers, agreeing" in Client().get("/").content.decode()


def test_energy_isShownWithItsMethod(hung):  # noqa: F811
    figure = {"joules": 31.2, "method": "estimate", "basis": "seconds × 3.5 W", "idle_subtracted": False}
    power = {"pue": "1.2", "grid_intensity": "400", "source": "a wind park"}
    Rendering.objects.update(energy=figure | power)
    Generation.objects.update(epoch_number=7, founding=False)
    said = Client().get("/generations/1/").content.decode()
    assert "31 J, estimated" in said
    assert "seconds × 3.5 W" in said
    assert "PUE 1.2" in said
    assert "a wind park" in said


def test_theJson_keepsWithheldWordsAndPicturesBack(hung, asked_by):  # noqa: F811
    user = asked_by
    withholding.withhold(user, "words", "misty ridges", "A slogan")
    withholding.withhold(user, "picture", hung.file_hash, "A court")
    told = Client().get("/generations/1/generation.json")
    assert "misty" not in told.content.decode()
    assert told.json()["recipe"] == {"withheld": "A slogan"}
    assert told.json()["picture"] == {"withheld": "A court"}
    assert Picture.objects.exists()
