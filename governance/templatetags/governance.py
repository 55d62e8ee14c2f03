"""How governance is put on a page: names, spans of time, a tally as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.template.defaultfilters import date
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance import actions, addresses, descriptions, network, people, withholding
from governance.parameters.spec import duration
from governance.selectors import Tally
from governance.weights import ZERO

register = template.Library()
register.filter("person", people.name_of)
register.filter("duration", duration)
register.filter("votes", actions.votes_words)
register.filter("shown", withholding.shown)
register.filter("plain", descriptions.plain)


@register.filter
def moment(seconds: int | None) -> datetime | None:
    """Chain time in seconds as a date."""
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


@register.filter
@lru_cache(maxsize=4096)
def utc(seconds: int | None, pattern: str) -> str:
    """`seconds|moment|date:pattern`, remembered: a list of votes names many times, each of them twice."""
    return date(moment(seconds), pattern)


@register.filter
def share(count: int, total: int) -> str:
    """`count` of `total` in percent: whole, and honest about what is almost nothing or almost all."""
    return percent(100 * count / total if total else 0.0)


@register.filter
def percent(value: float) -> str:
    """`40 %`; `under 1 %` and `over 99 %` rather than 0 or 100 that are not."""
    if 0 < value < 1:
        return "under 1 %"
    if 99 < value < 100:
        return "over 99 %"
    return f"{value:.0f} %"


@register.filter
def spaced(number: int | str) -> str:
    """A whole number with its thousands apart."""
    return f"{int(number):,}".replace(",", " ")


@register.filter
def ether(wei: int) -> str:
    """Wei as ether: up to six decimals, and honest about less."""
    if not wei:
        return "0 ETH"
    if wei < 10**12:
        return "under 0.000001 ETH"
    amount = f"{wei // 10**18}.{wei % 10**18 // 10**12:06d}".rstrip("0").rstrip(".")
    return f"{amount} ETH"


@register.filter
def host(address: str) -> str:
    """A node's address without its scheme, as people say it."""
    return address.partition("://")[2] or address


@register.filter
def at(found: Mapping[Any, Any], key: Any) -> Any:
    """`found[key]`, or None."""
    return found.get(key)


@register.filter
def digest(value: str) -> str:
    """The beginning and the end of a hash."""
    return f"{value[:8]}…{value[-6:]}"


@register.filter
def worker_link(address: str) -> SafeString:
    """A worker by name, as a link to what it bonded and did."""
    url = addresses.page("gallery:worker", address)
    return format_html('<a class="person" href="{}"><bdi>{}</bdi></a>', url, people.name_of(address))


@register.filter
def member_link(address: str) -> SafeString:
    """An address by name, as a link to what it holds and decided; nobody's page is nowhere."""
    if address == ZERO:
        return format_html("<span>{}</span>", "nobody")
    url = addresses.page("governance:member", address)
    return format_html('<a class="person" href="{}"><bdi>{}</bdi></a>', url, people.name_of(address))


@register.simple_tag
@lru_cache(maxsize=1024)
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
def share_bar(value: float) -> SafeString:
    """A share of all votes (percent) as a thin bar; its number stands beside it."""
    return format_html(
        '<svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{}" height="1"/></svg>',
        f"{min(100.0, max(0.0, value)):.2f}",
    )


@register.simple_tag
def power_curve(curve: Sequence[tuple[int, int]], now: int) -> SafeString:
    """Votes over time as steps: (seconds, votes) oldest first, up to `now`. The numbers stand in a table."""
    if not curve:
        return SafeString("")
    start, most = curve[0][0], max(votes for _, votes in curve) or 1
    span = max(1, now - start)
    points, level = [], 0
    for moment_s, votes in [*curve, (max(now, curve[-1][0]), curve[-1][1])]:
        x = 1000 * (moment_s - start) / span
        points += [f"{x:.1f},{100 - 96 * level / most:.1f}", f"{x:.1f},{100 - 96 * votes / most:.1f}"]
        level = votes
    label = f"From {curve[0][1]} to {actions.votes_words(curve[-1][1])}, at most {most}"
    line = " ".join(points)
    return format_html(
        '<svg class="curve" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polygon points="{} 1000,100 0,100"/><polyline points="{}"/></svg>',
        label,
        line,
        line,
    )


@register.simple_tag(takes_context=True)
def page_query(context: Any, name: str, number: int) -> str:
    """This page's query string with the list called `name` turned to its page `number`."""
    query = context["request"].GET.copy()
    query[name] = str(number)
    return query.urlencode()


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
