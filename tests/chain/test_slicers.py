"""The slicers against eth_abi: equal on what it encodes, never more lenient on anything else."""

from __future__ import annotations

import time
from typing import Any

import eth_abi
import pytest
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.bulk import Doubt, columns
from chain.slicers import DecodeError, Layout, layout

Kind = tuple[str, list[Any] | None]  # a type as an ABI file spells it, and a tuple's components

LEAVES = st.one_of(
    st.sampled_from(["bool", "address", "bytes", "string"]),
    st.integers(1, 32).map(lambda size: f"bytes{size}"),
    st.integers(1, 32).map(lambda size: f"uint{8 * size}"),
    st.integers(1, 32).map(lambda size: f"int{8 * size}"),
).map(lambda kind: {"type": kind})
SUFFIXES = st.lists(st.sampled_from(["[]", "[1]", "[2]", "[3]"]), max_size=2).map("".join)
TYPES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(
            lambda parts, suffix: {
                "type": f"tuple{suffix}",
                "components": [{**part, "name": f"p{place}"} for place, part in enumerate(parts)],
            },
            st.lists(inner, min_size=1, max_size=3),
            SUFFIXES,
        )
        | st.builds(lambda kind, suffix: {**kind, "type": kind["type"] + suffix}, inner, SUFFIXES)
    ),
    max_leaves=5,
)


def bare(kind: dict[str, Any]) -> str:
    """The type as eth_abi spells it."""
    if kind["type"].startswith("tuple"):
        return "(" + ",".join(bare(part) for part in kind["components"]) + ")" + kind["type"][5:]
    return str(kind["type"])


