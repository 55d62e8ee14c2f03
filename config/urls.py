"""URL -> view. The artwork is the front page; governance and the admin have their own paths."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("governance.urls")),
    path("", include("gallery.urls")),
]
