"""A node that fails, a full disk, a wrong clock, an operator without ether: the cycle goes on."""

import errno
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from chain.anvil import Running
from chain.indexer import Indexer
from chain.models import Cursor, Transaction, TransactionState
from chain.rpc import Rpc, RpcUnavailable
from config import embedded
from gallery import pictures, rendering, tasks, troubles
from gallery.models import Control, Epoch, Generation, Picture, Rendering
from gallery.storage import ContentStorage
from studio.remote import RemotePainter
from tests.faults.proxy import FAULTS, Proxy
from tests.faults.small import Small, plant

State = Rendering.State
QUICK = ("refuse", "garbage")


def due_now() -> None:
    """Whatever pauses go on are over."""
    Rendering.objects.filter(epoch_number__gt=0).update(due_at=timezone.now())
    Transaction.objects.update(next_attempt_at=None)


def finish(world, number: int = 2) -> Generation:
    """Let the cycle go on to a generation."""
    for _ in range(25):
        due_now()
        world.tick()
        world.paint()
        if world.generation(number)():
            break
    generation = Generation.objects.get(number=number)
    for _ in range(4):
        world.tick()
    assert Control.get().error == ""
    return generation


def once_each() -> None:
    """Nothing was sent twice: what was mined succeeded, and each generation has its own epoch."""
    assert not Transaction.objects.exclude(state=TransactionState.MINED).exists()
    epochs = list(Generation.objects.values_list("epoch_number", flat=True))
    assert len(epochs) == len(set(epochs))


# --- The node ------------------------------------------------------------------------------------------


@pytest.fixture
def proxied(world, settings) -> Iterator[Proxy]:
    """The site reaches its node through a proxy."""
    proxy = Proxy(settings.CHAIN_RPC_URL)
    settings.CHAIN_RPC_URL = proxy.url
    world.indexer = Indexer.configured()
    world.sync()
    yield proxy
    proxy.close()


@pytest.mark.parametrize(
    "fault",
    [pytest.param(one, marks=() if one in ("refuse", "garbage") else pytest.mark.slow) for one in FAULTS],
)
def test_a_node_that_fails_mid_epoch(world, watched, proxied, client: Client, monkeypatch, fault):
    if fault == "hang":
        from chain.rpc import _rpc

        _rpc(proxied.url)._pool.connection_pool_kw["timeout"] = 1.0
    world.end_epoch()
    world.ticks(lambda: hasattr(Epoch.objects.get(number=1), "sealing"), most=6)
    sent = Transaction.objects.count()

    proxied.fail(fault)
    with pytest.raises(RpcUnavailable):
        world.sync()
    for _ in range(2):
        tasks.run()
    assert proxied.url in Control.get().error
    assert proxied.url in Cursor.current().error
    assert client.get("/").status_code == 200

    proxied.mend()
    generation = finish(world)
    assert generation.epoch_number == 1
    assert Transaction.objects.count() > sent
    assert Cursor.current().error == ""
    once_each()


@pytest.mark.slow
def test_a_node_that_is_frozen_and_thaws(world, watched, settings, monkeypatch):
    """Stopped by a signal: connections are taken by the kernel, and nobody answers."""
    import signal

    quick = Rpc(settings.CHAIN_RPC_URL, timeout=1)
    monkeypatch.setattr("chain.rpc._rpc", lambda url: quick)
    world.end_epoch()
    world.ticks(lambda: hasattr(Epoch.objects.get(number=1), "sealing"), most=6)
    node = Running.read(world.chain.folder / "anvil.json").process()
    node.send_signal(signal.SIGSTOP)
    try:
        monkeypatch.setattr("gallery.mining.run", lambda: None)  # whose patience is a minute
        tasks.run()
        assert "did not answer in time" in Control.get().error
    finally:
        node.send_signal(signal.SIGCONT)
        monkeypatch.undo()
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    finish(world)
    once_each()


# --- The operator --------------------------------------------------------------------------------------


def test_an_operator_without_ether_is_said_and_goes_on_once_paid(world, watched):
    operator = world.accounts[0]
    wealth = world.rpc.call("eth_getBalance", operator, "latest")
    world.end_epoch()
    world.rpc.call("anvil_setBalance", operator, "0x0")
    for _ in range(3):
        world.tick()
    assert "sealEpoch waits: The operator's account has too little ether" in Control.get().error
    row = Transaction.objects.get(key="seal:1")
    assert row.state == TransactionState.FAILED
    assert row.next_attempt_at - timezone.now() < timedelta(seconds=30)

    world.rpc.call("anvil_setBalance", operator, wealth)
    finish(world)
    once_each()


