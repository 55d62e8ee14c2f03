"""An Atom feed of generations: each picture with its words and who decided it, once its block is final."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chain.models import Cursor
from gallery.generations import GenerationView, views_of
from gallery.models import Generation
from governance.feeds import SiteFeed, safe_words, stable_id

ENTRIES = 40


class Painted(NamedTuple):
    """A generation, and the site's address for its picture's."""

    view: GenerationView
    site: str


class GenerationFeed(SiteFeed):
    """Every picture as it is hung."""

    title = "Murmuration: generations"
    subtitle = "Every picture as it is hung. Only what the chain can no longer take back."
    description = subtitle

    def get_object(self, request: HttpRequest) -> str:  # type: ignore[override]
        """The site's address."""
        return request.build_absolute_uri("/").rstrip("/")

    def link(self) -> str:
        return reverse("gallery:lineage")

    def feed_guid(self) -> str:
        return stable_id("feed", "generations")

    def items(self, site: str) -> list[Painted]:
        """The newest generations whose block is final."""
        cursor = Cursor.current()
        if cursor is None:
            return []
        final = Generation.objects.filter(log__block__number__lte=cursor.finalized_number)
        return [Painted(view, site) for view in views_of(list(final.select_related("log__block")[:ENTRIES]))]

    def item_title(self, item: Painted) -> str:
        return f"Generation {item.view.number}: {safe_words(item.view.title)}"

    def item_description(self, item: Painted) -> str:
        return summary(item)

    def item_link(self, item: Painted) -> str:
        return item.view.url

    def item_guid(self, item: Painted) -> str:
        return stable_id("generation", item.view.number, item.view.result_hash)

    def item_pubdate(self, item: Painted) -> datetime:
        return datetime.fromtimestamp(item.view.anchored_at, UTC)

    item_updateddate = item_pubdate


def summary(item: Painted) -> SafeString:
    """The picture, what it was painted from and who decided that, as HTML."""
    view = item.view
    if view.withheld:
        picture = format_html("<p>Withheld on this site: {}</p>", safe_words(view.withheld))
    elif view.has_picture:
        picture = format_html(
            '<p><img src="{}{}" width="512" alt="{}"></p>', item.site, view.image_medium, safe_words(view.alt)
        )
    else:
        picture = format_html("<p>{}</p>", "The picture is not kept on this site.")
    decided = ", ".join(f"proposal {one.number}, “{safe_words(one.title)}”" for one in view.proposals)
    return format_html(
        "{}<p>“{}”</p><p>{}</p>",
        picture,
        safe_words(view.prompt_text),
        f"Decided by {decided}." if decided else "The recipe stayed; the seed is new.",
    )
