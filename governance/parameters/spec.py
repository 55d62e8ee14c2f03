"""One `Parameter` for each entry of contracts/parameters.json, with its words and its two spellings.

A value is an int for numbers (in the unit on chain: milli, pixels, seconds), a `0x…` string of 32 bytes,
or text. On chain a number is `abi.encode(uint256)`, bytes32 its 32 bytes, and text its UTF-8 bytes.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from eth_hash.auto import keccak

from governance.descriptions import readable

Value = int | str

_DOMAIN = "PARAMS_V1"
_MILLI = 1000

_WORDS: dict[str, tuple[str, str]] = {
    "model": ("Model", "The open weights that paint, by the digest of their files."),
    "prompt": ("Prompt", "What the painter is told to paint."),
    "negative_prompt": ("Negative prompt", "What the painter is told to keep away from."),
    "family": ("Family", "The kind of form: put after the prompt."),
    "palette": ("Palette", "The colours: put after the family."),
    "mood": ("Mood", "How it feels: put last."),
    "guidance": ("Guidance", "How closely the painter follows the words. 0 lets it wander."),
    "steps": ("Steps", "How often the painter goes over the picture. More steps take longer."),
    "strength": ("Strength", "How far each generation may leave its parent: 1 forgets it."),
    "width": ("Width", "Of the picture."),
    "height": ("Height", "Of the picture."),
    "epoch_length": ("Epoch length", "How long voters have between two generations."),
    "energy_budget": (
        "Energy budget",
        "The most that painting one picture may be expected to take. Workers refuse a recipe beyond it. "
        "0 sets no limit.",
    ),
}
_UNITS = {"px": "px", "seconds": "s", "joules": "J"}
_ZERO = {"energy_budget": "no limit"}
# Invisible characters that turn text around: a voter would read something else than the painter.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Parameter:
    """A governed parameter. Bounds are inclusive; numbers are in the unit on chain."""

    key: str
    kind: str  # "number" | "text" | "bytes32"
    setter: str
    label: str
    help: str
    unit: str = ""
    min: int = 0
    max: int = 0
    multiple_of: int = 1
    min_bytes: int = 0
    max_bytes: int = 0

    @property
    def key32(self) -> str:
        """The key on chain: its ASCII bytes, left-aligned in 32."""
        return "0x" + self.key.encode("ascii").ljust(32, b"\0").hex()

    @property
    def unit_word(self) -> str:
        return _UNITS.get(self.unit, "")

    def shown(self, number: int) -> str:
        """A number in the unit people use, without the unit's name: 4500 milli is `4.5`."""
        if self.unit == "milli":
            return f"{(Decimal(number) / _MILLI).normalize():f}"
        return str(number)

    @property
    def shown_min(self) -> str:
        return self.shown(self.min)

    @property
    def shown_max(self) -> str:
        return self.shown(self.max)

    @property
    def shown_step(self) -> str:
        return self.shown(self.multiple_of)

    def words(self, value: Value | None) -> str:
        """A value for people: `4.5`, `512 px`, `1 min 30 s`, or the text itself; `none` for empty text."""
        if value is None:
            return "not set"
        if self.kind == "number":
            number = int(value)
            if self.unit == "seconds":
                return duration(number)
            if number == 0 and self.key in _ZERO:
                return _ZERO[self.key]
            return f"{self.shown(number)} {self.unit_word}".strip()
        return str(value) or "none"

    def typed(self, value: Value) -> str:
        """A value as somebody would type it into a form; `read` reads it back."""
        return self.shown(int(value)) if self.kind == "number" else str(value)

    def read(self, text: str) -> Value:
        """What somebody typed, as a value. Raises ValueError with a sentence for them."""
        if self.kind == "number":
            return self._read_number(text)
        if self.kind == "bytes32":
            wanted = text.strip().lower()
            digits = wanted.removeprefix("0x")
            if len(digits) != 64 or any(c not in "0123456789abcdef" for c in digits):
                raise ValueError("Write 0x and 64 hexadecimal digits.")
            if problem := self.problem("0x" + digits):
                raise ValueError(problem)
            return "0x" + digits
        return self._read_text(text)

    def problem(self, value: Value) -> str | None:
        """Why the contract would refuse this value, as a sentence, or None."""
        if self.kind == "number":
            number = int(value)
            if not self.min <= number <= self.max:
                return f"Between {self.shown_min} and {self.shown_max}{self._unit_suffix}."
            if number % self.multiple_of:
                return f"A multiple of {self.shown_step}{self._unit_suffix}."
        elif self.kind == "text":
            size = len(str(value).encode("utf-8", errors="surrogatepass"))
            if size > self.max_bytes:
                return f"{size:,} bytes: at most {self.max_bytes:,} fit."
            if size < self.min_bytes:
                return "This can't be empty."
        elif int(str(value), 16) == 0:
            return "This can't be zero."
        return None

    @property
    def _unit_suffix(self) -> str:
        return f" {self.unit_word}" if self.unit_word else ""

    def _read_number(self, text: str) -> int:
        try:
            amount = Decimal(text.strip())
        except InvalidOperation:
            raise ValueError("Write a number.") from None
        if not amount.is_finite() or abs(amount.adjusted()) > 30:
            raise ValueError("Write a number.")
        exact = amount * (_MILLI if self.unit == "milli" else 1)
        if exact != int(exact):
            places = "at most three decimals" if self.unit == "milli" else "a whole number"
            raise ValueError(f"Write {places}.")
        number = int(exact)
        if problem := self.problem(number):
            raise ValueError(problem)
        return number

    def _read_text(self, text: str) -> str:
        cleaned = text.replace("\r\n", "\n").strip()
        if fault := hidden_characters(cleaned):
            raise ValueError(fault)
        if "\n" in cleaned:
            raise ValueError("One line only.")
        if problem := self.problem(cleaned):
            raise ValueError(problem)
        return cleaned


