"""A disk that is full or can't be written, under the pictures, the database, and the whole site."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client

from compute import pictures, rendering, troubles
from compute.models import Picture, Rendering
from compute.storage import ContentStorage
from gallery.models import Control
from studio.remote import RemotePainter
from tests.faults.small import Small, plant
from tests.faults.verbs import due_now, finish, once_each

State = Rendering.State


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
                # More than fits the pages that earlier tests left free in the file.
                cursor.execute(
                    "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
                )
                [free] = cursor.fetchone()
                cursor.execute("CREATE TABLE grows AS SELECT randomblob(%s) AS x", [free + 100_000])
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
