"""An Atom feed (RFC 4287) of proposals, and what every feed of the site shares.

A feed reader keeps what it has read, so a feed tells only what is final. Titles are plain text, summaries are
HTML: a stranger's words are escaped once for the HTML and once for the XML.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.syndication.views import Feed
from django.http import HttpRequest
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html, format_html_join, linebreaks
from django.utils.safestring import SafeString, mark_safe

from chain import clock
from chain.models import Cursor
from governance import outcomes, people, selectors
from governance.descriptions import plain
from governance.models import OperationExecuted
from governance.selectors import Standing
from governance.withholding import shown

ENTRIES = 40
_SPACE = uuid.UUID("6f5c9d1e-0b57-5c55-9f0b-6d7572796d75")


def stable_id(*parts: object) -> str:
    """`urn:uuid:…` of a thing on this chain: the same on every site that mirrors it, for ever."""
    cursor = Cursor.current()
    chain = f"{cursor.chain_id}:{cursor.genesis_hash}" if cursor else "no chain"
    return uuid.uuid5(_SPACE, ":".join([chain, *map(str, parts)])).urn


def safe_words(text: str) -> str:
    """A stranger's words as a feed may carry them: nothing withheld, nothing that breaks XML."""
    return plain(shown(text))


class SiteFeed(Feed):
    """A feed whose entries have ids of ours."""

    feed_type = Atom1Feed
    language = "en"
    author_name = "Murmuration"
    item_guid_is_permalink = False

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().__call__(request, *args, **kwargs)
        response["Cache-Control"] = "public, max-age=60"
        return response


@dataclass(frozen=True)
class Entry:
    """A proposal as the feed tells it. `updated_at` in chain seconds: when it last became another."""

    standing: Standing
    updated_at: int


class ProposalFeed(SiteFeed):
    """What the collectors decide. An entry is updated when it opens, closes, is queued or takes effect."""

    title = "Murmuration: proposals"
    subtitle = "What the collectors decide. Only what the chain can no longer take back."
    description = subtitle

    def link(self) -> str:
        return reverse("governance:proposals")

    def feed_guid(self) -> str:
        return stable_id("feed", "proposals")

    def items(self) -> list[Entry]:
        """The newest proposals whose block is final."""
        return entries()

    def item_title(self, item: Entry) -> str:
        proposal = item.standing.proposal
        return f"Proposal {proposal.number}: {safe_words(proposal.title)}"  # type: ignore[attr-defined]

    def item_description(self, item: Entry) -> str:
        return summary(item.standing)

    def item_link(self, item: Entry) -> str:
        return reverse("governance:proposal", args=[item.standing.proposal.pk])

    def item_guid(self, item: Entry) -> str:
        return stable_id("proposal", item.standing.proposal.pk)

    def item_author_name(self, item: Entry) -> str:
        return people.name_of(item.standing.proposal.proposer)

    def item_pubdate(self, item: Entry) -> datetime:
        return datetime.fromtimestamp(item.standing.proposal.at, UTC)

    def item_updateddate(self, item: Entry) -> datetime:
        return datetime.fromtimestamp(item.updated_at, UTC)

    def item_categories(self, item: Entry) -> list[str]:
        return [item.standing.state.word]


def entries() -> list[Entry]:
    """The newest final proposals where they stood when the newest final block was built."""
    cursor = Cursor.current()
    if cursor is None:
        return []
    final = cursor.finalized_number
    found = list(selectors.proposals().filter(block_number__lte=final)[:ENTRIES])
    standings = selectors.standings(found, clock.now())
    done = {
        row.operation_id: row
        for row in OperationExecuted.objects.filter(operation_id__in=[one.operation_id for one in found])
    }
    return [Entry(standing, _updated(standing, final, done)) for standing in standings]


def summary(standing: Standing) -> SafeString:
    """A proposal in a few lines of HTML."""
    proposal, tally = standing.proposal, standing.tally
    lines = [
        f"{standing.state.word}. {outcomes.verdict(standing)}",
        f"{tally.for_} for, {tally.against} against, {tally.abstain} abstaining. "
        + outcomes.quorum(standing).words,
    ]
    told = format_html_join("", "<p>{}</p>", ((line,) for line in lines))
    why = linebreaks(safe_words(proposal.body), autoescape=True)
    return format_html("{}{}", told, mark_safe(why))  # noqa: S308 - escaped by linebreaks


def _updated(standing: Standing, final: int, done: dict[str, Any]) -> int:
    """When a proposal last became another: by an event in a final block, or by the clock."""
    proposal = standing.proposal
    rows = [getattr(proposal, name, None) for name in ("extended", "queued", "executed", "canceled")]
    rows.append(done.get(proposal.operation_id))
    moments = [row.at for row in rows if row is not None and row.block_number <= final]
    moments += [at for at in (proposal.voting_starts, standing.deadline) if at <= standing.now]
    return max([proposal.at, *moments])
