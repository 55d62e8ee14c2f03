"""Our slicers read what eth_abi reads, and refuse what it refuses."""

from __future__ import annotations

from typing import Any

import eth_abi
import pytest
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

from chain import abi
from chain.slicers import DecodeError, layout

LEAVES = ["uint256", "uint8", "int256", "int16", "bool", "address", "bytes32", "bytes4", "bytes", "string"]


def types(depth: int = 2) -> st.SearchStrategy[str]:
    """Type strings: leaves, arrays and tuples of them."""
    leaves = st.sampled_from(LEAVES)
    if depth == 0:
        return leaves
    inner = types(depth - 1)
    return st.one_of(
        leaves,
        inner.map(lambda kind: kind + "[]"),
        st.tuples(inner, st.integers(1, 3)).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({','.join(parts)})"),
    )


def split(kind: str) -> list[str]:
    """The parts of a tuple's type string."""
    parts, depth, start = [], 0, 1
    for at, sign in enumerate(kind):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if (sign == "," and depth == 1) or (sign == ")" and depth == 0):
            parts.append(kind[start:at])
            start = at + 1
    return parts


def parameter(kind: str, name: str = "") -> dict[str, Any]:
    """The ABI's JSON for a type string."""
    if not kind.startswith("("):
        return {"type": kind, "name": name}
    end = kind.rindex(")") + 1
    components = [parameter(part, f"p{place}") for place, part in enumerate(split(kind[:end]))]
    return {"type": "tuple" + kind[end:], "name": name, "components": components}


def values(kind: str) -> st.SearchStrategy[Any]:
    """Values of a type as eth_abi takes them."""
    if kind.endswith("]"):
        inner, size = kind[: kind.rindex("[")], kind[kind.rindex("[") + 1 : -1]
        count = {"min_size": int(size), "max_size": int(size)} if size else {"max_size": 3}
        return st.lists(values(inner), **count)
    if kind.startswith("("):
        return st.tuples(*(values(part) for part in split(kind)))
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    if kind.startswith("int"):
        return st.integers(-(2 ** (int(kind[3:]) - 1)), 2 ** (int(kind[3:]) - 1) - 1)
    if kind == "bool":
        return st.booleans()
    if kind == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
    if kind == "string":
        return st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
    if kind == "bytes":
        return st.binary(max_size=70)
    return st.binary(min_size=int(kind[5:]), max_size=int(kind[5:]))


def plain(kind: str, value: Any) -> Any:
    """A value of eth_abi's in our form."""
    if kind.endswith("]"):
        return [plain(kind[: kind.rindex("[")], item) for item in value]
    if kind.startswith("("):
        parts = zip(split(kind), value, strict=True)
        return {f"p{place}": plain(part, item) for place, (part, item) in enumerate(parts)}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value.replace("\0", "\ufffd") if kind == "string" else value


Case = tuple[list[str], tuple[Any, ...]]  # types, and a value of each
cases = st.lists(types(), min_size=1, max_size=4).flatmap(
    lambda kinds: st.tuples(st.just(kinds), st.tuples(*(values(kind) for kind in kinds)))
)


@given(cases)
@settings(max_examples=150, deadline=None)
def test_decode_readsWhatEthAbiWrote(case: Case) -> None:
    kinds, wanted = case
    data = eth_abi.encode(kinds, wanted)
    compiled = layout([parameter(kind) for kind in kinds])
    assert compiled.decode(data) == [plain(kind, value) for kind, value in zip(kinds, wanted, strict=True)]


@given(cases, st.data())
@settings(max_examples=150, deadline=None)
def test_decode_neverMisreadsDamagedData(case: Case, data: st.DataObject) -> None:
    """One changed byte, or a cut: refused with DecodeError, or read just as eth_abi reads it."""
    kinds, wanted = case
    raw = bytearray(eth_abi.encode(kinds, wanted))
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[at] = data.draw(st.integers(0, 255))
    else:
        del raw[at:]
    compiled = layout([parameter(kind) for kind in kinds])
    try:
        ours = compiled.decode(bytes(raw))
    except DecodeError:
        return
    try:
        theirs = eth_abi.decode(kinds, bytes(raw), strict=True)
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return  # invalid UTF-8 is ours to accept; some offsets that eth_abi dislikes still name valid data
    assert ours == [plain(kind, value) for kind, value in zip(kinds, theirs, strict=True)]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("uint8", "01" * 32),
        ("bool", "00" * 31 + "02"),
        ("address", "01" + "00" * 31),
        ("bytes4", "00" * 4 + "01" + "00" * 27),
        ("int16", "00" * 30 + "8000"),
        ("string", "ff" * 32),
        ("uint256", "00" * 31),
    ],
)
def test_decode_refusesWhatDoesNotFit(kind: str, word: str) -> None:
    with pytest.raises(DecodeError):
        layout([{"type": kind}]).decode(bytes.fromhex(word))


def test_decode_countsBeforeItAllocates() -> None:
    huge = (32).to_bytes(32, "big") + (2**31).to_bytes(32, "big")
    with pytest.raises(DecodeError):
        layout([{"type": "uint256[]"}]).decode(huge)


def test_text_maybeAnyBytes() -> None:
    data = eth_abi.encode(["bytes"], [b"\xff\x00A"])
    assert layout([{"type": "string"}]).decode(data) == ["\ufffd\ufffdA"]
    assert layout([{"type": "string"}], raw_text=True).decode(data) == ["0xff0041"]


def test_call_roundTrip() -> None:
    point = {"x": -1, "tag": "0xdeadbeef", "names": ["a", "ü"]}
    data = abi.encode_call("Emitter", "shape", "0x" + "11" * 32, "label", point, b"\x01")
    name, arguments = abi.decode_call("Emitter", data)
    assert name == "shape"
    assert arguments == {"key": "0x" + "11" * 32, "label": "label", "point": point, "blob": "0x01"}
    assert abi.encode_call("Emitter", "count(uint256,uint256,string)", 1, 2, "") == abi.encode_call(
        "Emitter", "count", 1, 2, ""
    )
    with pytest.raises(abi.UnknownArtifact):
        abi.encode_call("Emitter", "nothing")
    with pytest.raises(DecodeError):
        abi.decode_call("Emitter", "0x12345678")


def test_reverts_areExplained() -> None:
    encoded = abi.interface("Emitter").errors
    [selector] = [key for key, entry in encoded.items() if entry.name == "TooMuch"]
    who = "0x" + "ab" * 20
    data = selector + eth_abi.encode(["address", "uint256", "string"], [who, 7, "enough"])
    assert abi.explain_revert("0x" + data.hex()) == f"TooMuch({who}, 7, enough)"
    text = bytes.fromhex("08c379a0") + eth_abi.encode(["string"], ["plainly"])
    assert abi.explain_revert(text) == "plainly"
    panic = bytes.fromhex("4e487b71") + eth_abi.encode(["uint256"], [0x11])
    assert abi.explain_revert(panic) == "Panic(0x11): arithmetic overflow"
    assert abi.explain_revert("0x") == abi.explain_revert(None) == "reverted without a reason"
    assert abi.explain_revert("0x12345678ff") == "reverted with 0x12345678ff"
    assert abi.explain_revert("0x08c379a0ff") == "reverted with 0x08c379a0ff"
