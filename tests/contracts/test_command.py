"""`manage.py deploy` on a real chain."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from chain import contracts, deployments
from chain.rpc import Rpc
from tests.contracts.node import MODEL, VALUES, ZERO_HASH, ascii32

# Anvil's first development account: everybody knows this key, so it is worth nothing.
ANVIL_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
WORKER_KEYS = (  # its second and third
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
)


@pytest.fixture
def accounts(anvil: Any, tmp_path: Path, settings: Any) -> list[str]:
    """The node's accounts; the settings name the node and the first of them as the operator."""
    found = [account.lower() for account in Rpc(anvil.url).call("eth_accounts")]
    settings.CHAIN_RPC_URL = anvil.url
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.OPERATOR_KEY = settings.OPERATOR_KEYSTORE = ""
    settings.OPERATOR_ADDRESS = found[0]
    settings.WORKER_CLASS = ""
    settings.PAINTER_MODELS = [str(tmp_path / "painter")]
    (tmp_path / "painter.json").write_text(json.dumps(MODEL.to_json()))
    return found


@pytest.fixture
def founding(tmp_path: Path) -> Path:
    """A list of one founding generation, as the repository's is written."""
    spelled_otherwise, no_recipes = ("guidance", "strength"), ("epoch_length", "energy_budget")
    recipe = {key: VALUES[key] for key in VALUES if key not in (*spelled_otherwise, *no_recipes)}
    recipe |= {
        "guidance_milli": 4500,
        "strength_milli": 620,
        "seed": ZERO_HASH[:-1] + "7",
        "parent_file": None,
    }
    entry = {
        "title": "Alone",
        "recipe": recipe,
        "pixel_hash": "0x" + "a1" * 32,
        "thumb_hash": "0x" + "b2" * 32,
        "file_hash": "0x" + "c3" * 32,
        "owner_index": 3,
    }
    file = tmp_path / "founding.json"
    file.write_text(json.dumps([entry]))
    return file


def deploy(*arguments: str) -> str:
    return run("deploy", *arguments)


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command(*arguments, stdout=said)
    return said.getvalue()


def test_it_deploys_with_a_founding_and_says_what_it_does(accounts: list[str], founding: Path) -> None:
    said = deploy("--profile=demo", f"--owners={','.join(accounts[1:5])}", f"--founding={founding}")
    assert "anchor founding generation 1, Alone" in said
    deployment = deployments.load()
    for name, address in deployment.contracts.items():
        assert f"{name} {address}" in said
    assert contracts.call("ArtToken", "ownerOf", 1) == accounts[4]
    assert contracts.call("SoloPainter", "operator") == accounts[0]
    assert contracts.call("ArtParameters", "epochLengthAt", 1) == 90
    assert "there already" in deploy(
        "--profile=demo", "--no-founding", f"--parameters={values(founding.parent)}"
    )


def test_a_key_deploys_and_a_guardian_can_be_named(
    accounts: list[str], tmp_path: Path, settings: Any
) -> None:
    settings.OPERATOR_ADDRESS, settings.OPERATOR_KEY = "", ANVIL_KEY
    deploy(
        "--no-founding",
        f"--parameters={values(tmp_path)}",
        f"--operator={accounts[5]}",
        f"--guardian={accounts[6]}",
    )
    assert contracts.call("ArtGovernor", "guardian") == accounts[6]
    assert contracts.call("SoloPainter", "operator") == accounts[5]


def test_a_keystore_deploys_and_a_wrong_password_is_told(
    accounts: list[str], tmp_path: Path, settings: Any
) -> None:
    from eth_account import Account

    keystore, password = tmp_path / "key.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(ANVIL_KEY, "right", kdf="pbkdf2", iterations=2)))
    password.write_text("wrong\n")
    settings.OPERATOR_KEYSTORE, settings.OPERATOR_KEYSTORE_PASSWORD_FILE = str(keystore), str(password)
    with pytest.raises(CommandError, match="can't be opened"):
        deploy("--no-founding", f"--parameters={values(tmp_path)}")
    password.write_text("right\n")
    assert "LivingArtwork" in deploy("--no-founding", f"--parameters={values(tmp_path)}")


