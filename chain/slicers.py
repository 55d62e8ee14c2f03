"""ABI types compiled into functions that slice bytes, with every bound checked.

A type is compiled once into a `Slicer`; decoding then costs a few slices a value (eth_abi's generic decoder
builds a stream and a context a call). The rules are those of the Solidity ABI specification, read strictly:
padding must be empty, booleans 0 or 1, offsets and lengths inside the data. Text is the one exception:
contracts pass on any bytes as `string`, so anybody can put invalid UTF-8 or NUL into a vote's reason.
Neither may stop the mirror, so both become U+FFFD (PostgreSQL's text cannot hold NUL); the log keeps the
raw bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_ARRAY = re.compile(r"(.*)\[(\d*)\]$")
_INTEGER = re.compile(r"(u?)int(\d*)$")
_FIXED_BYTES = re.compile(r"bytes(\d+)$")

WORD = 32
LARGEST_LENGTH = 2**32  # no data is that long: a bound that keeps the arithmetic small


class DecodeError(ValueError):
    """The data is not what the type says."""


Reader = Callable[[bytes, int, int], Any]


@dataclass(frozen=True, slots=True)
class Slicer:
    """How one type is read. `head` is its size in the head in bytes; `read(data, base, at)` decodes the
    value whose head is at `at`, with offsets counted from `base`.
    """

    type: str
    head: int
    dynamic: bool
    read: Reader


def _word(data: bytes, at: int) -> bytes:
    word = data[at : at + WORD]
    if len(word) != WORD:
        raise DecodeError(f"data ends at {len(data)}, inside the word at {at}")
    return word


def _uint(bits: int) -> Reader:
    def read(data: bytes, base: int, at: int) -> int:
        number = int.from_bytes(_word(data, at), "big")
        if number >> bits:
            raise DecodeError(f"the word at {at} does not fit uint{bits}")
        return number

    return read


def _int(bits: int) -> Reader:
    low, high = -(1 << (bits - 1)), 1 << (bits - 1)

    def read(data: bytes, base: int, at: int) -> int:
        number = int.from_bytes(_word(data, at), "big", signed=True)
        if not low <= number < high:
            raise DecodeError(f"the word at {at} does not fit int{bits}")
        return number

    return read


def _bool(data: bytes, base: int, at: int) -> bool:
    number = int.from_bytes(_word(data, at), "big")
    if number > 1:
        raise DecodeError(f"the word at {at} is no bool")
    return number == 1


def _address(data: bytes, base: int, at: int) -> str:
    word = _word(data, at)
    if any(word[:12]):
        raise DecodeError(f"the word at {at} is no address")
    return "0x" + word[12:].hex()


def _fixed_bytes(size: int) -> Reader:
    def read(data: bytes, base: int, at: int) -> str:
        word = _word(data, at)
        if any(word[size:]):
            raise DecodeError(f"the word at {at} is no bytes{size}")
        return "0x" + word[:size].hex()

    return read


def _tail(data: bytes, base: int, at: int) -> int:
    """Where the value lies whose offset is at `at`."""
    offset = int.from_bytes(_word(data, at), "big")
    if offset > len(data) - base:
        raise DecodeError(f"the offset at {at} points outside the data")
    return base + offset


def _blob(data: bytes, base: int, at: int) -> bytes:
    start = _tail(data, base, at)
    length = int.from_bytes(_word(data, start), "big")
    if length > LARGEST_LENGTH:
        raise DecodeError(f"the length at {start} is beyond the data")
    start += WORD
    padded = start + -(-length // WORD) * WORD
    if padded > len(data):
        raise DecodeError(f"the length at {start - WORD} is beyond the data")
    if any(data[start + length : padded]):
        raise DecodeError(f"the padding after the bytes at {start} is not empty")
    return data[start : start + length]


def _bytes(data: bytes, base: int, at: int) -> str:
    return "0x" + _blob(data, base, at).hex()


def _string(data: bytes, base: int, at: int) -> str:
    return _blob(data, base, at).decode("utf-8", "replace").replace("\0", "\ufffd")


def _sequence(item: Slicer, count: int, data: bytes, base: int) -> list[Any]:
    if count > LARGEST_LENGTH or base + count * item.head > len(data):
        raise DecodeError(f"{count} values of {item.type} do not fit the data at {base}")
    return [item.read(data, base, base + index * item.head) for index in range(count)]


def _array(item: Slicer, size: int | None) -> Slicer:
    name = f"{item.type}[{'' if size is None else size}]"
    if item.head == 0 or size == 0:
        raise DecodeError(f"{name} has no size")
    if size is None:

        def read_counted(data: bytes, base: int, at: int) -> list[Any]:
            start = _tail(data, base, at)
            count = int.from_bytes(_word(data, start), "big")
            return _sequence(item, count, data, start + WORD)

        return Slicer(name, WORD, True, read_counted)
    if item.dynamic:

        def read_offsets(data: bytes, base: int, at: int) -> list[Any]:
            return _sequence(item, size, data, _tail(data, base, at))

        return Slicer(name, WORD, True, read_offsets)

    def read_inline(data: bytes, base: int, at: int) -> list[Any]:
        return _sequence(item, size, data, at)

    return Slicer(name, item.head * size, False, read_inline)


def names_of(parameters: Sequence[dict[str, Any]]) -> list[str]:
    """The parameters' names; an unnamed one is called `arg0`, `arg1`, … by its place."""
    return [parameter.get("name") or f"arg{place}" for place, parameter in enumerate(parameters)]


