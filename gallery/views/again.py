"""Painting a generation again for a visitor: asked for by a form, shown on the page while it happens."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from gallery import again as painting_again
from gallery.models import Generation
from gallery.repaints import CantRepaint
from live.address import client_network


@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest, number: int) -> HttpResponse:
    """How verifying a generation stands; asked by POST, it is queued."""
    get_object_or_404(Generation, number=number)
    part = bool(getattr(request, "htmx", False))
    refused, status = "", 200
    if request.method == "POST":
        try:
            painting_again.ask(number, client_network(request))
        except painting_again.TooMany as error:
            refused, status = str(error), 429
        except CantRepaint as error:
            refused, status = str(error), 409
        else:
            if not part:
                return redirect("gallery:again", number)
    context = {"again": painting_again.again(number), "refused": refused, "number": number}
    template = "gallery/_again.html" if part else "gallery/again.html"
    # A part is put into the page whatever it says, so it comes as one that is well.
    response = render(request, template, context, status=200 if part else status)
    response["Cache-Control"] = "no-store"
    return response
