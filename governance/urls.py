"""Pages of governance. Ids are decimal uint256."""

from django.urls import URLPattern

app_name = "governance"
urlpatterns: list[URLPattern] = []
