"""URL -> view. The artwork is the front page; governance and the admin have their own paths."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from config.metrics import metrics


class Icon(RedirectView):
    """The site's mark, for browsers that ask for /favicon.ico (the admin's pages name no icon)."""

    def get_redirect_url(self, *args: object, **kwargs: object) -> str:
        return static("css/mark.svg")


admin.autodiscover()

urlpatterns = [
    path("admin/", admin.site.urls),
    path("metrics", metrics),
    path("favicon.ico", Icon.as_view()),
    path("", include("compute.serving")),
    path("", include("governance.urls")),
    path("", include("gallery.urls")),
]

handler500 = "config.errors.server_error"
