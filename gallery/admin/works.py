"""Generations, pictures and paintings: what they are, a repaint to compare, and what is withheld."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from chain.admin import ReadOnlyAdmin
from gallery import controls, roles
from gallery.admin import confirming
from gallery.models import Generation, Picture, Rendering, Repaint
from governance import withholding


def thumbnail(file_hash: str | None) -> SafeString:
    """The picture, small, from the address that visitors get it from: where it is withheld, it is here."""
    if not file_hash:
        return SafeString("")
    address = reverse("gallery:picture", args=[file_hash, 160])
    return format_html('<img class="thumb" src="{}" width="80" height="80" alt="" loading="lazy">', address)


class PictureLinks(ReadOnlyAdmin):
    """Rows that name a picture by its file hash."""

    change_form_template = "admin/gallery/work.html"

    @admin.display(description="picture")
    def picture(self, row: Any) -> SafeString:
        """A small one."""
        return thumbnail(row.file_hash)

    @admin.display(description="withheld")
    def withheld(self, row: Any) -> str:
        """The reason, if it is."""
        return withholding.picture(row.file_hash) or "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The row, with what can be done about it."""
        row = self.get_object(request, object_id)
        extra = {
            **(extra_context or {}),
            "withheld_reason": withholding.picture(row.file_hash) if row else None,
        }
        extra["may_withhold"] = request.user.has_perm(roles.WITHHOLD)
        return super().change_view(request, object_id, form_url, extra)


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


@admin.register(Picture)
class PictureAdmin(PictureLinks):
    """Pictures that are kept here."""

    list_display = ["file_hash", "picture", "width", "height", "withheld", "created_at"]
    search_fields = ["=file_hash", "=pixel_hash"]
    date_hierarchy = "created_at"


@admin.register(Rendering)
class RenderingAdmin(ReadOnlyAdmin):
    """Painting jobs. The claim is what a painter proves itself with, and left out."""

    list_display = ["epoch_number", "picture_shown", "progress", "attempts", "seconds", "updated_at", "error"]
    list_filter = ["state"]
    search_fields = ["=epoch_number", "=recipe_hash", "error"]
    exclude = ["claim"]
    list_select_related = ["picture"]

    @admin.display(description="picture")
    def picture_shown(self, row: Rendering) -> SafeString:
        """A small one."""
        return thumbnail(row.picture_id)

    @admin.display(description="state", ordering="state")
    def progress(self, row: Rendering) -> str:
        """The state, and the step while it is painted."""
        painting = row.state == Rendering.State.PAINTING
        return f"{row.state}, step {row.step} of {row.steps}" if painting else str(row.state)


@admin.register(Repaint)
class RepaintAdmin(ReadOnlyAdmin):
    """Generations painted once more, and what came of it."""

    list_display = ["number", "state", "distance", "restored", "by", "asked_at", "seconds", "error"]
    list_filter = ["state", "restored"]
    search_fields = ["=number", "by"]
    exclude = ["claim"]
