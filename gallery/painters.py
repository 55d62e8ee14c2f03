"""What the pages of models say: the registry's words, what this machine can add to them, and what each model
has painted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from markdown_it import MarkdownIt

from chain.models import Cursor
from gallery import dossiers
from gallery.generations import GenerationView, views_of
from gallery.models import Generation
from governance import energy, life, registry, withholding
from governance.models import (
    EventRow,
    ModelStanding,
    ModelStatus,
    ModelTier,
    RegisteredModel,
    RoyaltyReceiver,
)
from governance.parameters import Value, values_at
from governance.parameters.model_calls import TIERS
from governance.registry import Entry
from governance.weights import ZERO

SHOWN = 24
"""Generations on a model's page at most: the newest that it painted."""

PROMISES: dict[ModelTier, tuple[str, str]] = {
    ModelTier.OPEN_SOURCE: (
        "Its weights, the code that made them and enough about its data to make it again are public.",
        "Somebody could train it anew and look at every step. The registry does not say whether anybody has.",
    ),
    ModelTier.OPEN_WEIGHTS: (
        "Its weights can be had and used by anybody.",
        "What it was trained on, or the code that did, is not all public: nobody outside can make it again, "
        "or tell whose pictures are in it.",
    ),
    ModelTier.RESTRICTED: (
        "Its weights can be had, under a licence that restricts what they may be used for.",
        "Whoever paints with it has to keep to that licence, and may have to stop.",
    ),
}
"""What a tier promises, and what it does not."""

STANDINGS: dict[ModelStanding, str] = {
    ModelStanding.NONE: "The registry does not list it, so it can’t be chosen.",
    ModelStanding.REGISTERED: "It is listed, and can be chosen once a vote has made it active.",
    ModelStanding.ACTIVE: "The collectors may choose it to paint.",
    ModelStanding.RETIRED: "It can’t be chosen any more. What it painted stays, and so does a choice that is "
    "in force until the next vote on it.",
}
_CHECKS = {
    "safetensors_only": ("Weights as safetensors alone", "No file that runs code when it is loaded."),
    "no_code": ("No code", "No program comes along with the weights."),
    "no_remote_code": ("No code from elsewhere", "No setting makes a loader fetch or run any."),
    "readable": ("Weights that can be read", "Every file of weights is well-formed."),
    "finite": ("Numbers alone", "No weight is infinite or not a number."),
}
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_FILES = (
    "(printf 'MODEL_FILES_V1\\n'; find -L . -type f ! -path '*/.*' ! -iname '*.md' ! -iname 'LICENSE*' "
    "! -iname 'NOTICE*' | sed 's|^\\./||' | LC_ALL=C sort | xargs -d '\\n' sha256sum) | sha256sum"
)


@dataclass(frozen=True)
class Row:
    """A model in the list. `entry` is None for one that painted, or paints, without being registered."""

    id: str
    entry: Entry | None
    name: str
    painted: int
    paints_now: bool

    @property
    def standing(self) -> ModelStanding:
        """Whether it may be chosen."""
        return self.entry.status if self.entry else ModelStanding.NONE

    @property
    def tier(self) -> str:
        """How open it is, in two words; empty when nobody said."""
        return TIERS[self.entry.tier] if self.entry else ""


@dataclass(frozen=True)
class Mark:
    """Something that happened to a model. `at` in seconds; `to_final` blocks until the chain keeps it."""

    words: str
    at: int
    block: int
    to_final: int


@dataclass(frozen=True)
class Check:
    """One thing that the audit looked at."""

    name: str
    what: str
    passed: bool


@dataclass(frozen=True)
class Digest:
    """One digest of the entry, with what it is over and the command that computes it again."""

    key: str
    name: str
    value: str
    over: str
    command: str
    needs: str


@dataclass(frozen=True)
class ModelPage:
    """One model's page. `card` is safe HTML, None when this machine has no card of the registered hash;
    `audit` likewise. `joules` is what a generation would take by today's recipe, painted by this model.
    """

    row: Row
    promise: tuple[str, str] | None
    standing_words: str
    licence_link: str
    digests: list[Digest]
    card: str | None
    audit: dict[str, Any] | None
    checks: list[Check]
    parent: Row | None
    energy_declared: str
    energy_today: str
    history: list[Mark]
    generations: list[GenerationView]


def models() -> list[Row]:
    """Every model that there is to tell of: those that may be chosen first, then the others as they came, and
    at last those that painted without being registered.
    """
    current = str(values_at().get("model", ""))
    painted = _painted()
    entries = sorted(registry.entries(), key=lambda entry: not entry.active)
    rows = [_row(entry.id, entry, painted, current) for entry in entries]
    listed = {row.id for row in rows}
    strangers = [one for one in dict.fromkeys([current, *painted]) if one and one not in listed]
    return rows + [_row(one, None, painted, current) for one in strangers]


