"""Recipe in, picture out, with any text-to-image pipeline of diffusers.

Without a parent the picture is painted from the text alone; with one, image-to-image from it. Weights are
loaded once per process. torch and diffusers are imported when the first picture is painted, not before.
"""

from __future__ import annotations

import inspect
import math
import os
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from studio import energy
from studio import latents as latent_space
from studio.environment import DEVICE, environment
from studio.models import UnknownModel, files_digest
from studio.picture import Pixels, canonical_png, file_hash
from studio.recipe import InvalidRecipe, Recipe

PREVIEW_EVERY = 4
"""A preview accompanies every fourth step: often enough to see it form, and about 3 % of the work."""

MODELS_KEPT = 2
"""Pipelines held in memory, the least recently used leaves first."""

_VOTED = {"negative_prompt", "guidance_scale", "num_inference_steps", "strength"}
"""Arguments that somebody voted for; where a pipeline knows no such thing, the environment says so."""

_lock = threading.RLock()  # one painting per process: the pipeline and torch's thread count are shared state
_pipelines: OrderedDict[str, Any] = OrderedDict()


class Cancelled(Exception):
    """Raise it in `on_step` to stop painting."""


@dataclass(frozen=True)
class Step:
    """Progress: `step` of `steps` is done (0 before the first). preview: RGB, at most 112 px, or None."""

    step: int
    steps: int
    preview: Image.Image | None


@dataclass(frozen=True)
class Painting:
    """A finished picture: uint8 (h, w, 3); seconds of painting without loading; where it was painted; the
    energy that it took, by which method (`studio.energy.Meter`).
    """

    pixels: Pixels
    seconds: float
    environment: dict[str, Any]
    energy: dict[str, Any] = field(default_factory=lambda: energy.unknown("it was not measured"))


def paint(
    recipe: Recipe,
    parent: Image.Image | None,
    model_dir: str | Path,
    *,
    threads: int = 2,
    on_step: Callable[[Step], None] | None = None,
) -> Painting:
    """Paint a recipe. Equal recipe, parent, weights and environment give equal pixels.

    InvalidRecipe when the recipe can't be painted or the parent isn't the one that it names, UnknownModel
    when the folder doesn't hold the weights that it names. Whatever `on_step` raises ends the painting and
    is passed on.
    """
    recipe.validate()
    _check_parent(recipe, parent)
    if files_digest(model_dir) != recipe.model:
        raise UnknownModel(f"{model_dir} doesn't hold model {recipe.model}")
    with _lock:
        _torch(threads)
        text_to_image, image_to_image = _load(recipe.model, Path(model_dir))
        with energy.Meter(DEVICE) as meter:
            started = time.perf_counter()
            pixels, where = _painted(recipe, parent, text_to_image, image_to_image, on_step, meter)
            seconds = time.perf_counter() - started
        return Painting(pixels, seconds, environment(threads) | where, meter.energy)


def _painted(
    recipe: Recipe,
    parent: Image.Image | None,
    text_to_image: Any,
    image_to_image: Any,
    on_step: Callable[[Step], None] | None,
    meter: energy.Meter,
) -> tuple[Pixels, dict[str, Any]]:
    """(pixels, what the pipeline was and which arguments it doesn't know)."""
    import torch

    # 1. What the pipeline gets; arguments that its kind doesn't know are left out and recorded.
    pipeline = text_to_image if parent is None else image_to_image
    generator = torch.Generator("cpu").manual_seed(generator_seed(recipe.seed))
    in_latents = latent_space.speaks_latents(pipeline)
    arguments: dict[str, Any] = {
        "prompt": recipe.text(),
        "negative_prompt": recipe.negative_prompt,
        "width": recipe.width,
        "height": recipe.height,
        "guidance_scale": recipe.guidance_milli / 1000,
        "num_inference_steps": recipe.steps,
        "generator": generator,
        "output_type": "latent" if in_latents else "np",
        "callback_on_step_end": _callback(pipeline, recipe, on_step, in_latents, meter),
    }
    if parent is not None:
        arguments["image"] = fit(parent, recipe.width, recipe.height)
        arguments["strength"] = _strength(recipe)
    known = inspect.signature(pipeline.__call__).parameters
    ignored = sorted(name for name in _VOTED & arguments.keys() - known.keys() if arguments[name] != "")
    # 2. Denoise.
    if on_step:
        on_step(Step(0, recipe.painted_steps, None))
    result = pipeline(**{name: value for name, value in arguments.items() if name in known}).images
    # 3. Decode by the rule of studio.latents, or take what the pipeline decoded.
    pixels = latent_space.decode(pipeline, result) if in_latents else _bytes(result[0])
    if pixels.shape != (recipe.height, recipe.width, 3):
        raise InvalidRecipe(
            f"the model paints {pixels.shape[1]}x{pixels.shape[0]} instead of the size asked for"
        )
    return pixels, {"pipeline": type(pipeline).__name__, "ignored": ignored}


