"""What a worker says of a painting: one spelling, one hash, and nothing that its reveal doesn't say."""

import copy
import json
from typing import Any

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chain import deployments
from compute import attestations, commitments, energy, pictures
from compute.attestations import BadManifest, Revealed
from compute.models import Attestation, Rendering

WORKER, WORKER_SET = "0x" + "a1" * 20, "0x" + "b2" * 20
CLASS = "0x" + "c3" * 32
MEASURED = {
    "joules": 31.25,
    "method": "estimate",
    "basis": "processor seconds of the painter × 3.5 W a core (a source)",
    "idle_subtracted": False,
    "pue": "1.2",
    "grid_intensity": "unknown",
    "source": "unknown",
}


@pytest.fixture
def job(db, colours, tmp_path, settings) -> Rendering:
    """A finished painting for epoch 7, and a deployment with a set of workers."""
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    contracts = {"LivingArtwork": "0x" + "ab" * 20, "WorkerSet": "0x" + "B2" * 20}
    deployment = deployments.Deployment(31337, "0x" + "00" * 32, 1, contracts)
    settings.DEPLOYMENT_FILE.write_text(json.dumps(deployment.to_json()))
    return Rendering.objects.create(
        recipe_hash="0x" + "d4" * 32,
        epoch_number=7,
        recipe={"model": "0x" + "e5" * 32},
        state=Rendering.State.PAINTED,
        picture=pictures.keep(colours),
        seconds=8.93,
        environment={"torch": "2.13.0", "threads": 2, "features": ["avx2", "fma"], "accelerate": None},
        energy=MEASURED,
    )


@pytest.fixture
def said(job) -> dict[str, Any]:
    return attestations.manifest(job, WORKER.upper().replace("X", "x"), CLASS, 2)


def revealed(manifest: dict[str, Any], **changes: Any) -> Revealed:
    """What the chain would say of a reveal with this manifest."""
    return Revealed(
        manifest["chain_id"],
        manifest["worker_set"],
        manifest["epoch"],
        manifest["round"],
        manifest["worker"],
        manifest["class"],
        manifest["result_hash"],
        manifest["pixel_hash"],
        manifest["thumb_hash"],
        manifest["file_hash"],
        attestations.manifest_hash(manifest),
    )._replace(**changes)


def test_aManifestSaysWhatWasPainted_andIsFoundAgainByItsHash(job, said):
    assert said["version"] == "ATTESTATION_V1"
    assert (said["chain_id"], said["worker_set"], said["epoch"], said["round"]) == (31337, WORKER_SET, 7, 2)
    assert (said["worker"], said["class"]) == (WORKER, CLASS)
    assert said["file_hash"] == job.picture.file_hash
    assert said["result_hash"] == commitments.result_hash(
        job.recipe_hash, job.picture.pixel_hash, job.picture.thumb_hash, job.picture.file_hash
    )
    assert (said["seconds"], said["energy"]["joules"]) == ("8.93", "31.25")

    row = attestations.keep(said)
    assert attestations.keep(said) == row
    assert Attestation.objects.count() == 1
    assert (row.worker, row.epoch, row.recipe_hash) == (WORKER, 7, job.recipe_hash)
    data = Attestation.objects.get().body.encode()
    assert "0x" + keccak(data).hex() == row.manifest_hash
    assert attestations.read(data, revealed(said)) == said


def test_aPaintingThatIsNotDone_hasNothingToSay(job):
    job.picture = None
    with pytest.raises(ValueError, match="not done"):
        attestations.manifest(job, WORKER, CLASS)


def test_aPaintingWithoutARecordOfItsEnergy_saysThatItIsUnknown(job):
    job.energy = {}
    manifest = attestations.manifest(job, WORKER, CLASS)
    assert manifest["energy"] == {"method": "unknown", "reason": "it was not recorded"}
    assert attestations.read(attestations.canonical(manifest), revealed(manifest)) == manifest


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
tables = st.dictionaries(st.text(max_size=8), values, max_size=6)


