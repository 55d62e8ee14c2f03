"""The collectors: everyone with tokens or votes, and one person's record."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from eth_utils.address import to_checksum_address

from chain import clock, deployments
from chain.models import Cursor
from governance import members, people, selectors

PER_PAGE = 50
TOKENS_PER_PAGE = 24
VOTES_PER_PAGE = 10
CHECKPOINTS_PER_PAGE = 12
TURNS_PER_PAGE = 12
PROPOSALS = 5
CHART = 100
"""Checkpoints in the picture of an address's votes at most: the newest."""


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Everyone who holds a token or has a vote."""
    return render(request, "governance/members.html", _roll(request))


@require_safe
def index_part(request: HttpRequest) -> HttpResponse:
    return render(request, "governance/_members.html", _roll(request))


@require_safe
def page(request: HttpRequest, address: str) -> HttpResponse:
    """One address. Any address has a page; there is one spelling of it, in lower case."""
    if address != address.lower():
        query = request.META.get("QUERY_STRING", "")
        return redirect(request.path.lower() + (f"?{query}" if query else ""), permanent=True)
    profile = members.profile(address)
    context: dict[str, Any] = {
        "member": profile,
        "name": people.name_of(address),
        "checksummed": to_checksum_address(address),
        "contract": _contract(address),
        "cursor": Cursor.current(),
        "query": request.GET,
    }
    if profile.known:
        context |= _past(request, address, profile.tokens)
    return render(request, "governance/member.html", context)


def _roll(request: HttpRequest) -> dict[str, Any]:
    roll = members.roll()
    chosen = Paginator(roll.voters, PER_PAGE).get_page(request.GET.get("page"))
    return {"roll": roll, "page": chosen, "cursor": Cursor.current()}


def _past(request: HttpRequest, address: str, tokens: list[int]) -> dict[str, Any]:
    checkpoints = members.checkpoints(address)
    marks = _page(request, "power", checkpoints, CHECKPOINTS_PER_PAGE)
    shown = list(marks.object_list)
    older = checkpoints[marks.end_index() : marks.end_index() + 1].first() if shown else None
    turns = _page(request, "delegations", members.delegations(address), TURNS_PER_PAGE)
    votes = _page(request, "votes", members.votes(address), VOTES_PER_PAGE)
    made = selectors.proposals().filter(proposer=address)
    listed = list(made[:PROPOSALS])
    return {
        "tokens": _page(request, "tokens", tokens[::-1], TOKENS_PER_PAGE),
        "marks": marks,
        "history": members.history(address, shown, older),
        "curve": [(row.at, row.current) for row in checkpoints[:CHART]][::-1],
        "delegations": turns,
        "turns": members.turns(address, list(turns.object_list)),
        "votes": votes,
        "numbers": _numbers([vote.proposal_id for vote in votes.object_list]),
        "proposals": selectors.standings(listed, clock.now()),
        "made": made.count() if len(listed) == PROPOSALS else len(listed),
        "now": clock.now(),
    }


def _page(request: HttpRequest, name: str, rows: QuerySet[Any] | list[Any], size: int) -> Page[Any]:
    return Paginator(rows, size).get_page(request.GET.get(name))


def _numbers(ids: list[int]) -> dict[int, int]:
    """The numbers of proposals, as pages call them."""
    return {row.pk: getattr(row, "number", 0) for row in selectors.proposals().filter(pk__in=ids)}


def _contract(address: str) -> str | None:
    """The name of the artwork's contract at this address, if it is one."""
    try:
        return deployments.name_of(address)
    except deployments.DeploymentMissing:
        return None
