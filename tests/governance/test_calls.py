"""A proposal's calls in plain words, and strangers' calldata shown honestly."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain import abi
from governance.models import ModelStanding, ModelTier
from governance.parameters import PARAMETERS, describe_call, describe_calls
from tests.governance import factories


def test_a_setter_is_said_as_before_and_after(deployment):
    data = abi.encode_call("ArtParameters", "setGuidance", 7250)
    call = describe_call(deployment["ArtParameters"], data, factories.VALUES)
    assert (call.kind, call.label, call.before, call.after) == ("parameter", "Guidance", "4.5", "7.25")
    assert call.changes


@pytest.mark.django_db
def test_every_governed_setter_is_understood(deployment):
    for parameter in PARAMETERS:
        if parameter.key == "model":
            continue  # has words of its own, below
        data = abi.encode_call("ArtParameters", parameter.setter, factories.VALUES[parameter.key])
        call = describe_call(deployment["ArtParameters"], data, factories.VALUES)
        assert call.key == parameter.key
        assert call.before == call.after == parameter.words(factories.VALUES[parameter.key])
        assert not call.changes


def test_a_value_out_of_bounds_says_that_the_contract_will_refuse(deployment):
    data = abi.encode_call("ArtParameters", "setSteps", 101)
    assert "will refuse" in describe_call(deployment["ArtParameters"], data, factories.VALUES).detail


def test_two_calls_on_one_parameter_are_compared_in_their_order(deployment):
    at = deployment["ArtParameters"]
    calls = [abi.encode_call("ArtParameters", "setMood", mood) for mood in ("wild", "still")]
    first, second = describe_calls([at, at], [0, 0], calls, factories.VALUES)
    assert (first.before, first.after) == ("calm", "wild")
    assert (second.before, second.after) == ("wild", "still")


def test_the_governors_own_numbers_have_units(deployment):
    data = abi.encode_call("ArtGovernor", "setVotingPeriod", 3660)
    call = describe_call(deployment["ArtGovernor"], data)
    assert (call.label, call.after) == ("Voting period", "1 h 1 min")


def test_another_function_of_ours_is_named_with_its_arguments(deployment):
    slot = "0x" + b"painter".ljust(32, b"\0").hex()
    data = abi.encode_call("LivingArtwork", "setSlot", slot, factories.TREASURY)
    call = describe_call(deployment["LivingArtwork"], data)
    assert call.kind == "call"
    assert "painter" in call.detail
    assert factories.TREASURY in call.detail


def test_a_strangers_contract_is_shown_as_bytes_and_ether(deployment):
    call = describe_call("0x" + "99" * 20, "0xdeadbeef", value=10**17)
    assert call.kind == "raw"
    assert call.raw == "0xdeadbeef"
    assert call.detail == "Sends 0.1 ether."
    assert "not part of the artwork" in call.label


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.binary(max_size=200), known=st.booleans(), value=st.integers(0, 2**256 - 1))
def test_no_calldata_breaks_the_page(deployment, data, known, value):
    target = deployment["ArtParameters"]
    prefix = bytes.fromhex(abi.encode_call("ArtParameters", "setPrompt", "x")[2:10]) if known else b""
    call = describe_call(target, "0x" + (prefix + data).hex(), factories.VALUES, value)
    assert call.label


# --- Models -----------------------------------------------------------------------------------------------

ENTRY = {
    "tensorRoot": "0x" + "01" * 32,
    "cardHash": "0x" + "02" * 32,
    "auditHash": "0x" + "03" * 32,
    "parent": "0x" + "00" * 32,
    "tier": int(ModelTier.OPEN_WEIGHTS),
    "status": 0,
    "royaltyReceiver": factories.ZERO,
    "milliJoules": 12_500,
    "uri": "https://example.org/tree/v1/aurora",
    "licence": "MIT",
    "pipelineClass": "StableDiffusionPipeline",
}
AURORA = "0x" + "a0" * 32


@pytest.mark.django_db
def test_another_painter_is_said_by_name_and_digest(deployment):
    factories.model(str(factories.VALUES["model"]))
    factories.model(AURORA, uri="https://example.org/tree/v1/aurora")
    data = abi.encode_call("ArtParameters", "setModel", AURORA)
    call = describe_call(deployment["ArtParameters"], data, factories.VALUES)
    assert (call.label, call.before, call.after, call.detail) == (
        "Paint with",
        "genesis (0x5e5e5e…5e5e5e)",
        "aurora (0xa0a0a0…a0a0a0)",
        "",
    )


@pytest.mark.django_db
def test_a_painter_that_the_registry_does_not_have_is_told(deployment):
    data = abi.encode_call("ArtParameters", "setModel", AURORA)
    assert describe_call(deployment["ArtParameters"], data, factories.VALUES).detail == ""  # no registry
    factories.model(str(factories.VALUES["model"]))
    call = describe_call(deployment["ArtParameters"], data, factories.VALUES)
    assert (call.after, call.detail) == (
        "0xa0a0a0…a0a0a0",
        "It can’t be chosen: the registry does not list it.",
    )
    factories.model(AURORA, status=ModelStanding.RETIRED)
    assert "retired" in describe_call(deployment["ArtParameters"], data, factories.VALUES).detail


@pytest.mark.django_db
def test_a_model_is_registered_activated_and_chosen_in_one_proposal(deployment):
    factories.model(str(factories.VALUES["model"]))
    registry, parameters = deployment["ModelRegistry"], deployment["ArtParameters"]
    calls = [
        (registry, abi.encode_call("ModelRegistry", "register", AURORA, ENTRY)),
        (registry, abi.encode_call("ModelRegistry", "activate", AURORA)),
        (parameters, abi.encode_call("ArtParameters", "setModel", AURORA)),
        (registry, abi.encode_call("ModelRegistry", "retire", factories.VALUES["model"])),
        (registry, abi.encode_call("ModelRegistry", "setRoyaltyReceiver", AURORA, factories.MIRA)),
    ]
    told = describe_calls([to for to, _ in calls], [0] * 5, [data for _, data in calls], factories.VALUES)
    assert [call.label for call in told] == [
        "Register the model aurora (0xa0a0a0…a0a0a0)",
        "Let aurora (0xa0a0a0…a0a0a0) be chosen to paint",
        "Paint with",
        "Retire the model genesis (0x5e5e5e…5e5e5e)",
        f"Pay the royalties of aurora (0xa0a0a0…a0a0a0) to {factories.MIRA}",
    ]
    assert told[0].detail == (
        "Open weights, licence MIT, run by StableDiffusionPipeline, 12.5 J a step and megapixel declared, "
        "from https://example.org/tree/v1/aurora"
    )
    assert told[2].after == "aurora (0xa0a0a0…a0a0a0)"
    assert told[2].detail == ""
    # in the other order it would be refused
    wrong = describe_calls([parameters, registry], [0, 0], [calls[2][1], calls[1][1]], factories.VALUES)
    assert "does not list it" in wrong[0].detail


@pytest.mark.django_db
def test_an_entry_that_no_contract_would_take_is_shown_all_the_same(deployment):
    entry = {**ENTRY, "tier": 9, "uri": "http://[", "licence": ""}
    data = abi.encode_call("ModelRegistry", "register", AURORA, entry)
    call = describe_call(deployment["ModelRegistry"], data)
    assert call.label == "Register the model 0xa0a0a0…a0a0a0"
    assert call.detail.startswith("Tier 9")
