"""The artwork's pages. Views fetch what a selector gives and hand it to a template."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_response_headers
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from chain import clock
from chain.models import Cursor
from gallery import pictures, selectors
from gallery.models import Generation, Picture

FOREVER_S = 365 * 24 * 3600


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


@require_safe
def picture(request: HttpRequest, file_hash: str, size: int) -> HttpResponse:
    """A picture in a display size, as WebP."""
    if size not in pictures.SIZES:
        raise Http404(f"sizes are {', '.join(map(str, pictures.SIZES))}")
    return _immutable(
        request, file_hash, f"{file_hash}-{size}", "image/webp", lambda row: pictures.display(row, size)
    )


@require_safe
def original(request: HttpRequest, file_hash: str) -> HttpResponse:
    """The canonical PNG: the SHA-256 of what is served is the hash on chain."""
    response = _immutable(request, file_hash, file_hash, "image/png", pictures.canonical)
    if response.status_code == 200:
        response["Content-Disposition"] = f'inline; filename="murmuration-{file_hash[2:14]}.png"'
    return response


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the site serves and its mirror follows the chain: 200, or 503 with the reason."""
    cursor = Cursor.current()
    problem = "nothing was mirrored yet" if cursor is None else cursor.error
    body: dict[str, Any] = {"ok": not problem, "problem": problem or None, "chain_time": clock.now()}
    if cursor is not None:
        body |= {"block": cursor.number, "head": cursor.head_number, "final": cursor.finalized_number}
    response = JsonResponse(body, status=503 if problem else 200)
    response["Cache-Control"] = "no-store"
    return response


def _immutable(request: HttpRequest, file_hash: str, tag: str, content_type: str, body: Any) -> HttpResponse:
    """A response that never changes, because its address names its content."""
    row = get_object_or_404(Picture, file_hash=file_hash)
    etag = f'"{tag}"'
    response: HttpResponse
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(body(row), content_type=content_type)
    response["ETag"] = etag
    patch_response_headers(response, FOREVER_S)
    response["Cache-Control"] = f"public, max-age={FOREVER_S}, immutable"
    return response
