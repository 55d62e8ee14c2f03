"""The deployed registry, workers and source of seeds: wired as asked, in nobody's power but the vote's."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from chain import abi
from chain.rpc import Rpc
from config.deploy import DeploymentError, DeploySettings, verify
from config.deploy_models import ModelEntry, find_model, read_entry, read_model
from config.deploy_workers import DEMO_RULES, PUBLIC_RULES, Rules, changed_rules, register
from tests.contracts.node import MODEL, VALUES, Node, ascii32

ZERO = "0x" + "0" * 40
OURS, THEIRS = "0x" + "c1" * 32, "0x" + "c2" * 32
WORD = "0x" + "ab" * 32
RESULT = (WORD, WORD, WORD)

# Every function that changes something, by who may call it; one that is in no list fails the test below.
GOVERNANCE: dict[tuple[str, str], tuple[Any, ...]] = {
    ("ModelRegistry", "register"): (WORD, MODEL.as_struct()),
    ("ModelRegistry", "activate"): (MODEL.id,),
    ("ModelRegistry", "retire"): (MODEL.id,),
    ("ModelRegistry", "setRoyaltyReceiver"): (MODEL.id, ZERO),
    ("WorkerSet", "setRules"): (PUBLIC_RULES.as_struct(),),
    ("WorkerSet", "listClass"): (WORD, True),
    ("WorkerSet", "setAcceptedClass"): (THEIRS,),
    ("WorkerSet", "decide"): (1, True),
    ("WorkerSet", "recall"): (1,),
}
ARTWORK: dict[tuple[str, str], tuple[Any, ...]] = {
    ("WorkerSet", "epochSealed"): (1,),
    ("WorkerSet", "roundOpened"): (1, 1, 2**40, WORD),
}
# Of these everybody has the same use: for themselves, for their money, or for nobody in particular.
OPEN = {
    ("WorkerSet", name)
    for name in (
        *("register", "setUri", "addBond", "requestExit", "withdrawBond", "commit", "reveal", "finalize"),
        *("resolve", "releaseFee", "challenge", "settleSlash", "fund", "withdrawCredit"),
    )
}


@pytest.fixture
def node(anvil: Any, tmp_path: Path) -> Node:
    """Three workers paint, two of them of the accepted class."""
    made = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    made.settings = dataclasses.replace(
        made.settings, painter="workers", classes=(THEIRS, OURS), accepted_class=OURS, pool=3 * 10**17
    )
    made.deploy()
    return made


def test_no_account_but_the_timelock_has_a_power_over_what_was_added(node: Node) -> None:
    one, two, three = node.rpc.call("eth_accounts")[10:13]
    for worker in (one, two, three):
        register(node.rpc, worker, node.at("WorkerSet"), OURS)
    accounts = [account.lower() for account in node.rpc.call("eth_accounts")]
    everybody = [*accounts, *node.deployment.contracts.values(), ZERO]
    timelock, artwork = node.at("TimelockController"), node.at("LivingArtwork")
    found = set()
    for name in ("ModelRegistry", "WorkerSet", node.settings.randomness_contract):
        assert name not in ("ModelRegistry", "WorkerSet") or node.call(name, "governance") == timelock
        for entry in abi.artifact(name)["abi"]:
            if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure"):
                found.add((name, entry["name"]))
    assert found == {*GOVERNANCE, *ARTWORK, *OPEN}
    for powers, holder, refused in (
        (GOVERNANCE, timelock, "NotGovernance"),
        (ARTWORK, artwork, "NotArtwork"),
    ):
        for (name, function), arguments in powers.items():
            assert not node.refusal(holder, name, function, *arguments).startswith(refused)
            for account in everybody:
                if account != holder:
                    said = node.refusal(account, name, function, *arguments)
                    assert said == f"{refused}({account})", f"{name}.{function} by {account}: {said}"


def test_the_public_profile_takes_its_seeds_from_drand(anvil: Any, tmp_path: Path) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    values = {key: value for key, value in VALUES.items() if key != "epoch_length"}
    node.settings = DeploySettings.profile(
        "public", operator=node.operator, parameters=values, models=(MODEL,), drand_delay=90
    )
    deployment = node.deploy()
    assert "BlockhashRandomness" not in deployment.contracts
    assert node.call("LivingArtwork", "slot", ascii32("randomness")) == node.at("DrandRandomness")
    assert node.call("DrandRandomness", "delay") == 90
    with pytest.raises(DeploymentError, match=r"delay is 90, not 91"):
        verify(node.rpc, deployment, dataclasses.replace(node.settings, drand_delay=91), sender=node.deployer)


def test_workers_of_the_accepted_class_can_paint_once_enough_have_bonded(anvil: Any, tmp_path: Path) -> None:
    node = Node(Rpc(anvil.url), tmp_path / "deployment.json")
    ours, theirs = "0x" + "c1" * 32, "0x" + "c2" * 32
    node.settings = dataclasses.replace(
        node.settings, painter="workers", classes=(theirs, ours), accepted_class=ours, pool=3 * 10**17
    )
    node.deploy()
    at = node.at("WorkerSet")
    assert node.call("LivingArtwork", "slot", ascii32("painter")) == at
    assert node.call("WorkerSet", "rules") == DEMO_RULES.as_told()
    assert node.call("WorkerSet", "pool") == 3 * 10**17
    assert int(node.rpc.call("eth_getBalance", at, "latest"), 16) == 3 * 10**17
    assert node.call("WorkerSet", "ready") is False

    one, two, three = node.rpc.call("eth_accounts")[10:13]
    assert register(node.rpc, one, at, ours)
    assert register(node.rpc, three, at, theirs, uri="https://worker.example/")
    assert node.call("WorkerSet", "ready") is False, "one of the class is no quorum"
    assert register(node.rpc, two, at, ours, bond=2 * DEMO_RULES.min_bond)
    assert not register(node.rpc, two, at, ours), "it is one already"
    assert node.call("WorkerSet", "ready") is True
    assert node.call("WorkerSet", "workers", two)["bond"] == 2 * DEMO_RULES.min_bond
    with pytest.raises(DeploymentError, match="ClassNotListed"):
        register(node.rpc, node.stranger, at, "0x" + "c3" * 32)


def test_the_registry_lists_the_model_that_paints_and_no_other_may_be_chosen(node: Node) -> None:
    listed = node.call("ModelRegistry", "modelOf", MODEL.id)
    assert (listed["tensorRoot"], listed["cardHash"]) == (MODEL.tensor_root, MODEL.card_hash)
    assert (listed["uri"], listed["licence"]) == (MODEL.uri, MODEL.licence)
    assert (listed["tier"], listed["status"], listed["milliJoules"]) == (1, 2, 80_000)
    other = "0x" + "12" * 32
    refused = node.refusal(node.at("TimelockController"), "ArtParameters", "setModel", other)
    assert refused == f"ModelNotActive({other})"
    assert node.refusal(node.at("TimelockController"), "ArtParameters", "setModel", MODEL.id) == ""


def test_the_committed_entry_of_the_default_model_is_what_its_files_say(settings: Any) -> None:
    folder = settings.BASE_DIR / "models" / "genesis"
    entry = read_entry(folder.with_suffix(".json"))
    assert entry == read_model(folder, uri=entry.uri, milli_joules=entry.milli_joules)
    assert entry == find_model(entry.id, [folder])
    assert entry == ModelEntry.from_json(entry.to_json())
    assert entry.licence == "Apache-2.0"
    assert entry.milli_joules > 0
    assert entry.uri == f"swh:1:dir:{tree(folder)};path=/models/genesis", "the files at their revision"


def test_a_model_that_is_not_here_or_not_listed_is_told(tmp_path: Path) -> None:
    wanted = {"operator": ZERO, "parameters": VALUES}
    with pytest.raises(DeploymentError, match="in none of PAINTER_MODELS"):
        DeploySettings.profile("demo", **wanted)
    with pytest.raises(DeploymentError, match="would not list"):
        DeploySettings.profile("demo", **wanted, models=())
    (tmp_path / "odd.json").write_text('{"id": "0x1", "colour": "blue"}')
    with pytest.raises(DeploymentError, match="no entry of a model"):
        read_entry(tmp_path / "odd.json")


def test_rules_are_changed_by_either_name_and_an_unknown_one_is_told() -> None:
    changed = changed_rules(DEMO_RULES, {"quorum": 3, "minBond": "5", "reveal_milli": 100})
    assert (changed.quorum, changed.min_bond, changed.reveal_milli) == (3, 5, 100)
    assert changed == dataclasses.replace(DEMO_RULES, quorum=3, min_bond=5, reveal_milli=100)
    assert Rules(*changed.as_struct()) == changed
    with pytest.raises(ValueError, match="no rule luck: the rules are minBond, renderFee"):
        changed_rules(DEMO_RULES, {"luck": 1})


def tree(folder: Path) -> str:
    """A folder's git tree, which is its Software Heritage identifier: sha1 over names, modes, contents."""

    def named(kind: str, content: bytes) -> bytes:
        return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).digest()

    entries = []
    for path in folder.iterdir():
        if path.is_dir():
            entries.append((path.name + "/", b"40000 " + path.name.encode(), bytes.fromhex(tree(path))))
        else:
            entries.append((path.name, b"100644 " + path.name.encode(), named("blob", path.read_bytes())))
    return named("tree", b"".join(mode + b"\0" + word for _, mode, word in sorted(entries))).hex()
