"""Pictures for pages of governance, which by the layers know none: they include these addresses.

Each answers a whole page to somebody who follows it as a link, since pages work without JavaScript.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from compute.models import Picture
from gallery import decisions
from gallery.generations import views_of
from gallery.models import Generation
from gallery.views import images
from governance import members, people, selectors
from governance.models import Proposal

PER_PAGE = 12
SIZE = 160


@require_safe
def thumbnail(request: HttpRequest, number: int) -> HttpResponse:
    """A generation's picture by its number, small; an empty frame for one that is not here.

    It is asked for again each time, by the hash of what it shows: a reorganisation may change it.
    """
    file_hash = Generation.objects.filter(number=number).values_list("file_hash", flat=True).first()
    if file_hash is not None and Picture.objects.filter(file_hash=file_hash).exists():
        return images.picture(request, file_hash=file_hash, size=SIZE)
    response = render(request, "gallery/empty.svg", content_type="image/svg+xml; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def made(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """The generations that were painted with a proposal; as a part, nothing if it changed no parameter."""
    proposal = get_object_or_404(selectors.proposals(), pk=proposal_id)
    chosen = Proposal.objects.filter(pk=proposal.pk)
    context = {"proposal": proposal, "effective": bool(selectors.versions_made(chosen))}
    return _strip(request, chosen, "gallery/_made_of.html", context)


@require_safe
def decided_by(request: HttpRequest, address: str) -> HttpResponse:
    """The generations that a member voted for."""
    address = address.lower()
    context = {"address": address, "name": people.name_of(address)}
    return _strip(request, members.carried(address), "gallery/_made.html", context)


def _strip(
    request: HttpRequest, proposals: QuerySet[Proposal], part: str, context: dict[str, Any]
) -> HttpResponse:
    page = Paginator(decisions.painted_with(proposals), PER_PAGE).get_page(request.GET.get("page"))
    rows = Generation.objects.filter(number__in=list(page.object_list)).select_related("log__block")
    template = part if getattr(request, "htmx", False) else "gallery/made.html"
    return render(request, template, {**context, "page": page, "strip": views_of(list(rows), decided=[])})
