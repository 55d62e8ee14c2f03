"""What the registry is told of a model at deployment: read from its folder, or from an entry beside it.

`models/genesis.json` is such an entry, with the facts that no folder knows: how open the weights are, where
they can be had, what a step takes. Its digests are those of `models/genesis`, which a test computes again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from config.deploy_sender import DeploymentError
from studio import audits
from studio.models import UnknownModel, files_digest, local_folder
from studio.weights import UnreadableWeights, tensor_root

ZERO32 = "0x" + "00" * 32
ZERO_ADDRESS = "0x" + "00" * 20
TIERS = ("restricted", "open-weights", "open-source")
"""IModelRegistry's tiers, in its order."""
REGISTERED = 1
"""The status that an entry comes with; the registry sets its own."""
NO_CARD = "0x" + hashlib.sha256(b"").hexdigest()
UNKNOWN_LICENCE = "NOASSERTION"
"""SPDX's word for a licence that nobody stated."""
_LICENCE = re.compile(r"^licen[cs]e:\s*[\"']?([\w.+-]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class ModelEntry:
    """One entry of ModelRegistry. Hashes are 0x text of 32 bytes; `milli_joules` is what a step of a
    megapixel takes, in thousandths of a joule, 0 when nobody says.
    """

    id: str
    tensor_root: str
    card_hash: str
    uri: str
    licence: str
    pipeline_class: str
    tier: int = TIERS.index("open-weights")
    audit_hash: str = ZERO32
    parent: str = ZERO32
    royalty_receiver: str = ZERO_ADDRESS
    milli_joules: int = 0

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """An entry as `models/genesis.json` spells it. Raises TypeError, KeyError and ValueError."""
        unknown = set(said) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"an entry has no {', '.join(sorted(unknown))}")
        return cls(**{**said, "tier": TIERS.index(said["tier"])})

    def to_json(self) -> dict[str, Any]:
        """The other way round."""
        return {**asdict(self), "tier": TIERS[self.tier]}

    def as_struct(self) -> tuple[Any, ...]:
        """IModelRegistry's `Model`, in its order."""
        return (
            *(self.tensor_root, self.card_hash, self.audit_hash, self.parent, self.tier, REGISTERED),
            *(self.royalty_receiver, self.milli_joules, self.uri, self.licence, self.pipeline_class),
        )


def read_model(folder: str | Path, **changes: Any) -> ModelEntry:
    """The entry of a diffusers folder, with `changes`. What the folder doesn't say is said to be unknown.

    Raises DeploymentError when it can't be read.
    """
    root = Path(folder)
    try:
        return replace(
            ModelEntry(
                id=files_digest(root),
                tensor_root=tensor_root(root),
                card_hash=_card_hash(root),
                uri=f"file:{root.name}",
                licence=_licence(root),
                pipeline_class=audits.pipeline_class(root),
                audit_hash=audits.audit_hash(audits.audit(root)),
            ),
            **changes,
        )
    except (OSError, UnreadableWeights) as error:
        raise DeploymentError(f"the model in {root} can't be read: {error}") from error


def find_model(model_id: str, sources: Iterable[str | Path]) -> ModelEntry:
    """The entry of the model that the first values choose, from where the site has its models.

    One that lies beside its folder, as `models/genesis.json`, is taken as it is: workers hold the folder
    against it. Raises DeploymentError when nothing here is that model.
    """
    for source in sources:
        beside = Path(f"{source}.json")
        if beside.is_file() and (entry := read_entry(beside)).id == model_id:
            return entry
        try:
            folder = local_folder(source)
        except (UnknownModel, OSError):
            continue
        if files_digest(folder) == model_id:
            is_hub = not Path(source).is_dir()
            return read_model(folder, **({"uri": f"hf://{source}"} if is_hub else {}))
    raise DeploymentError(
        f"the first values choose the model {model_id}, which is in none of PAINTER_MODELS: "
        "its entry in the registry can't be made"
    )


def read_entry(file: Path) -> ModelEntry:
    """The entry in a file. Raises DeploymentError."""
    try:
        return ModelEntry.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DeploymentError(f"{file} is no entry of a model: {error!r}") from error


def _card_hash(root: Path) -> str:
    found = audits.card_hash(root)
    return NO_CARD if found == ZERO32 else found


def _licence(root: Path) -> str:
    """The licence that the card's front matter states."""
    card = root / "README.md"
    stated = _LICENCE.search(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else None
    if stated is None:
        return UNKNOWN_LICENCE
    known = {"apache-2.0": "Apache-2.0", "mit": "MIT", "cc0-1.0": "CC0-1.0"}
    return known.get(stated[1].lower(), stated[1])
