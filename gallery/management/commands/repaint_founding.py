"""Paint the founding generations again and compare them with those that the repository holds."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gallery.founding import FOLDER, Founding, accept, founding, repaint, save
from studio.environment import determinism_class
from studio.models import resolve
from studio.paint import Painting
from studio.picture import pixel_hash, psnr


class Command(BaseCommand):
    help = (
        "Paint the founding generations again, each from the committed picture of the one before, and "
        "compare: bit-exact, within tolerance (another machine's rounding), or different. Fails when any is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("numbers", nargs="*", type=int, help="which ones; all when left out")
        parser.add_argument("--folder", type=Path, default=FOLDER, help="where the list and its pictures lie")
        parser.add_argument(
            "--accept",
            action="store_true",
            help="keep what is painted as the founding pictures: for making them, never for mending them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accept"]:
            self.accept(options["folder"])
            return
        entries = {entry.number: entry for entry in founding(options["folder"])}
        chosen = options["numbers"] or sorted(entries)
        unknown = sorted(set(chosen) - set(entries))
        if unknown:
            raise CommandError(f"there is no founding generation {unknown[0]}; there are {len(entries)}")
        different = []
        for number in chosen:
            entry = entries[number]
            folder = resolve(entry.recipe.model, settings.PAINTER_MODELS)
            painting = repaint(entry, folder, threads=entry.environment["threads"])
            verdict = compare(entry, painting)
            self.stdout.write(f"{number}. {entry.title}: {verdict} ({painting.seconds:.1f} s)")
            if verdict != "bit-exact":
                self.stdout.write(f"   painted then: {json.dumps(entry.environment, sort_keys=True)}")
                self.stdout.write(f"   painted now:  {json.dumps(painting.environment, sort_keys=True)}")
                same = determinism_class(entry.environment) == determinism_class(painting.environment)
                self.stdout.write(f"   determinism class: {'the same' if same else 'another'}")
            if verdict.startswith("different"):
                different.append(number)
        if different:
            raise CommandError(f"different: {', '.join(map(str, different))}")

    def accept(self, folder: Path) -> None:
        """Paint the whole list from its words and seeds, and write pictures, hashes and environments anew."""
        accepted: list[Founding] = []
        for entry in founding(folder):
            parent = accepted[-1].file_hash if accepted else None
            entry = replace(entry, recipe=replace(entry.recipe, parent_file=parent))
            painting = repaint(
                entry, resolve(entry.recipe.model, settings.PAINTER_MODELS), threads=settings.PAINTER_THREADS
            )
            accepted.append(accept(entry, painting))
            self.stdout.write(f"{entry.number}. {entry.title}: accepted ({painting.seconds:.1f} s)")
        save(accepted, folder)


def compare(entry: Founding, painting: Painting) -> str:
    """ "bit-exact", "within tolerance, N dB" or "different, ..." with the reason."""
    committed = entry.pixels()
    if pixel_hash(committed) != entry.pixel_hash:
        return "different, the committed picture isn't the listed one"
    if pixel_hash(painting.pixels) == entry.pixel_hash:
        return "bit-exact"
    ratio = psnr(committed, painting.pixels)
    return f"{'within tolerance' if ratio >= settings.VERIFY_TOLERANCE_DB else 'different'}, {ratio:.1f} dB"
