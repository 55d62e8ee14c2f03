"""A generation is verified from the chain and from stored inputs, and from nothing else.

The real contracts, the real painter; nodes that lie or refuse stand before the real one.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from chain.models import Log
from chain.rpc import Rpc, RpcError, RpcUnavailable
from compute import attestations, commitments, pictures
from compute.models import Attestation, Picture, Rendering
from gallery import verification
from gallery.models import Epoch, Generation
from gallery.onchain import CantTell, ChainRecord
from gallery.verification import Comparison, Verdict
from governance.models import ParameterChange


@pytest.fixture
def painted(world, monkeypatch: pytest.MonkeyPatch) -> Generation:
    """Generation 2, painted and anchored by this site."""
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    return world.next_generation()


def run(*arguments: str, **options: Any) -> tuple[int, str]:
    """(exit status, what it said)."""
    said = io.StringIO()
    try:
        call_command("verify_generation", *arguments, stdout=said, **options)
    except SystemExit as end:
        return int(end.code), said.getvalue()
    return 0, said.getvalue()


def lines(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_aGenerationIsVerified_withNothingOfTheMirror(world, painted):
    """What it takes is the chain, the parent's file and the weights."""
    Log.objects.all().delete()
    assert not Generation.objects.exists()
    assert not ParameterChange.objects.exists()
    assert not Epoch.objects.exists()

    code, said = run("2")
    assert code == 0
    assert said.startswith("2: bit-exact (")
    assert f"artwork {world.address('LivingArtwork')}: 1 bit-exact." in said


def test_theWholeLineage_isVerified_andTheWorstVerdictIsTheOutcome(world, painted):
    """The founding picture is of one colour, which the painter never painted."""
    code, said = run(all=True)
    assert code == 1
    assert said.startswith("1: different, ")
    assert "2: bit-exact" in said
    assert "1 bit-exact, 1 different." in said

    code, said = run("2", "1", json=True)
    assert code == 1
    second, first = lines(said)
    assert (second["verdict"], first["verdict"]) == ("exact", "different")
    assert second["painted_pixel_hash"] == second["pixel_hash"] == painted.pixel_hash
    assert second["attested"]["by"] == "this site"
    assert second["environment"] == second["attested"]["environment"]
    assert second["energy"]["joules"] > 0
    assert second["head"] == world.call("head")
    assert 0 < first["distance_db"] < 40
    assert 0 < first["changed"] <= 1
    assert 0 < first["furthest"] <= 255


@pytest.mark.slow
def test_whatTheFactsAre_isWhatTheMirrorFoundToo(world, painted):
    world.carry({"prompt": "a calm dusk", "steps": 3})
    for _ in range(4):  # epochs that had ended before the vote took effect go by the old words
        last = world.next_generation()
        if Rendering.objects.get(recipe_hash=last.recipe_hash).recipe["prompt"] == "a calm dusk":
            break
    record = ChainRecord()
    assert record.count == last.number > 2
    for row in Generation.objects.all():
        facts = record.facts(row.number)
        assert (facts.epoch, facts.founding) == (row.epoch_number, row.founding)
        assert (facts.pixel_hash, facts.file_hash) == (row.pixel_hash, row.file_hash)
        assert (facts.recipe_hash, facts.parent_head) == (row.recipe_hash, row.parent)
        job = Rendering.objects.get(recipe_hash=row.recipe_hash)
        assert facts.recipe.to_json() == facts.recipe.from_mapping(job.recipe).to_json()
    assert record.facts(last.number).recipe.prompt == "a calm dusk"
    assert record.facts(painted.number).recipe.prompt == "misty ridges"
    with pytest.raises(CantTell, match=f"no generation {last.number + 1}; the newest is"):
        record.facts(last.number + 1)


