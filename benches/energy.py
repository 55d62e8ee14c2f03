"""What the default model takes: milliJoules a megapixel-step, as the registry declares them.

    python -m benches.energy

Paints the third founding generation over the second a few times, as an epoch does, with the meter that every
painting has (`studio.energy`), and divides by its painted steps and its megapixels. Decoding and the text
are in it, since they belong to a painting. The last line is one JSON object; `method` says whether anything
was measured, and an estimate stays one however often it is repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics

from benches.machine import machine
from gallery.founding import FOLDER, founding, repaint
from studio.energy import UNKNOWN

MODEL = FOLDER.parents[1] / "models" / "genesis"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3, help="paintings that are measured; one goes before")
    times = parser.parse_args().times
    one = founding()[2]
    recipe = one.recipe
    work = recipe.painted_steps * recipe.width * recipe.height / 1e6
    repaint(one, MODEL)  # loads, and warms the caches
    figures, seconds, told = [], [], {}
    for _ in range(times):
        painting = repaint(one, MODEL)
        told = painting.energy
        if told["method"] == UNKNOWN:
            raise SystemExit(f"The energy of a painting can't be told here: {told['reason']}.")
        figures.append(1000 * told["joules"] / work)
        seconds.append(painting.seconds)
        print(f"{told['joules']:.1f} J in {painting.seconds:.1f} s", flush=True)
    result = {
        "milli_joules_per_megapixel_step": round(statistics.median(figures)),
        "spread": [round(min(figures)), round(max(figures))],
        "joules": round(statistics.median(figures) * work / 1000, 1),
        "seconds": round(statistics.median(seconds), 1),
        "painted_steps": recipe.painted_steps,
        "megapixels": round(recipe.width * recipe.height / 1e6, 3),
        "method": told["method"],
        "basis": told["basis"],
        **machine(),
    }
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
