"""The operator's pages: every row can be read, none that is derived can be changed, and the epochs have
controls.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from chain import clock
from chain.models import Cursor
from chain.rpc import RpcError, RpcUnavailable
from gallery import controls, rest, timeline
from gallery.models import (
    AuditEntry,
    Control,
    Epoch,
    Failure,
    Generation,
    Picture,
    Rendering,
    Round,
    Sealing,
    SeedDraw,
    SeedRefix,
    SlotChange,
)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows to look at: what is derived from the chain is changed by the chain alone."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows by hand."""
        return False


@admin.register(Epoch)
class EpochAdmin(ReadOnlyAdmin):
    """Epochs, and the page that controls them."""

    list_display = ["number", "state", "ends_at"]
    list_select_related = ["sealing", "draw", "failure"]

    @admin.display(description="state")
    def state(self, epoch: Epoch) -> str:
        """The computed state."""
        from gallery import epochs

        return str(epochs.state(epoch))

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
            return self._use(request)
        if not (self.has_view_permission(request) or request.user.has_perm(controls.PERMISSION)):
            raise PermissionDenied
        return self._page(request)

    def _use(self, request: HttpRequest) -> HttpResponse:
        name, argument = request.POST.get("action", ""), request.POST.get("argument", "")
        action = controls.ACTIONS.get(name)
        allowed = request.user.has_perm(controls.PERMISSION)
        if allowed and action is not None and request.POST.get("confirmed") != "yes":
            context = {
                **self.admin_site.each_context(request),
                "title": action.label,
                "action": action,
                "argument": argument,
                "back": self._address(),
            }
            return TemplateResponse(request, "admin/gallery/confirm.html", context)
        try:
            outcome = controls.use(request.user, name, argument)
        except (controls.Refused, RpcUnavailable, RpcError) as error:
            messages.error(request, str(error))
        else:
            messages.success(request, outcome)
        return HttpResponseRedirect(self._address())

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
            "cursor": Cursor.current(),
            "chain_now": clock.now(),
            "actions": controls.available(),
            "may_control": request.user.has_perm(controls.PERMISSION),
            "audit": AuditEntry.objects.all()[:20],
            "others": Epoch.objects.values_list("number", flat=True)[:12],
        }
        return TemplateResponse(request, "admin/gallery/controls.html", context)

    def _address(self) -> str:
        return reverse("admin:gallery_epoch_controls")


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    """Anchored generations."""

    list_display = ["number", "epoch_number", "founding", "file_hash"]
    search_fields = ["file_hash", "recipe_hash", "pixel_hash"]


@admin.register(Rendering)
class RenderingAdmin(ReadOnlyAdmin):
    """Painting jobs."""

    list_display = ["epoch_number", "state", "step", "steps", "attempts", "seconds", "updated_at", "error"]
    list_filter = ["state"]


@admin.register(Picture)
class PictureAdmin(ReadOnlyAdmin):
    """Pictures."""

    list_display = ["file_hash", "width", "height", "created_at"]
    search_fields = ["file_hash", "pixel_hash"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who used which control."""

    list_display = ["at", "username", "action", "target", "allowed", "outcome"]
    list_filter = ["action", "allowed"]
    search_fields = ["username", "outcome"]


for model in (Sealing, SeedRefix, SeedDraw, Round, Failure):
    admin.site.register(
        model, type(f"{model.__name__}Admin", (ReadOnlyAdmin,), {"list_display": ["epoch", "log"]})
    )


@admin.register(SlotChange)
class SlotChangeAdmin(ReadOnlyAdmin):
    """Replaceable parts."""

    list_display = ["slot", "previous", "current"]
