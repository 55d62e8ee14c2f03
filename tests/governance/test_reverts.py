"""Every custom error of the contracts has a sentence, with its numbers in words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import eth_abi
import pytest
from django.conf import settings
from eth_utils.crypto import keccak

from chain import abi
from governance.reverts import sentence
from tests.governance.factories import INES, MIRA

ABI = Path(settings.BASE_DIR) / "contracts" / "abi"
ERRORS: dict[str, dict[str, Any]] = {
    entry["name"]: entry
    for file in sorted(ABI.glob("*.json"))
    for entry in json.loads(file.read_text())["abi"]
    if entry["type"] == "error"
}
SAMPLES: dict[str, Any] = {
    "address": MIRA,
    "bool": True,
    "string": "a name",
    "bytes32": b"metadata".ljust(32, b"\0"),
}


def revert(name: str, *arguments: Any) -> str:
    """Revert data of a custom error, encoded here and not by the code under test."""
    types = [item["type"] for item in ERRORS[name]["inputs"]]
    selector = keccak(text=f"{name}({','.join(types)})")[:4]
    return "0x" + (selector + eth_abi.encode(types, arguments)).hex()


def key(name: str) -> bytes:
    return name.encode().ljust(32, b"\0")


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_each_error_has_a_sentence_of_its_own(name: str):
    arguments = [SAMPLES.get(item["type"], 3) for item in ERRORS[name]["inputs"]]
    words = sentence(revert(name, *arguments))
    assert re.fullmatch(r"[A-Z“].*[.]", words, re.DOTALL), words
    assert name not in words
    assert "The chain refused it" not in words
    assert "0x0000" not in words


def test_there_are_no_words_for_errors_that_do_not_exist():
    from governance import reverts

    assert set(reverts._SENTENCES) == set(ERRORS)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (revert("GovernorAlreadyCastVote", MIRA), "You have already voted on this proposal."),
        (
            revert("GovernorInsufficientProposerVotes", MIRA, 1, 3),
            "A proposal needs 3 votes behind it; a second ago you had 1 vote.",
        ),
        (
            revert("GovernorUnexpectedProposalState", 5, 3, (1 << 1).to_bytes(32, "big")),
            "Too early or too late: it was not carried. It would have to be so that voting is still open.",
        ),
        (revert("GovernorUnexpectedProposalState", 5, 99, bytes(32)), "it is in a state of its own"),
        (revert("NumberOutOfBounds", key("guidance"), 99_000), "Guidance can’t be 99: between 0 and 20."),
        (revert("NumberOutOfBounds", key("width"), 500), "Width can’t be 500 px: a multiple of 64 px."),
        (revert("NumberOutOfBounds", key("unheard_of"), 1234), "“unheard_of” can’t be 1,234."),
        (revert("TextOutOfBounds", key("prompt"), 1001), "Prompt is 1,001 bytes long: 1 to 1,000 fit."),
        (revert("TextNotUtf8", key("mood")), "Mood is not well-formed text (UTF-8)."),
        (revert("UnknownKey", b"\xff" * 32), "There is no parameter called “0xffff"),
        (
            revert("TimelockInsufficientDelay", 5, 172_800),
            "A wait of 5 s is too short: the timelock asks for 2 d.",
        ),
        (
            revert("TimelockUnexpectedOperationState", bytes(32), (1 << 2).to_bytes(32, "big")),
            "It works while the decision is ready to take effect.",
        ),
        (
            revert("ERC5805FutureLookup", 1_700_000_010, 1_700_000_000),
            "22:13:30 UTC can’t be counted yet: the chain is at 14 Nov 2023 22:13:20 UTC.",
        ),
        (revert("ERC721NonexistentToken", 7), "There is no token 7."),
        (revert("AccountHoldsTokens", INES, 2), "holds 2 of the tokens"),
        (revert("TooEarly", 1_700_000_000), "possible from 14 Nov 2023 22:13:20 UTC on"),
        (revert("TooLate", 2**48 - 1), "281474976710655"),
        (revert("EpochNotIn", 4, 1, 2), "Epoch 4 is sealed, and this needs it to be open."),
        (revert("SafeCastOverflowedUintDowncast", 48, 2**60), "does not fit 48 bits"),
        (revert("InvalidAccountNonce", MIRA, 4), "sign again, with number 4"),
    ],
)
def test_numbers_are_in_words(data: str, words: str):
    assert words in sentence(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("0x08c379a0" + eth_abi.encode(["string"], ["not today"]).hex(), "The chain refused it: not today."),
        ("0x4e487b71" + eth_abi.encode(["uint256"], [0x11]).hex(), "arithmetic overflow"),
        ("0xdeadbeef", "reverted with 0xdeadbeef"),
        (revert("TooEarly", 5)[:-8], "reverted with"),  # cut short
        ("0xzz", "reverted with 0xzz"),
    ],
)
def test_what_is_no_error_of_ours_is_shown_as_it_came(data: str, words: str):
    assert words in sentence(data)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("insufficient funds for gas * price + value: have 1 want 2", "too little ether"),
        ("replacement transaction underpriced", "fee is too low"),
        ("nonce too low", "took its place"),
        ("intrinsic gas too low", "gas limit is too low"),
        ("", "gave no reason"),
        ("x" * 5000, "x" * 300),
    ],
)
def test_a_wallets_own_words_are_understood(message: str, words: str):
    answer = sentence(None, message)
    assert words in answer
    assert len(answer) < 400


def test_an_error_is_decoded_by_name_or_not_at_all():
    assert abi.decode_error(revert("EpochNotIn", 4, 1, 2)) == (
        "EpochNotIn",
        {"epoch": 4, "expected": 1, "actual": 2},
    )
    for nothing in ("0x", "0xdeadbeef", "0xzz", revert("TooEarly", 5)[:-8], b""):
        assert abi.decode_error(nothing) is None
