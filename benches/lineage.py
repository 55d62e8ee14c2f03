"""Does the painter drift? Thirty generations, each image-to-image from the one before, nothing voted in
between.

Measures every generation's contrast, colour and sharpness against the first picture's, saves a contact sheet
and prints one JSON line last. Heavy: about five minutes on two idle cores.

    python -m benches.lineage [--generations 30] [--size 512] [--out var/bench]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benches.machine import machine
from gallery.founding import founding
from studio.models import files_digest
from studio.paint import fit, paint
from studio.picture import Pixels, canonical_png, file_hash
from studio.recipe import Recipe

MODEL = Path(__file__).parent.parent / "models" / "genesis"
ALLOWED = 0.7, 1.4
"""A measure that leaves this band, relative to the picture that the lineage starts from, counts as drift."""

LUMA = np.array([0.2126, 0.7152, 0.0722])


def measures(pixels: Pixels) -> dict[str, float]:
    """contrast: standard deviation of luma (0..127); saturation: mean of max-min over RGB (0..255);
    sharpness: mean absolute 3x3 Laplacian of luma after halving the picture twice, so that grain doesn't
    count; detail: the same at full size.
    """
    luma = pixels @ LUMA
    spread = pixels.max(axis=2).astype(np.float64) - pixels.min(axis=2)
    height, width = luma.shape
    coarse = (
        luma[: height // 4 * 4, : width // 4 * 4].reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))
    )
    return {
        "contrast": float(luma.std()),
        "saturation": float(spread.mean()),
        "sharpness": _laplacian(coarse),
        "detail": _laplacian(luma),
    }


def _laplacian(luma: np.ndarray) -> float:
    inner = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float(np.abs(around - 4 * inner).mean())


def seed(number: int) -> str:
    """The bench's own stated seeds."""
    return "0x" + hashlib.sha256(f"Murmuration bench lineage {number}".encode()).hexdigest()


def lineage(recipe: Recipe, start: Image.Image, generations: int, threads: int) -> list[Pixels]:
    """The start and its descendants, pixels of each."""
    pictures = [np.asarray(start.convert("RGB"))]
    for number in range(1, generations + 1):
        parent = pictures[-1]
        step = replace(recipe, seed=seed(number), parent_file=file_hash(canonical_png(parent)))
        painting = paint(step, Image.fromarray(parent), MODEL, threads=threads)
        pictures.append(painting.pixels)
        now, first = measures(painting.pixels), measures(pictures[0])
        relative = {name: round(now[name] / first[name], 2) for name in now}
        print(f"{number:3d}  {painting.seconds:5.1f} s  {relative}", file=sys.stderr, flush=True)
    return pictures


def contact_sheet(pictures: list[Pixels], columns: int = 8, side: int = 192) -> Image.Image:
    """All pictures in reading order, `side` pixels each."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side), "white")
    for index, pixels in enumerate(pictures):
        small = Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(small, (index % columns * side, index // columns * side))
    return sheet


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generations", type=int, default=30)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--from", dest="start", type=int, default=6, help="founding generation to start from")
    parser.add_argument("--out", type=Path, default=Path("var/bench"))
    options = parser.parse_args(arguments)
    first = founding()[options.start - 1]
    recipe = replace(first.recipe, model=files_digest(MODEL), width=options.size, height=options.size)
    start = fit(Image.fromarray(first.pixels()), options.size, options.size)
    pictures = lineage(recipe, start, options.generations, options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    sheet = options.out / "lineage.png"
    contact_sheet(pictures).save(sheet)
    values = [measures(pixels) for pixels in pictures]
    ratios = {name: [value[name] / values[0][name] for value in values[1:]] for name in values[0]}
    watched = ("contrast", "saturation", "sharpness")
    result = {
        "generations": options.generations,
        "size": options.size,
        **{f"{name}_last": round(series[-1], 3) for name, series in ratios.items()},
        **{f"{name}_min": round(min(series), 3) for name, series in ratios.items()},
        **{f"{name}_max": round(max(series), 3) for name, series in ratios.items()},
        "steady": all(ALLOWED[0] <= ratio <= ALLOWED[1] for name in watched for ratio in ratios[name]),
        "sheet": str(sheet),
    }
    print(json.dumps(result | {"machine": machine()}))
    return 0 if result["steady"] else 1


if __name__ == "__main__":
    sys.exit(main())
