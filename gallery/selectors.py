"""What the pages show, read from the mirror and the painter's rows; nothing here asks the chain.

Times named `..._at` are chain time in seconds, as the countdown script wants them; `anchored` is the same as
a datetime.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from chain import deployments
from chain.models import Cursor
from gallery.generations import DecidedBy, GenerationView, views_of
from gallery.models import Generation
from gallery.upcoming import Next, Painting, painting, upcoming
from governance import parameters, people, withholding
from governance.models import Vote
from live import presence

STRIP = 9
"""How many generations the front page's strip shows."""
STALE_S = 30


@dataclass(frozen=True)
class ChainView:
    """How the mirror stands: its head, how many blocks aren't final, whether it stopped following."""

    head: int | None
    final_behind: int
    stale: bool
    error: str


@dataclass(frozen=True)
class NowPage:
    """The front page. `strip` is oldest first."""

    generation: GenerationView | None
    strip: list[GenerationView]
    next: Next
    painting: Painting | None
    visitors: int
    chain: ChainView


@dataclass(frozen=True)
class Voter:
    """Who voted on a proposal that made a generation. `weight` in votes."""

    address: str
    name: str
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
    recipe_text: str
    recipe: list[tuple[str, str, bool]]
    """Label, value in words, and whether it is a hash."""


@dataclass(frozen=True)
class About:
    """What the about page tells of this deployment."""

    contracts: dict[str, str]
    chain_id: int | None
    generations: int
    randomness_words: str


def now() -> NowPage:
    """Everything the front page needs."""
    strip = list(reversed(views_of(list(Generation.objects.select_related("log__block")[:STRIP]))))
    return NowPage(
        generation=strip[-1] if strip else None,
        strip=strip,
        next=upcoming(),
        painting=painting(),
        visitors=presence.visitors(),
        chain=chain(),
    )


def lineage() -> list[LineageEntry]:
    """Every generation, newest first, each with what differs from its parent."""
    views = views_of(list(Generation.objects.select_related("log__block")))
    parents = [*views[1:], None]
    return [LineageEntry(view, _changed(parent, view)) for view, parent in zip(views, parents, strict=True)]


def generation_page(number: int) -> GenerationPage:
    """One generation with its neighbours and the votes that made it. Raises Generation.DoesNotExist."""
    around = Q(number__gte=max(0, number - 1), number__lte=number + 1)
    views = {
        view.number: view
        for view in views_of(list(Generation.objects.filter(around).select_related("log__block")))
    }
    if number not in views:
        raise Generation.DoesNotExist(f"no generation {number}")
    view, parent = views[number], views.get(number - 1)
    return GenerationPage(
        generation=view,
        previous=parent,
        following=views.get(number + 1),
        decisions=[Decision(one, _voters(one.id)) for one in view.proposals],
        changed=_changed(parent, view),
        recipe_text=view.prompt_text,
        recipe=[
            (one.label, view.parameters[one.key], one.kind == "bytes32")
            for one in parameters.PARAMETERS
            if one.key in view.parameters
        ],
    )


def about() -> About:
    """What the about page tells of this deployment."""
    words = (
        "The seed of a picture comes from the hash of a block that did not exist when the epoch was sealed. "
        "Whoever builds that block could withhold it: good enough for a demonstration on a private chain, "
        "not for money."
    )
    try:
        deployment = deployments.load()
    except deployments.DeploymentMissing:
        return About({}, None, 0, words)
    return About(deployment.contracts, deployment.chain_id, Generation.objects.count(), words)


def chain() -> ChainView:
    """How the mirror stands."""
    cursor = Cursor.current()
    if cursor is None:
        return ChainView(None, 0, True, "Nothing was mirrored yet.")
    behind = max(0, cursor.head_number - max(cursor.finalized_number, 0))
    age = (timezone.now() - cursor.updated_at).total_seconds()
    stale = bool(cursor.error) or (cursor.behind > 0 and age > STALE_S)
    return ChainView(cursor.number, behind, stale, cursor.error)


def _voters(proposal: str) -> list[Voter]:
    votes = Vote.objects.filter(proposal_id=int(proposal))
    return [
        Voter(
            one.voter,
            people.name_of(one.voter),
            one.get_support_display(),
            one.weight,
            withholding.shown(one.reason),
        )
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
        if key in parent.parameters and parent.parameters[key] != words
    }


__all__ = [
    "About",
    "ChainView",
    "DecidedBy",
    "Decision",
    "GenerationPage",
    "GenerationView",
    "LineageEntry",
    "NowPage",
    "about",
    "chain",
    "generation_page",
    "lineage",
    "now",
]