def model_page(model_id: str) -> ModelPage | None:
    """One model's page, None for an id that nothing is known of."""
    row = next((one for one in models() if one.id == model_id), None)
    if row is None:
        return None
    entry, today = row.entry, values_at()
    report = dossiers.audit(entry) if entry else None
    newest = Generation.objects.filter(model_id=model_id).select_related("log__block")[:SHOWN]
    parent = entry.parent if entry and entry.parent != registry.ZERO32 else None
    return ModelPage(
        row=row,
        promise=PROMISES[entry.tier] if entry else None,
        standing_words=STANDINGS[row.standing],
        licence_link=_licence_link(entry.licence) if entry else "",
        digests=_digests(entry) if entry else [],
        card=_rendered(entry) if entry else None,
        audit=report,
        checks=[Check(*_CHECKS[key], passed) for key, passed in (report or {"checks": {}})["checks"].items()],
        parent=_row(parent, registry.entry(parent), _painted(), "") if parent else None,
        energy_declared=_declared(entry) if entry else "",
        energy_today=_today(entry, today) if entry else "",
        history=_history(model_id),
        generations=views_of(list(newest), decided=[]),
    )


def _row(model_id: str, entry: Entry | None, painted: dict[str, int], current: str) -> Row:
    name = withholding.shown(entry.name) if entry else registry.short(model_id)
    return Row(model_id, entry, name, painted.get(model_id, 0), model_id == current)


def _painted() -> dict[str, int]:
    """How many generations each model painted."""
    rows = Generation.objects.order_by().values_list("model_id").annotate(count=Count("pk"))
    return dict(rows)


def _digests(entry: Entry) -> list[Digest]:
    ours = "python manage.py model_digest FOLDER"
    found = [
        Digest(
            "files",
            "Files",
            entry.id,
            "SHA-256 over the SHA-256 and the path of every file but prose: the model’s id. Workers refuse "
            "files that don’t have it.",
            _FILES,
            "find and sha256sum, in the model’s folder",
        ),
        Digest(
            "tensors",
            "Tensors",
            entry.tensor_root,
            "The root of a tree over every tensor’s name, type, shape and data. It stays when the weights "
            "are cut into other files, and changes with a single bit of them.",
            ours,
            "this project’s code",
        ),
        Digest(
            "card",
            "Card",
            entry.card_hash,
            "SHA-256 of its README.md, byte for byte.",
            "sha256sum README.md",
            "sha256sum, in the model’s folder",
        ),
    ]
    if entry.audit_hash != registry.ZERO32:
        found.append(
            Digest(
                "audit",
                "Audit",
                entry.audit_hash,
                "SHA-256 of a report that anybody who has the files can make again.",
                ours,
                "this project’s code",
            )
        )
    return found


def _rendered(entry: Entry) -> str | None:
    text = dossiers.card(entry)
    return None if text is None else markdown(withholding.shown(text))


def markdown(text: str) -> str:
    """Markdown as HTML that is safe to show: HTML in it is escaped, a link leads to the web or nowhere, and a
    picture is told by its words, since our pages fetch nothing from elsewhere. Headings go below the page's.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        for child in token.children or []:
            if child.type == "link_open":
                child.attrSet("rel", "nofollow noopener ugc")
            elif child.type == "image":
                child.type, child.tag, child.children = "text", "", None
                child.content = f"[picture: {child.content}]" if child.content else "[picture]"
    return str(reader.renderer.render(tokens, reader.options, {}))


def _licence_link(licence: str) -> str:
    simple = _SPDX.fullmatch(licence) and not licence.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{licence}.html" if simple else ""


def _declared(entry: Entry) -> str:
    if not entry.milli_joules:
        return ""
    return f"{entry.milli_joules / 1000:,g} J for a step of a megapixel"


def _today(entry: Entry, today: dict[str, Value]) -> str:
    """What a generation would take by today's recipe, were it painted by this model."""
    if "steps" not in today:
        return ""
    joules = energy.estimate_joules(today, entry)
    return "" if joules is None else energy.joules_words(joules)


def _history(model_id: str) -> list[Mark]:
    """What happened to it, oldest first."""
    cursor = Cursor.current()
    found: list[tuple[EventRow, str]] = [
        (row, f"Registered: {row.get_tier_display().lower()}, {withholding.shown(row.licence)}")
        for row in RegisteredModel.objects.filter(model_id=model_id)
    ]
    words = {ModelStanding.ACTIVE: "Made active: it may be chosen", ModelStanding.RETIRED: "Retired"}
    found += [
        (row, words.get(ModelStanding(row.status), row.get_status_display()))
        for row in ModelStatus.objects.filter(model_id=model_id)
    ]
    found += [
        (row, "Royalties to nobody" if row.receiver == ZERO else f"Royalties to {row.receiver}")
        for row in RoyaltyReceiver.objects.filter(model_id=model_id)
    ]
    found.sort(key=lambda pair: (pair[0].block_number, pair[0].log_index))
    return [
        Mark(words, row.at, row.block_number, life.blocks_to_final(row.block_number, cursor))
        for row, words in found
    ]
