"""Anvil as a process: finding its binary, starting it, and recognising it again later.

A process is only ever signalled when its pid, its start time and its name are the recorded ones.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import psutil

from chain.rpc import Rpc, RpcError, RpcUnavailable

CHAIN_ID = 31337
START_TIMEOUT = 30.0  # seconds; a chain of 50,000 blocks loads in two
STOP_TIMEOUT = 3.0
PORT_TIMEOUT = 2.0


class PrivateChainError(RuntimeError):
    """The private chain could not be started or is not what it should be; the message says what to do."""


@dataclass(frozen=True)
class Running:
    """What is known of a running Anvil: enough to recognise it, and not to mistake another process for it."""

    pid: int
    created: float
    port: int
    genesis: str
    genesis_time: int

    @classmethod
    def read(cls, file: Path) -> Running | None:
        """What `file` says, or None if it says nothing usable."""
        try:
            return cls(**orjson.loads(file.read_bytes()))
        except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
            return None

    def write(self, file: Path) -> None:
        """Remember this in `file`."""
        write_whole(file, orjson.dumps(asdict(self)))

    @property
    def url(self) -> str:
        """Its HTTP endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def process(self) -> psutil.Process | None:
        """The process, if the one that has the pid now is still the same and alive."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 2 and "anvil" in process.name()
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def answers(self) -> bool:
        """Whether our chain answers on its port."""
        probe = Rpc(self.url, timeout=5)
        try:
            return int(probe.call("eth_chainId"), 16) == CHAIN_ID and genesis_of(probe)[0] == self.genesis
        except (RpcUnavailable, RpcError):
            return False
        finally:
            probe.close()

    def end(self) -> None:
        """End the process and wait until it is gone. Nothing happens if it is gone already."""
        process = self.process()
        if process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT)


def find_anvil() -> Path:
    """The Anvil binary of this platform that npm installed. Raises PrivateChainError."""
    folder = Path(__file__).resolve().parent.parent / "node_modules" / "@foundry-rs"
    for binary in sorted(folder.glob("anvil-*/bin/anvil*")):
        if os.access(binary, os.X_OK):
            return binary
    raise PrivateChainError(f"no Anvil in {folder}: install the Node packages first (npm ci)")


def launch(arguments: list[str], output: Path, port: int = 0) -> tuple[subprocess.Popen[bytes], Running]:
    """Start Anvil and wait until it answers, on `port` if that is free, else on any.

    Raises PrivateChainError.
    """
    binary = find_anvil()
    for wanted in (port, 0, 0):  # another program may take a port between our look and Anvil's
        chosen = free_port(wanted)
        with output.open("wb") as sink:
            # Its own session: Ctrl-C in our terminal must not end it before its state is saved.
            child = subprocess.Popen(
                [str(binary), "--port", str(chosen), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running = _wait(child, chosen)
        if running is not None:
            return child, running
    said = output.read_text(errors="replace").strip()[-500:]
    raise PrivateChainError(f"Anvil did not start: {said or 'it said nothing'}")


def _wait(child: subprocess.Popen[bytes], port: int) -> Running | None:
    """Wait for the first answer; None if the child ended instead."""
    probe = Rpc(f"http://127.0.0.1:{port}", timeout=5)
    deadline = time.monotonic() + START_TIMEOUT
    try:
        while time.monotonic() < deadline:
            if child.poll() is not None:
                return None
            try:
                genesis, genesis_time = genesis_of(probe)
            except RpcUnavailable:
                time.sleep(0.01)
                continue
            created = psutil.Process(child.pid).create_time()
            return Running(child.pid, created, port, genesis, genesis_time)
    finally:
        probe.close()
    child.kill()
    child.wait()
    raise PrivateChainError(f"Anvil did not answer within {START_TIMEOUT:.0f} s")


def genesis_of(rpc: Rpc) -> tuple[str, int]:
    """The hash of block 0, and its time in seconds."""
    block = rpc.call("eth_getBlockByNumber", "0x0", False)
    return block["hash"], int(block["timestamp"], 16)


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody holds it, so that clients need not learn a new address; else any free port."""
    deadline = time.monotonic() + PORT_TIMEOUT
    while wanted and time.monotonic() < deadline:
        if _bound(wanted):
            return wanted
        time.sleep(0.05)  # a connection that has just been cut may hold it a little longer
    return _bound(0)


def _bound(port: int) -> int:
    """The port that could be bound (the system's choice for 0), 0 if it could not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
        bound: int = probe.getsockname()[1]
        return bound


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file's content so that a crash leaves the old or the new, never half."""
    fresh = file.with_suffix(file.suffix + ".new")
    with fresh.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(file)


def unpack(packed: Path, target: Path) -> None:
    """Unzip a dumped state: Anvil loads plain JSON only. Raises PrivateChainError if it is damaged."""
    try:
        with gzip.open(packed) as source, target.open("wb") as sink:
            while chunk := source.read(1 << 20):
                sink.write(chunk)
    except (EOFError, gzip.BadGzipFile) as error:
        problem = f"the saved chain {packed} is damaged ({error}): remove it to start anew"
        raise PrivateChainError(problem) from error
