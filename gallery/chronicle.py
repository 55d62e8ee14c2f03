"""The whole life of the artwork by epoch, newest first: what was decided, sealed, drawn, painted, or failed.

Everything comes from the mirror, in a fixed number of queries for a page. Times are chain time. The
operator's view of one epoch, with our own transactions, is `gallery.timeline`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.urls import reverse

from chain import clock
from chain.models import Cursor, Log
from compute.models import Rendering
from gallery import randomness, rest
from gallery.epochs import EpochState
from gallery.generations import GenerationView, views_of
from gallery.models import Epoch, Generation
from gallery.upcoming import failure_words
from governance import selectors, withholding
from governance.models import Proposal, ProposalCanceled, ProposalExecuted, ProposalExtended
from governance.parameters.spec import duration
from governance.selectors import State

CHAPTERS = 12
"""Epochs on one page."""
REST_S = 60
"""An epoch that waits longer than this to be sealed has rested."""


@dataclass(frozen=True)
class Moment:
    """Something that happened. `block` is None for what the clock alone decided; `url` leads to more."""

    at: int
    kind: str
    what: str
    detail: str = ""
    block: int | None = None
    is_final: bool = True
    blocks_to_final: int = 0
    url: str = ""
    title: str = ""

    @property
    def time(self) -> datetime:
        """When, as a date."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True)
class Chapter:
    """One epoch. `until` is the chain time at which an open one may be sealed, None for all others."""

    number: int
    state: EpochState
    headline: str
    moments: list[Moment]
    generation: GenerationView | None
    opened_at: int
    until: int | None = None
    job: Rendering | None = None
    resting: bool = False


@dataclass(frozen=True)
class Chronicle:
    """A page of chapters, newest first; the founding generations stand at the end of the last page."""

    page: Page[Any]
    founding: list[GenerationView] = field(default_factory=list)


def page_of(epoch: str) -> int:
    """The page that tells of an epoch; the first for what is no epoch's number."""
    if not epoch.isdecimal() or len(epoch) > 18:
        return 1
    return Epoch.objects.filter(number__gt=int(epoch)).count() // CHAPTERS + 1


def chronicle(number: int | str = 1) -> Chronicle:
    """A page of the artwork's life; the nearest page there is."""
    rows = Epoch.objects.select_related(
        "log__block", "sealing__log__block", "draw__log__block", "failure__log__block"
    ).prefetch_related("refixes__log__block", "rounds__log__block")
    page: Page[Any] = Paginator(rows, CHAPTERS).get_page(number)
    epochs = list(page.object_list)
    page.object_list = _chapters(epochs)
    founding: list[GenerationView] = []
    if not page.has_next():
        first = Generation.objects.filter(founding=True).select_related("log__block").order_by("number")
        founding = views_of(list(first))
    return Chronicle(page, founding)


def _chapters(epochs: list[Epoch]) -> list[Chapter]:
    if not epochs:
        return []
    numbers = [one.number for one in epochs]
    generations = list(Generation.objects.filter(epoch_number__in=numbers).select_related("log__block"))
    views = {view.epoch: view for view in views_of(generations)}
    anchors = {one.epoch_number: one.log for one in generations}
    hashes = [one.draw.recipe_hash for one in epochs if hasattr(one, "draw")]
    jobs = {job.recipe_hash: job for job in Rendering.objects.filter(recipe_hash__in=hashes)}
    telling = _Telling(Cursor.current(), clock.now())
    decided = telling.decisions(epochs[-1].log.block.timestamp)
    chapters = []
    after: int | None = None  # when the epoch above this one on the page was opened
    for epoch in epochs:
        opened = epoch.log.block.timestamp
        if after is None and hasattr(epoch, "sealing"):
            after = epoch.sealing.log.block.timestamp
        moments = telling.moments(epoch, anchors.get(epoch.number))
        moments += [one for one in decided if opened <= one.at and (after is None or one.at < after)]
        chapters.append(
            telling.chapter(
                epoch,
                sorted(moments, key=lambda one: (one.at, one.block or 0)),
                views.get(epoch.number),
                jobs.get(epoch.draw.recipe_hash) if hasattr(epoch, "draw") else None,
            )
        )
        after = opened
    return chapters


