"""The whole artwork as `make run` starts it, on a data folder of its own, for tests to use from outside."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests

from chain import abi
from chain.anvil import Running
from chain.rpc import Rpc

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120  # for a start on a machine that other programs keep busy


class Site:
    """One run of the process on a data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder.parent / f"console-{time.monotonic_ns()}.txt"
        self.began = time.monotonic()
        environment = {**os.environ, "VAR_DIR": str(folder), "PORT": "0"}
        for name in ("DATABASE_URL", "REDIS_URL", "CHAIN_RPC_URL", "DJANGO_SETTINGS_MODULE"):
            environment.pop(name, None)
        with open(self.output, "w") as console:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.embedded"],
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
    def address(self) -> str:
        found = re.search(r"^Murmuration is at (http://127\.0\.0\.1:\d+)$", self.console, re.M)
        assert found, self.console
        return found[1]

    def until_ready(self) -> "Site":
        self.until(lambda: "Murmuration is at" in self.console, PATIENCE_S)
        self.seconds = time.monotonic() - self.began
        return self

    def until(self, true: Callable[[], object], patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while not true():
            assert self.process.poll() is None, self.story()
            assert time.monotonic() < deadline, self.story()
            time.sleep(0.1)

    def story(self) -> str:
        log = self.folder / "logs" / "murmuration.log"
        return self.console + (log.read_text()[-4000:] if log.exists() else "")

    def get(self, path: str) -> int:
        return requests.get(self.address + path, timeout=30).status_code

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(
            f"file:{self.folder / 'murmuration.sqlite3'}?mode=ro", uri=True, timeout=20
        )
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def lineage(self) -> list[tuple[object, ...]]:
        return self.rows(
            "SELECT number, recipe_hash, result_hash, parent FROM gallery_generation ORDER BY number"
        )

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    @property
    def password(self) -> str:
        """The admin's, which a first start says once."""
        found = re.search(r"as admin, password (\S+)", self.console)
        assert found, self.console
        return found[1]

    def node(self) -> Running | None:
        """What the process wrote down of its Anvil, if it has got that far."""
        return Running.read(self.folder / "chain" / "anvil.json")

    def chain(self) -> psutil.Process:
        """Anvil, a child of the process or one that was adopted."""
        node = self.node()
        process = node.process() if node else None
        assert process, self.story()
        return process

    def ask(self, name: str, function: str, *arguments: Any) -> Any:
        """What a contract says, asked of the node without the site in between."""
        node = self.node()
        assert node, self.story()
        deployment = json.loads((self.folder / "deployment.json").read_text())
        request = {"to": deployment["contracts"][name], "data": abi.encode_call(name, function, *arguments)}
        answer = Rpc(node.url).call("eth_call", request, "latest")
        return abi.decode_result(name, function, answer, len(arguments))

    def stop(self, number: int = signal.SIGINT) -> float:
        """Ask it to stop; the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - began

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Leave nothing of it running, whatever state it is in."""
        if self.process.poll() is None:
            self.kill()
        node = self.node()
        if node and (anvil := node.process()):
            anvil.kill()
            anvil.wait(10)
