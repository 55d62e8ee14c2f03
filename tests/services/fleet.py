"""The site as production runs it, for tests to use from outside: every line of the Procfile a process.

A private PostgreSQL, a private Redis, and an Anvil that stands for a public chain: it mines by the clock,
and the site holds a key and may neither mine nor move time. Two web processes, one of each other kind; each
can be killed and started again, and so can the three servers.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests
from eth_account import Account

from chain import abi, anvil
from chain.rpc import Rpc, RpcError
from config import testbed
from config.demo import THIS_MACHINE
from config.deploy import DeploySettings, deploy, read_founding
from config.deploy_models import read_model
from config.deploy_workers import register
from gallery import founders
from studio.models import files_digest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180  # for anything, on a machine that other programs keep busy
SEPARATE = ("indexer", "beat", "control", "paint")
KINDS = ("web", *SEPARATE)
# Anvil's development accounts: everybody knows these words, so their keys are worth nothing.
WORDS = "test test test test test test test test test test test junk"
EPOCH_S, VOTING_S = 10, 20
STORY = {
    "control": "SELECT paused, error FROM gallery_control",
    "cursor": "SELECT number, head_number, finalized_number, error FROM chain_cursor",
    "transactions": "SELECT key, state, error FROM chain_transaction ORDER BY id DESC LIMIT 8",
    "paintings": "SELECT epoch_number, state, step, attempts, lease_until, error FROM gallery_rendering "
    "ORDER BY id DESC LIMIT 4",
    "lineage": "SELECT number, epoch_number FROM gallery_generation",
}
Account.enable_unaudited_hdwallet_features()


def account(number: int) -> Any:
    """One of Anvil's development accounts; 0 is the operator, 1 to 4 are collectors."""
    return Account.from_mnemonic(WORDS, account_path=f"m/44'/60'/0'/0/{number}")