class _Telling:
    """Puts rows into words, as of one cursor and one moment of chain time."""

    def __init__(self, cursor: Cursor | None, now: int) -> None:
        self.cursor, self.now = cursor, now

    def moment(self, log: Log, kind: str, what: str, detail: str = "", **more: Any) -> Moment:
        block = log.block
        final = self.cursor is not None and self.cursor.is_final(block.number)
        missing = max(0, block.number - self.cursor.finalized_number) if self.cursor else 1
        return Moment(block.timestamp, kind, what, detail, block.number, final, missing, **more)

    def moments(self, epoch: Epoch, anchor: Log | None) -> list[Moment]:
        """What the chain recorded of one epoch."""
        told = [self.moment(epoch.log, "opened", "Opened", "for proposals and votes")]
        if hasattr(epoch, "sealing"):
            sealing = epoch.sealing
            sealed_at = sealing.log.block.timestamp
            rested = sealed_at - max(epoch.ends_at, epoch.log.block.timestamp)
            if rested > REST_S:
                words = f"Rested {duration(rested)}"
                told.append(
                    Moment(epoch.ends_at, "rest", words, "until somebody came or something was decided")
                )
            told.append(
                self.moment(
                    sealing.log,
                    "sealed",
                    "Sealed",
                    f"parameters at version {sealing.params_version}; "
                    f"{randomness.words(sealing.source, sealing.round)} to decide the seed",
                )
            )
        for refix in epoch.refixes.all():
            told.append(
                self.moment(
                    refix.log,
                    "refixed",
                    "Seed fixed anew",
                    f"the first block’s hash had lapsed; now block {_spaced(refix.round)}",
                )
            )
        if hasattr(epoch, "draw"):
            told.append(self.moment(epoch.draw.log, "seed", "Seed drawn", "and the recipe with it"))
        for one in epoch.rounds.all():
            if one.round > 1:
                told.append(
                    self.moment(
                        one.log,
                        "round",
                        "Another try",
                        f"round {one.round} of painting: the one before ended without a picture",
                    )
                )
        if anchor is not None:
            told.append(self.moment(anchor, "anchored", "Painted and anchored"))
        if hasattr(epoch, "failure"):
            told.append(
                self.moment(epoch.failure.log, "failed", "Failed", failure_words(epoch.failure.reason))
            )
        return told

    def decisions(self, since: int) -> list[Moment]:
        """What was decided on proposals from chain time `since` on."""
        recent = set(Proposal.objects.filter(voting_ends__gte=since).values_list("pk", flat=True))
        for model, lookup in (
            (ProposalExtended, {"voting_ends__gte": since}),
            (ProposalExecuted, {"at__gte": since}),
            (ProposalCanceled, {"at__gte": since}),
        ):
            recent |= set(model.objects.filter(**lookup).values_list("proposal_id", flat=True))
        found = selectors.standings(list(selectors.proposals().filter(pk__in=recent)), self.now)
        told = []
        for one in found:
            link: dict[str, Any] = {
                "url": reverse("governance:proposal", args=[one.proposal.pk]),
                "title": withholding.shown(one.proposal.title),
            }
            canceled = getattr(one.proposal, "canceled", None)
            executed = getattr(one.proposal, "executed", None)
            votes = f"{one.tally.for_} for, {one.tally.against} against"
            if canceled is not None:
                told.append(self.moment(canceled.log, "canceled", "Cancelled", **link))
            elif one.state not in (State.PENDING, State.ACTIVE):
                carried = one.state is not State.DEFEATED
                words = votes if one.quorum_reached else f"{votes}; {one.quorum_missing} short of the quorum"
                told.append(
                    Moment(
                        one.deadline,
                        "carried" if carried else "defeated",
                        "Carried" if carried else "Not carried",
                        words,
                        **link,
                    )
                )
            if executed is not None:
                told.append(self.moment(executed.log, "effect", "In effect", **link))
        return told

    def chapter(
        self, epoch: Epoch, moments: list[Moment], view: GenerationView | None, job: Rendering | None
    ) -> Chapter:
        state, headline, resting, until = EpochState.ANCHORED, "", False, None
        if hasattr(epoch, "failure"):
            state, headline = EpochState.FAILED, "Ended without a picture"
        elif view is not None:
            headline = view.title
        elif hasattr(epoch, "draw"):
            state, headline = EpochState.SEEDED, "Being painted"
            if job is not None and job.state == Rendering.State.PAINTED:
                headline = "Painted, being anchored"
        elif hasattr(epoch, "sealing"):
            state, headline = EpochState.SEALED, "Sealed, waiting for its seed"
        else:
            state, until = EpochState.OPEN, epoch.ends_at
            resting = self.now >= epoch.ends_at and rest.awake(epoch) is None
            headline = "At rest" if resting else "Open"
        return Chapter(
            number=epoch.number,
            state=state,
            headline=headline,
            moments=moments,
            generation=view,
            opened_at=epoch.log.block.timestamp,
            until=until,
            job=job if job is not None and job.state == Rendering.State.PAINTING else None,
            resting=resting,
        )


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")
