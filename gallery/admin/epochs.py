"""Epochs: their rows, and the page that tells the life of one and controls the cycle."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from chain import clock
from chain.admin import ReadOnlyAdmin
from gallery import attention, controls, epochs, rest, timeline
from gallery.admin import confirming
from gallery.models import (
    AuditEntry,
    Control,
    Epoch,
    Failure,
    Round,
    Sealing,
    SeedDraw,
    SeedRefix,
    SlotChange,
)
from gallery.upcoming import upcoming


@admin.register(Epoch)
class EpochAdmin(ReadOnlyAdmin):
    """Epochs, and the page that controls them."""

    list_display = ["number", "state", "ends_at", "timeline"]
    list_select_related = ["sealing", "draw", "failure"]
    search_fields = ["=number"]

    @admin.display(description="state")
    def state(self, epoch: Epoch) -> str:
        """The computed state."""
        return str(epochs.state(epoch))

    @admin.display(description="timeline")
    def timeline(self, epoch: Epoch) -> str:
        """A link to its life."""
        from django.utils.html import format_html

        address = reverse("admin:gallery_epoch_controls")
        return format_html('<a href="{}?epoch={}">Timeline</a>', address, epoch.number)

    def get_urls(self) -> list[URLPattern]:
        """The stock pages, and the controls before them."""
        page = self.admin_site.admin_view(self.controls)
        return [path("controls/", page, name="gallery_epoch_controls"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def controls(self, request: HttpRequest) -> HttpResponse:
        """The epoch's timeline and its controls; a use is asked for, confirmed, carried out and written
        down.
        """
        if request.method == "POST":
            address = reverse("admin:gallery_epoch_controls")
            return confirming.use(self.admin_site, request, address, "Epoch controls")
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request)

    def _page(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET.get("epoch", "")
        number = int(asked) if asked.isdecimal() and len(asked) < 19 else timeline.current_number()
        try:
            shown = timeline.timeline(number) if number is not None else None
        except Epoch.DoesNotExist:
            raise Http404(f"no epoch {number}") from None
        context = {
            **self.admin_site.each_context(request),
            "title": "Epoch controls",
            "timeline": shown,
            "control": Control.get(),
            "awake": rest.awake(shown.epoch) if shown and shown.state == "open" else None,
            "next": upcoming(),
            "troubles": attention.troubles(),
            "chain_now": clock.now(),
            "actions": controls.available(request.user),
            "audit": AuditEntry.objects.all()[:12],
            "others": Epoch.objects.values_list("number", flat=True)[:12],
        }
        return TemplateResponse(request, "admin/gallery/controls.html", context)


class EventAdmin(ReadOnlyAdmin):
    """What happened to an epoch."""

    list_select_related = ["epoch", "log__block"]
    search_fields = ["=epoch__number"]


def _register(model: Any, *columns: str) -> None:
    names = ["epoch", *columns, "log"]
    admin.site.register(model, type(f"{model.__name__}Admin", (EventAdmin,), {"list_display": names}))


_register(Sealing, "params_version", "round")
_register(SeedRefix, "round", "count")
_register(SeedDraw, "seed", "recipe_hash")
_register(Round, "round", "painter", "deadline")
_register(Failure, "reason")


@admin.register(SlotChange)
class SlotChangeAdmin(ReadOnlyAdmin):
    """Replaceable parts."""

    list_display = ["slot", "previous", "current", "log"]
    list_select_related = ["log__block"]
    list_filter = ["slot"]


@admin.register(Control)
class ControlAdmin(ReadOnlyAdmin):
    """The one row of switches, as the controls left it."""

    list_display = ["__str__", "paused_reason", "seal_requested", "error", "error_at", "updated_at"]