@pytest.mark.slow
def test_anotherMachinesRounding_isWithinTolerance_withBothEnvironments(world, painted, settings):
    settings.PAINTER_COMMAND = f"{sys.executable} -m tests.gallery.otherwise 1"
    code, said = run("2")
    assert code == 0
    assert "2: within tolerance, " in said
    assert "by 1 of 255 at most" in said
    assert "painted then by this site; on the right, now and here" in said
    assert "torch" in said

    settings.PAINTER_COMMAND = f"{sys.executable} -m tests.gallery.otherwise 128"
    code, said = run("2")
    assert code == 1
    assert "2: different, " in said
    assert "by 128 of 255 at most" in said


def test_aMissingParentOrModel_isNoVerdictOnThePicture(world, painted, settings):
    first = Generation.objects.get(number=1).file_hash
    parent = Picture.objects.get(file_hash=first)
    Path(parent.file.path).write_bytes(b"not a picture")
    code, said = run("2")
    assert code == 2
    assert "can’t be verified here: the picture that it was painted over can’t be had: BadPicture" in said
    Rendering.objects.filter(picture=parent).update(picture=None)
    parent.delete()
    code, said = run("2")
    assert code == 2
    assert f"The picture {first} is not kept here, and LINEAGE_MIRRORS names nobody" in said

    settings.PAINTER_MODELS = []
    code, said = run("2", json=True)
    assert code == 2
    assert "its model is not here" in lines(said)[0]["reason"]


@pytest.mark.slow
def test_withoutTheAnchoredPicture_otherBitsCantBeJudged(world, painted, settings):
    """The hash still tells equal pixels; how far others are can't be told."""
    Rendering.objects.filter(picture_id=painted.file_hash).update(picture=None)
    Picture.objects.filter(pk=painted.file_hash).delete()
    assert run("2")[0] == 0
    settings.PAINTER_COMMAND = f"{sys.executable} -m tests.gallery.otherwise 1"
    code, said = run("2")
    assert code == 2
    assert "the bits differ, and how far can’t be told: the anchored picture is not kept here" in said


class Between(Rpc):
    """A node whose answers pass through `change(method, params, result)`."""

    def __init__(self, url: str, change: Any):
        super().__init__(url)
        self.change = change

    def call(self, method: str, *params: Any) -> Any:
        return self.change(method, params, super().call(method, *params))


def without_the_last_log(method: str, params: Any, result: Any) -> Any:
    return result[:-1] if method == "eth_getLogs" else result


def another_seed(method: str, params: Any, result: Any) -> Any:
    if method == "eth_getLogs" and len(params[0]["topics"]) > 1:
        return [{**log, "data": log["data"].replace("0x", "0x", 1)[:66] + "11" * 64} for log in result]
    return result


def another_picture(method: str, params: Any, result: Any) -> Any:
    """`generationOf` with one byte of a hash turned over."""
    if method == "eth_call" and len(result) > 700:
        return result[:600] + ("0" if result[600] != "0" else "1") + result[601:]
    return result


def another_chain(method: str, params: Any, result: Any) -> Any:
    return "0x1" if method == "eth_chainId" else result


def test_aNodeThatLies_isFoundOut(world, painted, anvil):
    for change, reason in (
        (without_the_last_log, "may have left logs out"),
        (another_seed, "randomness gives the seed"),
        (another_picture, "the node says"),
    ):
        with pytest.raises(CantTell, match=reason):
            ChainRecord(Between(anvil.url, change)).facts(2)
    with pytest.raises(CantTell, match="the node is of chain 1"):
        ChainRecord(Between(anvil.url, another_chain))

    # And one that only gives few blocks at once is asked often.
    narrow = Narrow(anvil.url)
    assert ChainRecord(narrow).facts(2) == ChainRecord().facts(2)
    assert narrow.asked > 4


class Narrow(Rpc):
    """A node that gives the logs of eight blocks at most."""

    asked = 0

    def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getLogs":
            self.asked += 1
            if int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) > 7:
                raise RpcError(-32005, "query returned more than 10000 results")
        return super().call(method, *params)


def test_theNodeIsTheOneThatIsNamed_andOneThatIsAwayIsSaidSo(world, painted, settings, anvil):
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    assert run("2", rpc=anvil.url)[0] == 0
    with pytest.raises(CommandError, match="can't be asked") as raised:
        run("2")
    assert raised.value.returncode == 2
    with pytest.raises(RpcUnavailable):
        ChainRecord()
    for wrong in ((), ("2", "--all")):
        with pytest.raises(CommandError, match="Name generations"):
            run(*wrong)


