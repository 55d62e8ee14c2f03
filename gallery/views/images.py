"""Pictures, at addresses that name their content: they never change."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.utils.cache import patch_response_headers
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from gallery import pictures
from gallery.models import Picture

FOREVER_S = 365 * 24 * 3600


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
