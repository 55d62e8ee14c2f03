"""What one process of the embedded site holds: its data folder, its address, its log files."""

import fcntl
import json
import logging
import logging.handlers
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIRST_PORT = 8000
PORTS = 100
HOST = "127.0.0.1"


class CannotStart(Exception):
    """A reason that the person at the keyboard can act on; its text is the whole message."""


class Instance:
    """The lock on a data folder, held until the process ends, however it ends; the file says who holds it."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises CannotStart, with the holder's address, when another process has it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(folder / "instance.lock", "a+")  # noqa: SIM115 - held for the process's life
        except OSError as error:
            raise CannotStart(f"The data folder {folder} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            raise CannotStart(_held(folder, self._file.read())) from None
        self.write("")

    def write(self, address: str) -> None:
        """Tell others where this process is to be found."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "address": address}, self._file)
        self._file.flush()


def _held(folder: Path, content: str) -> str:
    try:
        holder = json.loads(content)
    except ValueError:
        holder = {}
    where = f"at {holder['address']}" if holder.get("address") else "and starting up"
    return (
        f"Murmuration is already running {where} (process {holder.get('pid', 'unknown')}) "
        f"with the data in {folder}; for a second one, name another folder: VAR_DIR=…"
    )


def listen(wanted: str, host: str = HOST) -> socket.socket:
    """A listening socket on port `wanted` (0: any free one), or, if that is empty, on 8000 or the next free.

    Raises CannotStart if `wanted` is taken or no port.
    """
    if wanted:
        if not wanted.isdecimal() or int(wanted) > 65535:
            raise CannotStart(f"PORT must be a number up to 65535, and is {wanted!r}.")
        bound = _bind(int(wanted), host)
        if bound is None:
            raise CannotStart(f"Port {wanted} is taken by another program: choose another with PORT=….")
        return bound
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        if (bound := _bind(port, host)) is not None:
            return bound
    raise CannotStart(
        f"No port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free: choose one with PORT=…."
    )


def _bind(port: int, host: str) -> socket.socket | None:
    if port and _answers(port, host):
        return None
    bound = socket.socket()
    # A port that a killed process left in TIME_WAIT is free; one that somebody listens on is not.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(512)
    except OSError:
        bound.close()
        return None
    return bound


def _answers(port: int, host: str) -> bool:
    # On BSD systems and macOS a narrower bind succeeds beside a program that listens on every address.
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def keep_logs(folder: Path, settings: Mapping[str, Any]) -> None:
    """Send INFO and up to files (5 MB by 5) in `folder`; warnings and worse, in short, to the console.

    The levels of single loggers are those of `settings`, Django's LOGGING.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(
        folder / "murmuration.log", maxBytes=5_000_000, backupCount=4, encoding="utf-8"
    )
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    console = logging.StreamHandler()
    console.setFormatter(_Short("%(levelname)s %(name)s: %(message)s"))
    console.setLevel(logging.WARNING)
    # The program's own warnings (Python's `warnings`) are for whoever develops it.
    console.addFilter(lambda record: record.name != "py.warnings")
    logging.basicConfig(level=logging.INFO, handlers=[file, console], force=True)
    logging.captureWarnings(True)
    for name, options in settings["loggers"].items():
        logging.getLogger(name).setLevel(options.get("level", logging.NOTSET))


class _Short(logging.Formatter):
    """One line: the log file has the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        bare = {"exc_info": None, "exc_text": None, "stack_info": None}
        return super().format(logging.makeLogRecord(record.__dict__ | bare))
