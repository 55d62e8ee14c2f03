"""The artwork's pages. Views fetch what a selector gives and hand it to a template."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from gallery import chronicle, selectors
from gallery import status as health_status
from gallery.models import Generation


@require_safe
def now(request: HttpRequest) -> HttpResponse:
    """The front page: the newest generation and what happens next."""
    return render(request, "gallery/now.html", {"now": selectors.now()})


@require_safe
def now_label(request: HttpRequest) -> HttpResponse:
    """The front page's changing part alone."""
    return render(request, "gallery/_label.html", {"now": selectors.now()})


@require_safe
def lineage(request: HttpRequest) -> HttpResponse:
    """Every generation, newest first, a page at a time."""
    page = selectors.lineage(request.GET.get("page", 1))
    return render(request, "gallery/lineage.html", {"page": page})


@require_safe
def timeline(request: HttpRequest) -> HttpResponse:
    """The artwork's whole life by epoch, newest first, a page at a time."""
    asked = request.GET
    number = chronicle.page_of(asked["epoch"]) if "epoch" in asked else asked.get("page", 1)
    return render(request, "gallery/timeline.html", {"chronicle": chronicle.chronicle(number)})


@require_safe
def generation(request: HttpRequest, number: int) -> HttpResponse:
    """One generation: what it was painted from, by whom, who decided it, and how to check that."""
    get_object_or_404(Generation, number=number)
    page = selectors.generation_page(number, f"{request.scheme}://{request.get_host()}")
    return render(request, "gallery/generation.html", {"page": page})


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """What this is."""
    return render(request, "gallery/about.html", {"about": selectors.about()})


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """How the site is, for people."""
    return _fresh(render(request, "gallery/status.html", {"status": health_status.status()}))


@require_safe
def fresh(request: HttpRequest) -> HttpResponse:
    """The line that every page carries when it may be behind, alone."""
    return _fresh(render(request, "_fresh.html"))


def _fresh(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
