"""The models that may paint, as the registry on chain has them: read from the mirror alone.

A model's id is the digest of its files. What it says of itself is told once, when it is registered; its
status and its royalty receiver are what was said last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from django.db.models import QuerySet

from chain.memory import once
from governance.models import (
    EventRow,
    ModelStanding,
    ModelStatus,
    ModelTier,
    RegisteredModel,
    RoyaltyReceiver,
)

Row = TypeVar("Row", bound=EventRow)

ZERO32 = "0x" + "00" * 32
_WEB = ("http", "https")
_REVISION = re.compile(r"@[^/]*$")


@dataclass(frozen=True)
class Entry:
    """One model of the registry. Hashes are 0x text, all zeros where there is none; `milli_joules` is what
    was declared for a step of a megapixel, 0 when nothing was. `at` is in seconds.
    """

    id: str
    tensor_root: str
    card_hash: str
    audit_hash: str
    parent: str
    tier: ModelTier
    status: ModelStanding
    royalty_receiver: str
    milli_joules: int
    uri: str
    licence: str
    pipeline_class: str
    at: int
    block_number: int

    @property
    def name(self) -> str:
        """What people call it: the last part of where its files are, its revision left out."""
        return name_in(self.uri) or short(self.id)

    @property
    def active(self) -> bool:
        """Whether it may be chosen."""
        return self.status is ModelStanding.ACTIVE

    @property
    def link(self) -> str:
        """Its address where a browser can follow it, else empty. Software Heritage's own kind of address
        leads to its archive.
        """
        if self.uri.startswith("swh:1:"):
            return f"https://archive.softwareheritage.org/{self.uri}"
        try:
            parts = urlsplit(self.uri)
        except ValueError:
            return ""
        return self.uri if parts.scheme in _WEB and parts.netloc else ""


@once
def entries() -> list[Entry]:
    """Every model of the registry, in the order in which they were registered."""
    statuses = dict(_oldest_first(ModelStatus).values_list("model_id", "status"))
    receivers = dict(_oldest_first(RoyaltyReceiver).values_list("model_id", "receiver"))
    rows = {row.model_id: row for row in _oldest_first(RegisteredModel)}
    return [
        Entry(
            id=row.model_id,
            tensor_root=row.tensor_root,
            card_hash=row.card_hash,
            audit_hash=row.audit_hash,
            parent=row.parent,
            tier=ModelTier(row.tier),
            status=ModelStanding(statuses.get(row.model_id, ModelStanding.REGISTERED)),
            royalty_receiver=receivers.get(row.model_id, row.royalty_receiver),
            milli_joules=row.milli_joules,
            uri=row.uri,
            licence=row.licence,
            pipeline_class=row.pipeline_class,
            at=row.at,
            block_number=row.block_number,
        )
        for row in rows.values()
    ]


def active() -> list[Entry]:
    """The models that may be chosen, in the order in which they were registered."""
    return [entry for entry in entries() if entry.active]


def entry(model_id: str) -> Entry | None:
    """What the registry says of one model, None when it does not list it."""
    return next((one for one in entries() if one.id == model_id.lower()), None)


def name_of(model_id: str) -> str:
    """A model in a word: the name of its entry, else the beginning of its id."""
    found = entry(model_id)
    return found.name if found else short(model_id)


def short(model_id: str) -> str:
    """`0xdb6a58…0b3548`."""
    return f"{model_id[:8]}…{model_id[-6:]}"


def name_in(uri: str) -> str:
    """The name within an address of a model's files: `genesis` of `https://…/tree/<revision>/models/genesis`,
    `owner/name` of a hub's `https://huggingface.co/owner/name/tree/<revision>` and of `owner/name@revision`.
    Empty when nothing there is a name.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    path = [part for part in _REVISION.sub("", parts.path.strip("/")).split("/") if part]
    if parts.scheme in ("", "hf") or parts.netloc == "huggingface.co":
        names = [parts.netloc, *path] if parts.scheme == "hf" else path
        return "/".join(_REVISION.sub("", one) for one in names[:2] if one)
    return path[-1] if path else ""


def _oldest_first(model: type[Row]) -> QuerySet[Row]:
    """Of rows with one key, a dict keeps the last."""
    return model._default_manager.order_by("block_number", "log_index")