def test_anAttestationIsWhatIsShown_ifItsResultIsTheAnchoredOne(world, painted):
    job = Rendering.objects.get(recipe_hash=painted.recipe_hash)
    facts = ChainRecord().facts(2)
    assert verification.statement(facts).who == "this site"
    for worker, pixel_hash in (("0x" + "0b" * 20, "0x" + "99" * 32), ("0x" + "0a" * 20, painted.pixel_hash)):
        attest(job, worker, pixel_hash)
    assert Attestation.objects.count() == 2
    said = verification.statement(facts)
    assert (said.who, said.class_id) == ("0x" + "0a" * 20, "0x" + "cc" * 32)
    assert said.environment["torch"] == job.environment["torch"]
    assert said.manifest_hash == Attestation.objects.get(worker="0x" + "0a" * 20).manifest_hash


def attest(job: Rendering, worker: str, pixel_hash: str) -> None:
    hashes = (pixel_hash, job.picture.thumb_hash, job.picture.file_hash)
    attestations.keep(
        {
            "version": attestations.VERSION,
            "chain_id": 31337,
            "worker_set": "0x" + "ee" * 20,
            "epoch": job.epoch_number,
            "round": 1,
            "worker": worker,
            "class": "0x" + "cc" * 32,
            "recipe_hash": job.recipe_hash,
            "result_hash": commitments.result_hash(job.recipe_hash, *hashes),
            "pixel_hash": pixel_hash,
            "thumb_hash": job.picture.thumb_hash,
            "file_hash": job.picture.file_hash,
            "model": job.recipe["model"],
            "environment": job.environment,
            "energy": {"method": "unknown", "reason": "nobody looked"},
            "seconds": "1.5",
        }
    )


def test_howFarIsFar(settings, colours):
    near = colours.copy()
    near[::5] ^= 1
    found = verification.compare(colours, near)
    assert (found.verdict, found.furthest) == (Verdict.NEAR, 1)
    assert found.changed == pytest.approx(0.2, abs=0.01)
    settings.VERIFY_TOLERANCE_DB = 90.0
    assert verification.compare(colours, near).verdict is Verdict.DIFFERENT
    assert verification.compare(colours, colours[:-1]).reason == "the sizes differ: 128×96 and 128×95"
    assert verification.compare(None, near, "it is lost") == Comparison(
        Verdict.UNVERIFIED, "the bits differ, and how far can’t be told: it is lost"
    )


def test_pixelsThatAreTheSame_withAnotherFileOnTheChain_areFoundOut(world, painted):
    """Who anchors might name a file that is not the pixels': the result's hash tells."""
    from dataclasses import replace

    facts = ChainRecord().facts(2)
    pixels = pictures.pixels(Picture.objects.get(file_hash=painted.file_hash))
    assert verification.judge(facts, pixels).verdict is Verdict.EXACT
    file = "0x" + "12" * 32
    lie = commitments.result_hash(facts.recipe_hash, facts.pixel_hash, facts.thumb_hash, file)
    found = verification.judge(replace(facts, file_hash=file, result_hash=lie), pixels)
    assert found.verdict is Verdict.DIFFERENT
    assert "are not theirs" in found.reason
    assert verification.judge(facts, np.zeros_like(pixels)).verdict is Verdict.DIFFERENT


def test_twoEnvironments_standSideBySide():
    then = {"torch": "2.13.0", "features": ["avx2", "fma"], "accelerate": None, "cpu": "one"}
    now = {"torch": "2.13.0", "features": ["neon"], "accelerate": None, "cpu": "one", "device": "cpu"}
    told = [(one.name, one.then, one.now, one.differs) for one in verification.side_by_side(then, now)]
    assert told == [
        ("features", "avx2, fma", "neon", True),
        ("device", "", "cpu", True),
        ("torch", "2.13.0", "2.13.0", False),
        ("cpu", "one", "one", False),
    ]
