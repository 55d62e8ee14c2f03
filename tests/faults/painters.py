"""Painters that fail: `python -m tests.faults.painters FAULT TIMES TALLY`.

It fails so the first TIMES times that it is asked to paint (counted by lines in the file TALLY, since each
failure may end the process), and after that becomes the real painter.
"""

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from studio import wire

STEPS = 8


def tell(number: int, event: str, body: bytes = b"", **values: object) -> None:
    os.write(1, wire.pack({"event": event, "id": number, **values}, body))


def steps(number: int, until: int) -> None:
    for step in range(until + 1):
        tell(number, "step", step=step, steps=STEPS)


def raises(number: int) -> None:
    steps(number, 2)
    tell(number, "failed", kind="error", words="RuntimeError: the brush broke")


def hangs_at_step_3(number: int) -> None:
    steps(number, 3)
    time.sleep(3600)


def hangs_while_loading(number: int) -> None:
    time.sleep(3600)


def hangs_and_ignores_sigterm(number: int) -> None:
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    hangs_at_step_3(number)


def hangs_in_native_code(number: int) -> None:
    """Holds Python's lock, so no thread of it hears that its input has ended."""
    import ctypes

    steps(number, 3)
    ctypes.PyDLL(None).sleep(3600)


def takes_all_memory(number: int) -> None:
    steps(number, 1)
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20) * 16))
        time.sleep(0.02)


def finds_no_memory(number: int) -> None:
    """What the studio's own worker says when an allocation fails."""
    steps(number, 1)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    try:
        bytearray(1 << 32)
    except MemoryError as error:
        tell(number, "failed", kind="memory", words=f"MemoryError: {error}")


def is_killed(number: int) -> None:
    steps(number, 2)
    os.kill(os.getpid(), signal.SIGKILL)


def exits(number: int) -> None:
    steps(number, 2)
    print("the easel fell over", file=sys.stderr, flush=True)
    os._exit(3)


def crashes(number: int) -> None:
    steps(number, 2)
    os.kill(os.getpid(), signal.SIGSEGV)


def babbles(number: int) -> None:
    os.write(1, b"Loading weights: 100%\n")
    time.sleep(3600)


def lies(number: int) -> None:
    """A frame that is none of the protocol's."""
    tell(number, "done", width=64, height=64)
    time.sleep(3600)


def falls_silent(number: int) -> None:
    steps(number, 2)
    os.close(1)
    time.sleep(3600)


FAULTS: dict[str, Callable[[int], None]] = {
    one.__name__: one
    for one in (
        raises,
        hangs_at_step_3,
        hangs_while_loading,
        hangs_and_ignores_sigterm,
        hangs_in_native_code,
        takes_all_memory,
        finds_no_memory,
        is_killed,
        exits,
        crashes,
        babbles,
        lies,
        falls_silent,
    )
}


def command(fault: str, times: int, tally: Path) -> list[str]:
    """The command line of such a painter."""
    return [sys.executable, "-m", "tests.faults.painters", fault, str(times), str(tally)]


def main() -> None:
    fault, times, tally = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if tally.exists() and len(tally.read_text().splitlines()) >= times:
        os.execv(sys.executable, [sys.executable, "-m", "studio.worker"])  # noqa: S606 - itself
    frames = wire.Unpacker()
    failing: list[threading.Thread] = []
    while data := os.read(0, 1 << 16):
        for header, _body in frames.feed(data):
            if header["do"] != "paint":
                continue
            with tally.open("a") as file:
                file.write(f"{os.getpid()}\n")
            if fault in ("hangs_in_native_code", "hangs_and_ignores_sigterm"):
                FAULTS[fault](header["id"])
            else:  # beside the reading, as the real one does
                failing.append(threading.Thread(target=FAULTS[fault], args=(header["id"],), daemon=True))
                failing[-1].start()
    os._exit(0)


if __name__ == "__main__":
    main()
