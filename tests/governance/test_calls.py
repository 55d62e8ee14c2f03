"""A proposal's calls in plain words, and strangers' calldata shown honestly."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain import abi
from governance.parameters import PARAMETERS, describe_call, describe_calls
from tests.governance import factories


def test_a_setter_is_said_as_before_and_after(deployment):
    data = abi.encode_call("ArtParameters", "setGuidance", 7250)
    call = describe_call(deployment["ArtParameters"], data, factories.VALUES)
    assert (call.kind, call.label, call.before, call.after) == ("parameter", "Guidance", "4.5", "7.25")
    assert call.changes


def test_every_governed_setter_is_understood(deployment):
    for parameter in PARAMETERS:
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