def test_who_paints_and_by_what_rules_can_be_said(accounts: list[str], tmp_path: Path, settings: Any) -> None:
    (tmp_path / "rules.json").write_text('{"quorum": 1, "minBond": "600000000000000000"}')
    ours, theirs = "0x" + "c1" * 32, "0x" + "C2" * 32
    settings.WORKER_CLASS = ours
    said = deploy(
        "--profile=demo",
        "--no-founding",
        f"--parameters={values(tmp_path)}",
        "--painter=workers",
        "--randomness=drand",
        "--drand-delay=30",
        f"--class={theirs}",
        f"--rules={tmp_path / 'rules.json'}",
        "--pool=0.25",
        "--model-uri=https://weights.example/tree/0123abc/painter",
    )
    assert "give 0.25 ether to the workers' pool" in said
    assert "No epoch is sealed" not in said
    assert contracts.call("LivingArtwork", "slot", ascii32("painter")) == deployments.address_of("WorkerSet")
    assert contracts.call("DrandRandomness", "delay") == 30
    assert contracts.call("WorkerSet", "acceptedClass") == ours, "the class of the workers here"
    assert contracts.call("WorkerSet", "isListed", theirs.lower()) is True
    rules = contracts.call("WorkerSet", "rules")
    assert (rules["quorum"], rules["minBond"]) == (1, 6 * 10**17)
    assert rules["silenceSlash"] == 10**17, "the profile's"
    assert contracts.call("WorkerSet", "pool") == 25 * 10**16
    listed = contracts.call("ModelRegistry", "modelOf", MODEL.id)
    assert listed["uri"] == "https://weights.example/tree/0123abc/painter"


def test_without_an_accepted_class_it_says_what_is_to_be_voted_on(
    accounts: list[str], tmp_path: Path
) -> None:
    said = deploy("--no-founding", f"--parameters={values(tmp_path)}", "--painter=workers")
    assert "No epoch is sealed before a vote lists a determinism class" in said
    assert contracts.call("WorkerSet", "ready") is False


def test_workers_whose_keys_are_here_are_bonded_once(
    accounts: list[str], tmp_path: Path, settings: Any
) -> None:
    settings.WORKER_CLASS = "0x" + "c1" * 32
    deploy("--profile=demo", "--no-founding", f"--parameters={values(tmp_path)}", "--painter=workers")
    settings.WORKER_KEYS, settings.WORKER_KEYSTORES = [], []
    with pytest.raises(CommandError, match="set WORKER_KEYS"):
        call_command("register_workers")
    settings.WORKER_KEYS = list(WORKER_KEYS)
    with pytest.raises(CommandError, match="BondTooLow"):
        call_command("register_workers", "--bond=0.5")
    said = [run("register_workers", "--bond=1.5", "--uri=https://site.example/") for _ in (1, 2)]
    assert said[0].splitlines() == [
        f"{worker} is bonded in class {settings.WORKER_CLASS}" for worker in accounts[1:3]
    ]
    assert said[1].splitlines() == [f"{worker} is a worker already" for worker in accounts[1:3]]
    assert contracts.call("WorkerSet", "workers", accounts[2])["bond"] == 15 * 10**17
    assert contracts.call("WorkerSet", "ready") is True


def test_what_is_missing_is_told_in_one_sentence(accounts: list[str], tmp_path: Path, settings: Any) -> None:
    with pytest.raises(CommandError, match="--owners"):
        deploy("--profile=demo")
    with pytest.raises(CommandError, match="demo, public"):
        deploy("--profile=quick")
    with pytest.raises(CommandError, match=r"missing or unknown: .*prompt"):
        deploy("--no-founding")
    with pytest.raises(CommandError, match="can't be read"):
        deploy("--no-founding", f"--parameters={tmp_path / 'none.json'}")
    chosen = ("--no-founding", f"--parameters={values(tmp_path)}")
    with pytest.raises(CommandError, match="64 hexadecimal digits, which 0x12 is not"):
        deploy(*chosen, "--class=0x12")
    (tmp_path / "rules.json").write_text('{"luck": 1}')
    with pytest.raises(CommandError, match="there is no rule luck"):
        deploy(*chosen, f"--rules={tmp_path / 'rules.json'}")
    (tmp_path / "rules.json").write_text("[1]")
    with pytest.raises(CommandError, match="no JSON object"):
        deploy(*chosen, f"--rules={tmp_path / 'rules.json'}")
    settings.OPERATOR_ADDRESS = ""
    with pytest.raises(CommandError, match="nobody to deploy"):
        deploy("--no-founding")


def values(folder: Path) -> Path:
    file = folder / "values.json"
    file.write_text(json.dumps(VALUES))
    return file
