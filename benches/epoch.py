"""What an epoch costs beyond the painting itself: `make bench-epoch`.

One process with everything in it (private chain, mirror, beat, two Celery workers, and the painter as its
child) lives through a few epochs of the default model at 512x512, with three workers that share the machine
and the painting, as in the demonstration. After each, the same recipe is painted by a bare diffusers call,
warm, with as many threads and the same policy of waiting.

    epoch_s       from when the epoch may be sealed until its generation is mirrored
    chain_wait_s  of that, the time in which an answer of the chain was awaited: from each of our transactions
                  to its mirrored event, the block that decides the seed, the finality of the seed and of the
                  commitments
    render_s      the bare call, decoding included: the mean of the one before and the one after the epoch
    overhead      (epoch_s - chain_wait_s) / render_s - 1

Each is the median over the repeats (the overhead: of the repeats' own ratios). The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

MOST_OVERHEAD = 0.10
PATIENCE_S = 600.0
LOOKS_EVERY_S = 0.5
"""Seldom: looking costs the painter its processor, and what is measured comes from recorded times."""
looking = threading.Event()
heard: list[tuple[float, int, int]] = []
"""(wall time, block, final block) of every commit of the mirror."""


def blocks_indexed(cursor: Any, logs: int, reorged: bool) -> None:
    """Listener: note when the mirror came to know what."""
    heard.append((time.time(), cursor.number, cursor.finalized_number))


def main() -> int:
    """Run the benchmark; exit status 1 when the overhead is more than MOST_OVERHEAD."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--side", type=int, default=512)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="murmuration-bench-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "VAR_DIR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "PRIVATE_CHAIN": "true",
            "LOG_LEVEL": "WARNING",
        }
        for name in ("REDIS_URL", "CHAIN_RPC_URL", "DEPLOYMENT_FILE", "MEDIA_ROOT"):
            os.environ.pop(name, None)
        return live(Path(folder), arguments)


def live(folder: Path, arguments: argparse.Namespace) -> int:
    """Start everything, live through the epochs, print the result."""
    from chain.private import PrivateChain

    chain = PrivateChain(folder / "chain")
    chain.start()
    try:
        import django
        from django.conf import settings

        django.setup()
        settings.CHAIN_RPC_URL = chain.url  # the settings were read when the chain was started
        from benches.machine import machine  # here, as studio.environment may import torch

        result: dict[str, Any] = {**measure(chain, arguments), "machine": machine()}
    finally:
        chain.stop()
    print(json.dumps(result))
    return int(result["overhead"] > MOST_OVERHEAD)


def measure(chain: Any, arguments: argparse.Namespace) -> dict[str, float]:
    """Deploy, start the threads, and measure `repeats` epochs after one that warms everything."""
    from django.conf import settings
    from django.core.management import call_command

    from chain import signers
    from chain.rpc import Rpc
    from config.demo import THIS_MACHINE
    from config.deploy import DeploySettings, deploy
    from config.deploy_workers import register
    from config.threads import beat, mirror, start_worker, stop_workers
    from live import presence
    from studio.models import files_digest

    settings.CHAIN_LISTENERS = [*settings.CHAIN_LISTENERS, f"{__name__}.blocks_indexed"]
    call_command("migrate", verbosity=0)
    operator = chain.accounts()[0].lower()
    settings.OPERATOR_ADDRESS = operator
    values = {
        "model": files_digest(settings.PAINTER_MODELS[0]),
        "prompt": "misty ridges above flowing silk",
        "negative_prompt": "",
        "family": "",
        "palette": "dusk",
        "mood": "calm",
        "guidance": 4500,
        "steps": arguments.steps,
        "strength": 620,
        "width": arguments.side,
        "height": arguments.side,
        "epoch_length": 10,
    }
    rpc = Rpc(chain.url)
    profile = DeploySettings.profile(
        "demo", operator=operator, parameters=values, painter="workers", accepted_class=THIS_MACHINE
    )
    deployment = deploy(rpc, operator, profile)
    settings.WORKER_CLASS = THIS_MACHINE
    for worker in signers.workers(rpc):
        register(rpc, worker.address, deployment.address_of("WorkerSet"), THIS_MACHINE)
    # Somebody looks until the epoch is sealed; then the artwork rests, and the next one waits for us.
    presence.visitors = lambda now=None: int(looking.is_set())
    halt = threading.Event()
    workers = [start_worker(queue, lambda name: None) for queue in ("control", "paint")]
    threads = [threading.Thread(target=work, args=(halt,), daemon=True) for work in (mirror, beat)]
    for thread in threads:
        thread.start()
    try:
        bare = Bare(settings.PAINTER_MODELS[0], settings.PAINTER_THREADS)
        rows, after = [], 0.0
        for number in range(arguments.repeats + 2):
            epoch_s, wait_s, job = one_epoch()
            # The machine's speed drifts: an epoch is held against the calls before and after it.
            before, after = after, bare.paint(job.recipe)
            render_s = (before + after) / 2
            if number < 2:  # the first has no parent, and both load and warm
                continue
            rows.append((epoch_s, wait_s, render_s, (epoch_s - wait_s) / render_s - 1))
            print(
                f"epoch {epoch_s:.2f} s, of it {wait_s:.2f} s for the chain; bare {render_s:.2f} s; "
                f"painting {job.seconds:.2f} s; overhead {rows[-1][3]:.1%}",
                file=sys.stderr,
            )
    finally:
        halt.set()
        stop_workers()
        for thread in [*threads, *workers]:
            thread.join(5)
    names = ("epoch_s", "chain_wait_s", "render_s", "overhead")
    return {name: round(statistics.median(row[at] for row in rows), 4) for at, name in enumerate(names)}


