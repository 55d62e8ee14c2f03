"""The painter in a process of its own paints what it paints in ours, to the bit."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio import wire
from studio.models import UnknownModel
from studio.paint import Cancelled, Step, paint
from studio.picture import canonical_png, file_hash
from studio.recipe import InvalidRecipe
from studio.remote import RemotePainter

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def remote() -> Iterator[RemotePainter]:
    painter = RemotePainter()
    yield painter
    painter.stop()


@pytest.fixture
def parent() -> Image.Image:
    rng = np.random.default_rng(3)
    return Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))


def test_the_same_picture_and_the_same_environment(remote, tiny_model, recipe_for, parent):
    recipe = recipe_for(tiny_model)
    child = replace(recipe, parent_file=file_hash(canonical_png(np.asarray(parent))), steps=9)
    for one, given_parent in ((recipe, None), (child, parent)):
        here, there = [], []
        ours = paint(one, given_parent, tiny_model, threads=1, on_step=here.append)
        theirs = remote.paint(one, given_parent, tiny_model, threads=1, on_step=there.append)
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        assert json.loads(json.dumps(ours.environment)) == theirs.environment
        assert theirs.seconds > 0
        assert [drawn(step) for step in here] == [drawn(step) for step in there]


def drawn(step: Step) -> tuple[int, int, bytes | None]:
    return step.step, step.steps, step.preview.tobytes() if step.preview else None


def test_the_same_errors(remote, tiny_model, recipe_for, parent):
    recipe = recipe_for(tiny_model)
    with pytest.raises(InvalidRecipe, match="the recipe's parent is None"):
        remote.paint(recipe, parent, tiny_model)
    with pytest.raises(InvalidRecipe, match="steps is 0"):
        remote.paint(replace(recipe, steps=0), None, tiny_model)
    with pytest.raises(UnknownModel, match="doesn't hold model"):
        remote.paint(replace(recipe, model="0x" + "ab" * 32), None, tiny_model)


def test_what_a_step_raises_ends_the_painting_and_not_the_process(remote, tiny_model, recipe_for):
    recipe = recipe_for(tiny_model, steps=50)
    remote.warm(tiny_model, threads=1)
    before, seen = remote.pid, []

    def stop_at_two(step: Step) -> None:
        seen.append(step.step)
        if step.step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        remote.paint(recipe, None, tiny_model, threads=1, on_step=stop_at_two)
    assert seen == [0, 1, 2]
    assert remote.paint(recipe_for(tiny_model), None, tiny_model, threads=1).pixels.shape == (128, 64, 3)
    assert remote.pid == before


def test_what_libraries_print_stays_out_of_the_frames():
    program = (
        "import os, sys; from studio import worker\n"
        "source, sink = worker.take_wire()\n"
        "print('a progress bar', flush=True); os.system('echo another'); os.write(1, b'a third')\n"
        "assert sys.stdin.read() == ''\n"
        "worker.Painter(source, sink).tell({'event': 'failed', 'id': 1})\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=b"for the painter", capture_output=True, check=True
    )
    assert list(wire.Unpacker().feed(ran.stdout)) == [({"event": "failed", "id": 1}, b"")]
    assert ran.stderr.split(b"\n")[:2] == [b"a progress bar", b"another"]


def test_it_ends_when_its_input_does():
    ran = subprocess.run(
        [sys.executable, "-m", "studio.worker"], cwd=ROOT, input=b"", capture_output=True, timeout=60
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux only")
def test_it_asks_to_be_the_first_to_go(remote, tiny_model, recipe_for):
    remote.paint(recipe_for(tiny_model), None, tiny_model, threads=1)
    assert Path(f"/proc/{remote.pid}/oom_score_adj").read_text().strip() == "1000"


frames = st.tuples(st.dictionaries(st.text(), st.integers() | st.text()), st.binary(max_size=300))


@given(st.lists(frames, max_size=4), st.integers(1, 40))
def test_frames_survive_any_cutting(some, piece):
    data = b"".join(wire.pack(header, body) for header, body in some)
    unpacker = wire.Unpacker()
    cut = [data[at : at + piece] for at in range(0, len(data), piece)]
    assert [frame for part in cut for frame in unpacker.feed(part)] == some


@given(st.binary(min_size=4, max_size=64).filter(lambda data: not data.startswith(wire.MAGIC)))
def test_anything_else_is_no_frame(data):
    with pytest.raises(wire.Garbled):
        list(wire.Unpacker().feed(data))


@pytest.mark.parametrize(
    "data",
    [
        b"MUR1\xff\xff\xff\xff\x00\x00\x00\x00",  # a header too long to be one
        b"MUR1\x00\x00\x00\x02\x00\x00\x00\x00[]",
        b"MUR1\x00\x00\x00\x02\x00\x00\x00\x00{x",
        b"MUR1\x00\x00\x00\x01\x00\x00\x00\x00\xff",
    ],
)
def test_frames_without_sense_are_refused(data):
    with pytest.raises(wire.Garbled):
        list(wire.Unpacker().feed(data))