def test_a_nonce_that_another_program_takes(world, watched):
    operator = world.accounts[0]
    world.end_epoch()
    world.rpc.call("evm_setAutomine", False)
    tasks.run()
    ours = Transaction.objects.get(key="seal:1")
    assert ours.state == TransactionState.SENT
    world.rpc.call("anvil_dropTransaction", ours.tx_hash)
    other = {"from": operator, "to": world.accounts[5], "value": "0x1", "nonce": hex(ours.nonce)}
    world.rpc.call("eth_sendTransaction", other)
    world.rpc.call("evm_setAutomine", True)
    world.rpc.call("anvil_mine", "0x1")
    world.sync()
    tasks.run()
    assert f"sealEpoch waits: another transaction took nonce {ours.nonce}" in Control.get().error
    finish(world)
    assert Transaction.objects.get(key="seal:1").nonce > ours.nonce
    once_each()


@pytest.mark.slow
def test_a_transaction_that_nobody_mines_pays_more(world, watched, monkeypatch):
    from gallery import mining

    monkeypatch.setattr(mining, "run", lambda: None)
    world.end_epoch()
    world.rpc.call("evm_setAutomine", False)
    tasks.run()
    first = Transaction.objects.get(key="seal:1")
    Transaction.objects.filter(pk=first.pk).update(sent_at=timezone.now() - timedelta(minutes=4))
    tasks.run()
    second = Transaction.objects.get(key="seal:1")
    assert second.replaced == [first.tx_hash]
    assert int(second.request["maxFeePerGas"], 16) > int(first.request["maxFeePerGas"], 16)
    world.rpc.call("evm_setAutomine", True)
    world.rpc.call("anvil_mine", "0x1")
    monkeypatch.undo()
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    finish(world)
    once_each()


# --- The disk ------------------------------------------------------------------------------------------


def _write_on(file: int, piece: bytes) -> None:
    while True:
        os.write(file, piece)


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path, size: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        ran = subprocess.run(mount, capture_output=True, text=True, check=False)
        if ran.returncode:
            pytest.skip(f"a file system of one's own needs the right to mount: {ran.stderr.strip()}")
        self.folder, self.ballast = folder, folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with open(self.ballast, "ab") as file:
            for piece in (1 << 16, 1 << 12, 1):
                with pytest.raises(OSError, match="No space left"):
                    _write_on(file.fileno(), b"\1" * piece)

    def clear(self) -> None:
        """Make room again."""
        self.ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount; what still has files there open keeps nobody waiting."""
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., Disk]]:
    """File systems of their own, gone with the test."""
    made: list[Disk] = []

    def make(name: str, size: str) -> Disk:
        made.append(Disk(tmp_path / name, size))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def shelf(world, disk, settings) -> Disk:
    """The artwork's pictures lie on a small disk."""
    small = disk("shelf", "400k")
    shutil.copytree(settings.MEDIA_ROOT, small.folder, dirs_exist_ok=True)
    settings.MEDIA_ROOT = str(small.folder)
    return small


