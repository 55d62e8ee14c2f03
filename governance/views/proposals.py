"""The list of proposals, one proposal, and the parts of both that open pages fetch again."""

from __future__ import annotations

import re
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from chain import clock
from chain.models import Cursor
from governance import keeper, life, outcomes, record, selectors
from governance.models import ParameterChange, Proposal, Support, Vote
from governance.parameters import Value, describe_calls, values_at
from governance.selectors import Standing, State

PER_PAGE = 20
BALLOTS_PER_PAGE = 30
WEIGHTLESS = 20
"""How many of the votes without weight are named: anyone may send any number of them."""
CHOICES = ((Support.FOR, "For"), (Support.AGAINST, "Against"), (Support.ABSTAIN, "Abstain"))
FILTERS = {"": "All", "open": "Open", "decided": "Decided"}
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Proposals, newest first: all of them, those that something still happens to, or those that are decided;
    of everybody or of one member.
    """
    author = request.GET.get("by", "")
    if author != author.lower() and _ADDRESS.fullmatch(author):
        query = request.GET.copy()
        query["by"] = author.lower()
        return redirect(f"{request.path}?{query.urlencode()}", permanent=True)
    return render(request, "governance/proposals.html", _list(request))


@require_safe
def index_part(request: HttpRequest) -> HttpResponse:
    return render(request, "governance/_proposals.html", _list(request))


@require_safe
def page(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """One proposal: what it would change, where it stands, who voted how and why."""
    proposal = _find(proposal_id)
    if proposal is None:
        return render(request, "governance/gone.html", {"proposal_id": proposal_id}, status=404)
    context = _standing(request, proposal)
    context |= _change(context["standing"]) | _record(request, context["standing"]) | {"choices": CHOICES}
    return render(request, "governance/proposal.html", context)


@require_safe
def standing_part(request: HttpRequest, proposal_id: int) -> HttpResponse:
    proposal = _find(proposal_id)
    if proposal is None:
        return _gone(request, "standing")
    return render(request, "governance/_standing.html", _standing(request, proposal))


@require_safe
def change_part(request: HttpRequest, proposal_id: int) -> HttpResponse:
    proposal = _find(proposal_id)
    if proposal is None:
        return _gone(request, "change")
    context = _change(selectors.standing(proposal, clock.now()))
    return render(request, "governance/_change.html", context)


@require_safe
def record_part(request: HttpRequest, proposal_id: int) -> HttpResponse:
    proposal = _find(proposal_id)
    if proposal is None:
        return _gone(request, "record")
    context = _record(request, selectors.standing(proposal, clock.now()))
    return render(request, "governance/_record.html", context)


@require_safe
def known(request: HttpRequest, proposal_id: int) -> JsonResponse:
    """Whether a proposal that was just sent has been read from the chain yet."""
    return JsonResponse({"known": Proposal.objects.filter(pk=proposal_id).exists()})


def before(standing: Standing) -> dict[str, Value]:
    """The parameters to compare with: those it replaced, those of its end if it failed, else today's."""
    proposal = standing.proposal
    if standing.state is State.EXECUTED:
        made = selectors.versions_made(Proposal.objects.filter(pk=proposal.pk))
        if made:
            return values_at(made[0] - 1)
    if not standing.state.moving:
        return values_at(_version_at(standing.deadline))
    return values_at()


