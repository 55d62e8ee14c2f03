"""Calls, results, logs and reverts in the contracts' own words, from the committed ABI files.

Values on this side are plain: ints, bools, str; addresses and bytes as lower-case `0x…`; arrays as lists;
structs as dicts by component name. Arguments may be given so too (bytes objects and checksummed addresses
also).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from eth_hash.auto import keccak

from chain import bulk
from chain.slicers import WORD, DecodeError, Layout, as_json, layout

__all__ = [
    "DecodeError",
    "UnknownArtifact",
    "artifact",
    "as_json",
    "decode_call",
    "decode_error",
    "decode_log",
    "decode_result",
    "encode_call",
    "encode_constructor",
    "event_of",
    "explain_revert",
    "interface",
    "reset",
    "topic_of",
]

PANICS = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
    0x51: "call of an unset function",
}


class UnknownArtifact(LookupError):
    """There is no ABI file for that contract, or it has no such function or event."""


def _folders() -> list[Path]:
    return [Path(folder) for folder in settings.CONTRACTS_ABI_DIRS]


@cache
def artifact(name: str) -> dict[str, Any]:
    """`{"contractName", "abi", "bytecode"}` of a contract. Raises UnknownArtifact."""
    for folder in _folders():
        file = folder / f"{name}.json"
        if file.is_file():
            data: dict[str, Any] = orjson.loads(file.read_bytes())
            return data
    raise UnknownArtifact(f"no ABI file for a contract called {name}")


def _bare_type(parameter: dict[str, Any]) -> str:
    kind: str = parameter["type"]
    if kind.startswith("tuple"):
        return "(" + ",".join(_bare_type(part) for part in parameter["components"]) + ")" + kind[5:]
    return kind


@dataclass(frozen=True)
class Entry:
    """A function, event or error of an ABI."""

    name: str
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]

    @cached_property
    def types(self) -> list[str]:
        """The inputs' types as eth_abi spells them."""
        return [_bare_type(parameter) for parameter in self.inputs]

    @cached_property
    def signature(self) -> str:
        """`name(type,type)`."""
        return f"{self.name}({','.join(self.types)})"

    @cached_property
    def hash(self) -> bytes:
        """keccak256 of the signature: an event's topic; its first four bytes are a function's selector."""
        return keccak(self.signature.encode())

    @cached_property
    def arguments(self) -> Layout:
        """The inputs' layout."""
        return layout(self.inputs)

    @cached_property
    def results(self) -> Layout:
        """The outputs' layout."""
        return layout(self.outputs)


