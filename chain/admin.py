"""The mirror in the admin: to be read. What came from the chain is not for people to change."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import JSONField, Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chain import abi
from chain.models import Block, Cursor, Log, ProviderHealth, Reorganisation, Repair, Transaction


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and shows; adds, changes and deletes nothing, whoever asks.

    JSON is shown with one entry a line, hashes in a fixed-width face.
    """

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody has."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody has."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list, called by what is in it: nothing is selected here."""
        title = {"title": str(self.model._meta.verbose_name_plural).capitalize()}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Every column, with JSON made readable."""
        left_out = self.get_exclude(request, obj) or ()
        names = self.fields or [field.name for field in self.model._meta.concrete_fields]
        kinds = {field.name for field in self.model._meta.concrete_fields if isinstance(field, JSONField)}
        return [self._readable(name) if name in kinds else name for name in names if name not in left_out]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of them: there is nothing to fill in."""
        return self.get_fields(request, obj)

    def _readable(self, name: str) -> Any:
        def shown(row: Model) -> SafeString:
            text = json.dumps(getattr(row, name), indent=1, ensure_ascii=False)
            return format_html('<pre class="json">{}</pre>', text)

        shown.__name__ = f"{name}_shown"
        shown.short_description = name  # type: ignore[attr-defined]
        return shown


@admin.register(Cursor)
class CursorAdmin(ReadOnlyAdmin):
    """Where the mirror stands, and what keeps it there."""

    list_display = ("number", "head_number", "finalized_number", "error", "updated_at")


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    """Headers."""

    list_display = ("number", "hash", "timestamp")
    ordering = ("-number",)
    search_fields = ("=hash", "=number")


@admin.register(Log)
class LogAdmin(ReadOnlyAdmin):
    """The event log."""

    fields = (
        *("block", "block_hash", "log_index", "tx_hash", "tx_from", "address", "contract", "event"),
        *("arguments", "topics", "data"),
    )
    list_display = ("block", "log_index", "contract", "event", "tx_hash")
    list_filter = ("contract", "event")
    list_select_related = ("block",)
    ordering = ("-block__number", "-log_index")
    search_fields = ("=tx_hash", "=block__number", "event")

    @admin.display
    def arguments(self, log: Log) -> SafeString:
        """What it says, by the ABI files."""
        try:
            text = json.dumps(log.args, indent=1, ensure_ascii=False)
        except (abi.DecodeError, abi.UnknownArtifact) as error:
            text = f"cannot be decoded any more: {error}"
        return format_html('<pre class="json">{}</pre>', text)


@admin.register(Reorganisation)
class ReorganisationAdmin(ReadOnlyAdmin):
    """What the chain took back."""

    list_display = ("at", "blocks", "final_blocks", "number")
    list_filter = ("at",)


@admin.register(ProviderHealth)
class ProviderHealthAdmin(ReadOnlyAdmin):
    """The nodes, as the indexer last knew them."""

    list_display = (
        *("name", "state", "in_use", "head_number", "latency_ms", "failures", "socket"),
        *("error", "updated_at"),
    )
    ordering = ("place",)


@admin.register(Repair)
class RepairAdmin(ReadOnlyAdmin):
    """Wrong answers of nodes, and what put them right."""

    list_display = ("at", "number", "provider", "problem", "remedy")
    list_filter = ("provider", "at")
    search_fields = ("=number", "problem")


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    """What the site sent, and what became of it. The signed bytes are left out: whoever has them can send
    them.
    """

    list_display = ("key", "state", "attempts", "nonce", "block_number", "gas_used", "error", "updated_at")
    list_filter = ("state", "contract", "function", "updated_at")
    search_fields = ("key", "=tx_hash", "error")
    exclude = ("raw",)
