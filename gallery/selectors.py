"""What the pages show, read from the mirror and the painter's rows; nothing here asks the chain.

Times named `..._at` are chain time in seconds, as the countdown script wants them; `anchored` is the same as
a datetime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q

from chain import deployments
from compute.models import Rendering
from gallery import epochs, randomness, record
from gallery.again import Again, again
from gallery.generations import DecidedBy, GenerationView, rows, views_of
from gallery.models import Generation, Sealing
from gallery.painted import Painted, painted
from gallery.upcoming import Next, Painting, painting, upcoming
from governance import energy, parameters, withholding
from governance.models import Vote
from live import presence

STRIP = 9
"""How many generations the front page's strip shows."""
LINEAGE_PAGE = 24
"""Generations on one page of the lineage."""


@dataclass(frozen=True)
class NowPage:
    """The front page. `strip` is oldest first."""

    generation: GenerationView | None
    strip: list[GenerationView]
    next: Next
    painting: Painting | None
    visitors: int
    energy: str
    """What the recipe to come takes of its budget, or why it is declined; empty where there is no budget."""


@dataclass(frozen=True)
class Voter:
    """Who voted on a proposal that made a generation. `weight` in votes."""

    address: str
    support: str
    weight: int
    reason: str


@dataclass(frozen=True)
class Decision:
    """A proposal behind a generation with its votes."""

    proposal: DecidedBy
    voters: list[Voter]


@dataclass(frozen=True)
class LineageEntry:
    """A generation and what differs from its parent, by the parameter's label: (before, after) in words."""

    generation: GenerationView
    changed: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class GenerationPage:
    """One generation's page; neighbours are None at the ends of the lineage."""

    generation: GenerationView
    previous: GenerationView | None
    following: GenerationView | None
    decisions: list[Decision]
    changed: dict[str, tuple[str, str]]
    recipe: list[tuple[str, str, bool]]
    """Label, value in words, and whether it is a hash."""
    sentence: record.Sentence | None
    hashes: list[record.Hash]
    holder: str | None
    newest: int
    """The newest generation's number."""
    painted: Painted
    again: Again


@dataclass(frozen=True)
class About:
    """What the about page tells of this deployment."""

    contracts: dict[str, str]
    chain_id: int | None
    generations: int
    randomness_words: str
    by_workers: bool = False


def now() -> NowPage:
    """Everything the front page needs."""
    newest = list(rows()[:STRIP])
    strip = list(reversed(views_of(newest, decided=[one.number for one in newest[:1]])))
    return NowPage(
        generation=strip[-1] if strip else None,
        strip=strip,
        next=upcoming(),
        painting=painting(),
        visitors=presence.visitors(),
        energy=_energy(),
    )


def lineage(number: int | str = 1) -> Page[Any]:
    """A page of `LineageEntry`, newest first, each with what differs from its parent; the nearest page there
    is.
    """
    page: Page[Any] = Paginator(rows(), LINEAGE_PAGE).get_page(number)
    start = (page.number - 1) * LINEAGE_PAGE
    found = list(rows()[start : start + LINEAGE_PAGE + 1])  # and the parent of the last
    views = views_of(found, decided=[one.number for one in found[:LINEAGE_PAGE]])
    parents = [*views[1:], None]
    page.object_list = [
        LineageEntry(view, _changed(parent, view))
        for view, parent in zip(views[:LINEAGE_PAGE], parents, strict=False)
    ]
    return page


def generation_page(number: int, origin: str = "") -> GenerationPage:
    """One generation with its neighbours and the votes that made it; `origin` is this site's address, for the
    commands. Raises Generation.DoesNotExist.
    """
    around = Q(number__gte=max(0, number - 1), number__lte=number + 1)
    near = list(rows().filter(around))
    views = {view.number: view for view in views_of(near, decided=[number])}
    if number not in views:
        raise Generation.DoesNotExist(f"no generation {number}")
    view, parent = views[number], views.get(number - 1)
    row = next(one for one in near if one.number == number)
    job = Rendering.objects.filter(recipe_hash=row.recipe_hash).first()
    sealing = Sealing.objects.filter(epoch_id=row.epoch_number).first()
    return GenerationPage(
        generation=view,
        previous=parent,
        following=views.get(number + 1),
        decisions=[Decision(one, _voters(one.id)) for one in view.proposals],
        changed=_changed(parent, view),
        recipe=[
            (one.label, view.parameters[one.key], one.kind == "bytes32")
            for one in parameters.PARAMETERS
            if one.key in view.parameters
        ],
        sentence=record.sentence(job, view.values),
        hashes=record.hashes(row, view, sealing, job, origin),
        holder=record.holder(number),
        newest=Generation.objects.values_list("number", flat=True).first() or number,
        painted=painted(row, job),
        again=again(number),
    )


def about() -> About:
    """What the about page tells of this deployment."""
    words = randomness.promise()
    try:
        deployment = deployments.load()
    except deployments.DeploymentMissing:
        return About({}, None, 0, words)
    generations = Generation.objects.count()
    return About(deployment.contracts, deployment.chain_id, generations, words, epochs.by_workers())


def _energy() -> str:
    """Of the recipe that is sealed and not settled, else of the one in force."""
    epoch = epochs.unsettled()
    version = epoch.sealing.params_version if epoch is not None else None
    if not energy.budget_at(version):
        return ""
    values = parameters.values_at(version)
    refusal = energy.over_budget(values)
    return f"Workers decline the recipe: {refusal}" if refusal else energy.words(values)


def _voters(proposal: str) -> list[Voter]:
    votes = Vote.objects.filter(proposal_id=int(proposal))
    return [
        Voter(one.voter, one.get_support_display(), one.weight, withholding.shown(one.reason))
        for one in votes
    ]


def _changed(parent: GenerationView | None, view: GenerationView) -> dict[str, tuple[str, str]]:
    """What differs from the parent, by the parameter's label: (before, after) in words."""
    if parent is None:
        return {}
    labels = {one.key: one.label for one in parameters.PARAMETERS}
    return {
        labels[key]: (parent.parameters[key], words)
        for key, words in view.parameters.items()
        if key in parent.values and parent.values[key] != view.values[key]
    }


__all__ = [
    "About",
    "DecidedBy",
    "Decision",
    "GenerationPage",
    "GenerationView",
    "LineageEntry",
    "NowPage",
    "about",
    "generation_page",
    "lineage",
    "now",
]
