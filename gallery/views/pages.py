"""The artwork's pages. Views fetch what a selector gives and hand it to a template."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from gallery import selectors
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
    """Every generation, newest first."""
    return render(request, "gallery/lineage.html", {"entries": selectors.lineage()})


@require_safe
def generation(request: HttpRequest, number: int) -> HttpResponse:
    """One generation: what it was painted from, by whom, and who decided it."""
    get_object_or_404(Generation, number=number)
    return render(request, "gallery/generation.html", {"page": selectors.generation_page(number)})


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """What this is."""
    return render(request, "gallery/about.html", {"about": selectors.about()})
