"""What the operator sees of a mirroring that takes its time, and what Ctrl-C does to it."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from chain import indexer
from chain.management.watching import Watch, interruptible
from chain.models import Cursor
from chain.pace import Pace
from tests.chain.node import Node, assert_equal_to_chain
from tests.chain.tables import Count

EVENTS = {"Emitter.Counted": "tests.chain.tables.counted"}


@pytest.fixture
def past(node: Node, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Far more blocks than a step near the head takes, in small batches."""
    settings.CHAIN_EVENTS = "tests.chain.test_commands.EVENTS"
    node.send("count", 1, 1, "first")
    node.rpc.call("anvil_mine", hex(150))
    node.send("count", 2, 1, "last")
    monkeypatch.setattr(indexer, "Pace", lambda: Pace(most=20, start=10))
    return node


def at(number: int, head: int, begin: int = -1) -> Cursor:
    return Cursor(number=number, head_number=head, begin_number=begin)


def test_lines_sayHowFarItIs(db: None) -> None:
    out = io.StringIO()
    with Watch(OutputWrapper(out), line_every_s=0.0) as watch:
        watch.heard(at(0, 1000), 40)
        time.sleep(0.6)
        watch.heard(at(300, 1000), 600)
    first, second = out.getvalue().splitlines()
    assert first == "1 of 1,001 blocks"
    assert re.fullmatch(r"301 of 1,001 blocks, [\d,]+ events/s, a few seconds left", second)
    events = int(second.split()[4].replace(",", ""))
    assert 100 < events <= 1000


def test_once_isSilentWhereItIsQuick_andSaysItsErrorInASentence(past: Node, settings: Any) -> None:
    out = io.StringIO()
    call_command("index", "--once", stdout=out)
    assert out.getvalue() == f"{past.head - past.deployment.block + 1} blocks mirrored\n"
    assert Count.objects.count() == 2
    assert_equal_to_chain(past)
    past.chain.stop()
    with pytest.raises(CommandError, match=r"^RpcUnavailable: no answer from http://127\.0\.0\.1:\d+: it"):
        call_command("index", "--once", stdout=out)


def test_rebuild_forgetsNothingThatItCannotReadAgain(past: Node) -> None:
    past.sync()
    past.chain.stop()
    with pytest.raises(CommandError, match="RpcUnavailable"):
        call_command("rebuild")
    assert Count.objects.count() == 2


def test_interrupt_endsBetweenTwoBatches(past: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Watch.heard

    def interrupted(self: Watch, cursor: Cursor, events: int) -> None:
        heard(self, cursor, events)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Watch, "heard", interrupted)
    with pytest.raises(CommandError, match=r"Interrupted after \d+ blocks") as caught:
        call_command("index", "--once", stdout=io.StringIO())
    assert caught.value.returncode == 130
    cursor = Cursor.current()
    assert cursor is not None
    assert past.deployment.block <= cursor.number < past.head - 100
    assert Count.objects.count() == 1
    monkeypatch.undo()
    past.sync()
    assert_equal_to_chain(past)


@pytest.fixture
def _in_the_foreground() -> Iterator[None]:
    """A shell has what it runs in the background ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_in_the_foreground")
def test_secondInterrupt_isNotHeldBack() -> None:
    with interruptible() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_onATerminal_itIsABar(tmp_path: Any) -> None:
    """In a process of its own, with a terminal of its own."""
    main, terminal = pty.openpty()
    script = (
        "import django, sys, time; django.setup()\n"
        "from django.core.management.base import OutputWrapper\n"
        "from chain.management.watching import Watch\n"
        "from chain.models import Cursor\n"
        "watch = Watch(OutputWrapper(sys.stdout)); watch._bar.start()\n"
        "for number in range(0, 1001, 250):\n"
        "    watch.heard(Cursor(number=number, head_number=1000, begin_number=0), 500); time.sleep(0.3)\n"
        "watch._bar.stop()\n"
    )
    seen = bytearray()

    def look() -> None:
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:  # the terminal is closed
                return
            if not part:
                return
            seen.extend(part)

    child = subprocess.Popen(
        [sys.executable, "-c", script], stdout=terminal, env={**os.environ, "TERM": "xterm", "COLUMNS": "90"}
    )
    os.close(terminal)
    reader = threading.Thread(target=look)
    reader.start()
    assert child.wait(60) == 0
    reader.join(10)
    os.close(main)
    words = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(seen)).decode()
    assert re.search(r"750/1000 [\d,]+ events/s, a few seconds left", words), words
