"""What a generation is painted from: the governed parameters, the seed and the parent, in integers and text.

A recipe is the whole input of `studio.paint.paint`, apart from the pixels of the parent (named here by the
hash of its canonical file) and the weights (named here by their digest).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

_HASH = re.compile(r"0x[0-9a-f]{64}")

TEXT_BYTES = {"prompt": 1000, "negative_prompt": 1000, "family": 64, "palette": 64, "mood": 64}
"""Longest UTF-8 length of each text, in bytes."""

RANGES = {
    "guidance_milli": (0, 20_000),
    "steps": (1, 100),
    "strength_milli": (1, 1000),
    "width": (64, 1024),
    "height": (64, 1024),
}
"""What the studio can paint, both ends included. The governed bounds may be narrower, never wider."""

SIDE_MULTIPLE = 64
"""Width and height are multiples of this, in pixels: what a U-Net with three halvings over an 8x latent
divides.
"""


class InvalidRecipe(ValueError):
    """The recipe can't be painted; the message names the field and why."""


@dataclass(frozen=True)
class Recipe:
    """One picture's recipe.

    model: digest of the weights (`studio.models.files_digest`), seed: 32 bytes, parent_file: SHA-256 of the
    parent's canonical PNG or None; all three as lower-case 0x text. guidance and strength in thousandths;
    sides in pixels.
    """

    model: str
    prompt: str
    negative_prompt: str
    family: str
    palette: str
    mood: str
    guidance_milli: int
    steps: int
    strength_milli: int
    width: int
    height: int
    seed: str
    parent_file: str | None = None

    def text(self) -> str:
        """The prompt that the model reads, by the style-joining rule: see `join_style`."""
        return join_style(self.prompt, self.family, self.palette, self.mood)

    @property
    def painted_steps(self) -> int:
        """Denoising steps that are really done: all without a parent, else floor(steps * strength), at least
        1.
        """
        if self.parent_file is None:
            return self.steps
        return max(1, self.steps * self.strength_milli // 1000)

    def validate(self) -> Recipe:
        """Return the recipe itself, or raise InvalidRecipe."""
        for name in ("model", "seed", "parent_file"):
            value = getattr(self, name)
            if value is None and name == "parent_file":
                continue
            if not isinstance(value, str) or not _HASH.fullmatch(value):
                raise InvalidRecipe(f"{name} must be 32 bytes as lower-case 0x text, not {value!r}")
        for name, longest in TEXT_BYTES.items():
            value = getattr(self, name)
            if not isinstance(value, str):
                raise InvalidRecipe(f"{name} must be text, not {type(value).__name__}")
            try:
                length = len(value.encode())
            except UnicodeEncodeError as error:
                raise InvalidRecipe(f"{name} is not valid Unicode") from error
            if length > longest:
                raise InvalidRecipe(f"{name} is {length} bytes long; at most {longest} are allowed")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidRecipe(f"{name} must be an integer, not {type(value).__name__}")
            if not low <= value <= high:
                raise InvalidRecipe(f"{name} is {value}; it must lie in {low}..{high}")
        for name in ("width", "height"):
            if getattr(self, name) % SIDE_MULTIPLE:
                raise InvalidRecipe(
                    f"{name} is {getattr(self, name)}; it must be a multiple of {SIDE_MULTIPLE}"
                )
        if not self.text():
            raise InvalidRecipe("prompt and style are all empty")
        return self

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, no spaces, UTF-8. Equal recipes give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Recipe:
        """Inverse of `to_json`. InvalidRecipe when it is not JSON, or has a key missing, unknown or out of
        range.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise InvalidRecipe(f"not JSON: {error}") from error
        if not isinstance(data, dict):
            raise InvalidRecipe("not a JSON object")
        return cls.from_mapping(data)

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Recipe:
        """A recipe from a mapping with exactly its fields (parent_file may be left out)."""
        known = {field.name for field in fields(cls)}
        missing, unknown = known - set(data) - {"parent_file"}, set(data) - known
        if missing or unknown:
            raise InvalidRecipe(f"missing {sorted(missing)}, unknown {sorted(unknown)}")
        return cls(**data).validate()


def join_style(prompt: str, family: str, palette: str, mood: str) -> str:
    """Join the style to the prompt: `prompt, family, mood, palette palette`, empty parts left out.

    White space is folded to single spaces, and commas and spaces at the ends of a part are dropped. A
    palette gets the word "palette" after it unless it ends so already. The order is that of the captions the
    default model was trained on: what is seen, how it feels, its colours.
    """
    colours = _fold(palette)
    if colours and not re.search(r"\bpalette$", colours, re.IGNORECASE):
        colours += " palette"
    return ", ".join(part for part in (_fold(prompt), _fold(family), _fold(mood), colours) if part)


def _fold(text: str) -> str:
    return " ".join(text.split()).strip(", ")
