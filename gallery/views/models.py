"""The models that may paint: their list, and one model with all that can be checked of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery import painters


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every model of the registry, and those that painted without it."""
    return render(request, "gallery/models.html", {"rows": painters.models()})


@require_safe
def page(request: HttpRequest, model_id: str) -> HttpResponse:
    """One model; an id that nothing is known of has a page that says so, with status 404."""
    found = painters.model_page(model_id)
    context = {"page": found, "model_id": model_id}
    return render(request, "gallery/model.html", context, status=200 if found else 404)