@given(tables, st.randoms())
def test_theCanonicalSpellingIsOne_inWhateverOrderTheKeysCame(table, random):
    data = attestations.canonical(table)
    keys = list(table)
    random.shuffle(keys)
    assert attestations.canonical({key: table[key] for key in keys}) == data
    assert json.loads(data) == table
    assert attestations.canonical(json.loads(data)) == data


@given(tables, tables)
def test_twoManifestsHaveOneHash_onlyIfTheyAreTheSame(one, other):
    same = attestations.canonical(one) == attestations.canonical(other)
    assert same == (attestations.manifest_hash(one) == attestations.manifest_hash(other))
    assert same == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_aDecimalIsTextWithoutAnExponent_closeToTheNumber_andNeverZero(number):
    text = attestations.decimal(number)
    assert "e" not in text.lower()
    assert float(text) == pytest.approx(number, rel=1e-5)


@pytest.mark.parametrize("wrong", [{"seconds": 1.5}, {"a": [{"b": float("nan")}]}, {1: "x"}, {"a": "\ud800"}])
def test_whatHasNoSingleSpelling_isRefused(wrong):
    with pytest.raises(ValueError):
        attestations.canonical(wrong)


def paths(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each plain value of a manifest is."""
    if isinstance(value, dict):
        return [path for key, one in value.items() for path in paths(one, (*way, key))]
    if isinstance(value, list):
        return [path for index, one in enumerate(value) for path in paths(one, (*way, index))]
    return [way]


def changed(manifest: dict[str, Any], way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    other = copy.deepcopy(manifest)
    place: Any = other
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = value
    return other


def test_anyChangeAtAll_changesTheHash_andIsRefused(said):
    claim = revealed(said)
    ways = paths(said)
    assert len(ways) > 25
    for way in ways:
        place: Any = said
        for key in way:
            place = place[key]
        other = changed(said, way, f"{place}." if isinstance(place, str) else [place])
        assert attestations.manifest_hash(other) != claim.manifest_hash, way
        with pytest.raises(BadManifest, match="its hash is"):
            attestations.read(attestations.canonical(other), claim)


@pytest.mark.parametrize(
    "field",
    [*Revealed._fields[:-1]],
)
def test_aManifestThatSaysSomethingElseThanItsReveal_isRefused(said, field):
    other = {"chain_id": 1, "epoch": 8, "round": 1, "worker_set": WORKER, "worker": WORKER_SET}.get(
        field, "0x" + "77" * 32
    )
    with pytest.raises(BadManifest, match="what was revealed is"):
        attestations.read(attestations.canonical(said), revealed(said, **{field: other}))


def test_aManifestOfAnotherRecipe_isRefused(said):
    """Its recipe isn't in the reveal; the result's hash binds it."""
    other = changed(said, ("recipe_hash",), "0x" + "99" * 32)
    with pytest.raises(BadManifest, match="result hash"):
        attestations.read(attestations.canonical(other), revealed(other))


@pytest.mark.parametrize(
    ("way", "value", "reason"),
    [
        (("version",), "ATTESTATION_V2", "version"),
        (("more",), 1, "unknown: more"),
        (("epoch",), -1, "epoch"),
        (("epoch",), True, "epoch"),
        (("chain_id",), 2**60, "chain_id"),
        (("worker",), "0x12", "worker"),
        (("file_hash",), "0x" + "AB" * 32, "file_hash"),
        (("seconds",), "-3", "seconds"),
        (("seconds",), "1e3", "seconds"),
        (("environment",), "a machine", "environment"),
        (("environment", "deep"), {"deeper": 1}, "environment"),
        (("environment", "long"), "x" * 501, "environment"),
        (("environment", "many"), list(range(65)), "environment"),
        (("energy",), {"method": "unknown"}, "energy"),
        (("energy", "method"), "guess", "energy"),
        (("energy", "joules"), "0", "energy"),
        (("energy", "joules"), "0.000", "energy"),
        (("energy", "idle_subtracted"), "no", "energy"),
        (("energy", "pue"), "little", "energy"),
        (("energy", "reason"), "because", "energy"),
    ],
)
def test_aManifestOfTheWrongShape_isRefused_thoughItsHashWasRevealed(said, way, value, reason):
    other = changed(said, way, value)
    with pytest.raises(BadManifest, match=reason):
        attestations.read(attestations.canonical(other), revealed(other))


def test_otherBytesOfTheSameObject_areRefused(said):
    for data in (
        json.dumps(said).encode(),
        attestations.canonical(said) + b"\n",
        attestations.canonical(said).replace(b'"epoch":7', b'"epoch":7,"epoch":7'),
        attestations.canonical(said).replace(b'"epoch":7', b'"epoch":7.0'),
    ):
        claim = revealed(said, manifest_hash=attestations.hash_of(data))
        with pytest.raises(BadManifest, match=r"canonical|fraction"):
            attestations.read(data, claim)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b"\xff\xfe", b"[" * 15_000, b"9" * 15_000])
def test_whatIsNoManifest_isRefusedInWords(said, data):
    with pytest.raises(BadManifest):
        attestations.read(data, revealed(said, manifest_hash=attestations.hash_of(data)))


def test_aManifestThatIsTooLong_isNotEvenHashed(said):
    with pytest.raises(BadManifest, match="at most 16384"):
        attestations.read(b" " * 16_385, revealed(said))


@hypothesis_settings(max_examples=200)
@given(st.binary(max_size=200))
def test_anyBytesAtAll_areReadOrRefused(data):
    with pytest.raises(BadManifest):
        attestations.parse(data)


def test_whatTheSettingsSay_isRecordedWithTheFigure(settings):
    measured = {"joules": 3_600.0, "method": "rapl", "basis": "a counter", "idle_subtracted": False}
    told = energy.recorded(measured)
    assert (told["pue"], told["grid_intensity"], told["source"]) == ("unknown", "unknown", "unknown")
    assert "unknown" in energy.words(told).around

    settings.ENERGY_PUE, settings.ENERGY_GRID_G_PER_KWH = 1.5, 400.0
    settings.ENERGY_SOURCE = "the landlord's wind"
    told = energy.recorded(measured)
    words = energy.words(told)
    assert (words.amount, words.how, words.estimated) == (
        "3.6 kJ",
        "measured by the processor's counter",
        False,
    )
    assert "PUE 1.5" in words.around
    assert "0.6 g" in words.around
    assert "the landlord's wind" in words.around
    # What is out of an attestation has its numbers as text and reads the same.
    assert energy.words(json.loads(json.dumps(attestations._plain(told)))) == words


def test_whatIsNotKnown_isNeverAFigure():
    unknown = {"method": "unknown", "reason": "nvidia-ml-py is not installed"}
    assert energy.recorded(unknown) == unknown
    for told in (unknown, {}, {"method": "magic", "joules": 3}):
        words = energy.words(told)
        assert (words.amount, words.known) == ("unknown", False)
    assert energy.words({}).how == "it was not recorded"


def test_theCommitmentIsTheContractsOwnFormula():
    """keccak256(abi.encode(…)) of nine words, put together by hand."""
    words = [31337, int(WORKER_SET, 16), 7, 2, int(WORKER, 16)]
    hashes = [CLASS, "0x" + "01" * 32, "0x" + "02" * 32, "0x" + "03" * 32]
    packed = b"".join(word.to_bytes(32, "big") for word in words)
    packed += b"".join(bytes.fromhex(one[2:]) for one in hashes)
    found = commitments.commitment(31337, WORKER_SET, 7, 2, WORKER, *hashes)
    assert found == "0x" + keccak(packed).hex()