def commands() -> dict[str, list[str]]:
    """The Procfile: what starts each kind of process."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {
        kind: shlex.split(command) for kind, _, command in (line.partition(":") for line in lines if line)
    }


class Process:
    """One process of the site, which can be killed and started again with the same settings."""

    def __init__(self, kind: str, environment: Mapping[str, str], output: Path) -> None:
        self.kind, self.environment, self.output = kind, dict(environment), output
        self.port = int(self.environment.get("PORT") or 0)
        self.command: list[str] = []
        self.child: subprocess.Popen[bytes] | None = None
        self.family: dict[int, psutil.Process] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.child, f"{self.kind} was never started"
        return self.child.pid

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def start(self) -> Process:
        with open(self.output, "ab") as console:
            self.child = subprocess.Popen(
                self.command or commands()[self.kind],
                cwd=ROOT,
                env=self.environment,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def tree(self) -> list[psutil.Process]:
        """The process and all that it started, those known from before its death included."""
        with contextlib.suppress(psutil.NoSuchProcess):
            whole = psutil.Process(self.pid)
            for one in (whole, *whole.children(recursive=True)):
                self.family[one.pid] = one
        return [one for one in self.family.values() if one.is_running()]

    def kill(self) -> None:
        """kill -9 of the process alone: what it started is left to find out."""
        self.tree()
        assert self.child
        self.child.kill()
        self.child.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def hold(self) -> None:
        """Stop it and all that it started in the middle of whatever they do (SIGSTOP)."""
        for one in self.tree():
            one.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        for one in self.tree():
            one.send_signal(signal.SIGCONT)

    def stop(self, patience_s: float = 30) -> int:
        """Ask it to end (SIGTERM); its exit status."""
        self.tree()
        assert self.child
        self.child.terminate()
        return self.child.wait(patience_s)

    def end(self) -> None:
        """Leave nothing of it running, whatever state it is in."""
        if self.child is None:
            return
        for one in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.child.wait()

    def console(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""


class Fleet:
    """The whole site in separate processes."""

    def __init__(self, folder: Path, postgres: testbed.Postgres, redis: testbed.Redis, model: Path) -> None:
        self.folder, self.postgres, self.redis, self.model = folder, postgres, redis, model
        (folder / "var").mkdir(parents=True)
        self.node, self.anvil = anvil.launch(["--silent"], folder / "anvil.txt")
        self.rpc = Rpc(self.anvil.url)
        self.environment = self._environment()
        self.web = [self._process("web", f"web{number}", PORT=str(testbed.free_port())) for number in (1, 2)]
        self.indexer, self.beat, self.paint = (self._process(kind) for kind in ("indexer", "beat", "paint"))
        # The process that sends is the only one that holds keys: the operator's, and its workers'.
        self.control = self._process("control", **self.keys)

    # --- Starting and ending --------------------------------------------------------------------------

    def prepare(self, **changes: Any) -> Fleet:
        """What is done once, before anything starts: contracts, tables, static files."""
        self.deploy(**changes)
        self.manage("migrate", "--verbosity=0")
        self.manage("collectstatic", "--noinput", "--verbosity=0")
        return self

    def start(self) -> Fleet:
        """Start everything, and wait until both web processes are ready."""
        for process in self.processes:
            process.start()
        for web in self.web:
            self.until(lambda web=web: self.ready(web), "web to be ready")
        self.until(lambda: len(self.lineage()) == 6, "the founding generations")
        return self

    def deploy(self, **changes: Any) -> None:
        """Put the contracts on the chain, then let it mine by the clock, once a second."""
        collectors = [account(number).address.lower() for number in (1, 2, 3, 4)]
        founding = read_founding(founders.FOLDER / "founding.json", collectors, EPOCH_S)
        small = {"model": files_digest(self.model), "width": 64, "height": 64, "steps": 3}
        wanted = {"voting_period": VOTING_S, "timelock_delay": 1, "late_extension": 1, **changes}
        chosen = DeploySettings.profile(
            "demo",
            operator=account(0).address.lower(),
            parameters={**founding[-1].values, **small, "epoch_length": EPOCH_S},
            founding=founding,
            **{"models": (read_model(self.model),), "accepted_class": THIS_MACHINE, **wanted},
        )
        deployed = deploy(self.rpc, account(0), chosen, file=Path(self.environment["DEPLOYMENT_FILE"]))
        if chosen.painter == "workers":
            for worker in self.workers:
                register(self.rpc, worker, deployed.address_of("WorkerSet"), THIS_MACHINE)
        self.rpc.call("evm_setAutomine", False)
        self.mine_by_the_clock()

    def manage(self, *arguments: str) -> str:
        """Run a management command; its output."""
        command = [sys.executable, "manage.py", *arguments]
        ran = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    @property
    def workers(self) -> list[Any]:
        """The accounts whose word the site gives: three bonded workers of one machine."""
        return [account(number) for number in (5, 6, 7)]

    @property
    def keys(self) -> dict[str, str]:
        """The settings of the process that sends: the operator's key and its workers'."""
        operator, *workers = ("0x" + bytes(one.key).hex() for one in (account(0), *self.workers))
        return {"OPERATOR_KEY": operator, "WORKER_KEYS": " ".join(workers)}

    @property
    def processes(self) -> list[Process]:
        return [*self.web, self.indexer, self.beat, self.control, self.paint]

    def named(self, kind: str) -> Process:
        return self.web[0] if kind == "web" else getattr(self, kind)

    def end(self) -> None:
        for process in self.processes:
            process.end()
        self.node.kill()
        self.node.wait()

    # --- Questions ------------------------------------------------------------------------------------

    def get(self, path: str, web: int = 0) -> int:
        return requests.get(self.web[web].address + path, timeout=30).status_code

    def ready(self, web: Process) -> bool:
        try:
            return requests.get(web.address + "/readyz/", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """The only value of the only row, None when there is no row."""
        rows = self.rows(query, *values)
        return rows[0][0] if rows else None

    def lineage(self) -> list[tuple[Any, ...]]:
        """As the database has it: number, epoch, parent, recipe, result."""
        return self.rows(
            "SELECT number::bigint, epoch_number, parent, recipe_hash, result_hash "
            "FROM gallery_generation ORDER BY number"
        )

    def version(self) -> int:
        """The newest version of the parameters."""
        return int(self.one("SELECT max(version::numeric) FROM governance_parameterchange"))

    def painted_with(self, version: int) -> int | None:
        """The first generation that was painted with this version of the parameters, or a later one."""
        number = self.one(
            "SELECT min(number) FROM gallery_generation JOIN gallery_sealing "
            "ON epoch_id = epoch_number WHERE params_version >= %s",
            version,
        )
        return None if number is None else int(number)

    def chain_lineage(self) -> list[tuple[Any, ...]]:
        """As the chain has it, read from the events by this test alone."""
        address = self.contracts["LivingArtwork"]
        topic = abi.topic_of("LivingArtwork", "GenerationAnchored")
        logs = self.rpc.call("eth_getLogs", {"address": address, "topics": [topic], "fromBlock": "0x0"})
        found = []
        for log in logs:
            _event, args = abi.decode_log("LivingArtwork", log["topics"], log["data"])
            found.append(
                (
                    int(args["generation"]),
                    int(args["epoch"]),
                    args["parent"],
                    args["recipeHash"],
                    args["resultHash"],
                )
            )
        return found

    def ask(self, name: str, function: str, *arguments: Any) -> Any:
        """What a contract says, asked of the node without the site in between."""
        request = {"to": self.contracts[name], "data": abi.encode_call(name, function, *arguments)}
        return abi.decode_result(name, function, self.rpc.call("eth_call", request, "latest"), len(arguments))

    @property
    def contracts(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(Path(self.environment["DEPLOYMENT_FILE"]).read_text())["contracts"]
        return found

    def until(self, true: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait until something holds, and return it; tells the whole story when it does not."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                if found := true():
                    return found
            except psycopg.OperationalError:  # PostgreSQL is being restarted
                pass
            assert time.monotonic() < deadline, f"waited {patience_s} s for {what}\n{self.story()}"
            time.sleep(0.05)

    def story(self) -> str:
        """What each process said last, and what the rows say."""
        parts = [f"--- {p.output.name}\n{p.console()[-3000:]}" for p in self.processes]
        with contextlib.suppress(psycopg.Error):
            parts += [f"{name}: {self.rows(query)}" for name, query in STORY.items()]
        return "\n".join(parts)

    # --- The chain ------------------------------------------------------------------------------------

    def mine_by_the_clock(self) -> None:
        self.rpc.call("evm_setIntervalMining", 1)

    def hold_chain(self) -> None:
        """No more blocks: what is sent stays sent."""
        self.rpc.call("evm_setIntervalMining", 0)

    def mine(self) -> None:
        """One block, while the chain is held."""
        self.rpc.call("evm_mine")

    def accepts(self, who: Any, transaction: Mapping[str, Any]) -> bool:
        """Whether the newest block would take it: what a wallet tries before it asks its owner."""
        try:
            self.rpc.call("eth_call", {"from": who.address, **transaction}, "latest")
        except RpcError:
            return False
        return True

    def send(self, who: Any, transaction: Mapping[str, Any]) -> str:
        """Sign and send, as a wallet would; the receipt's status has to be success. Returns the hash."""
        fields = {
            "to": self.checksummed(transaction["to"]),
            "data": transaction["data"],
            "value": int(str(transaction.get("value") or "0x0"), 16),
            "nonce": int(self.rpc.call("eth_getTransactionCount", who.address, "pending"), 16),
            "gas": 3_000_000,
            "maxFeePerGas": 10 * 10**9,
            "maxPriorityFeePerGas": 10**9,
            "chainId": 31337,
        }
        signed = who.sign_transaction(fields)
        tx_hash = "0x" + bytes(signed.hash).hex()
        assert self.rpc.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()) == tx_hash
        receipt = self.until(lambda: self.rpc.call("eth_getTransactionReceipt", tx_hash), "a receipt")
        assert receipt["status"] == "0x1", receipt
        return tx_hash

    @staticmethod
    def checksummed(address: str) -> str:
        from eth_utils.address import to_checksum_address

        return to_checksum_address(address)

    # --- Inside ---------------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        """What docs/operations.md says production needs, and nothing that this test's own process has."""
        name = f"fleet_{secrets.token_hex(4)}"
        with psycopg.connect(
            self.postgres.url.replace("postgres://", "postgresql://"), autocommit=True
        ) as server:
            server.execute(f"CREATE DATABASE {name}")
        kept = {key: os.environ[key] for key in ("HOME", "LANG", "TMPDIR") if key in os.environ}
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return kept | {
            "PATH": programs,
            "DATABASE_URL": self.postgres.url.rpartition("/")[0] + f"/{name}",
            "REDIS_URL": self.redis.url,
            "CHAIN_RPC_URL": self.anvil.url,
            "CHAIN_FINALITY_DEPTH": "1",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "VAR_DIR": str(self.folder / "var"),
            "DEPLOYMENT_FILE": str(self.folder / "var" / "deployment.json"),
            "COLLECTED_STATIC": "true",
            "KEEPER_GRACE_S": "0",
            "PAINTER_MODELS": str(self.model),
            "WORKER_CLASS": THIS_MACHINE,
        }

    def _process(self, kind: str, name: str = "", **more: str) -> Process:
        return Process(kind, {**self.environment, **more}, self.folder / f"{name or kind}.txt")


@contextmanager
def running(folder: Path, model: Path, start: bool = True, **changes: Any) -> Iterator[Fleet]:
    """A fleet that runs, or only could, on servers of its own; nothing of it is left afterwards."""
    with testbed.postgres() as postgres, testbed.redis() as redis:
        fleet = Fleet(folder, postgres, redis, model)
        try:
            fleet.prepare(**changes)
            yield fleet.start() if start else fleet
        finally:
            fleet.end()
            shutil.rmtree(fleet.folder / "var", ignore_errors=True)
