"""The audit log: to be read, searched and taken along, never changed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from chain.admin import ReadOnlyAdmin
from gallery import audit
from gallery.models import AuditEntry

COLUMNS = ("at", "username", "action", "target", "allowed", "outcome")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With one of these in front, spreadsheets take a text for a formula and run it."""


class Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        """The text."""
        return text


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: led by an apostrophe where it would be."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who used which control, and who came in."""

    list_display = ["at", "username", "action", "target", "allowed", "outcome"]
    list_filter = ["action", "allowed", "at", "username"]
    search_fields = ["username", "action", "target", "outcome"]
    change_list_template = "admin/gallery/audit.html"

    def get_urls(self) -> list[URLPattern]:
        """The stock pages, and the file before them."""
        page = self.admin_site.admin_view(self.export)
        return [path("export.csv", page, name="gallery_auditentry_export"), *super().get_urls()]

    @method_decorator(require_safe)
    def export(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """What the list shows with the same search and filters, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).get_queryset(request).values_list(*COLUMNS)
        except IncorrectLookupParameters:
            return HttpResponseBadRequest("There is no such filter.")
        entry = audit.write(request.user, "export", request.GET.urlencode(), f"{rows.count()} audit entries.")
        rows = rows.filter(pk__lt=entry.pk)  # they are read while they are sent, after this was written
        response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
        name = f"murmuration-audit-{timezone.now():%Y%m%d-%H%M%S}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "no-store"
        return response


def _lines(rows: Any) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    for at, *values in rows.iterator(chunk_size=500):
        yield writer.writerow([at.isoformat(), *(harmless(str(value)) for value in values)])
