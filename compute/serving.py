"""What sites and operators serve to each other: pictures of the lineage, and attestations, by their hashes;
and the deployment file, with which an operator begins.

An address names its content, so whoever asked may keep the answer for good. Of pictures that holds for them
alone, not for caches that stand in front of this site: one that is withheld must disappear at once (decision
0110), and is then answered with 451 and the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.urls import path
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

import compute.converters  # noqa: F401 - hash32
from chain import deployments
from chain.deployments import DeploymentMissing
from compute import pictures
from compute.models import Attestation, Picture
from governance import withholding
from studio.picture import BadPicture

FOR_GOOD = "max-age=31536000, immutable"
UNAVAILABLE = 451
"""RFC 7725: unavailable for legal reasons."""


@require_safe
def lineage(request: HttpRequest, file_hash: str) -> HttpResponse:
    """The canonical PNG of a picture: the SHA-256 of what is served is its name."""
    reason = withholding.picture(file_hash)
    if reason is not None:
        return _words(f"Withheld here: {reason}", UNAVAILABLE)

    def body() -> bytes:
        try:
            return pictures.canonical(Picture.objects.get(file_hash=file_hash))
        except (Picture.DoesNotExist, pictures.PictureDamaged, BadPicture, OSError) as error:
            raise Http404 from error

    return _for_good(request, file_hash, "image/png", f"private, {FOR_GOOD}", body)


@require_safe
def attestation(request: HttpRequest, manifest_hash: str) -> HttpResponse:
    """A worker's attestation: the keccak256 of what is served is its name."""

    def body() -> bytes:
        found = Attestation.objects.filter(manifest_hash=manifest_hash).values_list("body", flat=True).first()
        if found is None:
            raise Http404
        return str(found).encode()

    return _for_good(request, manifest_hash, "application/json", f"public, {FOR_GOOD}", body)


@require_safe
def deployment(request: HttpRequest) -> HttpResponse:
    """The deployment file that an operator needs: the chain, its first block, the contracts' addresses."""
    try:
        response: HttpResponse = JsonResponse(deployments.load().to_json(), json_dumps_params={"indent": 2})
    except DeploymentMissing:
        return _words("There is none yet.", 404)
    response["Cache-Control"] = "no-cache"
    return response


urlpatterns = [
    path("deployment.json", deployment, name="deployment"),
    path("lineage/<hash32:file_hash>", lineage, name="lineage-file"),
    path("attestations/<hash32:manifest_hash>", attestation, name="attestation"),
]


def _for_good(
    request: HttpRequest, name: str, kind: str, kept: str, body: Callable[[], bytes]
) -> HttpResponse:
    response: HttpResponse
    try:
        if f'"{name}"' in parse_etags(request.headers.get("If-None-Match", "")):
            response = HttpResponseNotModified()
        else:
            response = HttpResponse(body(), content_type=kind)
    except Http404:
        return _words("Not kept here.", 404)
    response["ETag"] = f'"{name}"'
    response["Cache-Control"] = kept
    return response


def _words(text: str, status: int) -> HttpResponse:
    """An answer for a person who reads along. Nobody keeps it: the next may be another."""
    response = HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response
