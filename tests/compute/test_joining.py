"""What an operator is told before it paints: each thing that is missing, in a sentence that helps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account

from chain import contracts
from chain.models import Transaction
from config import joining
from config.instance import CannotStart
from tests.compute.workshop import CLASS, ETHER, OTHER_CLASS, Workshop
from tests.running import ROOT


@pytest.fixture
def own(workshop: Workshop, settings):
    """A key of our own with ether, that is no worker yet."""
    made = Account.create()
    workshop.rpc.call("anvil_setBalance", made.address, hex(10 * ETHER))
    settings.WORKER_KEYS = [made.key.to_0x_hex()]
    return made


def refused(class_id: str = CLASS, register: bool = False) -> str:
    with pytest.raises(CannotStart) as error:
        joining.join(class_id, register, print)
    return str(error.value)


def rewrite(file: Path, **changes: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_with_nothing_set_everything_is_asked_for_at_once(tmp_path: Path):
    """The process itself: it says so and ends, within the time of its imports."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHAIN_")}
    environment |= {"VAR_DIR": str(tmp_path / "var"), "PORT": "0", "WORKER_KEYS": ""}
    done = subprocess.run(
        [sys.executable, "-m", "config.operate"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "There is no key to paint with: set WORKER_KEYS, or WORKER_KEYSTORES and "
        "WORKER_KEYSTORE_PASSWORD_FILE.",
        f"There is no deployment file at {tmp_path}/var/deployment.json: set DEPLOYMENT_FILE to the one that "
        "the artwork's site hands out.",
        "CHAIN_RPC_URL is not set: name a node of the chain, as in https://node.example/key.",
    ]


def test_a_node_or_a_deployment_of_another_chain_is_told_apart(workshop: Workshop, own, settings):
    assert list(joining.settings_problems()) == []
    file = Path(settings.DEPLOYMENT_FILE)
    genesis = json.loads(file.read_text())["genesisHash"]
    rewrite(file, chainId=1)
    assert "is of chain 31337, but the deployment is on chain 1" in " ".join(joining.settings_problems())
    rewrite(file, chainId=31337, genesisHash="0x" + "00" * 32)
    assert "begins with another block" in " ".join(joining.settings_problems())
    rewrite(file, genesisHash=genesis)
    settings.CHAIN_RPC_URL = "http://127.0.0.1:1"
    assert "does not answer as one" in " ".join(joining.settings_problems())
    settings.WORKER_KEYS = ["0x12"]
    assert "is no private key" in " ".join(joining.settings_problems())


def test_an_artwork_without_workers_takes_no_operator(world, settings):
    settings.WORKER_KEYS = [Account.create().key.to_0x_hex()]
    file = Path(settings.DEPLOYMENT_FILE)
    known = json.loads(file.read_text())["contracts"]
    rewrite(file, contracts={name: at for name, at in known.items() if name != "WorkerSet"})
    assert "has no WorkerSet" in " ".join(joining.settings_problems())


def test_who_is_no_worker_registers_with_the_least_bond(workshop: Workshop, own, settings):
    settings.WORKER_URI = "https://operator.example"
    worker = own.address.lower()
    assert "is no worker yet: start with --register" in refused()
    said: list[str] = []
    joining.join(CLASS, True, said.append)
    known = contracts.call("WorkerSet", "workers", worker)
    assert (known["classId"], known["bond"]) == (CLASS, ETHER)
    assert said == [
        f"{worker}: registering, with a bond of 1 ether",
        f"{worker}: registered, and paints from epoch 1 on",
    ]
    joining.join(CLASS, True, said.append)
    assert said[-1] == f"{worker}: bond 1 ether, paints from epoch 1 on"
    assert Transaction.objects.filter(function="register").count() == 1
    assert f"is registered with the class {CLASS}, and this machine's is {OTHER_CLASS}" in refused(
        OTHER_CLASS
    )


def test_what_else_keeps_one_from_painting_is_said(workshop: Workshop, own, settings, tmp_path: Path):
    assert "is not listed, so nobody of it may paint" in refused("0x" + "99" * 32, True)
    workshop.rpc.call("anvil_setBalance", own.address, hex(ETHER // 2))
    assert "has 0.5 ether, and needs 1 ether for its bond besides gas" in refused(register=True)
    settings.PAINTER_MODELS = [str(tmp_path)]
    assert "PAINTER_MODELS has no folder with the model" in refused(register=True)
    settings.WORKER_KEYS = []
    settings.CHAIN_RPC_URL = "http://127.0.0.1:1"
    assert "The chain could not be asked" in refused()
