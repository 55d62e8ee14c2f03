"""What this site itself can say of a model: from the folders it paints with, held against the registry.

A card is shown only if its bytes have the hash that was registered, and an audit likewise. Folders are those
of PAINTER_MODELS that are on this machine's disk; nothing is downloaded for a page.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from governance.registry import Entry
from studio import audits
from studio.models import files_digest
from studio.weights import tensor_root

log = logging.getLogger(__name__)

MOST_CARD = 200_000
"""Bytes of a card that is shown; the longest that anybody would read."""
MOST_AT_ONCE = 256 << 20
"""Bytes of weights that are read while somebody waits for a page; larger ones are audited by the command."""
_LICENCE = re.compile(r"^licen[cs]e:\s*[\"']?([^\"'\n]+?)[\"']?\s*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Dossier:
    """A folder, measured: everything that an entry of the registry says of its files."""

    folder: Path
    id: str
    tensor_root: str
    card_hash: str
    audit_hash: str
    audit: audits.Report
    licence: str
    """As the card says; empty when it doesn't."""

    @property
    def pipeline_class(self) -> str:
        """The diffusers pipeline that runs it."""
        return str(self.audit["pipeline_class"])


def measure(folder: str | Path) -> Dossier:
    """Read a diffusers folder whole, and keep its audit for the site's pages.

    Raises FileNotFoundError when there are no model files or no weights, UnreadableWeights when the weights
    are not well-formed safetensors.
    """
    root = Path(folder)
    report = audits.audit(root)
    _keep(report)
    card = root / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    said = _LICENCE.search(front_matter(text))
    return Dossier(
        folder=root,
        id=files_digest(root),
        tensor_root=tensor_root(root),
        card_hash=audits.card_hash(root),
        audit_hash=audits.audit_hash(report),
        audit=report,
        licence=said.group(1) if said else "",
    )


def card(entry: Entry) -> str | None:
    """The model card that was registered, its front matter left out; None when no folder here holds it."""
    for folder in _folders():
        file = folder / "README.md"
        if not file.is_file() or file.stat().st_size > MOST_CARD:
            continue
        raw = file.read_bytes()
        if "0x" + hashlib.sha256(raw).hexdigest() == entry.card_hash:
            text = raw.decode("utf-8", errors="replace")
            return text.removeprefix(front_matter(text)).lstrip()
    return None


def audit(entry: Entry) -> audits.Report | None:
    """The audit that was registered, from this machine; None when it is not here, or is another."""
    kept = _kept(entry.audit_hash)
    if kept is not None:
        return kept
    for folder in _folders():
        if sum(path.stat().st_size for path in folder.rglob("*.safetensors")) > MOST_AT_ONCE:
            continue
        if files_digest(folder) == entry.id:
            report = audits.audit(folder)
            _keep(report)
            return report if audits.audit_hash(report) == entry.audit_hash else None
    return None


def front_matter(text: str) -> str:
    """The YAML between two lines of dashes that a card may begin with, dashes included; else nothing."""
    found = re.match(r"---\r?\n.*?\r?\n---[ \t]*(\r?\n|$)", text, re.DOTALL)
    return found.group() if found else ""


def _folders() -> list[Path]:
    return [folder for folder in map(Path, settings.PAINTER_MODELS) if folder.is_dir()]


def _keep(report: audits.Report) -> None:
    """Write an audit down under its hash; a disk that refuses costs a page its audit and nothing else."""
    file = _file(audits.audit_hash(report))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(audits.canonical(report))
    except OSError as error:
        log.warning("the audit could not be kept: %s", error)


def _kept(audit_hash: str) -> audits.Report | None:
    try:
        raw = _file(audit_hash).read_bytes()
    except OSError:
        return None
    if "0x" + hashlib.sha256(raw).hexdigest() != audit_hash:
        return None
    report: dict[str, Any] = json.loads(raw)
    return report


def _file(audit_hash: str) -> Path:
    return Path(settings.VAR_DIR) / "audits" / f"{audit_hash.removeprefix('0x')}.json"
