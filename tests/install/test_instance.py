"""One process to a folder, one address to a process, and logs that do not grow for ever."""

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.instance import CannotStart, Instance, keep_logs, listen

HOLD = """
import sys, time
from pathlib import Path
from config.instance import Instance
held = Instance(Path(sys.argv[1]))
held.write("http://127.0.0.1:4321")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds `tmp_path`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_told_where_the_first_is(holder: subprocess.Popen[str], tmp_path: Path):
    with pytest.raises(
        CannotStart, match=rf"already running at http://127.0.0.1:4321 \(process {holder.pid}\)"
    ):
        Instance(tmp_path)


def test_a_killed_process_holds_nothing(holder: subprocess.Popen[str], tmp_path: Path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    Instance(tmp_path)


def test_a_folder_that_cannot_be_written_is_said_as_such(tmp_path: Path):
    (tmp_path / "var").write_text("a file")
    with pytest.raises(CannotStart, match="cannot be written"):
        Instance(tmp_path / "var")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_refused_when_it_was_asked_for(taken: int):
    with pytest.raises(CannotStart, match=f"Port {taken} is taken"):
        listen(str(taken))


@pytest.mark.parametrize("wanted", ["eighty", "-1", "70000"])
def test_what_is_no_port_is_refused(wanted: str):
    with pytest.raises(CannotStart, match="PORT must be a number"):
        listen(wanted)


def test_without_a_wish_the_next_free_port_is_taken(taken: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("config.instance.FIRST_PORT", taken)
    with listen("") as bound:
        assert taken < bound.getsockname()[1] < taken + 100


def test_a_port_just_left_by_a_killed_process_is_free():
    with listen("0") as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = first.accept()
            accepted.close()  # the side that closes first is left in TIME_WAIT
            assert client.recv(1) == b""
    with listen(str(port)) as again:
        assert again.getsockname()[1] == port


def test_logs_go_to_files_in_full_and_to_the_console_in_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        root.handlers = []
        keep_logs(tmp_path, {"loggers": {"murmuration.chatter": {"level": "WARNING"}}})
        log = logging.getLogger("murmuration.test")
        logging.getLogger("murmuration.chatter").info("a thing nobody needs")
        log.info("a quiet thing")
        try:
            raise ValueError("a cause")
        except ValueError:
            log.exception("a loud thing")
        console = capsys.readouterr().err
        assert console.strip() == "ERROR murmuration.test: a loud thing"
        kept = (tmp_path / "murmuration.log").read_text()
        assert "a quiet thing" in kept
        assert "nobody needs" not in kept
        assert "ValueError: a cause" in kept
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers, root.level = before, level
        logging.captureWarnings(False)


def test_the_lock_is_not_inherited_by_children(tmp_path: Path):
    # A chain that outlives a killed process must not hold its folder.
    held = Instance(tmp_path)
    assert not os.get_inheritable(held._file.fileno())