def left_behind(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_a_full_disk_before_painting_costs_no_attempt(world, watched, shelf, client: Client):
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    shelf.fill()
    for _ in range(rendering.MOST_ATTEMPTS + 2):
        due_now()
        assert world.paint() == [State.QUEUED]
    job = world.jobs().get()
    assert (job.attempts, job.error) == (0, f"The disk is full: free some space in {shelf.folder}.")
    world.tick()
    assert f"The disk is full: free some space in {shelf.folder}." in Control.get().error
    assert client.get("/").status_code == 200
    assert left_behind(shelf.folder) == []

    shelf.clear()
    finish(world)
    once_each()


@pytest.mark.slow
def test_a_disk_that_fills_up_while_painting_keeps_nothing_half(world, watched, shelf, monkeypatch):
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    step = rendering._Progress.__call__

    def then_fill(self, one):
        step(self, one)
        shelf.fill()

    monkeypatch.setattr(rendering._Progress, "__call__", then_fill)
    assert world.paint() == [State.QUEUED]
    monkeypatch.undo()
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    assert "The disk is full" in world.jobs().get().error
    assert Picture.objects.count() == 1
    assert left_behind(shelf.folder) == []
    shelf.clear()
    generation = finish(world)
    assert pictures.canonical(Picture.objects.get(file_hash=generation.file_hash))


def test_a_file_that_may_not_grow_is_not_there(tmp_path, settings):
    """For those who can't mount: the kernel refuses the bytes, in the middle of a file."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            ContentStorage().ensure_room(200_000)
        from django.core.files.base import ContentFile

        with pytest.raises(OSError, match="File too large"):
            ContentStorage().save("pictures/ab/abc.png", ContentFile(b"x" * 200_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert troubles.of_the_site(caught.value)
    assert [path for path in (tmp_path / "media").rglob("*") if path.is_file()] == []


@pytest.mark.skipif(shutil.which("setpriv") is None and os.geteuid() == 0, reason="root writes anywhere")
@pytest.mark.slow
def test_a_media_folder_that_cannot_be_written_is_named(world, watched, settings, disk):
    shelf = disk("locked", "400k") if os.geteuid() == 0 else None
    folder = shelf.folder if shelf else Path(settings.MEDIA_ROOT)
    if shelf:
        shutil.copytree(settings.MEDIA_ROOT, folder, dirs_exist_ok=True)
        settings.MEDIA_ROOT = str(folder)
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    lock(folder, shelf, True)
    try:
        assert world.paint() == [State.QUEUED]
        assert f"{folder} cannot be written" in world.jobs().get().error
        world.tick()
        assert "let the site's user write there" in Control.get().error
    finally:
        lock(folder, shelf, False)
    finish(world)
    once_each()


def lock(folder: Path, shelf: Disk | None, on: bool) -> None:
    """Make a folder one that can't be written: root needs the whole file system read-only for that."""
    if shelf is None:
        folder.chmod(0o555 if on else 0o755)
        return
    mode = "ro" if on else "rw"
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


def test_a_database_that_is_full_for_a_while_loses_no_picture(world, watched, monkeypatch):
    """SQLite's own limit of pages: it refuses to grow with the very error of a full disk."""
    monkeypatch.setattr(rendering, "INSIST_EVERY_S", 0.2)
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    finish_job, refused = rendering._finish, []

    def without_room(job, painting, picture):
        limit(0 if len(refused) < 3 else 1 << 30)
        try:
            Picture.objects.filter(pk=picture.pk).update(thumb_hash=picture.thumb_hash)
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE grows AS SELECT randomblob(100000) AS x")
                cursor.execute("DROP TABLE grows")
        except OperationalError as error:
            refused.append(str(error))
            raise
        finish_job(job, painting, picture)

    monkeypatch.setattr(rendering, "_finish", without_room)
    assert world.paint() == [State.PAINTED]
    assert refused == ["database or disk is full"] * 3
    assert troubles.words(OperationalError(refused[0])).startswith("The database's disk is full: free some")
    assert world.jobs().get().attempts == 1
    monkeypatch.undo()
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    finish(world)


def limit(pages: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        now = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {max(now, pages)}")


@pytest.mark.slow
def test_a_full_disk_under_the_whole_site(tmp_path, disk):
    """Database, chain, logs and pictures on one small disk that fills up while it paints."""
    planted = tmp_path / "planted"
    plant(planted)
    volume = disk("volume", "60m")
    small = Small(planted, volume.folder / "var")
    painter = RemotePainter()
    try:
        site = small.start()
        painting = "SELECT 1 FROM gallery_rendering WHERE state = 'painting' AND step > 1"
        small.until(lambda: small.rows(painting))
        volume.fill()
        time.sleep(15)
        assert site.process.poll() is None, site.story()
        before = small.rows("SELECT count(*) FROM gallery_generation")
        volume.clear()
        small.until(lambda: small.rows("SELECT count(*) FROM gallery_generation") > before, 240)
        small.until(lambda: small.rows("SELECT error FROM gallery_control") == [("",)])
        small.check(painter)
        assert left_behind(volume.folder) == []
        assert site.stop() < 5
        # And what was written meanwhile is good enough to start from.
        small.start()
        small.check(painter)
    finally:
        painter.stop()
        small.end()


# --- The clock -----------------------------------------------------------------------------------------


def test_times_that_a_wrong_clock_wrote_hold_nothing_up(world, watched):
    """The clock was an hour ahead and was set back: what it wrote lies in the future."""
    ahead = timezone.now() + timedelta(hours=1)
    world.end_epoch()
    world.ticks(lambda: world.jobs().exists())
    Transaction.objects.update(next_attempt_at=ahead)
    world.jobs().update(due_at=ahead, sent_at=ahead)
    job = world.jobs().get()
    assert rendering.send_if_lost(job, 1)
    assert rendering.claim(job.pk)
    world.jobs().update(lease_until=ahead + timedelta(minutes=10))
    assert Rendering.objects.claimable().exists()
    assert world.paint() == [State.PAINTED]
    for _ in range(8):
        world.tick()
    assert world.generation(2)()


def test_beat_goes_on_when_the_clock_is_set_back(monkeypatch):
    from celery.beat import Scheduler

    from config.celery import app

    sent: list[float] = []
    monkeypatch.setattr(Scheduler, "apply_async", lambda self, entry, **_: sent.append(time.monotonic()))
    shift = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])
    now = app.now
    monkeypatch.setattr(app, "now", lambda: now() + timedelta(seconds=shift[0]))
    halt = threading.Event()
    thread = threading.Thread(target=embedded.beat, args=(halt,))
    thread.start()
    try:
        until(lambda: len(sent) >= 2)
        shift[0], before = -3600, len(sent)
        until(lambda: len(sent) >= before + 3)
    finally:
        halt.set()
        thread.join(5)


def until(true: Callable[[], object], patience_s: float = 20) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_words_name_what_helps(settings):
    assert "free some space in /srv/media" in troubles.words(OSError(errno.ENOSPC, "full", "/srv/media/x"))
    assert "cannot be written (Read-only" in troubles.words(OSError(errno.EROFS, "Read-only", "/srv/media/x"))
    assert troubles.words(ValueError("no")) == "ValueError: no"