class EventEntry(Entry):
    """An event: some inputs are in topics, the others in the data."""

    @cached_property
    def _split(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        named = [{**item, "name": key} for item, key in zip(self.inputs, self.arguments.names, strict=True)]
        return [item for item in named if item["indexed"]], [item for item in named if not item["indexed"]]

    @cached_property
    def _topics(self) -> list[Callable[[str], Any]]:
        """How each indexed argument is read from its topic."""
        plain = [
            {"type": "bytes32"} if _hashed(item["type"]) else {**item, "indexed": False}
            for item in self._split[0]
        ]
        return [_topic_reader(layout([kind])) for kind in plain]

    @cached_property
    def _data(self) -> Layout:
        return layout(self._split[1])

    @cached_property
    def _raw_data(self) -> Layout:
        return layout(self._split[1], raw_text=True)

    @cached_property
    def _arrange(self) -> Callable[[list[Any]], Sequence[Any]] | None:
        """What puts topics' values and then the data's into the order of declaration, if they are not."""
        found = [item["name"] for part in self._split for item in part]
        if found == list(self.arguments.names):
            return None
        return itemgetter(*(found.index(name) for name in self.arguments.names))

    @cached_property
    def many(self) -> bulk.Logs:
        """How many of them are decoded at once."""
        return bulk.Logs(self.arguments.names, self._topics, self._data, self._arrange)

    @cached_property
    def _numbers(self) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
        """The arguments that are or hold integers, and what makes JSON of each."""
        named = zip(self.arguments.names, self.types, strict=True)
        return tuple(
            (name, as_json if kind.endswith(("]", ")")) else str) for name, kind in named if "int" in kind
        )

    def decode(self, topics: Sequence[str], data: str | bytes, raw_text: bool = False) -> dict[str, Any]:
        """All arguments in the order of declaration. Raises DecodeError."""
        if len(topics) - 1 != len(self._topics):
            raise DecodeError(f"{self.name} has {len(self._topics)} topics, the log {len(topics) - 1}")
        values = [read(topic) for read, topic in zip(self._topics, topics[1:], strict=True)]
        values += (self._raw_data if raw_text else self._data).decode(_unhex(data))
        arranged = values if self._arrange is None else self._arrange(values)
        return dict(zip(self.arguments.names, arranged, strict=True))

    def decode_as_json(self, topics: Sequence[str], data: str | bytes) -> dict[str, Any]:
        """All arguments as JSON can hold them exactly: integers become decimal text. Raises DecodeError."""
        args = self.decode(topics, data)
        for name, convert in self._numbers:
            args[name] = convert(args[name])
        return args


def _topic_reader(kind: Layout) -> Callable[[str], Any]:
    """How a topic is read. The same accounts come again and again, so what was read is remembered."""

    @lru_cache(maxsize=20_000)
    def read(topic: str) -> Any:
        word = _unhex(topic)
        if len(word) != WORD:
            raise DecodeError(f"a topic has {WORD} bytes, not {len(word)}")
        return kind.decode(word)[0]

    return read


def _hashed(kind: str) -> bool:
    """Whether an indexed argument of that type is only a hash in its topic."""
    return kind in ("string", "bytes") or kind.endswith("]") or kind.startswith("tuple")


class Interface:
    """An ABI's entries by name, selector and topic."""

    def __init__(self, name: str, abi: list[dict[str, Any]]):
        self.name = name
        self.functions: dict[str, list[Entry]] = {}
        self.selectors: dict[bytes, Entry] = {}
        self.events: dict[bytes, EventEntry] = {}
        self.topics: dict[str, EventEntry] = {}
        self.errors: dict[bytes, Entry] = {}
        self.constructor = Entry("constructor", (), ())
        for item in abi:
            inputs, outputs = tuple(item.get("inputs", ())), tuple(item.get("outputs", ()))
            if item["type"] == "function":
                entry = Entry(item["name"], inputs, outputs)
                self.functions.setdefault(entry.name, []).append(entry)
                self.selectors[entry.hash[:4]] = entry
            elif item["type"] == "event" and not item.get("anonymous"):
                event = EventEntry(item["name"], inputs, ())
                self.events[event.hash] = self.topics["0x" + event.hash.hex()] = event
            elif item["type"] == "error":
                error = Entry(item["name"], inputs, ())
                self.errors[error.hash[:4]] = error
            elif item["type"] == "constructor":
                self.constructor = Entry("constructor", inputs, ())

    def function(self, name: str, count: int | None = None) -> Entry:
        """The function called `name`, or with that full signature; overloads are told apart by `count`
        arguments.

        Raises UnknownArtifact when there is none or more than one.
        """
        found = self.functions.get(name.partition("(")[0], [])
        if "(" in name:
            found = [entry for entry in found if entry.signature == name]
        elif count is not None and len(found) > 1:
            found = [entry for entry in found if len(entry.inputs) == count]
        if len(found) != 1:
            problem = "has no function" if not found else "has more than one function"
            raise UnknownArtifact(f"{self.name} {problem} {name}")
        return found[0]

    def event(self, name: str) -> EventEntry:
        """The event called `name`. Raises UnknownArtifact."""
        for entry in self.events.values():
            if entry.name == name:
                return entry
        raise UnknownArtifact(f"{self.name} has no event {name}")


@cache
def interface(name: str) -> Interface:
    """The compiled ABI of a contract. Raises UnknownArtifact."""
    return Interface(name, artifact(name)["abi"])


def _plain(parameter: dict[str, Any], value: Any) -> Any:
    """An argument as eth_abi wants it: bytes for `0x…`, tuples for dicts."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        item = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_plain(item, part) for part in value]
    if kind == "tuple":
        parts = parameter["components"]
        if isinstance(value, dict):
            value = [value[part["name"]] for part in parts]
        return tuple(_plain(part, item) for part, item in zip(parts, value, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    if kind == "address" and isinstance(value, str):
        return value.lower()
    return value


def _encode(entry: Entry, arguments: tuple[Any, ...]) -> bytes:
    if len(arguments) != len(entry.inputs):
        raise TypeError(f"{entry.signature} takes {len(entry.inputs)} arguments, not {len(arguments)}")
    import eth_abi  # takes a tenth of a second, and the mirror only decodes

    values = [_plain(item, value) for item, value in zip(entry.inputs, arguments, strict=True)]
    return eth_abi.encode(entry.types, values)


def encode_call(name: str, function: str, *arguments: Any) -> str:
    """Calldata as `0x…`. `function` is a name, or a full signature where overloads have equally many
    arguments.

    Raises UnknownArtifact, TypeError for a wrong number of arguments, eth_abi.exceptions.EncodingError.
    """
    entry = interface(name).function(function, len(arguments))
    return "0x" + (entry.hash[:4] + _encode(entry, arguments)).hex()


def encode_constructor(name: str, *arguments: Any) -> str:
    """Creation code with its arguments as `0x…`: what a deployment sends."""
    bytecode: str = artifact(name)["bytecode"]
    return "0x" + bytecode.removeprefix("0x") + _encode(interface(name).constructor, arguments).hex()


def _unhex(data: str | bytes) -> bytes:
    if isinstance(data, bytes):
        return data
    digits = data[2:] if data.startswith("0x") else data
    try:
        raw = bytes.fromhex(digits)
    except ValueError as error:
        raise DecodeError(f"not hexadecimal: {data[:80]!r}") from error
    if 2 * len(raw) != len(digits):  # fromhex skips spaces
        raise DecodeError(f"not hexadecimal: {data[:80]!r}")
    return raw


def decode_result(name: str, function: str, data: str | bytes, count: int | None = None) -> Any:
    """What a call returned: the value if there is one, a dict by name if there are several, None if there
    are none.

    `count` is the number of arguments of the call, to tell overloads apart.
    """
    results = interface(name).function(function, count).results
    values = results.decode_named(_unhex(data))
    if len(results.names) == 1:
        return values[results.names[0]]
    return values or None


def decode_call(name: str, data: str | bytes) -> tuple[str, dict[str, Any]]:
    """Calldata as (function name, arguments by name). Raises DecodeError, also for an unknown selector."""
    raw = _unhex(data)
    entry = interface(name).selectors.get(raw[:4])
    if entry is None:
        raise DecodeError(f"{name} has no function with selector 0x{raw[:4].hex()}")
    return entry.name, entry.arguments.decode_named(raw[4:])


def decode_log(
    name: str, topics: list[str], data: str | bytes, raw_text: bool = False
) -> tuple[str, dict[str, Any]]:
    """A log as (event name, arguments by name). Raises DecodeError, also for an event that the ABI lacks.

    With `raw_text`, arguments of type string come as `0x…` bytes: exactly what a hash over them was made of.
    """
    entry = event_of(name, topics)
    return entry.name, entry.decode(topics, data, raw_text)


def event_of(name: str, topics: Sequence[str]) -> EventEntry:
    """The event that a log with these topics is. Raises DecodeError for one that the ABI lacks."""
    entry = interface(name).topics.get(topics[0].lower()) if topics else None
    if entry is None:
        raise DecodeError(f"{name} has no event with topic {topics[0] if topics else '(none)'}")
    return entry


def topic_of(name: str, event: str) -> str:
    """The first topic of an event as `0x…`. Raises UnknownArtifact."""
    return "0x" + interface(name).event(event).hash.hex()


@cache
def _errors() -> dict[bytes, Entry]:
    table: dict[bytes, Entry] = {}
    for folder in _folders():
        for file in sorted(folder.glob("*.json")):
            table |= interface(file.stem).errors
    return table


def decode_error(data: str | bytes) -> tuple[str, dict[str, Any]] | None:
    """A custom error of any of the ABI files as (name, arguments by name); None for everything else."""
    try:
        raw = _unhex(data)
        entry = _errors().get(raw[:4])
        return None if entry is None else (entry.name, entry.arguments.decode_named(raw[4:]))
    except DecodeError:
        return None


def explain_revert(data: str | bytes | None) -> str:
    """The reason in revert data, in words: `Error(string)`'s text, a panic's meaning, or `Name(argument,
    …)` of any custom error in the ABI files. Never raises: what cannot be read is given as it is.
    """
    if not data:
        return "reverted without a reason"
    try:
        raw = _unhex(data)
        if not raw:
            return "reverted without a reason"
        if raw[:4] == bytes.fromhex("08c379a0"):
            return str(layout([{"type": "string"}]).decode(raw[4:])[0])
        if raw[:4] == bytes.fromhex("4e487b71"):
            code = layout([{"type": "uint256"}]).decode(raw[4:])[0]
            return f"Panic(0x{code:02x}): {PANICS.get(code, 'unknown code')}"
        entry = _errors().get(raw[:4])
        if entry is not None:
            return f"{entry.name}({', '.join(str(value) for value in entry.arguments.decode(raw[4:]))})"
    except DecodeError:
        pass  # not one of the known forms after all: shown raw below
    return f"reverted with 0x{raw.hex()}" if isinstance(data, bytes) else f"reverted with {data}"


def reset() -> None:
    """Forget every file that was read (they were rebuilt)."""
    artifact.cache_clear()
    interface.cache_clear()
    _errors.cache_clear()
