"""Pictures, at addresses that name their content.

What is at an address never changes, but whether this site shows it may (docs/decisions/0110): so a browser
keeps its copy and asks each time, by its tag, whether it may show it. The answer costs one small query.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from compute import pictures
from compute.models import Picture
from governance import withholding

KEPT = "public, no-cache"
"""Any cache may keep it, and none may show it without asking."""
UNAVAILABLE = 451
"""RFC 7725: unavailable for legal reasons."""


@require_safe
def picture(request: HttpRequest, file_hash: str, size: int) -> HttpResponse:
    """A picture in a display size, as WebP."""
    if size not in pictures.SIZES:
        raise Http404(f"sizes are {', '.join(map(str, pictures.SIZES))}")
    tag = f"{file_hash}-{size}"
    return _answer(request, file_hash, tag, "image/webp", lambda row: pictures.display(row, size))


@require_safe
def original(request: HttpRequest, file_hash: str) -> HttpResponse:
    """The canonical PNG: the SHA-256 of what is served is the hash on chain."""
    response = _answer(request, file_hash, file_hash, "image/png", pictures.canonical)
    if response.status_code == 200:
        response["Content-Disposition"] = f'inline; filename="murmuration-{file_hash[2:14]}.png"'
    return response


def _answer(
    request: HttpRequest, file_hash: str, tag: str, content_type: str, body: Callable[[Picture], bytes]
) -> HttpResponse:
    reason = withholding.picture(file_hash)
    if reason is not None:
        return withheld(request, file_hash, reason)
    etag = f'"{tag}"'
    response: HttpResponse
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponseNotModified()
    else:
        row = get_object_or_404(Picture, file_hash=file_hash)
        response = HttpResponse(body(row), content_type=content_type)
    response["ETag"] = etag
    response["Cache-Control"] = KEPT
    patch_vary_headers(response, ["Accept"])  # as of the answer that takes its place while it is withheld
    return response


def withheld(request: HttpRequest, file_hash: str, reason: str) -> HttpResponse:
    """451: a page of words for who opens the address, an empty frame where a picture was asked for."""
    context = {"reason": reason, "file_hash": file_hash}
    if "text/html" in request.headers.get("Accept", ""):
        page = render_to_string("gallery/withheld.html", context, request)
        response = HttpResponse(page, status=UNAVAILABLE)
    else:
        frame = render_to_string("gallery/withheld.svg", context)
        response = HttpResponse(frame, status=UNAVAILABLE, content_type="image/svg+xml; charset=utf-8")
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept"])
    return response