def hidden_characters(text: str) -> str | None:
    """Why a text can't be shown as it is, as a sentence; None for honest text, line breaks included."""
    if any(character in _BIDI for character in text):
        return "This has invisible characters that reverse the direction of writing: take them out."
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        return "This has control characters that can't be seen: take them out."
    return None


def duration(seconds: int) -> str:
    """`90` is `1 min 30 s`: at most two units, never rounded up to hide a remainder of the second one."""
    if seconds < 60:
        return f"{seconds} s"
    parts = []
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts)


def _load() -> tuple[Parameter, ...]:
    path = settings.BASE_DIR / "contracts" / "parameters.json"
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return tuple(_parameter(entry) for entry in entries)


def _parameter(entry: dict[str, Any]) -> Parameter:
    key = entry["key"]
    label, help_words = _WORDS.get(key, (key.replace("_", " ").capitalize(), ""))
    known = {name: value for name, value in entry.items() if name in Parameter.__dataclass_fields__}
    return Parameter(**{"label": label, "help": help_words, **known})


PARAMETERS: tuple[Parameter, ...] = _load()
BY_KEY: dict[str, Parameter] = {parameter.key: parameter for parameter in PARAMETERS}
BY_SETTER: dict[str, Parameter] = {parameter.setter: parameter for parameter in PARAMETERS}


def encode(key: str, value: Value) -> str:
    """A value as the bytes that `ParameterSet` carries, `0x…`. Raises KeyError for an unknown parameter."""
    parameter = BY_KEY[key]
    if parameter.kind == "number":
        return "0x" + int(value).to_bytes(32, "big").hex()
    if parameter.kind == "bytes32":
        return str(value).lower()
    return "0x" + str(value).encode("utf-8").hex()


def decode(key: str, value_hex: str) -> Value:
    """The other way round. A NUL comes out as U+FFFD; the value of a later contract's key comes out raw."""
    parameter = BY_KEY.get(key)
    if parameter is None or parameter.kind == "bytes32":
        return value_hex
    raw = bytes.fromhex(value_hex.removeprefix("0x"))
    return int.from_bytes(raw, "big") if parameter.kind == "number" else readable(raw)


def params_hash(values: Mapping[str, Value]) -> str:
    """ArtParameters.paramsHash of a state given as values, over the keys that it has."""
    return params_hash_of({key: encode(key, value) for key, value in values.items()})


def params_hash_of(raw: Mapping[str, str]) -> str:
    """`keccak256(abi.encode("PARAMS_V1", keys, hashes of values))` (ArtParameters.sol), from bytes on chain.

    Keys go in registration order: those of the specification, then any that a later contract announced.
    """
    known = [parameter.key for parameter in PARAMETERS if parameter.key in raw]
    keys = known + [key for key in raw if key not in BY_KEY]
    import eth_abi  # takes a tenth of a second, and the indexer never encodes

    packed = eth_abi.encode(
        ["string", "bytes32[]", "bytes32[]"],
        [
            _DOMAIN,
            [_key_bytes(key) for key in keys],
            [keccak(bytes.fromhex(raw[key].removeprefix("0x"))) for key in keys],
        ],
    )
    return "0x" + keccak(packed).hex()


def _key_bytes(key: str) -> bytes:
    if key.startswith("0x"):
        return bytes.fromhex(key[2:])
    return key.encode("ascii").ljust(32, b"\0")


def key_name(key32: str) -> str:
    """A key on chain as its name, or as it is where it is no ASCII name."""
    raw = bytes.fromhex(key32.removeprefix("0x")).rstrip(b"\0")
    if raw and all(0x21 <= byte < 0x7F for byte in raw):
        return raw.decode("ascii")
    return key32


def raw_values_at(version: int | None = None) -> dict[str, str]:
    """Each parameter's bytes on chain in `version` (default: the newest), keys in registration order."""
    from governance.models import ParameterChange

    changes = ParameterChange.objects.order_by("block_number", "log_index")
    if version is not None:
        changes = changes.filter(version__lte=version)
    latest = dict(changes.values_list("key", "value"))
    ordered = [parameter.key for parameter in PARAMETERS if parameter.key in latest]
    return {key: latest[key] for key in ordered + [key for key in latest if key not in BY_KEY]}


def values_at(version: int | None = None) -> dict[str, Value]:
    """Each governed parameter's value in `version` (default: the newest). Empty before there is any."""
    return {key: decode(key, raw) for key, raw in raw_values_at(version).items() if key in BY_KEY}
