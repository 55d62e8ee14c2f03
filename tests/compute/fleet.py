"""A chain with an artwork that workers paint, operators as processes of their own, and who plays the liar.

Time is real here: the chain makes a block a second, and windows end when they end.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
from eth_account import Account

from chain import abi
from chain.anvil import launch
from chain.rpc import Rpc
from chain.signers import KeySigner
from compute import commitments
from studio import picture
from tests.compute.hosts import Host, head
from tests.running import ROOT

CLASS = "0x" + "cc" * 32
ETHER = 10**18
EPOCH_S = 10
PAINT_S = 600
"""Long, for slow machines: it costs nothing, since phases end when everybody has done their part."""
START_S = 240
"""For a start on a machine that other programs keep busy."""
ROUND_S = 900
PATIENT = {"commitMilli": 700, "revealMilli": 200}
BRISK = {"commitMilli": 150, "revealMilli": 50}
"""For stories in which somebody is missing, and the time runs out."""
OPEN, SEALED, SEEDED, ANCHORED, FAILED = range(1, 6)


@dataclass
class Worker:
    """A key, and the process that paints with it, if there is one."""

    name: str
    own: Any
    folder: Path

    @property
    def address(self) -> str:
        return str(self.own.address).lower()


class Operator:
    """One run of an operator's process."""

    def __init__(self, fleet: Fleet, worker: Worker, *arguments: str, **settings: str) -> None:
        self.worker, self.folder = worker, worker.folder
        self.output = fleet.folder / f"{worker.name}-{time.monotonic_ns()}.txt"
        environment = {**os.environ, "VAR_DIR": str(worker.folder), "PORT": "0"}
        for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "OPERATOR_KEY"):
            environment.pop(name, None)
        environment |= {
            "CHAIN_RPC_URL": fleet.rpc.url,
            "DEPLOYMENT_FILE": str(fleet.deployment_file),
            "WORKER_KEYS": worker.own.key.to_0x_hex(),
            "WORKER_CLASS": CLASS,
            "PAINTER_MODELS": str(fleet.model),
            "PAINTER_THREADS": "1",
            "LINEAGE_MIRRORS": fleet.mirror.url,
            **settings,
        }
        with open(self.output, "w") as console:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.operate", *arguments],
                cwd=ROOT,
                env=environment,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def console(self) -> str:
        return self.output.read_text()

    @property
    def url(self) -> str:
        found = re.search(r"serves the lineage at (http://127\.0\.0\.1:\d+)", self.console)
        assert found, self.story()
        return found[1]

    def until_ready(self) -> Operator:
        self.until(lambda: "serves the lineage at" in self.console, START_S)
        return self

    def until(self, true: Callable[[], object], patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while not true():
            assert self.process.poll() is None, self.story()
            assert time.monotonic() < deadline, self.story()
            time.sleep(0.05)

    def story(self) -> str:
        log = self.folder / "logs" / "murmuration.log"
        return f"--- {self.worker.name}\n{self.console}{log.read_text()[-3000:] if log.exists() else ''}"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask its database."""
        file = self.folder / "murmuration.sqlite3"
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def serves(self, file_hash: str) -> bool:
        """Whether it gives a picture under its hash."""
        answer = requests.get(f"{self.url}/lineage/{file_hash}", timeout=30)
        return answer.status_code == 200 and picture.file_hash(answer.content) == file_hash

    def stop(self) -> float:
        """Ask it to stop; the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        return time.monotonic() - began

    def pause(self) -> None:
        """Stop it where it is, without its knowing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Fleet:
    """The chain, its contracts, and everybody who takes part. `account` seals, and `keeper` is the key
    of the operator that does the rest of what anybody may.
    """

    def __init__(self, folder: Path, model: Path, names: str = "abc", **rules: int) -> None:
        self.folder, self.model = folder, model
        arguments = "--host 127.0.0.1 --chain-id 31337 --slots-in-an-epoch 1 --block-time 1 --silent"
        self.anvil, running = launch(arguments.split(), folder / "anvil.log")
        self.rpc = Rpc(running.url, timeout=30)
        self.account, self.keeper = self.new_account(), self.new_account()
        self.workers = {name: Worker(name, self.new_account(), folder / name / "var") for name in names}
        self.running: dict[str, Operator] = {}
        self.served: dict[str, bytes] = {}
        self.mirror = Host(self._serve)
        self.deployment_file = folder / "deployment.json"
        self._deploy(rules)

    # --- The chain -------------------------------------------------------------------------------------

    def new_account(self) -> Any:
        """A key of its own, with ether."""
        own = Account.create()
        self.rpc.call("anvil_setBalance", own.address, hex(100 * ETHER))
        return own

    def ask(self, name: str, function: str, *arguments: Any) -> Any:
        """What a contract says."""
        request = {"to": self.contracts[name], "data": abi.encode_call(name, function, *arguments)}
        answer = self.rpc.call("eth_call", request, "latest")
        return abi.decode_result(name, function, answer, len(arguments))

    def send(self, own: Any, name: str, function: str, *arguments: Any, value: int = 0) -> dict[str, Any]:
        """Send a transaction with somebody's key; its receipt, once it is mined and did not revert."""
        call = {
            "from": own.address,
            "to": self.contracts[name],
            "data": abi.encode_call(name, function, *arguments),
            "value": hex(value),
        }
        gas = int(self.rpc.call("eth_estimateGas", call, "pending"), 16) * 2
        price = int(self.rpc.call("eth_gasPrice"), 16) * 2
        nonce = self.rpc.call("eth_getTransactionCount", own.address, "pending")
        request = call | {"gas": hex(gas), "gasPrice": hex(price), "nonce": nonce, "chainId": hex(31337)}
        raw, tx_hash = KeySigner(own).sign(self.rpc, request)
        self.rpc.call("eth_sendRawTransaction", raw)
        receipt = self.until(lambda: self.rpc.call("eth_getTransactionReceipt", tx_hash), 30)
        assert int(receipt["status"], 16) == 1, f"{function} was reverted"
        return dict(receipt)

    def govern(self, name: str, function: str, *arguments: Any) -> None:
        """Do what a vote would do, without the vote."""
        timelock = self.contracts["TimelockController"]
        self.rpc.call("anvil_setBalance", timelock, hex(ETHER))
        self.rpc.call("anvil_impersonateAccount", timelock)
        data = abi.encode_call(name, function, *arguments)
        request = {"from": timelock, "to": self.contracts[name], "data": data}
        sent = self.rpc.call("eth_sendTransaction", request)
        receipt = self.until(lambda: self.rpc.call("eth_getTransactionReceipt", sent), 30)
        assert int(receipt["status"], 16) == 1

    def set_rules(self, **changes: int) -> None:
        """Epochs that are sealed from now on go by other rules."""
        self.govern("WorkerSet", "setRules", self.ask("WorkerSet", "rules") | changes)

    def until(self, true: Callable[[], Any], patience_s: float = ROUND_S) -> Any:
        """Wait for a condition, and for nobody's death; what it said."""
        deadline = time.monotonic() + patience_s
        while not (found := true()):
            for one in self.running.values():
                assert one.process.poll() is None, one.story()
            assert time.monotonic() < deadline, self.story()
            time.sleep(0.05)
        return found

    def story(self) -> str:
        epoch = self.ask("LivingArtwork", "currentEpoch")
        facts = [
            f"{name}({number}) = {self.ask('WorkerSet', name, number)}"
            for number in (epoch - 1, epoch)
            for name in ("terms", "roundOf", "phaseOf")
        ]
        return "\n".join([*facts, *(one.story() for one in self.running.values())])

    # --- Operators -------------------------------------------------------------------------------------

    def start(self, name: str, *arguments: str, **settings: str) -> Operator:
        """Start an operator's process, and wait until it is there."""
        one = self.begin(name, *arguments, **settings)
        return one.until_ready()

    def begin(self, name: str, *arguments: str, **settings: str) -> Operator:
        """Start an operator's process."""
        self.running[name] = Operator(self, self.workers[name], *arguments, **settings)
        return self.running[name]

    def stop(self, *names: str) -> None:
        """Stop operators, if they run: from now on somebody else has their keys."""
        for name in names:
            if name in self.running:
                assert self.running.pop(name).stop() < 5

    def end(self) -> None:
        """Leave nothing running."""
        for one in self.running.values():
            if one.process.poll() is None:
                one.go_on()
                one.kill()
        self.mirror.close()
        self.anvil.kill()
        self.anvil.wait(10)

    # --- An epoch --------------------------------------------------------------------------------------

    def state(self, epoch: int) -> int:
        return int(self.ask("LivingArtwork", "epochs", epoch)["state"])

    def seal(self) -> int:
        """Seal the open epoch as soon as that can be done; its number. Whoever keeps draws its seed."""
        epoch = int(self.ask("LivingArtwork", "currentEpoch"))
        ends = int(self.ask("LivingArtwork", "epochs", epoch)["endsAt"])
        if epoch > 1:
            self.until(lambda: self.state(epoch - 1) in (ANCHORED, FAILED))
        self.until(lambda: self.now() >= ends, 120)
        self.send(self.account, "LivingArtwork", "sealEpoch")
        return epoch

    def draw(self, epoch: int) -> None:
        """Draw a seed as soon as that can be done, where nobody keeps."""
        sealed = self.ask("LivingArtwork", "epochs", epoch)
        self.until(lambda: self.head() > sealed["round"], 60)
        self.send(self.account, "LivingArtwork", "drawSeed", epoch, "0x")

    def painted(self, epoch: int) -> bool:
        """Whether a round of painting has opened."""
        return int(self.ask("WorkerSet", "roundOf", epoch)["number"]) > 0

    def finished(self, epoch: int) -> int:
        """Wait for an epoch's end; the state it ended in."""
        return int(self.until(lambda: (s := self.state(epoch)) in (ANCHORED, FAILED) and s))

    def now(self) -> int:
        """The time of the newest block."""
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def head(self) -> int:
        return int(self.rpc.call("eth_blockNumber"), 16)

    def events(self, name: str, event: str, since: int = 0) -> list[dict[str, Any]]:
        """A contract's events of one kind, with `block` and `block_hash`."""
        topic = abi.topic_of(name, event)
        wanted = {"address": self.contracts[name], "topics": [topic], "fromBlock": hex(since)}
        found = []
        for raw in self.rpc.call("eth_getLogs", wanted):
            _, values = abi.decode_log(name, raw["topics"], raw["data"])
            place = {"block": int(raw["blockNumber"], 16), "block_hash": raw["blockHash"]}
            found.append({**values, **place})
        return found

    def of(self, epoch: int, event: str) -> dict[str, dict[str, Any]]:
        """An epoch's events of one kind by our worker's name; an outsider's by its address."""
        names = {one.address: name for name, one in self.workers.items()}
        found = [one for one in self.events("WorkerSet", event) if one["epoch"] == epoch]
        return {names.get(one["worker"].lower(), one["worker"]): one for one in found}

    def worker(self, name: str) -> dict[str, Any]:
        """What the contract knows of a worker."""
        found: dict[str, Any] = self.ask("WorkerSet", "workers", self.workers[name].address)
        return found

    def owed(self, name: str) -> int:
        """What a worker may take."""
        return int(self.ask("WorkerSet", "credits", self.workers[name].address))

    def solvent(self) -> None:
        """Every wei of the contract's is somebody's."""
        known = [one.address for one in self.workers.values()]
        known += [self.account.address, self.keeper.address, self.contracts["TimelockController"]]
        bonds = sum(self.ask("WorkerSet", "workers", one)["bond"] for one in known)
        owed = sum(self.ask("WorkerSet", "credits", one) for one in known)
        open_ = [self.ask("WorkerSet", "slashes", number + 1) for number in range(self.slashes())]
        held = sum(one["amount"] for one in open_ if one["state"] in (1, 2))
        epochs = int(self.ask("LivingArtwork", "currentEpoch"))
        fees = sum(one["amount"] for one in self.events("WorkerSet", "FeeCredited"))
        escrowed = sum(self.ask("WorkerSet", "terms", number)["fee"] for number in range(1, epochs + 1))
        balance = int(self.rpc.call("eth_getBalance", self.contracts["WorkerSet"], "latest"), 16)
        pool = self.ask("WorkerSet", "pool")
        assert balance == bonds + owed + held + pool + escrowed - fees

    def slashes(self) -> int:
        return int(self.ask("WorkerSet", "slashCount"))

    # --- Who lies --------------------------------------------------------------------------------------

    def forgery(self, shade: int) -> tuple[bytes, tuple[str, str, str]]:
        """A picture that no recipe gives: its file, and the hashes of the result."""
        pixels = np.full((64, 64, 3), (shade, 0, 0), np.uint8)
        data = picture.canonical_png(pixels)
        return data, (picture.pixel_hash(pixels), picture.thumb_hash(pixels), picture.file_hash(data))

    def vow(self, name: str, epoch: int, result: tuple[str, str, str]) -> dict[str, Any]:
        """Commit to a result with a worker's key, as a program that isn't ours would."""
        worker, salt, manifest = self.workers[name], _random(), _random()
        recipe = self.ask("WorkerSet", "terms", epoch)["recipeHash"]
        number = int(self.ask("WorkerSet", "roundOf", epoch)["number"])
        where = 31337, self.contracts["WorkerSet"].lower(), epoch, number, worker.address, CLASS
        commitment = commitments.commitment(*where, commitments.result_hash(recipe, *result), manifest, salt)
        self.send(worker.own, "WorkerSet", "commit", epoch, commitment)
        return {"epoch": epoch, "result": result, "manifest": manifest, "salt": salt}

    def reveal(self, name: str, vow: dict[str, Any]) -> None:
        """Reveal it, as soon as that can be done."""
        self.until(lambda: int(self.ask("WorkerSet", "phaseOf", vow["epoch"])) >= 2)
        shown = vow["epoch"], vow["result"], vow["manifest"], vow["salt"]
        self.send(self.workers[name].own, "WorkerSet", "reveal", *shown)

    # --- Inside ----------------------------------------------------------------------------------------

    def _deploy(self, rules: dict[str, int]) -> None:
        from config.deploy import DeploySettings, Founding, deploy
        from config.deploy_models import read_model
        from config.deploy_workers import DEMO_RULES, changed_rules

        entry = read_model(self.model)
        values = {
            "model": entry.id,
            "prompt": "misty ridges",
            "negative_prompt": "",
            "family": "",
            "palette": "dusk",
            "mood": "calm",
            "guidance": 4000,
            "steps": 3,
            "strength": 700,
            "width": 64,
            "height": 64,
            "epoch_length": EPOCH_S,
        }
        ground, (pixel_hash, thumb_hash, file_hash) = self.forgery(40)
        self.served[file_hash] = ground
        hashes = {"pixel_hash": pixel_hash, "thumb_hash": thumb_hash, "file_hash": file_hash}
        founding = Founding("Ground", values, "0x" + "05" * 32, owner=self.account.address, **hashes)
        profile = DeploySettings.profile(
            "demo",
            operator=self.account.address,
            parameters=values,
            founding=[founding],
            models=(entry,),
            painter="workers",
            accepted_class=CLASS,
            paint_period=PAINT_S,
            pool=ETHER,
            rules=changed_rules(DEMO_RULES, {"quorum": 2, **PATIENT, **rules}),
        )
        made = deploy(self.rpc, self.account, profile, file=self.deployment_file)
        self.contracts = dict(made.contracts)

    def _serve(self, line: Any, path: str) -> None:
        """What is served to whoever asks: the founding picture, and what liars would have others believe."""
        data = self.served.get(path.removeprefix("/lineage/"))
        if data is None:
            line.sendall(head(404, "text/plain", 0))
        else:
            line.sendall(head(length=len(data)) + data)


def _random() -> str:
    return "0x" + secrets.token_hex(32)


def lineage_of(operators: Sequence[Operator]) -> list[list[tuple[Any, ...]]]:
    """What each operator's database says of the lineage."""
    query = "SELECT number, epoch_number, result_hash, file_hash FROM gallery_generation ORDER BY number"
    return [one.rows(query) for one in operators]
