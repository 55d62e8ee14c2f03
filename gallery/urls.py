"""The artwork's pages."""

from django.urls import path, register_converter

from gallery import views
from gallery.converters import HashConverter

register_converter(HashConverter, "hash32")

app_name = "gallery"
urlpatterns = [
    path("", views.now, name="now"),
    path("now/label/", views.now_label, name="now-label"),
    path("lineage/", views.lineage, name="lineage"),
    path("generations/<int:number>/", views.generation, name="generation"),
    path("pictures/<hash32:file_hash>/original.png", views.original, name="original"),
    path("pictures/<hash32:file_hash>/<int:size>.webp", views.picture, name="picture"),
    path("about/", views.about, name="about"),
    path("healthz/", views.healthz, name="healthz"),
]
