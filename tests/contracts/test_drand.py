"""drand's rounds on a real node: hashing to the curve against plain integers, published rounds, gas."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

from chain import abi
from chain.drand import EVMNET
from chain.private import PrivateChain
from chain.rpc import Rpc, RpcError
from config.deploy_sender import Deployer
from tests.contracts import hashing

PUBLISHED = json.loads((Path(__file__).parent / "fixtures" / "drand_evmnet.json").read_text())
ROUNDS = {one["round"]: (int(one["x"], 16), int(one["y"], 16)) for one in PUBLISHED["rounds"]}
DELAY = 120


class Source:
    """The contract, on a chain of its own."""

    def __init__(self, rpc: Rpc):
        self.rpc = rpc
        self.sender = rpc.call("eth_accounts")[0]
        data = abi.encode_constructor(
            "DrandRandomness", EVMNET.public_key, EVMNET.genesis, EVMNET.period, DELAY
        )
        self.address = Deployer(rpc, self.sender).send("creating it", data)["contractAddress"]

    def request(self, function: str, *arguments: Any) -> dict[str, str]:
        data = abi.encode_call("DrandRandomness", function, *arguments)
        return {"from": self.sender, "to": self.address, "data": data}

    def call(self, function: str, *arguments: Any) -> Any:
        data = self.rpc.call("eth_call", self.request(function, *arguments), "latest")
        return abi.decode_result("DrandRandomness", function, data, len(arguments))

    def refusal(self, *arguments: Any) -> str:
        with pytest.raises(RpcError) as caught:
            self.call("deliver", *arguments)
        return abi.explain_revert(caught.value.revert_data)


@pytest.fixture
def source(anvil: PrivateChain) -> Source:
    """The contract with evmnet's key, after both published rounds."""
    return Source(anvil.rpc)


def proof(point: tuple[int, int]) -> str:
    return "0x" + b"".join(one.to_bytes(32, "big") for one in point).hex()


def test_theFactsOfTheNetwork_areThosePublished():
    key = bytes.fromhex(PUBLISHED["public_key_g2"])
    assert EVMNET.public_key == tuple(int.from_bytes(key[at : at + 32], "big") for at in range(0, 128, 32))
    assert (EVMNET.chain_hash, EVMNET.genesis, EVMNET.period) == (
        PUBLISHED["chain_hash"],
        PUBLISHED["genesis_time"],
        PUBLISHED["period_s"],
    )


def test_hashing_isWhatPlainIntegersGive(source: Source):
    rng = random.Random(254)
    rounds = [1, 2, 12345678, 2**64 - 1] + [rng.randrange(1, 2**64) for _ in range(60)]
    for number in rounds:
        told = source.call("hashOf", number)
        assert (told["x"], told["y"]) == hashing.to_curve(keccak(number.to_bytes(8, "big"))), number


def test_publishedRounds_areAccepted(source: Source):
    for number, point in ROUNDS.items():
        raw = bytes.fromhex(proof(point)[2:])
        assert source.call("deliver", number, proof(point)) == "0x" + hashlib.sha256(raw).hexdigest()


def test_everythingElse_isRefusedWithAReason(source: Source):
    number = 12345678
    x, y = ROUNDS[number]
    p = hashing.P
    assert "WrongSignature" in source.refusal(number - 1, proof((x, y)))
    assert "WrongSignature" in source.refusal(number, proof(ROUNDS[1]))
    assert "WrongSignature" in source.refusal(number, proof((x, p - y)))
    another = hashing.add((x, y), (1, 2))  # still a point of the curve
    assert another is not None
    assert "WrongSignature" in source.refusal(number, proof(another))
    for strange in ((x, y ^ 1), (x ^ 1, y), (0, 0), (x + p, y), (x, y + p)):
        assert "NotAPoint" in source.refusal(number, proof(strange))
    assert "ProofLength" in source.refusal(number, proof((x, y))[:-2])
    assert "ProofLength" in source.refusal(number, proof((x, y)) + "00")
    assert "ProofLength" in source.refusal(number, "0x")
    assert "RoundPending" in source.refusal(source.call("fix"), proof((x, y)))


def test_gas_ofACheck_isWithinBounds(source: Source):
    for number, point in ROUNDS.items():
        request = source.request("deliver", number, proof(point))
        whole = int(source.rpc.call("eth_estimateGas", request), 16)
        inside = whole - 21_000 - sum(16 if byte else 4 for byte in bytes.fromhex(request["data"][2:]))
        print(f"round {number}: {inside} gas")
        assert inside < 164_000