def values_of(kind: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What eth_abi encodes as that type."""
    spelled: str = kind["type"]
    if spelled.endswith("]"):
        start = spelled.rindex("[")
        size = spelled[start + 1 : -1]
        item = values_of({**kind, "type": spelled[:start]})
        return st.lists(item, min_size=int(size or 0), max_size=int(size or 3))
    if spelled == "tuple":
        return st.tuples(*(values_of(part) for part in kind["components"]))
    if spelled == "bool":
        return st.booleans()
    if spelled == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
    if spelled == "string":
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    if spelled == "bytes":
        return st.binary(max_size=70)
    if spelled.startswith("bytes"):
        return st.binary(min_size=int(spelled[5:]), max_size=int(spelled[5:]))
    bits = int(spelled.removeprefix("u")[3:])
    if spelled.startswith("u"):
        return st.integers(0, 2**bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def plain(kind: dict[str, Any], value: Any) -> Any:
    """What eth_abi decodes, in the words of this project: text for bytes, lists, dicts, no NUL."""
    spelled: str = kind["type"]
    if spelled.endswith("]"):
        item = {**kind, "type": spelled[: spelled.rindex("[")]}
        return [plain(item, part) for part in value]
    if spelled == "tuple":
        return {part["name"]: plain(part, one) for part, one in zip(kind["components"], value, strict=True)}
    if spelled.startswith("bytes"):
        return "0x" + value.hex()
    if spelled == "string":
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        return text.replace("\0", "\ufffd")
    return value


@st.composite
def encoded(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[Any], bytes]:
    kinds = draw(st.lists(TYPES, min_size=1, max_size=4))
    kinds = [{**kind, "name": f"a{place}"} for place, kind in enumerate(kinds)]
    values = [draw(values_of(kind)) for kind in kinds]
    return kinds, values, eth_abi.encode([bare(kind) for kind in kinds], values)


@settings(max_examples=150, deadline=None)
@given(encoded())
def test_whatEthAbiEncodes_isDecoded(case: tuple[list[dict[str, Any]], list[Any], bytes]) -> None:
    kinds, values, data = case
    assert layout(kinds).decode(data) == [plain(kind, one) for kind, one in zip(kinds, values, strict=True)]
    assert layout(kinds).decode(data + b"\x01" * 32) == layout(kinds).decode(data)  # as Solidity does


@st.composite
def mutated(draw: st.DrawFn) -> tuple[list[dict[str, Any]], bytes]:
    """Bytes changed, words made huge or small, words swapped, the end cut off."""
    kinds, _, data = draw(encoded())
    raw = bytearray(data)
    words = max(1, len(raw) // 32)
    for _ in range(draw(st.integers(1, 4))):
        at = 32 * draw(st.integers(0, words - 1))
        change = draw(st.integers(0, 4))
        if change == 0 and raw:
            raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
        elif change == 1:
            raw[at : at + 32] = draw(st.integers(0, 2 * len(raw))).to_bytes(32, "big")
        elif change == 2:
            raw[at : at + 32] = draw(st.sampled_from([2**256 - 1, 2**255, 2**64, 2**32, 2**31])).to_bytes(
                32, "big"
            )
        elif change == 3:
            other = 32 * draw(st.integers(0, words - 1))
            raw[at : at + 32], raw[other : other + 32] = raw[other : other + 32], raw[at : at + 32]
        else:
            raw = raw[: draw(st.integers(0, len(raw)))]
            words = max(1, len(raw) // 32)
    return kinds, bytes(raw)


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_whatIsNotEncodedSo_isDecodedAsEthAbiDoes_orRefused(case: tuple[list[dict[str, Any]], bytes]) -> None:
    kinds, data = case
    try:
        ours = layout(kinds).decode(data)
    except DecodeError:
        return
    # Text that is no UTF-8 is the one exception, so it is compared as bytes.
    spelled = [bare(kind).replace("string", "bytes") for kind in kinds]
    try:
        theirs = eth_abi.decode(spelled, data)
    except DecodingError as error:
        pytest.fail(f"{spelled} {data.hex()}: eth_abi refuses ({error}), we read {ours}")
    assert ours == [plain(kind, one) for kind, one in zip(kinds, theirs, strict=True)]


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.mark.parametrize("count", [2**256 - 1, 2**64, 2**33, 2**32, 2**31, 10**6])
@pytest.mark.parametrize("kind", ["uint256[]", "string", "bytes", "string[]", "uint8[][]"])
def test_hugeLength_isRefusedAtOnce(kind: str, count: int) -> None:
    started = time.perf_counter()
    with pytest.raises(DecodeError):
        layout([{"type": kind}]).decode(word(32) + word(count) + bytes(320))
    assert time.perf_counter() - started < 1


def bomb(depth: int, width: int) -> tuple[Layout, bytes]:
    """Arrays within arrays whose offsets all point at the same next one: `width ** depth` values."""
    data = word(32)
    for _ in range(depth - 1):
        data += word(width) + word(32 * width) * width
    data += word(width) + word(7) * width
    return layout([{"type": "uint256" + "[]" * depth}]), data


def test_offsetsThatOverlap_cannotFillTheMemory() -> None:
    kind, data = bomb(6, 100)  # 20 kB that stand for 10^12 numbers
    started = time.perf_counter()
    with pytest.raises(DecodeError, match="overlap"):
        kind.decode(data)
    assert time.perf_counter() - started < 5
    longs = layout([{"type": "bytes[]"}])
    data = word(32) + word(5000) + word(32 * 5000) * 5000 + word(100_000) + bytes(100_000)
    with pytest.raises(DecodeError, match="overlap"):
        longs.decode(data)  # 260 kB that stand for 500 MB


def test_anHonestArrayOfAnySize_isWithinBounds() -> None:
    for kind, value in (
        ("uint8[][]", [list(range(200))] * 200),
        ("string[]", ["a" * 31] * 2000),
        ("bytes[]", [b"\xff" * 3200] * 100),
        ("bytes[]", [b""] * 5000),
        ("uint256[1][][]", [[[1]] * 3] * 500),
        ("(string,bytes[])[]", [("x", [b"y", b""])] * 500),
    ):
        components = [{"type": "string", "name": "s"}, {"type": "bytes[]", "name": "b"}]
        spelled = {"type": "tuple[]", "components": components} if kind[0] == "(" else {"type": kind}
        data = eth_abi.encode([kind], [value])
        assert layout([spelled]).decode(data) == [plain(spelled, value)]


FLAT = st.lists(
    st.sampled_from(["uint256", "uint8", "uint48", "address", "bytes32", "bytes", "string"]),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_manyAtOnce_areReadAsOneByOne_orNotAtAll(data: st.DataObject) -> None:
    kinds = [{"type": kind, "name": f"a{place}"} for place, kind in enumerate(data.draw(FLAT))]
    values = [data.draw(values_of(kind)) for kind in kinds]
    raw = bytearray(eth_abi.encode([bare(kind) for kind in kinds], values))
    for _ in range(data.draw(st.integers(0, 2))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    careful = layout(kinds)
    read = columns(careful)
    assert read is not None
    sound = eth_abi.encode([bare(kind) for kind in kinds], values)
    assert read(["0x" + sound.hex()]) == [[value] for value in careful.decode(sound)]
    try:
        found = read(["0x" + data.hex() for data in (sound, raw, sound)])
    except Doubt:
        return  # they are read one by one
    assert [list(one) for one in zip(*found, strict=True)] == [
        careful.decode(bytes(data)) for data in (sound, raw, sound)
    ]


@pytest.mark.parametrize(
    "data", ["", "0x", "00" * 32, "0x" + "00" * 31, "0x" + " 0" * 32, "0x" + "0g" * 32, "1x" + "00" * 32]
)
def test_whatIsNoData_isDoubted(data: str) -> None:
    read = columns(layout([{"type": "uint256"}]))
    assert read is not None
    assert read(["0x" + "00" * 32]) == [[0]]
    with pytest.raises(Doubt):
        read(["0x" + "00" * 32, data])


def test_arrays_areReadOneByOne() -> None:
    assert columns(layout([{"type": "uint256"}, {"type": "uint256[]"}])) is None


def outcome(kind: Layout, data: bytes) -> Any:
    """What was read, or why not."""
    try:
        return kind.decode(data)
    except DecodeError as error:
        return str(error)
