"""How governance is put on a page: names, spans of time, a tally as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance import actions, network, people, withholding
from governance.parameters.spec import duration
from governance.selectors import Tally
from governance.weights import ZERO

register = template.Library()
register.filter("person", people.name_of)
register.filter("duration", duration)
register.filter("votes", actions.votes_words)
register.filter("shown", withholding.shown)


@register.filter
def moment(seconds: int | None) -> datetime | None:
    """Chain time in seconds as a date."""
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


@register.filter
def member_link(address: str) -> SafeString:
    """An address by name, as a link to what it holds and decided; nobody's page is nowhere."""
    if address == ZERO:
        return format_html("<span>{}</span>", "nobody")
    url = reverse("governance:member", args=[address])
    return format_html('<a class="person" href="{}"><bdi>{}</bdi></a>', url, people.name_of(address))


@register.simple_tag
def tally_bar(tally: Tally) -> SafeString:
    """The tally as one bar. Widths are attributes of an SVG: the page's policy allows no inline style."""
    parts = [("for", tally.for_), ("against", tally.against), ("abstain", tally.abstain)]
    label = f"{tally.for_} for, {tally.against} against, {tally.abstain} abstaining"
    rects, x = [], 0.0
    for kind, count in parts:
        width = round(1000 * count / tally.total, 3) if tally.total else 0
        rects.append((kind, f"{x:g}", f"{width:g}"))
        x += width
    return format_html(
        '<svg class="tally" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{}">'
        "{}</svg>",
        label,
        format_html_join("", '<rect class="{}" x="{}" y="0" width="{}" height="10"/>', rects),
    )


@register.simple_tag
def swatches(colours: Sequence[str]) -> SafeString:
    """A palette's colours side by side, as a picture without words: its name stands beside it."""
    rects = format_html_join(
        "", '<rect x="{}" y="0" width="1" height="1" fill="{}"/>', ((i, c) for i, c in enumerate(colours))
    )
    return format_html(
        '<svg class="swatches" viewBox="0 0 {} 1" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        len(colours) or 1,
        rects,
    )


@register.simple_tag
def chain_id() -> int:
    """The chain that wallets should be on; 0 while there is none."""
    return network.chain_id()
