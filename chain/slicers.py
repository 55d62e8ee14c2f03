"""ABI types compiled into functions that slice bytes, with every bound checked.

A type is compiled once into a `Slicer`; decoding then costs a few slices a value (eth_abi's generic decoder
builds a stream and a context a call), and `chain.bulk` decodes many at once. The rules are those of the
Solidity ABI specification, read strictly: padding must be empty, booleans 0 or 1, offsets and lengths inside
the data. Text is the one exception: contracts pass on any bytes as `string`, so anybody can put invalid UTF-8
or NUL into a vote's reason. Neither may stop the mirror, so both become U+FFFD (PostgreSQL's text cannot hold
NUL); the log keeps the raw bytes.

Offsets may point anywhere in the data, also twice to the same place. So that a few kilobytes cannot be read
as gigabytes, what arrays hold is counted, and more than any honest encoding holds is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, cast

_ARRAY = re.compile(r"(.*)\[(\d*)\]$")
_INTEGER = re.compile(r"(u?)int(\d*)$")
_FIXED_BYTES = re.compile(r"bytes(\d+)$")

WORD = 32
_NO_BYTES = bytes(12)
HONEST = 8  # characters and values that a byte of data may become: 2 in bytes as text, 1 and a bit else
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


class _Counted(bytes):
    """Data whose arrays are counted while they are read: `left` is how much more they may hold."""

    left: int

    def spend(self, amount: int) -> None:
        """Raises DecodeError when more was read than the data can honestly hold."""
        self.left -= amount
        if self.left < 0:
            raise DecodeError("values overlap: they would be larger than the data that holds them")


def _word(data: bytes, at: int) -> bytes:
    word = data[at : at + WORD]
    if len(word) != WORD:
        raise DecodeError(f"data ends at {len(data)}, inside the word at {at}")
    return word


def _uint256(data: bytes, base: int, at: int) -> int:
    return int.from_bytes(_word(data, at), "big")


def _uint(bits: int) -> Reader:
    if bits == 256:
        return _uint256

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
    if word[:12] != _NO_BYTES:
        raise DecodeError(f"the word at {at} is no address")
    return "0x" + word[12:].hex()


def _fixed_bytes(size: int) -> Reader:
    if size == WORD:
        return lambda data, base, at: "0x" + _word(data, at).hex()

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


def _check_offsets(data: bytes, base: int, places: Iterable[int], head: int) -> None:
    """The offsets at `places` must not point into the head they are in."""
    for at in places:
        if int.from_bytes(_word(data, at), "big") < head:
            raise DecodeError(f"the offset at {at} points into the head")


def _blob(data: bytes, base: int, at: int) -> bytes:
    start = _tail(data, base, at)
    length = int.from_bytes(_word(data, start), "big")
    if length > LARGEST_LENGTH:
        raise DecodeError(f"the length at {start} is beyond the data")
    start += WORD
    padded = start + -(-length // WORD) * WORD
    if padded > len(data):
        raise DecodeError(f"the length at {start - WORD} is beyond the data")
    if data[start + length : padded].strip(b"\0"):
        raise DecodeError(f"the padding after the bytes at {start} is not empty")
    return data[start : start + length]


def _bytes(data: bytes, base: int, at: int) -> str:
    return "0x" + _blob(data, base, at).hex()


def _string(data: bytes, base: int, at: int) -> str:
    return _blob(data, base, at).decode("utf-8", "replace").replace("\0", "\ufffd")


def _sequence(item: Slicer, count: int, data: bytes, base: int) -> list[Any]:
    if count > LARGEST_LENGTH or base + count * item.head > len(data):
        raise DecodeError(f"{count} values of {item.type} do not fit the data at {base}")
    if item.dynamic:
        _check_offsets(data, base, range(base, base + count * WORD, WORD), count * WORD)
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


def _tuple(components: Sequence[dict[str, Any]], as_text: Reader, within: bool) -> Slicer:
    items = [compile_type(component, as_text, within) for component in components]
    names = names_of(components)
    dynamic = any(item.dynamic for item in items)
    head = sum(item.head for item in items)
    name = "(" + ",".join(item.type for item in items) + ")"

    starts = list(accumulate((item.head for item in items), initial=0))
    offsets = [start for start, item in zip(starts, items, strict=False) if item.dynamic]

    def read_at(data: bytes, start: int) -> dict[str, Any]:
        _check_offsets(data, start, [start + at for at in offsets], head)
        values, at = {}, start
        for key, item in zip(names, items, strict=True):
            values[key] = item.read(data, start, at)
            at += item.head
        return values

    if dynamic:
        return Slicer(name, WORD, True, lambda data, base, at: read_at(data, _tail(data, base, at)))
    return Slicer(name, head, False, lambda data, base, at: read_at(data, at))


def _counting(slicer: Slicer) -> Slicer:
    """The same, for use within an array: each value's length is spent from the data's."""

    def read(data: bytes, base: int, at: int) -> Any:
        value = slicer.read(data, base, at)
        cast(_Counted, data).spend(1 + len(value))
        return value

    return replace(slicer, read=read) if slicer.dynamic else slicer


def compile_type(parameter: dict[str, Any], as_text: Reader = _string, within: bool = False) -> Slicer:
    """Compile one ABI parameter (`type`, and `components` of a tuple). `as_text` reads `string`; `within`
    an array.

    Raises DecodeError for a type that Solidity's ABI does not have.
    """
    slicer = _compile(parameter, as_text, within)
    return _counting(slicer) if within else slicer


def _compile(parameter: dict[str, Any], as_text: Reader, within: bool) -> Slicer:
    kind: str = parameter["type"]
    if match := _ARRAY.match(kind):
        item = compile_type({**parameter, "type": match[1]}, as_text, True)
        return _array(item, int(match[2]) if match[2] else None)
    if kind == "tuple":
        return _tuple(parameter.get("components", []), as_text, within)
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
    places: tuple[tuple[Reader, int], ...]  # how each is read, and where its head is
    offsets: tuple[int, ...]  # where the offsets are
    head: int
    counted: bool  # whether an array holds values of their own lengths

    def decode(self, data: bytes) -> list[Any]:
        """The values in order. Raises DecodeError. Bytes after the last value are ignored, as Solidity
        does.
        """
        if self.counted:
            data = _Counted(data)
            data.left = HONEST * len(data)
        _check_offsets(data, 0, self.offsets, self.head)
        return [read(data, 0, at) for read, at in self.places]

    def decode_named(self, data: bytes) -> dict[str, Any]:
        """The values by name."""
        return dict(zip(self.names, self.decode(data), strict=True))


def layout(parameters: Sequence[dict[str, Any]], raw_text: bool = False) -> Layout:
    """Compile a list of ABI parameters. With `raw_text`, a `string` is read as `0x…` bytes instead of str."""
    as_text = _bytes if raw_text else _string
    slicers = tuple(compile_type(parameter, as_text) for parameter in parameters)
    *starts, head = accumulate((slicer.head for slicer in slicers), initial=0)
    placed = list(zip(slicers, starts, strict=True))
    return Layout(
        names=tuple(names_of(parameters)),
        slicers=slicers,
        places=tuple((slicer.read, start) for slicer, start in placed),
        offsets=tuple(start for slicer, start in placed if slicer.dynamic),
        head=head,
        counted=any("[" in slicer.type for slicer in slicers),
    )


def as_json(value: Any) -> Any:
    """Decoded values as JSON can hold them exactly: integers become decimal text."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value
