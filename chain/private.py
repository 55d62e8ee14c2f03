"""The private chain: an Anvil child that keeps its state on disk, and can be found again after a crash.

What was measured and settled (docs/decisions/0032):

* Anvil's own `--state-interval` writes everything every time, changed or not: after 50,000 blocks a fifth
  of a core and 85 MB a write, for ever. Here a thread dumps only when there is a new block, and spends at
  most a tenth of the time on it, so that a `kill -9` of Anvil costs about a second of chain. That is just
  a reorganisation.
* Without `--prune-history` Anvil writes one file a block into the home directory and never removes them.
* A loaded Anvil has forgotten its clock (the next block could be older than its parent) and the hashes of
  its past blocks (BLOCKHASH answers nonsense). The clock is set again from the offset we keep; rolling back
  one fresh block makes Anvil fill in the hashes.

If our process is killed, Anvil lives on with its state in memory, and the next start adopts it.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
import time
from pathlib import Path

from django.conf import settings

from chain.anvil import CHAIN_ID, STOP_TIMEOUT, PrivateChainError, Running, launch, unpack, write_whole
from chain.rpc import Rpc, RpcError, RpcUnavailable

__all__ = ["CHAIN_ID", "PrivateChain", "PrivateChainError", "is_private"]

log = logging.getLogger(__name__)

GAS_LIMIT = 200_000_000  # eth_call is bounded by the block's limit; a portrait needs more than the usual 30M
ACCOUNTS = 13  # unlocked: the operator, collectors from 1 on, workers from 10 on (chain.signers)
POLL = 0.2  # seconds between looks for a new block to save
SAVE_SHARE = 10  # saving may take one part in so many of the time


class PrivateChain:
    """One Anvil, its files in `folder` (default `var/chain`).

    Any process may make one to look (`url`, `pid`, `mine`, `fast_forward`); the one that called `start`
    saves the state, and `stop`s it. `history` is how many recent states are kept in memory: the depth of a
    possible `anvil_reorg`.
    """

    def __init__(self, folder: Path | str | None = None, history: int = 16):
        self.folder = Path(folder) if folder is not None else Path(settings.VAR_DIR) / "chain"
        self.history = history
        self.restored_at: int | None = None  # the block the last `start` resumed from, if it had to load
        self._rpc: Rpc | None = None
        self._keeper: _Keeper | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()

    # --- Where it is ---------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The HTTP endpoint. Raises PrivateChainError when it was never started."""
        return self._known().url

    @property
    def pid(self) -> int:
        """The child's process id. Raises PrivateChainError when it was never started."""
        return self._known().pid

    @property
    def rpc(self) -> Rpc:
        """A client for `url`."""
        if self._rpc is None or self._rpc.url != self.url:
            self._rpc = Rpc(self.url, timeout=60)
        return self._rpc

    @property
    def state_file(self) -> Path:
        """The saved chain (gzip of Anvil's JSON)."""
        return self.folder / "state.json.gz"

    @property
    def offset_file(self) -> Path:
        """The chain's clock minus the wall clock, in seconds, as text."""
        return self.folder / "offset"

    def is_running(self) -> bool:
        """Whether the recorded process is alive and answers as our chain."""
        record = Running.read(self._record_file)
        return record is not None and record.process() is not None and record.answers()

    def alive(self) -> bool:
        """Whether the recorded process is there at all: a cheap look, which asks the process nothing."""
        if self._child is not None:
            self._child.poll()  # takes a dead child off the process table
        record = Running.read(self._record_file)
        return record is not None and record.process() is not None

    # --- Start and stop ------------------------------------------------------------------------------

    def start(self, timestamp: int | None = None) -> PrivateChain:
        """Adopt the running child, or start one from the saved state, or a new chain. Idempotent.

        From then on, a thread saves the chain and starts a child that died again, on the same port if that is
        still free, until `leave` or `stop`.

        `timestamp` (seconds) is a new chain's genesis time, so that its history can be seeded in the past;
        it is ignored where there is a chain already. Raises PrivateChainError.
        """
        with self._lock:
            self._adopt_or_launch(timestamp)
            if self._keeper is None:
                self._keeper = _Keeper(self)
            self._keeper.start()
        return self

    def stop(self) -> None:
        """Save and end the child, whoever started it. Safe to call twice, or when nothing runs."""
        self.leave()
        record = Running.read(self._record_file)
        if record is not None:
            if record.process() is not None:
                with contextlib.suppress(RpcUnavailable):  # then what was saved last is the best there is
                    self.save()
            record.end()  # the record stays: the next start takes the same port if it can
        self._keeper = None
        if self._child is not None:
            self._child.wait(STOP_TIMEOUT)
            self._child = None
        if self._rpc is not None:
            self._rpc.close()
            self._rpc = None

    def leave(self) -> None:
        """Stop saving and reviving; the child lives on. `stop` does this first."""
        if self._keeper is not None:
            self._keeper.stop()

    def kill(self) -> None:
        """End the child at once, without saving. For a process that has no time left; `stop` is the way."""
        record = Running.read(self._record_file)
        process = record.process() if record else None
        if process is not None:
            process.kill()

    def save(self) -> bool:
        """Write the state to disk if there is a block that is not there yet. True if it was written."""
        if self._keeper is None:
            self._keeper = _Keeper(self)
        return self._keeper.save()

    # --- What a keeper and an admin may do -----------------------------------------------------------

    def is_private(self) -> bool:
        """Whether the node at `url` is an Anvil with our chain id: what fast-forward and demo wallets
        demand.
        """
        return is_private(self.rpc)

    def accounts(self) -> list[str]:
        """The node's unlocked accounts, lower-case; the first is the operator and deployer."""
        return [account.lower() for account in self.rpc.call("eth_accounts")]

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks now, all with the current chain time."""
        self.rpc.call("anvil_mine", hex(blocks))

    def now(self) -> int:
        """The chain time in seconds that a block mined now would carry."""
        return int(self.rpc.call("eth_getBlockByNumber", "pending", False)["timestamp"], 16)

    def fast_forward(self, seconds: int) -> None:
        """Move the chain's clock ahead and mine a block there. The move survives restarts. Raises
        ValueError.
        """
        if seconds < 0:
            raise ValueError("the chain's clock only goes forward")
        self.rpc.call("evm_increaseTime", seconds)
        self._note_offset()
        self.mine()

    def move_to(self, timestamp: int) -> None:
        """Set the chain's clock to `timestamp` (seconds), from where it runs on; never before the newest
        block.

        Seeding a past history uses it for each step, and last with the wall clock's time.
        """
        head = int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        if timestamp < head:
            raise ValueError(f"the newest block is {head - timestamp} s later than that")
        self.rpc.call("evm_setTime", timestamp)
        self._note_offset()

    # --- Inside --------------------------------------------------------------------------------------

    @property
    def _record_file(self) -> Path:
        return self.folder / "anvil.json"

    def _known(self) -> Running:
        record = Running.read(self._record_file)
        if record is None:
            raise PrivateChainError(f"no private chain was started in {self.folder}")
        return record

    def _adopt_or_launch(self, timestamp: int | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        record = Running.read(self._record_file)
        if record is not None and record.process() is not None:
            if record.answers():
                log.info("adopted the private chain on port %d", record.port)
                self._note_offset()
                return
            record.end()  # ours, but deaf: its saved state is the best there is
        self._launch(timestamp)

    def revive(self) -> None:
        """Start the child again if it died by itself."""
        with self._lock:
            if self.alive():
                return
            log.error("the private chain ended by itself and is started again from its saved state")
            before = self.url
            self._adopt_or_launch(None)
            if before == settings.CHAIN_RPC_URL:  # mostly the same, but another program may have its port
                settings.CHAIN_RPC_URL = self.url

    def _launch(self, timestamp: int | None) -> None:
        unpacked = self.folder / "state.json"
        arguments = [
            *("--host", "127.0.0.1", "--chain-id", str(CHAIN_ID), "--slots-in-an-epoch", "1"),
            *("--accounts", str(ACCOUNTS), "--gas-limit", str(GAS_LIMIT)),
            *("--prune-history", str(self.history), "--silent"),
        ]
        restoring = self.state_file.exists()
        before = Running.read(self._record_file)
        if restoring:
            unpack(self.state_file, unpacked)
            arguments += ["--load-state", str(unpacked)]
            # Anvil makes a block 0 of its own even so, and which one it then shows is chance: of the same
            # time, it is the same block.
            timestamp = before.genesis_time if before else None
        if timestamp is not None:
            arguments += ["--timestamp", str(timestamp)]
        try:
            self._child, running = launch(
                arguments, self.folder / "anvil.log", port=before.port if before else 0
            )
            running.write(self._record_file)
        finally:
            unpacked.unlink(missing_ok=True)
        if restoring:
            self._restore()
        else:
            self.offset_file.unlink(missing_ok=True)
            self.restored_at = None
        self._note_offset()

    def _restore(self) -> None:
        """Give a loaded Anvil back its clock and the hashes of its past blocks."""
        head = self.rpc.call("eth_getBlockByNumber", "latest", False)
        self.restored_at = int(head["number"], 16)
        try:
            offset = int(self.offset_file.read_text())
        except FileNotFoundError:
            offset = 0
        self.mine()
        self.rpc.call("anvil_rollback", 1)  # also sets the clock to the newest block's time, so before:
        # The newest block may be ahead of the offset that reached the disk.
        self.rpc.call("evm_setTime", max(int(time.time()) + offset, int(head["timestamp"], 16)))
        log.info("restored the private chain at block %d", self.restored_at)

    def _note_offset(self) -> None:
        """Write the offset down if it changed by more than the rounding of seconds."""
        offset = self.now() - int(time.time())
        try:
            known = int(self.offset_file.read_text())
        except FileNotFoundError:
            known = 0
        if abs(offset - known) > 1:
            write_whole(self.offset_file, str(offset).encode())


class _Keeper:
    """Saves the chain whenever it has a new block, in a bounded share of the time, and revives it."""

    def __init__(self, chain: PrivateChain):
        self._chain = chain
        self._lock = threading.Lock()
        self._saved = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Work in the background from now on."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="private-chain-keeper", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def save(self) -> bool:
        """Write the state if its newest block is not saved yet."""
        with self._lock:
            head = self._chain.rpc.call("eth_getBlockByNumber", "latest", False)["hash"]
            if head == self._saved:
                return False
            packed = bytes.fromhex(self._chain.rpc.call("anvil_dumpState").removeprefix("0x"))
            write_whole(self._chain.state_file, packed)
            self._saved = head
            return True

    def _run(self) -> None:
        complained = ""
        due = 0.0
        while not self._stop.wait(POLL):
            try:
                if not self._chain.alive():
                    self._chain.revive()
                started = time.monotonic()
                if started >= due:
                    self.save()
                    due = time.monotonic() + SAVE_SHARE * (time.monotonic() - started)
                complained = ""
            except (RpcUnavailable, RpcError, PrivateChainError, OSError) as error:
                if complained != str(error):
                    log.error("the private chain's state could not be saved: %s", error)
                complained = str(error)


def is_private(rpc: Rpc) -> bool:
    """Whether the node is an Anvil with the private chain's id."""
    version = str(rpc.call("web3_clientVersion")).lower()
    return version.startswith("anvil") and int(rpc.call("eth_chainId"), 16) == CHAIN_ID