def one_epoch() -> tuple[float, float, Any]:
    """(seconds, seconds awaiting the chain, the painting job) of the open epoch, from when it may be
    sealed.
    """
    from chain import clock
    from compute.models import Rendering
    from gallery.models import Epoch, Generation
    from gallery.tasks import tick

    epoch = wait(lambda: Epoch.objects.filter(sealing__isnull=True).first())
    wait(lambda: clock.now() >= epoch.ends_at)
    begun = time.time()
    looking.set()
    tick.apply_async(expires=5)
    wait(lambda: Epoch.objects.filter(number=epoch.number, sealing__isnull=False).first())
    looking.clear()
    generation = wait(lambda: Generation.objects.filter(epoch_number=epoch.number).first())
    ended = mirrored(generation.log.block.number)
    job = Rendering.objects.get(epoch_number=epoch.number)
    return ended - begun, chain_wait(epoch.number, job, begun, ended), job


def chain_wait(number: int, job: Any, begun: float, ended: float) -> float:
    """Seconds from each transaction of ours to what the next step had to wait for; tells the rest on
    stderr.
    """
    from chain.models import Transaction
    from compute.models import Commitment, Reveal
    from gallery.models import Epoch

    epoch = Epoch.objects.get(number=number)

    def sent(prefix: str) -> float:
        rows = Transaction.objects.filter(key__startswith=prefix).order_by("created_at")
        return float(rows.values_list("created_at", flat=True)[0].timestamp())

    def last(rows: Any) -> int:
        return int(rows.filter(epoch=number).order_by("-log__block__number")[0].log.block.number)

    seal, draw = sent(f"seal:{number}"), sent(f"draw:{number}:")
    commit, reveal, finalize = (sent(f"{step}:{number}:1") for step in ("commit", "reveal", "finalize"))
    # A tick that mines the seed's block draws in the same breath, before the mirror has it.
    sealed = min(draw, max(mirrored(epoch.sealing.log.block.number), mirrored(epoch.sealing.round)))
    drawn = final(epoch.rounds.get().log.block.number)
    asked, painted = job.created_at.timestamp(), job.updated_at.timestamp()
    # Each worker's reveal waits for its own commitment to be final, so the first may be sent before the last.
    committed = min(reveal, final(last(Commitment.objects)))
    revealed = mirrored(last(Reveal.objects))
    ours = {
        "seal": seal - begun,
        "draw": draw - sealed,
        "ask": asked - drawn,
        "around the painting": painted - asked - job.seconds,
        "commit": commit - painted,
        "reveal": reveal - committed,
        "finalize": finalize - revealed,
    }
    print("ours: " + ", ".join(f"{name} {spent:.2f} s" for name, spent in ours.items()), file=sys.stderr)
    waits = (
        (seal, sealed),
        (draw, drawn),
        (commit, committed),
        (reveal, revealed),
        (finalize, ended),
    )
    return sum(until - since for since, until in waits)


def mirrored(block: int) -> float:
    """When the mirror had a block."""
    return next(at for at, number, _final in heard if number >= block)


def final(block: int) -> float:
    """When the mirror knew a block to be final."""
    return next(at for at, _number, final in heard if final >= block)


def wait(found: Any) -> Any:
    """What `found` gives once it gives something."""
    give_up = time.monotonic() + PATIENCE_S
    while not (value := found()):
        if time.monotonic() > give_up:
            from gallery.models import Control

            raise SystemExit(f"nothing happened for {PATIENCE_S:.0f} s: {Control.get().error}")
        time.sleep(LOOKS_EVERY_S)
    return value


class Bare:
    """The same recipe without us: diffusers' own pipelines, loaded apart from the studio's."""

    def __init__(self, folder: str, threads: int):
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the painter's process has it
        import torch
        from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image

        torch.set_num_threads(threads)
        self.text = AutoPipelineForText2Image.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True
        )
        self.image = AutoPipelineForImage2Image.from_pipe(self.text)
        for pipeline in (self.text, self.image):
            pipeline.set_progress_bar_config(disable=True)

    def paint(self, data: dict[str, Any]) -> float:
        """Seconds for one picture."""
        import torch

        from compute import pictures
        from compute.models import Picture
        from studio.paint import generator_seed
        from studio.recipe import Recipe

        recipe = Recipe.from_mapping(data)
        options: dict[str, Any] = {
            "prompt": recipe.text(),
            "negative_prompt": recipe.negative_prompt,
            "guidance_scale": recipe.guidance_milli / 1000,
            "num_inference_steps": recipe.steps,
            "generator": torch.Generator("cpu").manual_seed(generator_seed(recipe.seed)),
        }
        if recipe.parent_file is None:
            begun = time.perf_counter()
            self.text(width=recipe.width, height=recipe.height, **options)
        else:
            parent = pictures.image(Picture.objects.get(file_hash=recipe.parent_file))
            begun = time.perf_counter()
            self.image(image=parent, strength=recipe.strength_milli / 1000, **options)
        return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
