"""What programs read of the artwork: a generation's recipe and environment, the site's status, its map."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_safe

from compute.models import Rendering
from gallery import generation_json
from gallery import status as health_status
from gallery.models import Generation
from governance import withholding
from studio.recipe import Recipe

PLACES = ("now", "lineage", "timeline", "about", "status")
WITHHELD = 451


@require_safe
def recipe(request: HttpRequest, number: int) -> HttpResponse:
    """A generation's recipe as the painter's canonical JSON; 451 with the reason where words are withheld."""
    job = _job(number)
    told = Recipe.from_mapping(job.recipe)
    reason = withholding.words("\n".join([told.text(), told.negative_prompt]))
    if reason is not None:
        return JsonResponse({"withheld": reason}, status=WITHHELD)
    return _file(told.to_json(), f"murmuration-{number}-recipe.json")


@require_safe
def environment(request: HttpRequest, number: int) -> HttpResponse:
    """Where and with what a generation was painted, as JSON."""
    job = _job(number)
    if not job.environment:
        raise Http404("its environment is not kept here")
    told = json.dumps(job.environment, sort_keys=True, indent=2, ensure_ascii=False)
    return _file(told, f"murmuration-{number}-environment.json")


@require_safe
def generation(request: HttpRequest, number: int) -> HttpResponse:
    """A generation as JSON: its hashes, who painted it, what that took, and what came of verifying it."""
    get_object_or_404(Generation, number=number)
    told = json.dumps(generation_json.generation(number), indent=2, ensure_ascii=False)
    return _file(told, f"murmuration-{number}.json")


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """How the site is, for programs."""
    response = JsonResponse(health_status.status().to_json())
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers may read: the pages, not the forms, the wallets or the operator's side."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in ("/admin/", "/signin/", "/demo-wallet/", "/proposals/new/")),
        f"Sitemap: {request.build_absolute_uri(reverse('gallery:sitemap'))}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """The pages worth finding (sitemaps.org, version 0.9)."""
    paths = [reverse(f"gallery:{name}") for name in PLACES]
    paths += [reverse("governance:proposals"), reverse("governance:members")]
    newest = Generation.objects.values_list("number", flat=True)[:10_000]
    paths += [reverse("gallery:generation", args=[number]) for number in newest]
    places = format_html_join(
        "", "<url><loc>{}</loc></url>", ((request.build_absolute_uri(path),) for path in paths)
    )
    body = format_html(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>',
        places,
    )
    return HttpResponse(body, content_type="application/xml")


def _job(number: int) -> Any:
    """The painting behind a generation; 404 where this site doesn't know it."""
    row = get_object_or_404(Generation, number=number)
    return get_object_or_404(Rendering, recipe_hash=row.recipe_hash)


def _file(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response