def _tuple(components: Sequence[dict[str, Any]], as_text: Reader) -> Slicer:
    items = [compile_type(component, as_text) for component in components]
    names = names_of(components)
    dynamic = any(item.dynamic for item in items)
    head = sum(item.head for item in items)
    name = "(" + ",".join(item.type for item in items) + ")"

    def read_at(data: bytes, start: int) -> dict[str, Any]:
        values, at = {}, start
        for key, item in zip(names, items, strict=True):
            values[key] = item.read(data, start, at)
            at += item.head
        return values

    if dynamic:
        return Slicer(name, WORD, True, lambda data, base, at: read_at(data, _tail(data, base, at)))
    return Slicer(name, head, False, lambda data, base, at: read_at(data, at))


def compile_type(parameter: dict[str, Any], as_text: Reader = _string) -> Slicer:
    """Compile one ABI parameter (`type`, and `components` of a tuple). `as_text` reads `string`.

    Raises DecodeError for a type that Solidity's ABI does not have.
    """
    kind: str = parameter["type"]
    if match := _ARRAY.match(kind):
        item = compile_type({**parameter, "type": match[1]}, as_text)
        return _array(item, int(match[2]) if match[2] else None)
    if kind == "tuple":
        return _tuple(parameter.get("components", []), as_text)
    if match := _INTEGER.match(kind):
        bits = int(match[2] or 256)
        if bits % 8 or not 8 <= bits <= 256:
            raise DecodeError(f"unknown ABI type {kind}")
        return Slicer(kind, WORD, False, _uint(bits) if match[1] else _int(bits))
    if match := _FIXED_BYTES.match(kind):
        if not 1 <= int(match[1]) <= WORD:
            raise DecodeError(f"unknown ABI type {kind}")
        return Slicer(kind, WORD, False, _fixed_bytes(int(match[1])))
    plain: dict[str, Slicer] = {
        "bool": Slicer(kind, WORD, False, _bool),
        "address": Slicer(kind, WORD, False, _address),
        "bytes": Slicer(kind, WORD, True, _bytes),
        "string": Slicer(kind, WORD, True, as_text),
    }
    if kind not in plain:
        raise DecodeError(f"unknown ABI type {kind}")
    return plain[kind]


@dataclass(frozen=True, slots=True)
class Layout:
    """A parameter list, compiled: `decode` reads it from ABI-encoded bytes."""

    names: tuple[str, ...]
    slicers: tuple[Slicer, ...]

    def decode(self, data: bytes) -> list[Any]:
        """The values in order. Raises DecodeError. Bytes after the last value are ignored, as Solidity
        does.
        """
        values, at = [], 0
        for slicer in self.slicers:
            values.append(slicer.read(data, 0, at))
            at += slicer.head
        return values

    def decode_named(self, data: bytes) -> dict[str, Any]:
        """The values by name."""
        return dict(zip(self.names, self.decode(data), strict=True))


def layout(parameters: Sequence[dict[str, Any]], raw_text: bool = False) -> Layout:
    """Compile a list of ABI parameters. With `raw_text`, a `string` is read as `0x…` bytes instead of str."""
    as_text = _bytes if raw_text else _string
    slicers = tuple(compile_type(parameter, as_text) for parameter in parameters)
    return Layout(tuple(names_of(parameters)), slicers)
