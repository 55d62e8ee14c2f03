"""From a vote to a generation on a real chain, every hash recomputed on this side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak

from chain import abi
from chain.rpc import Rpc
from tests.contracts.node import VALUES, Node
from tests.contracts.test_deployment import params_hash, raw

HISTORY = "0x0000f90827f1c53a10cb7a02335b175320002935"  # EIP-2935
SUCCEEDED, QUEUED, EXECUTED = 4, 5, 7
PIXELS, THUMBS, FILE = ("0x" + f"{n:02x}" * 32 for n in (0xA1, 0xB2, 0xC3))


@pytest.fixture
def node(anvil: Any, tmp_path: Path) -> Node:
    made = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    made.deploy()
    return made


def test_a_vote_becomes_a_generation(node: Node) -> None:
    mira, ines, tomas, _ = node.collectors
    artwork = node.at("LivingArtwork")
    prompt = "a heron in the reeds, « immobile »"

    # 1. Tomas proposes; nobody can copy his proposal, whose last words are his address.
    node.wait(2)
    call = abi.encode_call("ArtParameters", "setPrompt", prompt)
    description = f"# A heron\n\n#proposer={tomas}"
    proposal = ([node.at("ArtParameters")], [0], [call])
    assert "GovernorRestrictedProposer" in node.refusal(
        mira, "ArtGovernor", "propose", *proposal, description
    )
    events = dict(node.send(tomas, "ArtGovernor", "propose", *proposal, description))
    proposal_id = events["ProposalCreated"]["proposalId"]

    # 2. Mira and Tomas are for it, Ines is against: three votes to two.
    node.wait(2)
    node.send(mira, "ArtGovernor", "castVoteWithReason", proposal_id, 1, "herons stand still")
    node.send(tomas, "ArtGovernor", "castVote", proposal_id, 1)
    node.send(ines, "ArtGovernor", "castVote", proposal_id, 0)

    # 3. It is carried; a stranger queues and executes it.
    node.wait(66)
    described = "0x" + keccak(text=description).hex()
    assert node.call("ArtGovernor", "state", proposal_id) == SUCCEEDED
    queue, execute = (
        "queue(address[],uint256[],bytes[],bytes32)",
        "execute(address[],uint256[],bytes[],bytes32)",
    )
    node.send(node.stranger, "ArtGovernor", queue, *proposal, described)
    assert node.call("ArtGovernor", "state", proposal_id) == QUEUED
    node.wait(11)
    events = dict(node.send(node.stranger, "ArtGovernor", execute, *proposal, described))
    assert node.call("ArtGovernor", "state", proposal_id) == EXECUTED
    assert events["ParameterSet"]["version"] == 2
    assert raw(events["ParameterSet"]["value"]) == prompt.encode()
    params = params_hash({**VALUES, "prompt": prompt})
    assert raw(node.call("ArtParameters", "paramsHash", 2)) == params

    # 4. The epoch's time is up: a stranger seals it, which fixes a block that nobody knows.
    epoch = node.call("LivingArtwork", "epochs", 1)
    node.wait(max(1, epoch["endsAt"] - node.now))
    parent = node.call("LivingArtwork", "head")
    events = dict(node.send(node.stranger, "LivingArtwork", "sealEpoch"))
    sealed = events["EpochSealed"]
    assert (sealed["epoch"], sealed["paramsVersion"], raw(sealed["paramsHash"])) == (1, 2, params)
    assert sealed["parentHead"] == parent
    assert events["EpochOpened"]["epoch"] == 2
    assert "RoundPending" in node.refusal(node.stranger, "LivingArtwork", "drawSeed", 1, "0x")

    # 5. The block is there: its hash gives the seed, and the contract commits to the whole recipe.
    node.mine(3)
    events = dict(node.send(node.stranger, "LivingArtwork", "drawSeed", 1, "0x"))
    drawn = events["SeedDrawn"]
    block = node.rpc.call("eth_getBlockByNumber", hex(sealed["round"]), False)
    assert drawn["randomness"] == block["hash"]
    head_types = ["string", "uint256", "address", "uint256", "bytes32"]
    seed = keccak(
        encode([*head_types, "bytes32"], ["EPOCH_SEED_V1", 31337, artwork, 1, params, raw(block["hash"])])
    )
    assert raw(drawn["seed"]) == seed
    recipe = keccak(
        encode(
            [*head_types, "bytes32", "bytes32"], ["RECIPE_V1", 31337, artwork, 1, params, raw(parent), seed]
        )
    )
    assert raw(drawn["recipeHash"]) == recipe
    assert events["RoundOpened"]["painter"] == node.at("SoloPainter")

    # 6. The operator anchors; the treasury has the token and no vote, and the lineage is one longer.
    result = (PIXELS, THUMBS, FILE)
    assert "NotOperator" in node.refusal(node.stranger, "SoloPainter", "anchor", 1, result)
    events = dict(node.send(node.operator, "SoloPainter", "anchor", 1, result))
    anchored = events["GenerationAnchored"]
    expected = keccak(
        encode(
            ["string", "bytes32", "bytes32", "bytes32", "bytes32"],
            ["RESULT_V1", recipe, raw(PIXELS), raw(THUMBS), raw(FILE)],
        )
    )
    assert anchored == {
        "generation": 7,
        "modelId": VALUES["model"],
        "parent": parent,
        "epoch": 1,
        "seed": "0x" + seed.hex(),
        "recipeHash": "0x" + recipe.hex(),
        "resultHash": "0x" + expected.hex(),
        "pixelHash": PIXELS,
        "fileHash": FILE,
        "painter": node.operator,
        "founding": False,
    }
    head = keccak(
        encode(
            ["string", "bytes32", "uint256", "bytes32", "bytes32"],
            ["HEAD_V1", raw(parent), 7, recipe, expected],
        )
    )
    assert raw(node.call("LivingArtwork", "head")) == head
    assert node.call("ArtToken", "ownerOf", 7) == node.at("TimelockController")
    assert node.call("ArtToken", "getVotes", node.at("TimelockController")) == 0


def test_after_a_long_stop_a_lapsed_seed_is_fixed_anew(anvil: Any, tmp_path: Path) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    # A chain that serves no old hashes: its window is 256 blocks and not 8,191, which take long to mine.
    node.rpc.call("anvil_setCode", HISTORY, "0x")
    node.deploy()
    assert node.call("BlockhashRandomness", "hasHistory") is False
    node.wait(91)
    sealed = dict(node.send(node.stranger, "LivingArtwork", "sealEpoch"))["EpochSealed"]
    window = node.call("BlockhashRandomness", "window")
    node.mine(window + 10)
    assert node.call("BlockhashRandomness", "status", sealed["round"]) == 2
    assert "RoundLapsed" in node.refusal(node.stranger, "LivingArtwork", "drawSeed", 1, "0x")
    refixed = dict(node.send(node.stranger, "LivingArtwork", "refixSeed", 1))["SeedRefixed"]
    assert refixed["count"] == 1
    node.mine(3)
    assert "SeedDrawn" in dict(node.send(node.stranger, "LivingArtwork", "drawSeed", 1, "0x"))


def test_the_chain_serves_old_hashes_where_it_says_so(node: Node) -> None:
    assert node.call("BlockhashRandomness", "hasHistory") is True
    round_ = node.call("BlockhashRandomness", "fix")
    node.mine(300)  # beyond the 256 that the BLOCKHASH instruction reaches
    assert node.call("BlockhashRandomness", "status", round_) == 1
    block = node.rpc.call("eth_getBlockByNumber", hex(round_), False)
    assert node.call("BlockhashRandomness", "deliver", round_, "0x") == block["hash"]
