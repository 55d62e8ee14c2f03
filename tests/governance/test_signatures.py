"""Signing in as a contract: its own code says whether a signature is its own (EIP-1271), on a real chain."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.address import to_checksum_address

from chain.rpc import Rpc
from tests.governance.test_signin import message_for, verify

pytestmark = pytest.mark.django_db
OWNER = Account.from_key("0x" + "ab" * 32)
OTHER = Account.from_key("0x" + "cd" * 32)
ARTIFACT = json.loads((Path(__file__).parent / "fixtures" / "ContractWallet.json").read_text())
MAGIC_6492 = "6492" * 16


@pytest.fixture
def contract(anvil: Any, deployment: Any, settings: Any) -> str:
    """A contract wallet of OWNER's, on the chain that the site mirrors; its address."""
    settings.CHAIN_RPC_URL = anvil.url
    rpc = Rpc(anvil.url)
    data = ARTIFACT["bytecode"] + OWNER.address[2:].lower().rjust(64, "0")
    sender = rpc.call("eth_accounts")[0]
    sent = rpc.call("eth_sendTransaction", {"from": sender, "data": data, "gas": hex(2_000_000)})
    deadline = time.monotonic() + 20
    while (receipt := rpc.call("eth_getTransactionReceipt", sent)) is None:
        assert time.monotonic() < deadline, "not mined"
        time.sleep(0.01)
    assert receipt["status"] == "0x1"
    return str(receipt["contractAddress"]).lower()


def signed(text: str, account: Any = OWNER, mode: str = "01") -> str:
    return "0x" + mode + bytes(account.sign_message(encode_defunct(text=text)).signature).hex()


def refusal(client: Client, text: str, signature: str) -> str:
    answer = verify(client, text, signature)
    assert answer.status_code == 403
    assert "address" not in client.session
    return str(answer.json()["message"])


def test_a_contract_signs_in_by_its_owners_signature(client: Client, contract: str):
    text = message_for(client, to_checksum_address(contract))
    key = client.session.session_key
    assert verify(client, text, signed(text)).json()["address"] == contract
    assert client.session["address"] == contract
    assert client.session.session_key != key
    assert verify(client, text, signed(text)).status_code == 403  # its message works once too


@pytest.mark.parametrize("mode", ["02", "03", "04"])
def test_a_contract_that_does_not_say_yes_is_not_signed_in(client: Client, contract: str, mode: str):
    """It says no, or burns all the gas it gets, or answers something that is no answer."""
    text = message_for(client, contract)
    assert "contract does not accept" in refusal(client, text, signed(text, mode=mode))


def test_a_strangers_signature_is_the_contracts_to_refuse(client: Client, contract: str):
    text = message_for(client, contract)
    assert "contract does not accept" in refusal(client, text, signed(text, OTHER))


def test_an_owners_plain_signature_is_not_the_contracts(client: Client, contract: str):
    text = message_for(client, contract)
    plain = "0x" + bytes(OWNER.sign_message(encode_defunct(text=text)).signature).hex()
    assert "contract does not accept" in refusal(client, text, plain)


def test_an_account_that_does_not_exist_yet_is_told_what_to_do(client: Client, contract: str):
    text = message_for(client, "0x" + "77" * 20)
    wrapped = "0x" + "00" * 96 + MAGIC_6492
    assert "does not exist on this chain yet" in refusal(client, text, wrapped)


def test_what_is_signed_for_an_account_without_code_stays_refused(client: Client, contract: str):
    text = message_for(client, OTHER.address)
    assert "That is not a signature" in refusal(client, text, signed(text))
    text = message_for(client, OTHER.address)
    plain = "0x" + bytes(OWNER.sign_message(encode_defunct(text=text)).signature).hex()
    assert "Another account signed" in refusal(client, text, plain)


def test_a_signature_that_is_far_too_long_never_reaches_the_chain(
    client: Client, contract: str, settings: Any
):
    text = message_for(client, contract)
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"  # asking it would be said
    assert "too long" in refusal(client, text, "0x" + "01" * 20_000)


def test_without_the_chain_keys_still_sign_in_and_contracts_are_told_why_not(
    client: Client, contract: str, settings: Any
):
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    text = message_for(client, contract)
    assert "the chain, which would know" in refusal(client, text, signed(text))
    text = message_for(client, OWNER.address)
    plain = "0x" + bytes(OWNER.sign_message(encode_defunct(text=text)).signature).hex()
    assert verify(client, text, plain).status_code == 200
