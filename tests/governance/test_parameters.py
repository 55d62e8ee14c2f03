"""The governed parameters: one specification, two spellings, one hash."""

from __future__ import annotations

import json
from decimal import Decimal

import eth_abi
import pytest
from django.conf import settings
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from governance import parameters
from governance.parameters import BY_KEY, PARAMETERS, spec
from tests.governance import factories

NUMBERS = [parameter for parameter in PARAMETERS if parameter.kind == "number"]
TEXTS = [parameter for parameter in PARAMETERS if parameter.kind == "text"]


def values() -> st.SearchStrategy[dict[str, parameters.Value]]:
    """Any state that the contract would accept."""
    fields: dict[str, st.SearchStrategy[parameters.Value]] = {}
    for parameter in PARAMETERS:
        if parameter.kind == "number":
            low, high = -(-parameter.min // parameter.multiple_of), parameter.max // parameter.multiple_of
            fields[parameter.key] = st.integers(low, high).map(lambda n, p=parameter: n * p.multiple_of)
        elif parameter.kind == "bytes32":
            fields[parameter.key] = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
        else:
            fields[parameter.key] = st.text(
                st.characters(exclude_categories=("Cs", "Cc")), max_size=parameter.max_bytes // 4
            )
    return st.fixed_dictionaries(fields)


def test_the_specification_is_read_in_its_order_and_every_parameter_has_words():
    entries = json.loads((settings.BASE_DIR / "contracts" / "parameters.json").read_text())
    assert [parameter.key for parameter in PARAMETERS] == [entry["key"] for entry in entries]
    assert all(parameter.label and parameter.help for parameter in PARAMETERS)


@given(values())
def test_a_value_survives_its_spelling_on_chain(state):
    for key, value in state.items():
        assert parameters.decode(key, parameters.encode(key, value)) == value


@given(values())
def test_the_hash_is_abi_encode_of_keys_and_value_hashes(state):
    # Written out by hand from mechanism: abi.encode("PARAMS_V1", bytes32[], bytes32[]).
    keys = [parameter.key.encode().ljust(32, b"\0") for parameter in PARAMETERS]
    hashes = []
    for parameter in PARAMETERS:
        value = state[parameter.key]
        if parameter.kind == "number":
            raw = eth_abi.encode(["uint256"], [value])
        elif parameter.kind == "bytes32":
            raw = bytes.fromhex(str(value)[2:])
        else:
            raw = str(value).encode()
        hashes.append(keccak(raw))
    expected = keccak(eth_abi.encode(["string", "bytes32[]", "bytes32[]"], ["PARAMS_V1", keys, hashes]))
    assert parameters.params_hash(state) == "0x" + expected.hex()


def test_a_later_parameter_changes_no_earlier_hash():
    state = dict(factories.VALUES)
    earlier = parameters.params_hash(state)
    raw = {key: parameters.encode(key, value) for key, value in state.items()}
    assert parameters.params_hash_of(raw) == earlier
    assert parameters.params_hash_of({**raw, "mirth": "0x" + "00" * 32}) != earlier
    before = {key: value for key, value in state.items() if key != "energy_budget"}
    packed = [key.encode().ljust(32, b"\0") for key in before], [keccak(hexstr=raw[key]) for key in before]
    written = eth_abi.encode(["string", "bytes32[]", "bytes32[]"], ["PARAMS_V1", *packed])
    assert parameters.params_hash(before) == "0x" + keccak(written).hex(), "as before there was a budget"


def test_a_budget_of_nothing_is_no_limit():
    budget = BY_KEY["energy_budget"]
    assert [budget.words(value) for value in (0, 1, 250_000)] == ["no limit", "1 J", "250000 J"]
    assert BY_KEY["guidance"].words(0) == "0"


@given(st.sampled_from(NUMBERS), st.data())
def test_a_number_is_read_as_it_is_shown(parameter, data):
    number = (
        data.draw(st.integers(parameter.min, parameter.max)) // parameter.multiple_of * parameter.multiple_of
    )
    number = max(number, -(-parameter.min // parameter.multiple_of) * parameter.multiple_of)
    assert parameter.read(parameter.typed(number)) == number
    shown = Decimal(parameter.shown(number))
    assert shown == (Decimal(number) / 1000 if parameter.unit == "milli" else number)


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        ("guidance", "20.001", "Between 0 and 20"),
        ("guidance", "4.5001", "three decimals"),
        ("guidance", "NaN", "Write a number"),
        ("guidance", "1e999999", "Write a number"),
        ("guidance", "", "Write a number"),
        ("steps", "1.5", "whole number"),
        ("width", "500", "multiple of 64"),
        ("width", "63", "Between 64 and 1024"),
        ("prompt", "", "can't be empty"),
        ("prompt", "x" * 1001, "1,001 bytes: at most 1,000"),
        ("prompt", "é" * 501, "1,002 bytes"),
        ("prompt", "a\x00b", "control characters"),
        ("prompt", "abc\u202edef", "direction"),
        ("prompt", "two\nlines", "One line"),
        ("palette", "p" * 65, "at most 64"),
        ("model", "0x12", "64 hexadecimal"),
        ("model", "0x" + "00" * 32, "can't be zero"),
    ],
)
def test_what_the_contract_would_refuse_is_refused_with_a_sentence(key, typed, words):
    parameter = BY_KEY[key]
    with pytest.raises(ValueError, match=words):
        parameter.read(typed)


@given(st.text(max_size=300))
def test_any_text_is_either_read_or_refused_with_a_sentence(text):
    try:
        value = BY_KEY["prompt"].read(text)
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017 - both outcomes are right
    else:
        assert BY_KEY["prompt"].problem(value) is None
        assert spec.hidden_characters(str(value)) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (90, "1 min 30 s"), (3600, "1 h"), (604800, "7 d"), (90061, "1 d 1 h 1 min 1 s")],
)
def test_spans_of_time_are_said_in_words(seconds, words):
    assert spec.duration(seconds) == words


@pytest.mark.django_db
def test_values_are_those_of_the_version_asked_for():
    assert parameters.values_at() == {}
    factories.parameters(version=1, at=10)
    factories.parameters(version=2, at=20, palette="ember")
    factories.parameters(version=3, at=30, steps=12)
    assert parameters.values_at(1) == factories.VALUES
    assert parameters.values_at(2) == {**factories.VALUES, "palette": "ember"}
    assert parameters.values_at() == {**factories.VALUES, "palette": "ember", "steps": 12}
    assert list(parameters.values_at()) == [parameter.key for parameter in PARAMETERS]