def load(model_dir: str | Path, *, threads: int = 2) -> None:
    """Import torch and load the weights ahead of the first painting. FileNotFoundError without weights."""
    with _lock:
        _torch(threads)
        _load(files_digest(model_dir), Path(model_dir))


def generator_seed(seed: str) -> int:
    """PyTorch's seed from a 32-byte seed: its first eight bytes, big-endian.

    PyTorch's CPU generator uses the lower 32 bits of it, so bytes 4 to 7 decide: enough where nobody chooses
    them.
    """
    return int(seed[2:18], 16)


def fit(image: Image.Image, width: int, height: int) -> Image.Image:
    """The picture at this size: as it is, or cropped about its centre and resampled (Lanczos)."""
    image = image.convert("RGB")
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def unload() -> None:
    """Drop every loaded model."""
    with _lock:
        _pipelines.clear()


def _check_parent(recipe: Recipe, parent: Image.Image | None) -> None:
    found = None if parent is None else file_hash(canonical_png(np.asarray(parent.convert("RGB"))))
    if found != recipe.parent_file:
        raise InvalidRecipe(f"the recipe's parent is {recipe.parent_file}, the picture given is {found}")


def _torch(threads: int) -> None:
    """torch, imported here for the first time as a rule, set to this many threads.

    Its OpenMP threads spin while they wait for each other, which on a machine that does anything else makes a
    painting up to five times slower; OpenMP reads the policy once, when torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    torch.set_num_threads(threads)


def _load(model_id: str, folder: Path) -> tuple[Any, Any]:
    """(text-to-image, image-to-image) pipelines that share their weights."""
    if model_id not in _pipelines:
        import torch

        with _quiet():
            from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image

            text_to_image = AutoPipelineForText2Image.from_pretrained(
                str(folder),
                dtype=torch.float32,
                use_safetensors=True,  # never unpickle what a vote brought in
                local_files_only=True,
            )
            image_to_image = AutoPipelineForImage2Image.from_pipe(text_to_image)
        for pipeline in (text_to_image, image_to_image):
            pipeline.set_progress_bar_config(disable=True)
        _pipelines[model_id] = text_to_image, image_to_image
        while len(_pipelines) > MODELS_KEPT:
            _pipelines.popitem(last=False)
    _pipelines.move_to_end(model_id)
    return _pipelines[model_id]


@contextmanager
def _quiet() -> Iterator[None]:
    """Loading without progress bars and advice about packages and older configurations; errors are raised."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    levels = [(log, log.get_verbosity()) for log in (diffusers_logging, transformers_logging)]
    for log, _ in levels:
        log.disable_progress_bar()
        log.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for log, level in levels:
            log.set_verbosity(level)


def _strength(recipe: Recipe) -> float:
    """The float strength with which diffusers, which takes int(steps * strength), paints exactly
    painted_steps.
    """
    strength = recipe.painted_steps / recipe.steps
    if int(recipe.steps * strength) < recipe.painted_steps:
        strength = math.nextafter(strength, 2)
    return strength


def _callback(
    pipeline: Any,
    recipe: Recipe,
    on_step: Callable[[Step], None] | None,
    in_latents: bool,
    meter: energy.Meter,
) -> Callable[..., dict[str, Any]]:
    def step_ended(_pipeline: Any, index: int, _timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        meter.look()  # a counter may wrap once between two looks
        if on_step is None:
            return values
        step, steps = index + 1, recipe.painted_steps
        preview = None
        if in_latents and step % PREVIEW_EVERY == 0 and step < steps:
            preview = latent_space.preview(pipeline, latent_space.estimate(pipeline, values["latents"]))
        on_step(Step(step, steps, preview))
        return values

    return step_ended


def _bytes(image: Any) -> Pixels:
    """(h, w, 3) floats in 0..1 to uint8."""
    return np.asarray(np.clip(np.rint(np.asarray(image) * 255), 0, 255), np.uint8)
