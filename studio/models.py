"""Open weights by content: which folder holds the model that an id names.

A model's id is the digest of its files. It changes when a weight, a configuration or the tokenizer changes,
and not when its card or licence text is edited.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")

_digests: dict[tuple[tuple[str, int, int], ...], str] = {}


class UnknownModel(LookupError):
    """No allowed folder or hub id holds the files that the id names."""


def files_digest(folder: str | Path) -> str:
    """Digest of a diffusers folder, which is the model's id: 32 bytes as 0x text.

    sha256("MODEL_FILES_V1\\n" || for every file, by path: its sha256 in hex, two spaces, its path with
    forward slashes, a newline). Hidden files and prose (`*.md`, `LICENSE*`, `NOTICE*`) don't count.
    FileNotFoundError when there is nothing to count.
    """
    root = Path(folder)
    files = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*") if path.is_file())
    counted = [(name, path) for name, path in files if counts(name)]
    if not counted:
        raise FileNotFoundError(f"no model files in {root}")
    stats = [(path, path.stat()) for _, path in counted]
    key = tuple((str(path.absolute()), stat.st_size, stat.st_mtime_ns) for path, stat in stats)
    if key not in _digests:
        whole = hashlib.sha256(b"MODEL_FILES_V1\n")
        for name, path in counted:
            with path.open("rb") as file:
                whole.update(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n".encode())
        _digests[key] = "0x" + whole.hexdigest()
    return _digests[key]


def resolve(model_id: str, allowed: Mapping[str, str | Path] | Iterable[str | Path]) -> Path:
    """The folder whose files have this digest, among the allowed folders and hub ids
    (`owner/name[@revision]`).

    A mapping's values are taken. A hub id is downloaded once, into the hub's own cache. UnknownModel when
    none fits.
    """
    candidates = list(allowed.values() if isinstance(allowed, Mapping) else allowed)
    seen = []
    for candidate in candidates:
        folder = local_folder(candidate)
        digest = files_digest(folder)
        if digest == model_id:
            return folder
        seen.append(f"{candidate} is {digest}")
    raise UnknownModel(f"model {model_id} is not allowed here: {'; '.join(seen) or 'no model is configured'}")


def local_folder(source: str | Path) -> Path:
    """The folder of one allowed source; a hub id that isn't in the cache yet is downloaded."""
    folder = Path(source)
    if folder.is_dir():
        return folder
    if not _HUB_ID.fullmatch(str(source)):
        raise UnknownModel(f"{source} is neither a folder nor a hub id")
    from huggingface_hub import snapshot_download

    name, _, revision = str(source).partition("@")
    return Path(snapshot_download(name, revision=revision or None))


def counts(name: str) -> bool:
    """Whether a file of the model, by its path within, is part of the digest."""
    parts = name.split("/")
    if any(part.startswith(".") for part in parts):
        return False
    return not name.lower().endswith(".md") and not parts[-1].upper().startswith(("LICENSE", "NOTICE"))
