"""The real deploy script on a real chain: what it makes, that it can be repeated, that it keeps no power."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from chain import abi
from chain.rpc import Rpc
from config import deploy as deploying
from config.deploy import DeploymentError, DeploySettings, deploy, read_founding
from tests.contracts.node import MODEL, VALUES, ZERO_HASH, Node, ascii32

ZERO = "0x" + "0" * 40
# Anvil's first development account: everybody knows this key, so it is worth nothing.
ANVIL_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


@pytest.fixture
def node(anvil: Any, tmp_path: Path) -> Node:
    made = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    made.deploy()
    return made


# --- Nobody is left with a power ----------------------------------------------------------------------


def test_the_timelocks_roles_are_held_by_the_governor_and_by_nobody_else(node: Node) -> None:
    holders: dict[str, set[str]] = {}
    for event, arguments in node.logs("TimelockController"):
        if event == "RoleGranted":
            holders.setdefault(arguments["role"], set()).add(arguments["account"])
        elif event == "RoleRevoked":
            holders[arguments["role"]].discard(arguments["account"])
    role = {
        name: "0x" + keccak(text=name).hex() for name in ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")
    }
    assert holders == {
        ZERO_HASH: {node.at("TimelockController")},
        role["PROPOSER_ROLE"]: {node.at("ArtGovernor")},
        role["CANCELLER_ROLE"]: {node.at("ArtGovernor")},
        role["EXECUTOR_ROLE"]: {ZERO},  # anybody may execute what passed
    }
    for key in holders:
        assert node.call("TimelockController", "getRoleAdmin", key) == ZERO_HASH


def test_no_contract_names_the_deployer_in_any_address_that_it_tells(node: Node) -> None:
    asked = 0
    for name in node.deployment.contracts:
        for entry in abi.artifact(name)["abi"]:
            if (
                entry["type"] != "function"
                or entry["inputs"]
                or entry["stateMutability"] not in ("view", "pure")
            ):
                continue
            if [item["type"] for item in entry["outputs"]] == ["address"]:
                asked += 1
                assert node.call(name, entry["name"]) != node.deployer, f"{name}.{entry['name']}"
    assert asked >= 12  # governance, founder, operator, guardian, timelock, token, artwork, ...


def test_every_slot_ever_set_holds_a_contract_of_the_deployment(node: Node) -> None:
    slots = {
        (name, arguments["slot"]): arguments["current"]
        for name in ("LivingArtwork", "ArtToken")
        for event, arguments in node.logs(name)
        if event == "SlotSet"
    }
    assert slots == {
        ("LivingArtwork", ascii32("parameters")): node.at("ArtParameters"),
        ("LivingArtwork", ascii32("randomness")): node.at("BlockhashRandomness"),
        ("LivingArtwork", ascii32("painter")): node.at("SoloPainter"),
        ("LivingArtwork", ascii32("recipient")): node.at("TimelockController"),
        ("LivingArtwork", ascii32("registry")): node.at("ModelRegistry"),
        ("ArtToken", ascii32("minter")): node.at("LivingArtwork"),
        ("ArtToken", ascii32("metadata")): node.at("TokenMetadata"),
    }


def test_what_only_somebody_may_do_is_refused_to_the_deployer(node: Node) -> None:
    result = (ZERO_HASH[:-1] + "1",) * 3
    attempts: list[tuple[str, str, tuple[Any, ...]]] = [
        ("ArtToken", "mint", (node.deployer, 99)),
        ("ArtToken", "refreshMetadata", (1,)),
        ("ArtToken", "setExcluded", (node.stranger, True)),
        ("ArtToken", "setSlot", (ascii32("minter"), node.deployer)),
        ("LivingArtwork", "foundGeneration", (node.deployer, ZERO_HASH, ZERO_HASH, ZERO_HASH, result)),
        ("LivingArtwork", "closeFounding", ()),
        ("LivingArtwork", "setSlot", (ascii32("painter"), node.deployer)),
        ("LivingArtwork", "attachPortrait", (1, node.at("ArtToken"))),
        ("LivingArtwork", "attachProof", (1, result[0])),
        ("LivingArtwork", "dispute", (1, result[0])),
        ("LivingArtwork", "anchor", (1, result, node.deployer)),
        ("SoloPainter", "anchor", (1, result)),
        ("SoloPainter", "dispute", (1, result[0])),
        ("SoloPainter", "setOperator", (node.deployer,)),
        ("ModelRegistry", "register", (result[0], node.settings.models[0].as_struct())),
        ("ModelRegistry", "activate", (MODEL.id,)),
        ("ModelRegistry", "retire", (MODEL.id,)),
        ("ModelRegistry", "setRoyaltyReceiver", (MODEL.id, node.deployer)),
        ("WorkerSet", "setRules", (node.settings.rules.as_struct(),)),
        ("WorkerSet", "listClass", (result[0], True)),
        ("WorkerSet", "setAcceptedClass", (result[0],)),
        ("WorkerSet", "decide", (1, True)),
        ("WorkerSet", "epochSealed", (1,)),
        ("WorkerSet", "roundOpened", (1, 1, 2**40, result[0])),
        ("ArtGovernor", "updateMinVotes", (1,)),
        ("ArtGovernor", "updateQuorumNumerator", (1,)),
        ("ArtGovernor", "setVotingPeriod", (1,)),
        ("ArtGovernor", "updateTimelock", (node.deployer,)),
        ("ArtGovernor", "relay", (node.deployer, 0, "0x")),
        ("ArtGovernor", "propose", ([node.deployer], [0], ["0x"], "mine")),
        ("TimelockController", "grantRole", (ZERO_HASH, node.deployer)),
        ("TimelockController", "updateDelay", (0,)),
        ("TimelockController", "schedule", (node.deployer, 0, "0x", ZERO_HASH, ZERO_HASH, 10)),
        ("TimelockController", "cancel", (ZERO_HASH,)),
        ("ArtParameters", "setModel", (result[0],)),
    ] + [
        ("ArtParameters", entry["setter"], (64 if entry["kind"] == "number" else "a",))
        for entry in specification()
        if entry["kind"] != "bytes32"
    ]
    for name, function, arguments in attempts:
        assert node.refusal(node.deployer, name, function, *arguments), f"{name}.{function} was let through"


# --- What was deployed is what was asked for ------------------------------------------------------------


def test_the_founding_is_on_the_chain_and_closed(node: Node) -> None:
    assert node.call("LivingArtwork", "founder") == ZERO
    assert node.call("LivingArtwork", "generations") == 6
    assert node.call("LivingArtwork", "currentEpoch") == 1
    owners = [node.call("ArtToken", "ownerOf", number) for number in range(1, 7)]
    assert owners == [node.collectors[number % 4] for number in range(6)]
    assert [node.call("ArtToken", "getVotes", owner) for owner in node.collectors] == [2, 2, 1, 1]


def test_the_lineage_can_be_recomputed_from_the_events_alone(node: Node) -> None:
    chain_id = 31337
    head = bytes(32)
    founded = [arguments for event, arguments in node.logs("LivingArtwork") if event == "GenerationAnchored"]
    assert [entry["generation"] for entry in founded] == [1, 2, 3, 4, 5, 6]
    for entry, asked in zip(founded, node.settings.founding, strict=True):
        recipe = keccak(
            encode(
                ["string", "uint256", "address", "uint256", "bytes32", "bytes32", "bytes32"],
                [
                    "RECIPE_V1",
                    chain_id,
                    node.at("LivingArtwork"),
                    0,
                    params_hash(asked.values),
                    head,
                    raw(asked.seed),
                ],
            )
        )
        result = keccak(
            encode(
                ["string", "bytes32", "bytes32", "bytes32", "bytes32"],
                ["RESULT_V1", recipe, raw(asked.pixel_hash), raw(asked.thumb_hash), raw(asked.file_hash)],
            )
        )
        assert raw(entry["parent"]) == head
        assert raw(entry["recipeHash"]) == recipe
        assert raw(entry["resultHash"]) == result
        assert entry["founding"] is True
        head = keccak(
            encode(
                ["string", "bytes32", "uint256", "bytes32", "bytes32"],
                ["HEAD_V1", head, entry["generation"], recipe, result],
            )
        )
    assert raw(node.call("LivingArtwork", "head")) == head


def test_the_profiles_figures_are_those_on_the_chain(node: Node) -> None:
    found = {
        "votingDelay": node.call("ArtGovernor", "votingDelay"),
        "votingPeriod": node.call("ArtGovernor", "votingPeriod"),
        "lateQuorumVoteExtension": node.call("ArtGovernor", "lateQuorumVoteExtension"),
        "proposalThreshold": node.call("ArtGovernor", "proposalThreshold"),
        "quorumNumerator": abi.decode_result(
            "ArtGovernor",
            "quorumNumerator()",
            node.rpc.call(
                "eth_call",
                {"to": node.at("ArtGovernor"), "data": abi.encode_call("ArtGovernor", "quorumNumerator")},
                "latest",
            ),
        ),
        "timelock": node.call("TimelockController", "getMinDelay"),
        "seedTimeout": node.call("LivingArtwork", "seedTimeout"),
        "paintPeriod": node.call("LivingArtwork", "paintPeriod"),
    }
    assert found == {
        "votingDelay": 1,
        "votingPeriod": 60,
        "lateQuorumVoteExtension": 5,
        "proposalThreshold": 1,
        "quorumNumerator": 10,
        "timelock": 10,
        "seedTimeout": 3600,
        "paintPeriod": 600,
    }


def test_the_specification_is_that_of_the_contract(node: Node) -> None:
    assert node.call("ArtParameters", "keys") == [ascii32(entry["key"]) for entry in specification()]
    said = {
        arguments["key"]: arguments["value"]
        for event, arguments in node.logs("ArtParameters")
        if event == "ParameterSet" and arguments["version"] == 1
    }
    assert len(said) == len(specification())
    for entry in specification():
        assert raw(said[ascii32(entry["key"])]) == value_bytes(entry, VALUES[entry["key"]])
    assert raw(node.call("ArtParameters", "paramsHash", 1)) == params_hash(VALUES)


# --- Doing it again, and doing it wrong ------------------------------------------------------------------


def test_deploying_again_does_nothing(node: Node) -> None:
    before = node.rpc.call("eth_blockNumber")
    assert node.deploy() == node.deployment
    assert node.rpc.call("eth_blockNumber") == before
    written = json.loads(node.file.read_text())
    assert written == {
        "chainId": 31337,
        "genesisHash": node.rpc.call("eth_getBlockByNumber", "0x0", False)["hash"],
        "block": 1,
        "contracts": node.deployment.contracts,
    }
    assert list(node.file.parent.glob("deployment.json.*")) == []


@pytest.mark.parametrize("stop_after", [1, 5, 10, 13, 16, 17])
def test_a_deployment_that_was_cut_short_goes_on_where_it_stopped(
    anvil: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    sent: list[str] = []
    send = deploying.Deployer.send

    def failing(self: Any, what: str, *arguments: Any) -> dict[str, Any]:
        if len(sent) == stop_after:
            raise ConnectionError("cut short")
        sent.append(what)
        return send(self, what, *arguments)

    monkeypatch.setattr(deploying.Deployer, "send", failing)
    with pytest.raises(ConnectionError):
        node.deploy()
    assert not node.file.exists()
    monkeypatch.undo()

    deployment = node.deploy()
    # Ten contracts, six foundings, one closing, one gift to the pool: each once.
    assert int(node.rpc.call("eth_blockNumber"), 16) == 18
    assert deployment.block == 1
    assert node.call("LivingArtwork", "generations") == 6


def test_another_transaction_in_between_makes_a_new_plan(
    anvil: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    send = deploying.Deployer.send

    def failing(self: Any, what: str, *arguments: Any) -> dict[str, Any]:
        if what == "creating ArtGovernor":
            raise ConnectionError("cut short")
        return send(self, what, *arguments)

    monkeypatch.setattr(deploying.Deployer, "send", failing)
    with pytest.raises(ConnectionError):
        node.deploy()
    monkeypatch.undo()
    node.rpc.call("eth_sendTransaction", {"from": node.deployer, "to": node.stranger, "value": "0x1"})
    node.deploy()
    assert node.call("LivingArtwork", "founder") == ZERO


def test_a_deployment_file_of_another_chain_is_refused(node: Node) -> None:
    content = json.loads(node.file.read_text())
    node.file.write_text(json.dumps({**content, "genesisHash": "0x" + "ab" * 32}))
    with pytest.raises(DeploymentError, match="move the file away"):
        node.deploy()


def test_a_chain_that_lost_the_contracts_is_noticed(node: Node) -> None:
    node.rpc.call("anvil_setCode", node.at("SoloPainter"), "0x")
    with pytest.raises(DeploymentError, match="no code of SoloPainter"):
        node.deploy()


def test_values_that_the_contract_refuses_are_told_in_its_words(anvil: Any, tmp_path: Path) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    node.settings = dataclasses.replace(node.settings, parameters={**VALUES, "steps": 101})
    with pytest.raises(
        DeploymentError, match=r"creating ArtParameters was refused: NumberOutOfBounds\(.*, 101\)"
    ):
        node.deploy()


def test_a_signer_with_a_key_deploys_where_the_node_has_none(anvil: Any, tmp_path: Path) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    signer = Account.from_key(ANVIL_KEY)
    assert signer.address.lower() == node.deployer
    settings = dataclasses.replace(node.settings, founding=node.settings.founding[:1])
    deployment = deploy(node.rpc, signer, settings, file=node.file)
    assert len(deployment.contracts) == 10


def test_the_public_profile_is_slow_on_purpose(anvil: Any, tmp_path: Path) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    values = {key: value for key, value in VALUES.items() if key != "epoch_length"}
    node.settings = DeploySettings.profile(
        "public", operator=node.operator, parameters=values, models=(MODEL,)
    )
    node.deploy()
    assert node.call("TimelockController", "getMinDelay") >= 2 * 86_400
    assert node.call("ArtParameters", "epochLengthAt", 1) >= 86_400
    assert node.call("ArtGovernor", "votingDelay") >= 86_400
    assert node.call("ArtGovernor", "guardian") == ZERO
    # A slash can be voted on before silence upholds it.
    deciding = (
        node.call("ArtGovernor", "votingDelay")
        + node.call("ArtGovernor", "votingPeriod")
        + node.call("ArtGovernor", "lateQuorumVoteExtension")
        + node.call("TimelockController", "getMinDelay")
    )
    rules = node.call("WorkerSet", "rules")
    assert rules["resolvePeriod"] > deciding
    assert rules["exitDelay"] > rules["challengePeriod"]


def test_an_unknown_profile_and_a_missing_founding_are_told(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="demo, public"):
        DeploySettings.profile("quick", operator=ZERO, parameters=VALUES)
    with pytest.raises(DeploymentError, match="workers, solo"):
        DeploySettings.profile("demo", operator=ZERO, parameters=VALUES, models=(MODEL,), painter="me")
    with pytest.raises(DeploymentError, match="blockhash, drand"):
        DeploySettings.profile("demo", operator=ZERO, parameters=VALUES, models=(MODEL,), randomness="me")
    with pytest.raises(DeploymentError, match="no list of founding generations"):
        read_founding(tmp_path / "founding.json", [], 90)
    broken = tmp_path / "broken.json"
    broken.write_text('[{"title": "a picture without a recipe"}]')
    with pytest.raises(DeploymentError, match="can't be used"):
        read_founding(broken, [], 90)


# --- Formulas, written out once more ---------------------------------------------------------------------


def specification() -> list[dict[str, Any]]:
    path = Path(__file__).resolve().parents[2] / "contracts" / "parameters.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def value_bytes(entry: dict[str, Any], value: Any) -> bytes:
    if entry["kind"] == "number":
        return int(value).to_bytes(32, "big")
    return raw(value) if entry["kind"] == "bytes32" else str(value).encode()


def params_hash(values: Any) -> bytes:
    keys = [entry["key"].encode().ljust(32, b"\0") for entry in specification()]
    hashes = [keccak(value_bytes(entry, values[entry["key"]])) for entry in specification()]
    return keccak(encode(["string", "bytes32[]", "bytes32[]"], ["PARAMS_V1", keys, hashes]))
