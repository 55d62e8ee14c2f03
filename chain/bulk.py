"""Many logs of one event, decoded argument by argument instead of log by log.

A log by itself costs a dozen calls; five thousand at once cost a few passes a column. What is read is what
`Layout.decode` reads, which a property test holds it to. Where not all is in order at a glance (an unusual
offset, a bit in an address's padding, a length beyond the data), the answer is None, and who asks reads the
logs one by one, which is where errors are named.

Only parameter lists without arrays and tuples are read like this, which are those of almost all events.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

from chain.slicers import WORD, DecodeError, Layout

Words = Sequence[bytes]
Column = Callable[[Sequence[bytes], Words], Sequence[Any]]
"""From the data of all logs, and of each the word in the argument's place, to the argument's values."""

_UNSIGNED = re.compile(r"uint(\d*)")
_NO_BYTES = bytes(12)


class Doubt(Exception):
    """Not all is in order at a glance."""


class Logs:
    """How many logs of one event are decoded: its arguments' names, how each topic is read, what its data
    holds, and what puts those of the topics and those of the data into the order of declaration.
    """

    def __init__(
        self,
        names: Sequence[str],
        topics: Sequence[Callable[[str], Any]],
        data: Layout,
        arrange: Callable[[list[Any]], Sequence[Any]] | None,
    ):
        self._names, self._topics, self._arrange = names, topics, arrange
        self._read = columns(data)

    def decode(self, topics: Sequence[Sequence[str]], datas: Sequence[str]) -> list[dict[str, Any]] | None:
        """The arguments of each by name; None where the logs must be read one by one."""
        if self._read is None or {len(one) - 1 for one in topics} != {len(self._topics)}:
            return None
        indexed = list(zip(*topics, strict=True))[1:]
        try:
            values: list[Any] = [
                list(map(read, column)) for read, column in zip(self._topics, indexed, strict=True)
            ]
            values += self._read(datas)
        except (Doubt, DecodeError):
            return None
        if not self._names:
            return [{} for _ in datas]
        arranged = values if self._arrange is None else self._arrange(values)
        return [dict(zip(self._names, row, strict=True)) for row in zip(*arranged, strict=True)]


def columns(layout: Layout) -> Callable[[Sequence[str]], list[Sequence[Any]]] | None:
    """What reads this parameter list from many logs' data (`0x…`) as one list of values for each parameter;
    it raises Doubt. None for a list that has to be read the long way.
    """
    readers = [_column(slicer.type, layout.head) for slicer in layout.slicers]
    if None in readers:
        return None
    unpack = struct.Struct(f"{WORD}s" * len(readers)).unpack_from

    def read(datas: Sequence[str]) -> list[Sequence[Any]]:
        try:
            raws = [bytes.fromhex(data[2:]) for data in datas]
            words = list(map(unpack, raws))
        except (ValueError, struct.error) as error:
            raise Doubt from error
        # What is no digit is refused above, but for spaces, which are left out.
        whole = 2 * (sum(map(len, raws)) + len(raws)) == sum(map(len, datas))
        if not whole or {data[:2] for data in datas} != {"0x"}:
            raise Doubt
        if not readers:
            return []
        return [make(raws, column) for make, column in zip(readers, zip(*words, strict=True), strict=True)]  # type: ignore[misc]

    return read


def _column(kind: str, head: int) -> Column | None:
    if kind == "address":
        return _addresses
    if kind == "bytes32":
        return lambda raws, words: ["0x" + word.hex() for word in words]
    if kind in ("string", "bytes"):
        return _tails(head, _text if kind == "string" else _hex)
    if found := _UNSIGNED.fullmatch(kind):
        return _integers(int(found[1] or 256))
    return None


def _integers(bits: int) -> Column:
    def read(raws: Sequence[bytes], words: Words) -> Sequence[int]:
        numbers = list(map(int.from_bytes, words))  # big-endian
        if bits < 256 and max(numbers, default=0) >> bits:
            raise Doubt
        return numbers

    return read


def _addresses(raws: Sequence[bytes], words: Words) -> Sequence[str]:
    made = {word: "0x" + word[12:].hex() for word in set(words)}
    if {word[:12] for word in made} - {_NO_BYTES}:
        raise Doubt
    return [made[word] for word in words]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _tails(head: int, convert: Callable[[bytes], str]) -> Column:
    """Text and bytes, which lie behind the head: at each word's offset a length, the bytes, and zeros."""

    def read(raws: Sequence[bytes], words: Words) -> Sequence[str]:
        offsets = list(map(int.from_bytes, words))
        if min(offsets, default=head) < head or max(offsets, default=0) > max(map(len, raws), default=0):
            raise Doubt
        made: dict[bytes, str] = {}  # the same reasons are given again and again, and most often none
        found = []
        for raw, offset in zip(raws, offsets, strict=True):
            tail = raw[offset:]
            value = made.get(tail)
            if value is None:
                value = made[tail] = convert(_blob(tail))
            found.append(value)
        return found

    return read


def _blob(tail: bytes) -> bytes:
    if len(tail) < WORD:
        raise Doubt
    end = WORD + int.from_bytes(tail[:WORD])
    padded = end + -end % WORD
    if padded > len(tail) or (padded > end and any(tail[end:padded])):
        raise Doubt
    return tail[WORD:end]
