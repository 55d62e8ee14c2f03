"""Demo wallets: on the private chain they do what a wallet does; anywhere else they do nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from chain import abi
from governance import demo_wallet, selectors
from governance.people import DEMO_COLLECTORS
from tests.governance.world import INES, MIRA, OPERATOR, TOMAS, World

pytestmark = pytest.mark.django_db(transaction=True)
TYPED = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Ballot": [{"name": "proposalId", "type": "uint256"}, {"name": "support", "type": "uint8"}],
    },
    "primaryType": "Ballot",
    "domain": {"name": "Murmuration Governor", "chainId": 31337},
    "message": {"proposalId": 2**255 + 1, "support": 1},
}


@pytest.fixture
def world(anvil: Any, tmp_path: Path, settings: Any) -> World:
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.CHAIN_RPC_URL = anvil.url
    settings.CHAIN_LISTENERS = []
    settings.PRIVATE_CHAIN = True
    return World(anvil.url, tmp_path)


def ask(client: Client, account: str, method: str, *params: Any) -> Any:
    body = {"account": account, "method": method, "params": list(params)}
    return client.post("/demo-wallet/rpc/", json.dumps(body), content_type="application/json")


def sign_in(client: Client, account: str) -> Any:
    body = json.dumps({"address": account})
    text = client.post("/signin/message/", body, content_type="application/json").json()["message"]
    signature = ask(client, account, "personal_sign", "0x" + text.encode().hex(), account).json()["result"]
    body = json.dumps({"message": text, "signature": signature, "next": "/"})
    return client.post("/signin/verify/", body, content_type="application/json")


def test_a_visitor_without_a_wallet_signs_in_votes_and_is_counted(world, client, monkeypatch):
    proposal = world.propose(INES, [("ArtParameters", "setMood", "wild")], "Wild")
    world.wait_until(proposal.voting_starts + 1)
    monkeypatch.setattr("chain.clock.now", lambda: world.now)
    assert sign_in(client, TOMAS).json()["address"] == TOMAS
    offer = client.post(f"/proposals/{proposal.pk}/vote/", {"support": "1", "reason": "Yes"}).json()
    assert offer["demo"]
    request = {"from": offer["from"], **offer["transaction"]}
    tx = ask(client, TOMAS, "eth_sendTransaction", request).json()["result"]
    assert ask(client, TOMAS, "eth_getTransactionReceipt", tx).json()["result"]["status"] == "0x1"
    world.mirror()
    assert selectors.tallies([proposal.pk])[proposal.pk].for_ == 1
    again = ask(client, TOMAS, "eth_sendTransaction", request).json()["error"]
    data = next(part for part in json.dumps(again).split('"') if part.startswith("0x"))
    words = client.post("/transactions/explain/", {"data": data}, "application/json").json()["words"]
    assert words == "You have already voted on this proposal. A vote can’t be changed."


def test_it_signs_typed_data_as_the_account_it_is(world, client):
    signature = ask(client, MIRA, "eth_signTypedData_v4", MIRA, json.dumps(TYPED)).json()["result"]
    signer = Account.recover_message(encode_typed_data(full_message=TYPED), signature=signature)
    assert signer.lower() == MIRA
    text = encode_defunct(text="hello")
    signature = ask(client, MIRA, "personal_sign", "0x" + b"hello".hex(), MIRA).json()["result"]
    assert Account.recover_message(text, signature=signature).lower() == MIRA


def test_it_is_an_ordinary_wallet_about_accounts_and_chains(world, client):
    assert ask(client, MIRA, "eth_requestAccounts").json() == {"result": [MIRA]}
    assert ask(client, MIRA, "eth_chainId").json() == {"result": "0x7a69"}
    assert ask(client, MIRA, "wallet_switchEthereumChain", {"chainId": "0x7a69"}).json() == {"result": None}
    assert ask(client, MIRA, "wallet_switchEthereumChain", {"chainId": "0x1"}).json()["error"]["code"] == 4902
    assert list(DEMO_COLLECTORS) == [a.lower() for a in world.rpc.call("eth_accounts")][1:5]


def test_what_it_must_not_do_it_does_not(world, client):
    token = world.deployment.contracts["ArtToken"]
    vote = abi.encode_call("ArtToken", "delegate", MIRA)
    stranger = "0x" + "99" * 20
    refused = [
        (OPERATOR, "eth_sendTransaction", {"from": OPERATOR, "to": token, "data": vote}),
        (MIRA, "eth_sendTransaction", {"from": OPERATOR, "to": token, "data": vote}),
        (MIRA, "eth_sendTransaction", {"from": INES, "to": token, "data": vote}),
        (MIRA, "eth_sendTransaction", {"from": MIRA, "to": stranger, "value": "0x1"}),
        (MIRA, "eth_sendTransaction", {"from": MIRA, "data": vote}),
        (MIRA, "eth_sendTransaction", "nonsense"),
        (MIRA, "personal_sign", "0x00", INES),
        (MIRA, "personal_sign"),
        (MIRA, "eth_signTypedData_v4", INES, "{}"),
        (MIRA, "eth_signTypedData_v4", MIRA, "{"),
        (MIRA, "anvil_setBalance", MIRA, "0x1"),
        (MIRA, "evm_mine"),
        (MIRA, "eth_sign", MIRA, "0x00"),
        (MIRA, "eth_sendRawTransaction", "0x00"),
        (stranger, "eth_accounts"),
        ("", "eth_accounts"),
    ]
    before = world.rpc.call("eth_blockNumber")
    for account, method, *params in refused:
        answer = ask(client, account, method, *params).json()
        assert "error" in answer, (account, method)
        assert "result" not in answer
    assert world.rpc.call("eth_blockNumber") == before


def test_it_is_refused_on_any_other_chain(world, client, settings, tmp_path):
    file = tmp_path / "other.json"
    file.write_text(json.dumps({**world.deployment.to_json(), "chainId": 1}))
    here = settings.DEPLOYMENT_FILE
    settings.DEPLOYMENT_FILE = file
    assert ask(client, MIRA, "eth_accounts").status_code == 404
    assert "Demo wallets" not in client.get("/signin/").content.decode()
    settings.DEPLOYMENT_FILE = here
    settings.PRIVATE_CHAIN = False
    assert ask(client, MIRA, "eth_accounts").status_code == 404
    settings.PRIVATE_CHAIN = True
    assert "Demo wallets" in client.get("/signin/").content.decode()
    # Even if everything here claims to be private, the node has the last word.
    world.rpc.call("anvil_setChainId", 1)
    answer = ask(client, MIRA, "personal_sign", "0x00", MIRA)
    assert answer.status_code == 404
    assert "result" not in answer.json()


def test_signing_too_fast_has_to_wait(world, client):
    codes = [ask(client, MIRA, "personal_sign").status_code for _ in range(61)]
    assert (codes[0], codes[-1]) == (200, 429)


def test_a_node_that_is_down_is_said_to_be(world, client, settings, anvil):
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    answer = ask(client, MIRA, "eth_blockNumber")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 4900)


def test_the_allowed_methods_are_the_documented_ones():
    assert demo_wallet.SIGNING < demo_wallet.METHODS
    assert not any(
        method.startswith(("anvil_", "evm_", "debug_", "admin_")) for method in demo_wallet.METHODS
    )
