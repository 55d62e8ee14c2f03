"""Open weights by tensor: a root that stays the same however the tensors are cut into files.

The files digest (`studio.models`) names the bytes of files. The tensor root names what is in them: it
survives sharding, merging and saving again, and changes with any name, dtype, shape or bit. Headers are read
as they lie and data in pieces; neither torch nor the weights' own size in memory is needed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

BITS = {
    **dict.fromkeys(("F64", "I64", "U64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 8),
}
"""Bits of one element, by safetensors' name of its dtype."""

MAX_HEADER = 100_000_000
"""Bytes: the limit that the safetensors library sets itself."""

_PIECE = 1 << 22  # bytes, a multiple of every element's size
_roots: dict[tuple[tuple[str, int, int], ...], str] = {}


class UnreadableWeights(ValueError):
    """A file is not well-formed safetensors, or one tensor is there twice; the message names it."""


@dataclass(frozen=True)
class Tensor:
    """One tensor where it lies: `component` is its file's folder within the model (`unet`; empty beside
    model_index.json), `name` its name in the file, shape in elements, start and size in bytes of the file.
    """

    component: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path
    start: int
    size: int

    @property
    def full_name(self) -> str:
        """`unet/conv_in.weight`: unique within a model."""
        return f"{self.component}/{self.name}"

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    def pieces(self) -> Iterator[bytes]:
        """The data as it lies in the file, whole elements, at most 4 MiB at a time."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    raise UnreadableWeights(f"{self.path.name} ends within {self.full_name}")
                left -= len(piece)
                yield piece


def tensors(folder: str | Path) -> list[Tensor]:
    """Every tensor of a diffusers folder, by full name (UTF-8 bytes); hidden files don't count.

    UnreadableWeights for a file that is not safetensors, and for a name that two files of one folder hold
    (a half-precision copy beside the full one: which of them paints would be open).
    """
    root = Path(folder)
    found = []
    for path in _files(root):
        component = path.parent.relative_to(root).as_posix()
        found += read_header(path, "" if component == "." else component)
    found.sort(key=lambda tensor: tensor.full_name.encode())
    for one, other in pairwise(found):
        if one.full_name == other.full_name:
            raise UnreadableWeights(
                f"{one.full_name} is both in {one.path.name} and in {other.path.name}: keep one of them"
            )
    return found


def read_header(path: Path, component: str = "") -> list[Tensor]:
    """The tensors that a safetensors file announces, checked: known dtypes, sizes that fit their shapes, data
    that fills the file without gap or overlap (https://github.com/huggingface/safetensors#format).
    """
    whole = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if whole < 8 or length > min(MAX_HEADER, whole - 8):
            raise UnreadableWeights(f"{path.name}: not a safetensors file")
        raw = file.read(length)
    try:
        header = json.loads(raw, object_pairs_hook=_distinct)
        entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
        found = [_tensor(path, component, name, entry, 8 + length) for name, entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableWeights(f"{path.name}: the header is not safetensors' ({error})") from error
    end = 8 + length
    for tensor in sorted(found, key=lambda tensor: (tensor.start, tensor.size)):
        if tensor.start != end:
            raise UnreadableWeights(f"{path.name}: a gap or an overlap before {tensor.name}")
        end += tensor.size
    if end != whole:
        raise UnreadableWeights(f"{path.name}: {whole - end} bytes that no tensor holds")
    return found


def tensor_root(folder: str | Path) -> str:
    """Merkle root over (name, dtype, shape, sha256 of the data) of every tensor: 32 bytes as 0x text.

    Leaves go by full name (`component/name`, UTF-8 bytes):

        leaf = sha256("TENSOR_LEAF_V1\\n" || len(name) || name || len(dtype) || dtype
                      || rank || sides || sha256(data))
        node = sha256("TENSOR_NODE_V1\\n" || left || right)
        root = sha256("TENSOR_ROOT_V1\\n" || number of leaves || top)

    lengths, rank, sides and numbers being 8 bytes each, big-endian. On every level neighbours are paired from
    the left; an odd last one moves up as it is. FileNotFoundError when there is no tensor at all.
    """
    root = Path(folder)
    stats = [(path, path.stat()) for path in _files(root)]
    key = tuple((str(path.absolute()), stat.st_size, stat.st_mtime_ns) for path, stat in stats)
    if not key:
        raise FileNotFoundError(f"no safetensors in {root}")
    if key not in _roots:
        found = tensors(root)
        if not found:
            raise FileNotFoundError(f"no tensor in {root}")
        _roots[key] = "0x" + merkle_root([_leaf(tensor) for tensor in found]).hex()
    return _roots[key]


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves in order, as `tensor_root` says; ValueError when there are none."""
    if not leaves:
        raise ValueError("a root needs a leaf")
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(b"TENSOR_NODE_V1\n" + left + right).digest() for left, right in pairs]
        level = above + (level[-1:] if len(level) % 2 else [])
    return hashlib.sha256(b"TENSOR_ROOT_V1\n" + _number(len(leaves)) + level[0]).digest()


def _leaf(tensor: Tensor) -> bytes:
    data = hashlib.sha256()
    for piece in tensor.pieces():
        data.update(piece)
    whole = hashlib.sha256(b"TENSOR_LEAF_V1\n")
    for text in (tensor.full_name, tensor.dtype):
        whole.update(_number(len(text.encode())) + text.encode())
    whole.update(_number(len(tensor.shape)) + b"".join(map(_number, tensor.shape)))
    whole.update(data.digest())
    return whole.digest()


def _files(root: Path) -> list[Path]:
    """The safetensors files of a model, in the order of their paths."""
    found = [(path.relative_to(root), path) for path in root.rglob("*.safetensors") if path.is_file()]
    seen = [(name, path) for name, path in found if not any(part.startswith(".") for part in name.parts)]
    return [path for _, path in sorted(seen, key=lambda pair: pair[0].as_posix())]


def _tensor(path: Path, component: str, name: str, entry: Any, base: int) -> Tensor:
    dtype, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype not in BITS:
        raise ValueError(f"{name} has the unknown dtype {dtype!r}")
    if not all(type(number) is int and number >= 0 for number in (*shape, start, end)):
        raise ValueError(f"{name} has a side or an offset that is no number")
    if (end - start) * 8 != math.prod(shape) * BITS[dtype]:
        raise ValueError(f"{name} has {end - start} bytes, which are not {dtype} {shape}")
    return Tensor(component, name, dtype, tuple(shape), path, base + start, end - start)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")
