"""Generations: what they are, and a repaint to compare."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from chain.admin import ReadOnlyAdmin
from compute.admin.works import PictureLinks
from compute.models import Rendering
from gallery import controls, roles
from gallery.admin import confirming
from gallery.models import Generation, Repaint


@admin.register(Generation)
class GenerationAdmin(PictureLinks):
    """Anchored generations; one can be painted again, to compare."""

    list_display = ["number", "picture", "epoch_number", "founding", "withheld", "file_hash"]
    list_filter = ["founding"]
    search_fields = ["=number", "=epoch_number", "=file_hash", "=recipe_hash", "=pixel_hash"]

    def view_on_site(self, row: Generation) -> str:  # type: ignore[override]
        """Its page."""
        return reverse("gallery:generation", args=[row.number])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The row, its repaints, and the way to another."""
        extra = {"may_repaint": request.user.has_perm(roles.EPOCHS)}
        return super().change_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[URLPattern]:
        """The stock pages, and the repaints of one before them."""
        page = self.admin_site.admin_view(self.repaints)
        name = "gallery_generation_repaints"
        return [path("<int:number>/repaints/", page, name=name), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def repaints(self, request: HttpRequest, number: int) -> HttpResponse:
        """The repaints of a generation, with their progress and result, and the way to ask for one."""
        back = reverse("admin:gallery_generation_repaints", args=[number])
        if request.method == "POST":
            return confirming.use(self.admin_site, request, back, f"Generation {number}")
        if not self.has_view_permission(request):
            raise PermissionDenied
        generation = Generation.objects.filter(number=number).first()
        if generation is None:
            raise Http404(f"no generation {number}")
        job = Rendering.objects.filter(recipe_hash=generation.recipe_hash).first()
        found = list(Repaint.objects.filter(number=number)[:20])
        context = {
            **self.admin_site.each_context(request),
            "title": f"Generation {number} painted again",
            "generation": generation,
            "job": job,
            "repaints": found,
            "under_way": any(one.under_way for one in found),
            "actions": controls.available(request.user, controls.GENERATION_PAGE),
        }
        return TemplateResponse(request, "admin/gallery/repaints.html", context)


@admin.register(Repaint)
class RepaintAdmin(ReadOnlyAdmin):
    """Generations painted once more, and what came of it."""

    list_display = ["number", "state", "distance", "restored", "by", "asked_at", "seconds", "error"]
    list_filter = ["state", "restored"]
    search_fields = ["=number", "by"]
    exclude = ["claim"]
