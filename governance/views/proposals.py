"""The list of proposals, one proposal, and the parts of both that open pages fetch again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from chain import clock
from chain.models import Cursor
from governance import actions, keeper, selectors
from governance.models import ParameterChange, Proposal, Support, Vote
from governance.parameters import Value, describe_calls, values_at
from governance.selectors import Standing, State

PER_PAGE = 20
CHOICES = ((Support.FOR, "For"), (Support.AGAINST, "Against"), (Support.ABSTAIN, "Abstain"))


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Proposals, newest first."""
    return render(request, "governance/proposals.html", _list(request))


@require_safe
def index_part(request: HttpRequest) -> HttpResponse:
    return render(request, "governance/_proposals.html", _list(request))


@require_safe
def page(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """One proposal: what it would change, where it stands, who voted how and why."""
    proposal = _get(proposal_id)
    context = _standing(request, proposal)
    context |= _change(context["standing"]) | _record(context["standing"]) | {"choices": CHOICES}
    return render(request, "governance/proposal.html", context)


@require_safe
def standing_part(request: HttpRequest, proposal_id: int) -> HttpResponse:
    return render(request, "governance/_standing.html", _standing(request, _get(proposal_id)))


@require_safe
def change_part(request: HttpRequest, proposal_id: int) -> HttpResponse:
    standing = selectors.standing(_get(proposal_id), clock.now())
    return render(request, "governance/_change.html", _change(standing))


@require_safe
def record_part(request: HttpRequest, proposal_id: int) -> HttpResponse:
    standing = selectors.standing(_get(proposal_id), clock.now())
    return render(request, "governance/_record.html", _record(standing))


@require_safe
def known(request: HttpRequest, proposal_id: int) -> JsonResponse:
    """Whether a proposal that was just sent has been read from the chain yet."""
    return JsonResponse({"known": Proposal.objects.filter(pk=proposal_id).exists()})


@dataclass(frozen=True)
class Step:
    """One line of a proposal's life. `at` is in chain seconds; `done` tells past from future."""

    name: str
    at: int | None
    done: bool
    current: bool = False


def before(standing: Standing) -> dict[str, Value]:
    """The parameters to compare with: those it replaced, those of its end if it failed, else today's."""
    proposal = standing.proposal
    if standing.state is State.EXECUTED:
        executed = getattr(proposal, "executed", None)
        if executed is not None:
            made = ParameterChange.objects.filter(log__tx_hash=executed.log.tx_hash)
            first = made.order_by("version").values_list("version", flat=True).first()
            if first is not None:
                return values_at(first - 1)
    if not standing.state.moving:
        return values_at(_version_at(standing.deadline))
    return values_at()


def timeline(standing: Standing) -> list[Step]:
    """What has happened to a proposal, what happens next, and what might."""
    proposal, now, state = standing.proposal, standing.now, standing.state
    steps = [
        Step("Proposed", proposal.at, done=True),
        Step("Voting opens", proposal.voting_starts, now > proposal.voting_starts, state is State.PENDING),
        Step("Voting closes", standing.deadline, now > standing.deadline, state is State.ACTIVE),
    ]
    if getattr(proposal, "extended", None) is not None:
        steps.insert(2, Step("Late quorum: voting goes on", proposal.extended.at, done=True))
    canceled = getattr(proposal, "canceled", None)
    if canceled is not None:
        return [*(step for step in steps if step.done), Step("Cancelled", canceled.at, done=True)]
    if state is State.DEFEATED:
        return [*steps, Step("Not carried", standing.deadline, done=True)]
    if state is State.CANCELED:
        return [*steps, Step("Cancelled in the timelock", None, done=True)]
    queued, executed = getattr(proposal, "queued", None), getattr(proposal, "executed", None)
    steps.append(
        Step("Queued in the timelock", queued.at if queued else None, bool(queued), state is State.SUCCEEDED)
    )
    done = state is State.EXECUTED
    at = executed.at if executed else standing.eta
    return [*steps, Step("Takes effect" if not done else "Took effect", at, done, state is State.QUEUED)]


def _list(request: HttpRequest) -> dict[str, Any]:
    paginator = Paginator(selectors.proposals(), PER_PAGE)
    chosen = paginator.get_page(request.GET.get("page"))
    return {
        "page": chosen,
        "standings": selectors.standings(list(chosen.object_list), clock.now()),
        "now": clock.now(),
    }


def _get(proposal_id: int) -> Proposal:
    return get_object_or_404(selectors.proposals(), pk=proposal_id)


def _standing(request: HttpRequest, proposal: Proposal) -> dict[str, Any]:
    standing = selectors.standing(proposal, clock.now())
    address: str | None = getattr(request, "wallet", None)
    mine: dict[str, Any] = {"my_vote": None, "my_weight": None, "my_refusal": None}
    if address is not None:
        opened = standing.state is not State.PENDING
        weight = (
            selectors.weight_at(address, proposal.voting_starts) if opened else selectors.weight_now(address)
        )
        mine = {
            "my_vote": selectors.vote_of(proposal, address),
            "my_weight": weight,
            "my_refusal": None if weight else actions.no_weight(address, proposal.voting_starts),
        }
    return {
        "proposal": proposal,
        "standing": standing,
        "confirmations_missing": _not_final(proposal),
        "trouble": keeper.trouble(proposal) if standing.state.moving else "",
        **mine,
    }


def _change(standing: Standing) -> dict[str, Any]:
    proposal = standing.proposal
    calls = describe_calls(proposal.targets, proposal.wei, proposal.calldatas, before(standing))
    return {"proposal": proposal, "standing": standing, "calls": calls}


def _record(standing: Standing) -> dict[str, Any]:
    votes = Vote.objects.filter(proposal=standing.proposal).order_by("-block_number", "-log_index")
    return {
        "proposal": standing.proposal,
        "standing": standing,
        "votes": votes,
        "timeline": timeline(standing),
    }


def _not_final(proposal: Proposal) -> int:
    """How many blocks the newest thing on this page still is from final; 0 when all of it is."""
    cursor = Cursor.current()
    if cursor is None:
        return 0
    newest = (
        Vote.objects.filter(proposal=proposal)
        .order_by("-block_number")
        .values_list("block_number", flat=True)
    )
    rows = [proposal.block_number, newest.first() or 0]
    for name in ("extended", "queued", "executed", "canceled"):
        row = getattr(proposal, name, None)
        if row is not None:
            rows.append(row.block_number)
    return max(0, max(rows) - cursor.finalized_number)


def _version_at(timestamp: int) -> int | None:
    newest = ParameterChange.objects.filter(at__lte=timestamp).order_by("-block_number", "-log_index")
    return newest.values_list("version", flat=True).first()
