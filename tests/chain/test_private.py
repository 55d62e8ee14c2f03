"""The private chain comes back: after a stop, after a crash of either side, with its clock and its past."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from chain import clock
from chain.anvil import Running, free_port
from chain.private import PrivateChain, PrivateChainError

PAST = 9 * 86_400


def head(chain: PrivateChain) -> dict[str, Any]:
    block: dict[str, Any] = chain.rpc.call("eth_getBlockByNumber", "latest", False)
    return block


def blockhash(chain: PrivateChain, number: int) -> str:
    """What the opcode BLOCKHASH gives."""
    code = f"0x61{number:04x}405f5260205ff3"
    answer: str = chain.rpc.call("eth_call", {"data": code}, "latest")
    return answer


def hash_of(chain: PrivateChain, number: int) -> str:
    found: str = chain.rpc.call("eth_getBlockByNumber", hex(number), False)["hash"]
    return found


def test_story_stopAndStartAgain(anvil: PrivateChain) -> None:
    assert anvil.is_private()
    assert anvil.is_running()
    assert anvil.accounts()[0] == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    anvil.mine(7)
    before, process = head(anvil), psutil.Process(anvil.pid)
    anvil.stop()
    assert not process.is_running(), "a clean stop leaves no child"
    assert not anvil.alive()
    anvil.stop()  # twice is fine
    anvil.start()
    assert head(anvil)["hash"] == before["hash"]
    assert anvil.restored_at == 7


def test_killedAnvil_losesLittle_andKeepsItsAddress(anvil: PrivateChain) -> None:
    anvil.mine(5)
    time.sleep(1.0)
    before, url = head(anvil), anvil.url
    os.kill(anvil.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not anvil.is_running() and time.monotonic() < deadline:  # it is revived by itself
        time.sleep(0.05)
    assert head(anvil)["hash"] == before["hash"]
    assert anvil.url == url


def test_restoredChain_knowsItsBlockHashes(anvil: PrivateChain) -> None:
    anvil.mine(300)
    anvil.stop()
    anvil.start()
    assert int(head(anvil)["number"], 16) == 300
    assert all(blockhash(anvil, number) == hash_of(anvil, number) for number in (60, 299))
    anvil.mine()
    assert all(blockhash(anvil, number) == hash_of(anvil, number) for number in (60, 299, 300))


def test_killedParent_leavesAChainToAdopt(tmp_path: Path) -> None:
    """Our process dies by SIGKILL; the next one finds the same Anvil, with blocks that were never saved."""
    script = (
        "import sys, time\n"
        "from chain.private import PrivateChain\n"
        "chain = PrivateChain(sys.argv[1]); chain.start(); chain.leave()\n"
        "chain.mine(3); print(chain.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "chain")],
        stdout=subprocess.PIPE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    chain = PrivateChain(tmp_path / "chain").start()
    try:
        assert chain.pid == pid
        assert int(head(chain)["number"], 16) == 3
        assert chain.restored_at is None
    finally:
        chain.stop()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_otherProcess_isNeverTouched(tmp_path: Path) -> None:
    """The recorded pid belongs to somebody else now."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        folder = tmp_path / "chain"
        folder.mkdir()
        created = psutil.Process(stranger.pid).create_time()
        Running(stranger.pid, created, free_port(), "0x" + "00" * 32, 0).write(folder / "anvil.json")
        chain = PrivateChain(folder)
        assert not chain.alive()
        chain.start()
        assert chain.pid != stranger.pid
        chain.stop()
        chain.kill()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_clock_survivesARestart(anvil: PrivateChain, settings: Any) -> None:
    settings.PRIVATE_CHAIN = True
    anvil.mine()
    anvil.fast_forward(3600)
    assert int(head(anvil)["timestamp"], 16) == pytest.approx(time.time() + 3600, abs=3)
    assert clock.now() == pytest.approx(time.time() + 3600, abs=3)
    anvil.stop()
    time.sleep(1.1)
    anvil.start()
    assert anvil.now() == pytest.approx(time.time() + 3600, abs=3)
    anvil.mine()
    assert int(head(anvil)["timestamp"], 16) == pytest.approx(time.time() + 3600, abs=3)
    assert clock.offset() == pytest.approx(3600, abs=3)


def test_historyIsSeededInThePast_andEndsNow(tmp_path: Path) -> None:
    began = int(time.time()) - PAST
    chain = PrivateChain(tmp_path / "chain").start(timestamp=began)
    try:
        chain.mine()
        assert int(head(chain)["timestamp"], 16) == pytest.approx(began, abs=3)
        chain.move_to(began + 86_400)
        chain.mine()
        assert int(head(chain)["timestamp"], 16) == pytest.approx(began + 86_400, abs=3)
        chain.stop()
        chain.start(timestamp=1)  # a chain that is there keeps its time
        assert chain.now() == pytest.approx(began + 86_400, abs=3)
        chain.move_to(int(time.time()))
        chain.mine()
        assert int(head(chain)["timestamp"], 16) == pytest.approx(time.time(), abs=3)
        with pytest.raises(ValueError, match="newest block"):
            chain.move_to(began)
        with pytest.raises(ValueError, match="forward"):
            chain.fast_forward(-1)
    finally:
        chain.stop()


def test_clock_isTheWallClockElsewhere(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "offset").write_text("500")
    settings.PRIVATE_CHAIN = True
    assert clock.now() == pytest.approx(time.time() + 500, abs=2)
    settings.PRIVATE_CHAIN = False
    assert clock.now() == pytest.approx(time.time(), abs=2)


def test_save_writesOnlyWhatIsNew(anvil: PrivateChain) -> None:
    anvil.leave()
    anvil.mine()
    assert anvil.save()
    assert not anvil.save()
    anvil.mine()
    assert anvil.save()


def test_damagedState_isSaid(tmp_path: Path) -> None:
    folder = tmp_path / "chain"
    folder.mkdir()
    (folder / "state.json.gz").write_bytes(b"no gzip")
    with pytest.raises(PrivateChainError, match="remove it to start anew"):
        PrivateChain(folder).start()


def test_neverStarted_isSaid(tmp_path: Path) -> None:
    with pytest.raises(PrivateChainError, match="no private chain was started"):
        _ = PrivateChain(tmp_path / "nothing").url
