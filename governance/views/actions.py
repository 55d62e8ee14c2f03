"""Transactions made ready for a wallet, and the composer.

A POST answers with JSON for static/src/wallet: `{"transaction", "chain", "network", "from", "demo", "then"}`,
or `{"errors": {field: [sentences]}, "message"}` with status 422 (401 when nobody is signed in). The composer
also answers an ordinary form post with the page and every word that was typed.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from chain import deployments
from governance import actions, demo_wallet, limits, registry, reverts, selectors
from governance.actions import Refused
from governance.forms import ComposeForm, VoteForm
from governance.models import GovernorSetting, ParameterChange
from governance.network import network
from governance.views.bodies import json_object, refuse
from studio import vocabulary

SIGN_IN = "Connect a wallet first: what you typed is kept."


@require_POST
def vote(request: HttpRequest, proposal_id: int) -> JsonResponse:
    proposal = get_object_or_404(selectors.proposals(), pk=proposal_id)
    form = VoteForm(request.POST)
    address = wallet_of(request)
    if address is None:
        return refuse(SIGN_IN, status=401)
    if not form.is_valid():
        return faults(form.errors)
    try:
        wanted = actions.vote(proposal, address, form.cleaned_data["support"], form.cleaned_data["reason"])
    except Refused as refusal:
        return refuse(str(refusal))
    return offer(address, wanted)


@require_POST
def queue(request: HttpRequest, proposal_id: int) -> JsonResponse:
    return _step(request, proposal_id, actions.queue)


@require_POST
def execute(request: HttpRequest, proposal_id: int) -> JsonResponse:
    return _step(request, proposal_id, actions.execute)


@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: HttpRequest) -> HttpResponse:
    """A typed form over every governed parameter."""
    newest = _newest_version()
    as_json = "application/json" in request.headers.get("Accept", "")
    if newest is None:
        return render(request, "governance/compose.html", {"form": None}, status=503)
    if request.method != "POST":
        return _composer(request, ComposeForm(newest_version=newest, initial=_wished(request)))
    form = ComposeForm(request.POST, newest_version=newest)
    address = wallet_of(request)
    message, status = "", 422
    if address is None:
        message, status = SIGN_IN, 401
    elif form.is_valid():
        try:
            draft = actions.propose(
                address, form.changes, form.cleaned_data["title"], form.cleaned_data["reason"]
            )
        except Refused as refusal:
            message = str(refusal)
        else:
            if as_json:
                return offer(address, draft.request, then=reverse("governance:proposal", args=[draft.id]))
            message = "Sending it needs JavaScript: your wallet speaks to the page. Nothing is lost."
    if not as_json:
        return _composer(request, form, message=message, status=status)
    return refuse(message, status=status) if message else faults(form.errors)


@require_POST
def explain(request: HttpRequest) -> JsonResponse:
    """Put a wallet's or the chain's refusal into words: `{"data": "0x…" | null, "message": str}` in."""
    if not limits.allowed(request, "explain", most=120, seconds=60):
        return refuse("Too many requests. Please wait a minute.", status=429)
    body = json_object(request)
    data = body.get("data")
    known = data if isinstance(data, str) and data.startswith("0x") and len(data) > 2 else None
    return JsonResponse({"words": reverts.sentence(known, str(body.get("message", ""))[:2000])})


def _step(request: HttpRequest, proposal_id: int, make: Any) -> JsonResponse:
    proposal = get_object_or_404(selectors.proposals(), pk=proposal_id)
    address = wallet_of(request)
    if address is None:
        return refuse(SIGN_IN, status=401)
    try:
        return offer(address, make(proposal))
    except Refused as refusal:
        return refuse(str(refusal))


def offer(address: str, wanted: dict[str, str], then: str = "") -> JsonResponse:
    """A transaction for the wallet of `address`; `then` is where to go once it has been read."""
    return JsonResponse(
        {
            "transaction": wanted,
            "chain": hex(deployments.load().chain_id),
            "network": network(),
            "from": address,
            "demo": demo_wallet.available() and address in demo_wallet.ACCOUNTS,
            "then": then,
        }
    )


def faults(errors: Any) -> JsonResponse:
    """A form's faults, each to be shown at its field."""
    fields = {name: [str(fault) for fault in faults] for name, faults in errors.items()}
    return JsonResponse({"errors": fields, "message": "; ".join(fields.pop("__all__", []))}, status=422)


def _composer(request: HttpRequest, form: ComposeForm, message: str = "", status: int = 200) -> HttpResponse:
    address = wallet_of(request)
    context = {
        "form": form,
        "message": message,
        "palettes": vocabulary.PALETTES,
        "my_refusal": None if address is None else actions.proposal_refusal(address),
        "voting_period": selectors.setting(GovernorSetting.Kind.VOTING_PERIOD),
        "timelock_delay": selectors.setting(GovernorSetting.Kind.TIMELOCK_DELAY),
    }
    if request.method == "POST" and message == "" and form.is_bound and not form.is_valid():
        status = 422
    return render(request, "governance/compose.html", context, status=status)


def _wished(request: HttpRequest) -> dict[str, str]:
    """What a link to the composer fills in: `?model=0x…`."""
    model = request.GET.get("model", "").lower()
    found = registry.entry(model)
    return {"model": model} if found is not None and found.active else {}


def wallet_of(request: HttpRequest) -> str | None:
    """The address that this session signed in with."""
    return getattr(request, "wallet", None)


def _newest_version() -> int | None:
    changes = ParameterChange.objects.order_by("-version").values_list("version", flat=True)
    return changes.first()
