"""The mirror in the admin: to be read. What came from the chain is not for people to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from chain.models import Block, Cursor, Log, Transaction


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and shows; adds, changes and deletes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody has."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody has."""
        return False


@admin.register(Cursor)
class CursorAdmin(ReadOnlyAdmin):
    """Where the mirror stands, and what keeps it there."""

    list_display = ("number", "head_number", "finalized_number", "error", "updated_at")


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    """Headers."""

    list_display = ("number", "hash", "timestamp")
    ordering = ("-number",)
    search_fields = ("hash", "number")


@admin.register(Log)
class LogAdmin(ReadOnlyAdmin):
    """The event log."""

    list_display = ("block", "log_index", "contract", "event", "tx_hash")
    list_filter = ("contract", "event")
    list_select_related = ("block",)
    ordering = ("-block__number", "-log_index")
    search_fields = ("tx_hash",)


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    """What the site sent, and what became of it."""

    list_display = ("key", "state", "attempts", "nonce", "block_number", "error", "updated_at")
    list_filter = ("state", "contract", "function")
    search_fields = ("key", "tx_hash")
