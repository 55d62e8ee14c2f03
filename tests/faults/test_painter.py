"""A painter that raises, hangs, crashes or eats the memory harms nobody but itself. Real processes, each."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings as project
from django.test import Client
from django.utils import timezone

from compute import painter, rendering
from compute.models import Rendering
from gallery import epochs, selectors
from gallery.models import Control, Failure, Generation
from studio import models as studio_models
from studio.paint import Cancelled, Step
from studio.recipe import Recipe
from studio.remote import (
    Limits,
    PainterDied,
    PainterError,
    PainterFailed,
    PainterGarbled,
    PainterHung,
    PainterOutOfMemory,
    PainterStopped,
    RemotePainter,
)
from tests.faults.painters import command

State = Rendering.State
GENESIS = Path(project.BASE_DIR) / "models" / "genesis"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe(
        model=studio_models.files_digest(GENESIS),
        prompt="misty ridges",
        negative_prompt="",
        family="",
        palette="dusk",
        mood="calm",
        guidance_milli=4000,
        steps=2,
        strength_milli=600,
        width=64,
        height=64,
        seed="0x" + "22" * 32,
    )


@pytest.fixture
def painters(tally: Path) -> Iterator[Callable[..., RemotePainter]]:
    """Painters that fail, ended with the test."""
    made: list[RemotePainter] = []

    def make(fault: str, times: int = 1, **limits: float) -> RemotePainter:
        made.append(RemotePainter(command(fault, times, tally), limits=Limits(**limits)))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def until(true: Callable[[], object], patience_s: float = 30) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- The process ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("raises", PainterFailed, "the brush broke"),
        ("hangs_at_step_3", PainterHung, "said nothing for 1 seconds at step 3 of 8"),
        ("hangs_and_ignores_sigterm", PainterHung, "at step 3 of 8"),
        ("hangs_in_native_code", PainterHung, "at step 3 of 8"),
        ("takes_all_memory", PainterOutOfMemory, "more than the 200 MB it may have"),
        ("finds_no_memory", PainterOutOfMemory, "could not get the memory"),
        ("is_killed", PainterDied, "was killed, probably for lack of memory"),
        ("exits", PainterDied, "exit status 3. It last said: the easel fell over"),
        ("crashes", PainterDied, "crashed: Segmentation fault"),
        ("babbles", PainterGarbled, "Loading weights"),
        ("lies", PainterGarbled, "cannot be understood"),
        ("falls_silent", PainterGarbled, "closed its output"),
    ],
)
def test_whatever_becomes_of_it_has_a_name_and_leaves_nothing(painters, tally, recipe, fault, kind, words):
    one = painters(fault, step_s=1, memory_mb=200 if "all_memory" in fault else 0)
    seen: list[Step] = []
    with pytest.raises(kind, match=words):
        one.paint(recipe, None, GENESIS, on_step=seen.append)
    assert [step.step for step in seen] == list(range(len(seen)))
    [pid] = tally.read_text().split()
    until(lambda: gone(int(pid)))
    assert one.pid is None


def test_one_that_never_gets_ready_is_ended(painters, tally, recipe):
    one = painters("hangs_while_loading", load_s=1)
    with pytest.raises(PainterHung, match="said nothing for 1 seconds while loading the model"):
        one.paint(recipe, None, GENESIS)
    assert gone(int(tally.read_text()))


def test_one_that_cannot_be_started_is_named(recipe):
    with pytest.raises(PainterError, match="cannot be started: /no/such/painter: No such file"):
        RemotePainter(["/no/such/painter"]).paint(recipe, None, GENESIS)


@pytest.mark.slow
def test_after_a_crash_the_next_painting_has_a_new_process(painters, recipe):
    one = painters("crashes", times=1)
    with pytest.raises(PainterDied):
        one.paint(recipe, None, GENESIS)
    painting = one.paint(recipe, None, GENESIS)
    assert painting.pixels.shape == (64, 64, 3)
    kept = one.pid
    assert one.paint(recipe, None, GENESIS).pixels.tobytes() == painting.pixels.tobytes()
    assert one.pid == kept


def test_one_that_hangs_can_be_given_up_at_once(painters, tally, recipe):
    one = painters("hangs_at_step_3")

    def no_more() -> None:
        raise Cancelled

    began = time.monotonic()
    with pytest.raises(Cancelled):
        one.paint(recipe, None, GENESIS, on_wait=no_more)
    assert time.monotonic() - began < 30
    assert gone(int(tally.read_text()))


def test_stop_ends_a_painting_from_another_thread(painters, tally, recipe):
    one = painters("hangs_at_step_3")
    threading.Thread(target=lambda: (until(tally.exists), one.stop())).start()
    with pytest.raises(PainterStopped):
        one.paint(recipe, None, GENESIS)
    until(lambda: gone(int(tally.read_text())))
    with pytest.raises(PainterStopped):
        one.paint(recipe, None, GENESIS)


@pytest.mark.slow
def test_one_that_idles_ends_by_itself_and_comes_back(recipe):
    one = RemotePainter(limits=Limits(idle_s=0.5))
    before = one.paint(recipe, None, GENESIS)
    until(lambda: one.pid is None)
    assert one.paint(recipe, None, GENESIS).pixels.tobytes() == before.pixels.tobytes()
    one.stop()


@pytest.mark.parametrize("fault", ["hangs_while_loading", "hangs_in_native_code"])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_it_dies_with_the_process_that_uses_it(recipe, tally, tmp_path, fault):
    """Killed with -9, that is: nobody is left to tell it."""
    worker = tmp_path / "worker.py"  # the real worker's first steps, then the failing one's
    worker.write_text(
        "from studio import worker\nworker.die_with_parent()\n"
        "from tests.faults import painters\npainters.main()\n"
    )
    program = (
        "import sys; from studio.remote import RemotePainter; from studio.recipe import Recipe\n"
        f"one = RemotePainter([sys.executable, {str(worker)!r}, {fault!r}, '1', {str(tally)!r}])\n"
        f"one.paint(Recipe.from_json({recipe.to_json()!r}), None, {str(GENESIS)!r})"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    try:
        until(lambda: tally.exists() and tally.read_text().endswith("\n"))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    until(lambda: gone(int(tally.read_text())))


# --- The artwork ---------------------------------------------------------------------------------------


def due_now() -> None:
    """The pause before the next attempt is over."""
    Rendering.objects.filter(epoch_number__gt=0).update(due_at=timezone.now())


def asked(world) -> Rendering:
    """An epoch is sealed, and its painting asked for."""
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    return world.jobs().get()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("raises", "the brush broke"),
        pytest.param("hangs_at_step_3", "for 2 seconds at step 3", marks=pytest.mark.slow),
        pytest.param("is_killed", "probably for lack of memory", marks=pytest.mark.slow),
        pytest.param("babbles", "cannot be understood", marks=pytest.mark.slow),
    ],
)
def test_the_row_says_why_and_another_attempt_succeeds(
    world, watched, failing, settings, client: Client, fault, words
):
    failing(fault)
    job = asked(world)
    settings.PAINTER_STEP_TIMEOUT_S = 2
    assert world.paint() == [State.QUEUED]
    settings.PAINTER_STEP_TIMEOUT_S = 120
    job.refresh_from_db()
    assert words in job.error
    assert (job.attempts, job.state) == (1, State.QUEUED)
    assert job.due_at - timezone.now() > timedelta(seconds=rendering.BACK_OFF_S - 4)
    assert world.paint() == []  # not yet

    said = world.tick()
    assert words in said
    assert words in Control.get().error
    assert selectors.now().next.detail == "Attempt 1 failed; the painter tries again."
    assert client.get("/").status_code == 200

    due_now()
    assert world.paint() == [State.PAINTED]
    world.ticks(world.generation(2))
    world.tick()
    assert Control.get().error == ""
    assert world.jobs().get().error == ""


@pytest.mark.slow
def test_attempts_that_all_fail_fail_the_epoch_by_rule_and_the_next_one_opens(
    world, watched, failing, settings, client: Client
):
    job = asked(world)
    failing("raises", times=1000)
    pauses = []
    for number in range(1, epochs.limits().max_rounds + 1):
        for _ in range(rendering.MOST_ATTEMPTS):
            due_now()
            world.paint()
            job.refresh_from_db()
            pauses.append((job.due_at - timezone.now()).total_seconds())
        assert job.state == State.FAILED
        assert "the brush broke" in world.tick()
        assert "the brush broke" in Control.get().error
        assert selectors.now().next.headline == "The painter failed"
        assert "The painter failed" in client.get("/").content.decode()
        world.pass_by(601)
        if number < epochs.limits().max_rounds:
            world.ticks(
                lambda number=number: job.__class__.objects.get(pk=job.pk).round == number + 1, most=8
            )
    assert pauses[:3] == sorted(pauses[:3])
    world.ticks(Failure.objects.exists, most=6)
    assert Failure.objects.get().reason == "paint"
    assert epochs.opened().number == 2
    world.ticks(lambda: Control.get().error == "", most=3)

    settings.PAINTER_COMMAND = ""
    assert world.next_generation().epoch_number == 2
    assert Generation.objects.count() == 2


@pytest.mark.slow
def test_cancelling_one_that_hangs_does_not_wait_for_it(world, watched, failing, tally):
    failing("hangs_at_step_3")
    job = asked(world)

    def cancel() -> None:
        from django.db import connection

        until(lambda: Rendering.objects.get(pk=job.pk).step == 3)
        assert rendering.cancel(job)
        connection.close()

    threading.Thread(target=cancel).start()
    began = time.monotonic()
    assert world.paint() == [State.CANCELLED]
    assert time.monotonic() - began < 30
    assert gone(int(tally.read_text().split()[0]))


def test_stopping_ends_one_that_hangs_and_loses_nothing(world, watched, failing, tally):
    failing("hangs_at_step_3")
    job = asked(world)
    threading.Thread(target=lambda: (until(tally.exists), time.sleep(0.3), rendering.stop())).start()
    try:
        assert world.paint() == [State.QUEUED]
    finally:
        rendering.stopping.clear()
    job.refresh_from_db()
    assert job.attempts == 0
    assert gone(int(tally.read_text()))


def test_the_painter_is_told_no_secrets(settings):
    secrets = {"OPERATOR_KEY": "0x1", "WORKER_KEYS": "0x2", "DATABASE_URL": "postgres://"}
    told = painter.environment({**secrets, "PATH": "/bin"})
    assert told == {"PATH": "/bin"}
