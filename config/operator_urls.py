"""What an operator's process answers (`config.operate`): what it keeps, by hash, and that it lives."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from gallery.views import health

urlpatterns = [
    path("", include("compute.serving")),
    path("healthz/", health.healthz),
]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No page of the site's look: there are no pages here."""
    return HttpResponse("Not here.\n", status=404, content_type="text/plain; charset=utf-8")


def server_error(request: HttpRequest) -> HttpResponse:
    """The log file has more."""
    return HttpResponse("This failed.\n", status=500, content_type="text/plain; charset=utf-8")


handler404, handler500 = not_found, server_error
