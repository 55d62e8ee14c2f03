"""The site's addresses and one more, which says "ok": what the server and the middleware cost."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import urlpatterns as site


def ok(request: HttpRequest) -> HttpResponse:
    """Nothing but Django."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [path("bench-floor/", ok), *site]
