"""What can be said of a model's folder by looking at it: a report that anybody can repeat, byte for byte.

It says that the weights are safetensors alone, that no code comes along, that nothing asks a loader to fetch
code, that every weight is a number, and how many there are. It does not say what the model was trained on, or
whether it is any good.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from studio.models import counts, files_digest
from studio.weights import Tensor, UnreadableWeights, tensor_root, tensors

VERSION = "MODEL_AUDIT_V1"

_KNOWN = {".safetensors", ".json", ".txt", ".md", ".model", ".png", ".jpg", ".jpeg", ".webp", ".gif"}
_PROSE = ("LICENSE", "LICENCE", "NOTICE")
_CODE = {".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".sh", ".bat", ".exe", ".js", ".ipynb", ".jinja"}
_PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz"}
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_SWITCHES = ("auto_map", "custom_pipeline", "custom_revision", "trust_remote_code")
_LIBRARIES = ("diffusers", "transformers")
# Bits of the exponent, all of them set in what is no number; E4M3 has no infinity and one NaN (and its
# negative).
_EXPONENTS: dict[str, tuple[str, int]] = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("u1", 0x7C),
    "F8_E4M3": ("u1", 0x7F),
}

Report = dict[str, Any]


def audit(folder: str | Path) -> Report:
    """The report on a diffusers folder, in JSON's own types, integers only.

    `checks` has a yes or no for each thing looked at and `findings` the sentences behind every no, sorted;
    `weights` counts tensors, parameters (elements) and bytes, in all and by component, and parameters by
    dtype; `bytes` is the size of every file that the files digest counts.
    """
    root = Path(folder)
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    found = {"safetensors_only": _foreign(root, names), "no_code": _code(names)}
    found["no_remote_code"] = _switches(root, names)
    try:
        weights = tensors(root)
        found["readable"] = [] if weights else ["There are no weights."]
        found["finite"] = _not_numbers(weights)
    except UnreadableWeights as error:
        weights, found["readable"], found["finite"] = [], [str(error)], ["The weights can't be read."]
    return {
        "version": VERSION,
        "files_digest": files_digest(root),
        "tensor_root": tensor_root(root) if weights else "",
        "pipeline_class": pipeline_class(root),
        "checks": {name: not sentences for name, sentences in found.items()},
        "findings": sorted(sentence for sentences in found.values() for sentence in sentences),
        "files": sum(counts(name) for name in names),
        "bytes": sum((root / name).stat().st_size for name in names if counts(name)),
        "weights": {
            **_sums(weights),
            "components": {
                component: _sums([one for one in weights if one.component == component])
                for component in sorted({one.component for one in weights})
            },
        },
    }


def canonical(report: Report) -> bytes:
    """A report as the bytes that are hashed: JSON, keys sorted, no spaces, UTF-8."""
    return json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def audit_hash(report: Report) -> str:
    """sha256 of the canonical report: 32 bytes as 0x text."""
    return "0x" + hashlib.sha256(canonical(report)).hexdigest()


def card_hash(folder: str | Path) -> str:
    """sha256 of the model's card, README.md: 32 bytes as 0x text. Zero when it has none."""
    card = Path(folder) / "README.md"
    return "0x" + (hashlib.sha256(card.read_bytes()).hexdigest() if card.is_file() else "00" * 32)


def pipeline_class(folder: str | Path) -> str:
    """The diffusers pipeline that model_index.json names; empty when it names none."""
    try:
        index = json.loads((Path(folder) / "model_index.json").read_bytes())
    except (OSError, ValueError):
        return ""
    named = index.get("_class_name") if isinstance(index, dict) else None
    return named if isinstance(named, str) else ""


def _sums(weights: list[Tensor]) -> dict[str, Any]:
    dtypes: Counter[str] = Counter()
    for one in weights:
        dtypes[one.dtype] += one.elements
    return {
        "tensors": len(weights),
        "parameters": sum(one.elements for one in weights),
        "bytes": sum(one.size for one in weights),
        "dtypes": dict(sorted(dtypes.items())),
    }


def _foreign(root: Path, names: list[str]) -> list[str]:
    """Files that may hold weights in another form than safetensors, by name or by their first bytes."""
    sentences = []
    for name in names:
        path = root / name
        suffix, known = path.suffix.lower(), path.name.upper().startswith(_PROSE)
        if suffix in _PICKLED or (suffix != ".safetensors" and _begins_as_pickle(path)):
            sentences.append(f"{name} may be a pickle: loading one runs code.")
        elif suffix not in _KNOWN and suffix not in _CODE and not (known and not suffix):
            sentences.append(f"{name} is of a kind that this audit does not know.")
    return sentences


def _begins_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4).startswith(_PICKLE_STARTS)


def _code(names: list[str]) -> list[str]:
    return [f"{name} is code." for name in names if Path(name).suffix.lower() in _CODE]


def _switches(root: Path, names: list[str]) -> list[str]:
    """Places in the configuration that make a loader run code which is not its own."""
    sentences = []
    for name in names:
        if not name.endswith(".json"):
            continue
        try:
            content = json.loads((root / name).read_bytes())
        except ValueError:
            sentences.append(f"{name} is no JSON.")
            continue
        sentences += [f"{name} has {key}." for key in dict.fromkeys(_keys(content)) if key in _SWITCHES]
        if Path(name).name == "model_index.json" and isinstance(content, dict):
            sentences += _strangers(name, content)
    return sentences


def _strangers(name: str, index: dict[str, Any]) -> list[str]:
    """Parts of a pipeline that come from neither diffusers nor transformers."""
    sentences = []
    if not isinstance(index.get("_class_name"), str):
        sentences.append(f"{name} names no pipeline of diffusers' own.")
    for part, source in index.items():
        if part.startswith("_") or not isinstance(source, list):
            continue
        library = source[0] if source else None
        if library is not None and library not in _LIBRARIES:
            sentences.append(f"{name} takes its {part} from {library!r}.")
    return sentences


def _keys(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _keys(value)
    elif isinstance(content, list):
        for value in content:
            yield from _keys(value)


def _not_numbers(weights: list[Tensor]) -> list[str]:
    return [f"{one.full_name} holds NaN or infinity." for one in weights if not _finite(one)]


def _finite(tensor: Tensor) -> bool:
    if tensor.dtype not in _EXPONENTS:
        return True
    word, exponent = _EXPONENTS[tensor.dtype]
    mask = np.dtype(word).type(exponent)
    return not any(bool(((np.frombuffer(piece, word) & mask) == mask).any()) for piece in tensor.pieces())
