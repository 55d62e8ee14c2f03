"""How the mirror stands, and reading it again."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from chain.admin import ReadOnlyAdmin
from chain.models import Block, Cursor, Log
from gallery import controls, health, mirrored, rebuilds
from gallery.admin import confirming
from gallery.models import Rebuild


@admin.register(Rebuild)
class RebuildAdmin(ReadOnlyAdmin):
    """When the mirror was read again, and the page that tells how it stands."""

    list_display = ["asked_at", "by", "began_at", "ended_at", "upto", "logs_before", "logs_after", "error"]

    def get_urls(self) -> list[URLPattern]:
        """The stock pages, and the status before them."""
        page = self.admin_site.admin_view(self.status)
        return [path("status/", page, name="gallery_rebuild_status"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def status(self, request: HttpRequest) -> HttpResponse:
        """Cursor, head, finality, nodes, repairs, rows by event, and the control that reads all again."""
        back = reverse("admin:gallery_rebuild_status")
        if request.method == "POST":
            return confirming.use(self.admin_site, request, back, "The mirror")
        if not self.has_view_permission(request):
            raise PermissionDenied
        report = health.report()
        rebuild = rebuilds.current()
        context = {
            **self.admin_site.each_context(request),
            "title": "The mirror",
            "cursor": Cursor.current(),
            "mirror": mirrored.mirrored(),
            "checks": [report[name] for name in ("chain", "nodes", "mirror", "finality")],
            "blocks": Block.objects.count(),
            "events": Log.objects.values("contract", "event")
            .annotate(rows=Count("id"))
            .order_by("contract", "event"),
            "rebuild": rebuild,
            "percent": round(100 * rebuilds.share(rebuild)) if rebuild else None,
            "past": Rebuild.objects.exclude(ended_at=None)[:5],
            "actions": controls.available(request.user, controls.CHAIN_PAGE),
        }
        return TemplateResponse(request, "admin/gallery/mirror.html", context)