def _list(request: HttpRequest) -> dict[str, Any]:
    """What both the page and its live part show. Raises Http404 for filters that there are not."""
    show, author = request.GET.get("show", ""), request.GET.get("by", "")
    if show not in FILTERS or (author and not _ADDRESS.fullmatch(author)):
        raise Http404("no such list")
    author = author.lower()
    now = clock.now()
    found: QuerySet[Proposal] = selectors.proposals()
    moving: list[int] = []
    if show:
        moving = [item.proposal.pk for item in selectors.open_proposals(now, patience=keeper.PATIENCE_S)]
        found = found.filter(pk__in=moving) if show == "open" else found.exclude(pk__in=moving)
    if author:
        found = found.filter(proposer=author)
    chosen = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    cursor = Cursor.current()
    rows = list(chosen.object_list)
    if show:
        standings = selectors.standings(rows, now)
    else:  # most that move are on the page already
        candidates = set(selectors.candidates(now, patience=keeper.PATIENCE_S))
        others = candidates - {row.pk for row in rows}
        elsewhere = list(selectors.proposals().filter(pk__in=others)) if others else []
        every = selectors.standings([*rows, *elsewhere], now)
        moving = [one.proposal.pk for one in every if one.proposal.pk in candidates and one.state.moving]
        standings = every[: len(rows)]
    return {
        "page": chosen,
        "rows": [
            {
                "standing": item,
                "lacks": outcomes.lacks(item) if item.state is State.DEFEATED else "",
                "to_final": life.blocks_to_final(item.proposal.block_number, cursor),
            }
            for item in standings
        ],
        "now": now,
        "show": show,
        "author": author,
        "filters": [
            {"words": words, "query": _query(show=key, by=author), "here": key == show}
            for key, words in FILTERS.items()
        ],
        "open_count": len(moving),
        "query": _query(show=show, by=author),
        "everybody": _query(show=show),
    }


def _query(**wanted: str) -> str:
    """`show=open&by=0x…` of what is not empty."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in wanted.items() if value})
    return query.urlencode()


def _find(proposal_id: int) -> Proposal | None:
    return selectors.proposals().filter(pk=proposal_id).first()


def _gone(request: HttpRequest, part: str) -> HttpResponse:
    """A part of a page that is open, so that its proposal was there: the chain took it back."""
    if not getattr(request, "htmx", False):
        raise Http404("no such proposal")
    return render(request, "governance/_gone.html", {"part": part, "now": clock.now()})


def _standing(request: HttpRequest, proposal: Proposal) -> dict[str, Any]:
    standing = selectors.standing(proposal, clock.now())
    address: str | None = getattr(request, "wallet", None)
    return {
        "proposal": proposal,
        "standing": standing,
        "rules": [outcomes.quorum(standing), outcomes.majority(standing)],
        "verdict": outcomes.verdict(standing),
        "confirmations_missing": life.missing(proposal, record.cast(proposal.pk).newest, Cursor.current()),
        "trouble": keeper.trouble(proposal) if standing.state is State.SUCCEEDED or standing.ready else "",
        "my_vote": selectors.vote_of(proposal, address),
        "power": record.power(standing, address) if address else None,
    }


def _change(standing: Standing) -> dict[str, Any]:
    proposal = standing.proposal
    calls = describe_calls(proposal.targets, proposal.wei, proposal.calldatas, before(standing))
    return {"proposal": proposal, "standing": standing, "calls": calls}


def _record(request: HttpRequest, standing: Standing) -> dict[str, Any]:
    votes = Vote.objects.filter(proposal=standing.proposal).order_by("-block_number", "-log_index")
    cursor = Cursor.current()
    cast = record.cast(standing.proposal.pk)
    paginator = Paginator(votes.exclude(weight=0), BALLOTS_PER_PAGE)
    paginator.count = cast.counted
    counted: Page[Vote] = paginator.get_page(request.GET.get("votes"))
    return {
        "proposal": standing.proposal,
        "standing": standing,
        "votes": counted,
        "ballots": record.ballots(list(counted.object_list), standing, cursor),
        "weightless": list(votes.filter(weight=0)[:WEIGHTLESS]) if cast.weightless else [],
        "weightless_count": cast.weightless,
        "steps": life.steps(standing, cursor),
    }


def _version_at(timestamp: int) -> int | None:
    newest = ParameterChange.objects.filter(at__lte=timestamp).order_by("-block_number", "-log_index")
    return newest.values_list("version", flat=True).first()
