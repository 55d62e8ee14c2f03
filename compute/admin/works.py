"""Pictures and paintings: what they are, and what is withheld."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chain.admin import ReadOnlyAdmin
from compute.models import Picture, Rendering
from governance import withholding

WITHHOLD = "governance.withhold"


def thumbnail(file_hash: str | None) -> SafeString:
    """The picture, small, from the address that visitors get it from: where it is withheld, it is here."""
    if not file_hash:
        return SafeString("")
    address = reverse("gallery:picture", args=[file_hash, 160])
    return format_html('<img class="thumb" src="{}" width="80" height="80" alt="" loading="lazy">', address)


class PictureLinks(ReadOnlyAdmin):
    """Rows that name a picture by its file hash."""

    change_form_template = "admin/compute/work.html"

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
        extra["may_withhold"] = request.user.has_perm(WITHHOLD)
        return super().change_view(request, object_id, form_url, extra)


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
