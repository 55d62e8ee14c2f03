"""Where a picture was painted: recorded with it, since floating point differs between machines."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

DTYPE = "float32"
DEVICE = "cpu"

_FEATURES = (
    *(
        "sse4_2",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "avx512f",
        "avx512bw",
        "avx512_vnni",
        "avx512_bf16",
        "amx_tile",
    ),
    *("asimd", "asimddp", "asimdhp", "bf16", "i8mm", "sve", "sve2"),
)
"""Processor features that make PyTorch choose other kernels, as /proc/cpuinfo spells them."""

_CLASS_KEYS = (
    "torch",
    "diffusers",
    "transformers",
    "machine",
    "features",
    "kernels",
    "threads",
    "dtype",
    "device",
)


def environment(threads: int) -> dict[str, Any]:
    """Everything that decides the last bits of a picture, as JSON values. Imports torch. `threads`: torch
    threads.
    """
    import torch

    model, features = _processor()
    return {
        "torch": version("torch"),
        "diffusers": version("diffusers"),
        "transformers": version("transformers"),
        "numpy": version("numpy"),
        "pillow": version("pillow"),
        "accelerate": _optional("accelerate"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": model,
        "features": features,
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
        "dtype": DTYPE,
        "device": DEVICE,
    }


def determinism_class(environment: dict[str, Any]) -> str:
    """Digest of what must agree before two painters may be held to equal bits, as 0x text.

    The processor's name, the operating system and Python don't count; its features and the kernels chosen do.
    """
    subset = {key: environment.get(key) for key in _CLASS_KEYS}
    text = json.dumps(subset, sort_keys=True, separators=(",", ":"))
    return "0x" + hashlib.sha256(b"DETERMINISM_CLASS_V1" + text.encode()).hexdigest()


@cache
def _processor() -> tuple[str, list[str]]:
    """(name, features) of the processor; features are empty where the system doesn't list them."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor() or platform.machine(), []
    fields: dict[str, str] = {}
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    flags = set((fields.get("flags") or fields.get("features") or "").split())
    name = fields.get("model name") or platform.processor() or platform.machine()
    return name, [feature for feature in _FEATURES if feature in flags]


def _optional(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
