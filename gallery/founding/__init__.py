"""The founding generations, which are part of the repository: six recipes and the pictures painted from them.

`founding.json` lists them in order; `N.png` holds the pixels of the Nth as an ordinary PNG. Each is image-
to-image from the one before, the first from its text alone. Imports no Django, so that benches and
deployment can read it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from studio.paint import Painting, paint
from studio.picture import Pixels, canonical_png, file_hash, pixel_hash, read, thumb_hash, write
from studio.recipe import Recipe

FOLDER = Path(__file__).resolve().parent
LIST = FOLDER / "founding.json"


@dataclass(frozen=True)
class Founding:
    """One founding generation as the list states it.

    number: from 1. owner_index: which collector got it. seed_words: the phrase whose sha256 is the seed. The
    hashes are those of `studio.picture`; environment and seconds are the painter's. Hashes are lower-case 0x
    text.
    """

    number: int
    title: str
    owner_index: int
    seed_words: str
    recipe: Recipe
    pixel_hash: str
    thumb_hash: str
    file_hash: str
    environment: dict[str, Any]
    seconds: float
    folder: Path = FOLDER

    @property
    def parameters(self) -> dict[str, str | int]:
        """The governed parameters, by their keys on the chain; the epoch length is a matter of deployment."""
        recipe = self.recipe
        return {
            "model": recipe.model,
            "prompt": recipe.prompt,
            "negative_prompt": recipe.negative_prompt,
            "family": recipe.family,
            "palette": recipe.palette,
            "mood": recipe.mood,
            "guidance": recipe.guidance_milli,
            "steps": recipe.steps,
            "strength": recipe.strength_milli,
            "width": recipe.width,
            "height": recipe.height,
        }

    def pixels(self) -> Pixels:
        """The committed picture, uint8 (height, width, 3)."""
        return read((self.folder / f"{self.number}.png").read_bytes())

    def canonical_file(self) -> bytes:
        """The canonical PNG of the committed picture; its sha256 is `file_hash`."""
        return canonical_png(self.pixels())


@cache
def founding(folder: Path = FOLDER) -> tuple[Founding, ...]:
    """All founding generations, first to last. KeyError or InvalidRecipe when the list is malformed."""
    entries = json.loads((folder / LIST.name).read_text(encoding="utf-8"))
    return tuple(_entry(folder, number, entry) for number, entry in enumerate(entries, start=1))


def repaint(one: Founding, model_dir: Path, *, threads: int = 2) -> Painting:
    """Paint a founding generation again, from the committed picture of the one before it."""
    parent = None
    if one.recipe.parent_file is not None:
        parent = Image.fromarray(replace(one, number=one.number - 1).pixels())
    return paint(one.recipe, parent, model_dir, threads=threads)


def accept(one: Founding, painting: Painting) -> Founding:
    """The entry with what was painted; writes its picture. The list itself is written by `save`."""
    pixels = painting.pixels
    (one.folder / f"{one.number}.png").write_bytes(write(pixels))
    return replace(
        one,
        pixel_hash=pixel_hash(pixels),
        thumb_hash=thumb_hash(pixels),
        file_hash=file_hash(canonical_png(pixels)),
        environment=painting.environment,
        seconds=round(painting.seconds, 1),
    )


def save(entries: list[Founding], folder: Path = FOLDER) -> None:
    """Write the list."""
    listed = []
    for entry in entries:
        values = asdict(entry)
        del values["number"], values["folder"]
        listed.append(values | {"parameters": entry.parameters})
    text = json.dumps(listed, indent=2, ensure_ascii=False) + "\n"
    (folder / LIST.name).write_text(text, encoding="utf-8")
    founding.cache_clear()


def _entry(folder: Path, number: int, entry: dict[str, Any]) -> Founding:
    return Founding(
        number=number,
        title=entry["title"],
        owner_index=entry["owner_index"],
        seed_words=entry["seed_words"],
        recipe=Recipe.from_mapping(entry["recipe"]),
        pixel_hash=entry["pixel_hash"],
        thumb_hash=entry["thumb_hash"],
        file_hash=entry["file_hash"],
        environment=entry["environment"],
        seconds=entry["seconds"],
        folder=folder,
    )
