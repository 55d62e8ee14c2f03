"""Governance in the admin: to be read. Numbers are shown whole, and each row leads to the site's page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chain.admin import ReadOnlyAdmin
from chain.fields import DIGITS, HexField
from governance import models, parameters, people


def member(address: str) -> SafeString:
    """An address as a link to the member's page."""
    return format_html(
        '<a class="person" href="{}" title="{}">{}</a>',
        reverse("governance:member", args=[address]),
        address,
        people.name_of(address),
    )


class EventAdmin(ReadOnlyAdmin):
    """Rows of the chain, newest first; the columns of every event come last."""

    ordering = ("-block_number", "-log_index")
    shows: tuple[str, ...] = ()

    def get_list_display(self, request: Any) -> list[Any]:
        """What the model shows, then when and in which block."""
        return [*self.shows, "happened", "block_number"]

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """As Django has it; a whole number is also looked for as the table holds it, in 78 digits."""
        found, many = super().get_search_results(request, queryset, search_term)
        if search_term.isascii() and search_term.isdecimal():
            padded, _many = super().get_search_results(request, queryset, search_term.zfill(DIGITS))
            found = found | padded
        return found, many

    @admin.display(description="when", ordering="at")
    def happened(self, row: models.EventRow) -> datetime:
        """The block's time."""
        return datetime.fromtimestamp(row.at, UTC)


def _member_column(name: str) -> Any:
    def shown(self: Any, row: Any) -> SafeString:
        return member(getattr(row, name))

    return admin.display(description=name, ordering=name)(shown)


def _proposal_column() -> Any:
    def shown(self: Any, row: Any) -> SafeString:
        address = reverse("governance:proposal", args=[row.proposal_id])
        return format_html(
            '<a href="{}" title="{}">{}</a>', address, row.proposal_id, row.proposal.title[:80]
        )

    return admin.display(description="proposal")(shown)


def _register(model: type[models.EventRow], shows: tuple[str, ...], **options: Any) -> None:
    """Register an event's rows: addresses lead to members, proposals to their pages; both can be searched."""
    columns: dict[str, Any] = {}
    names = []
    addresses = []
    for name in shows:
        field = model._meta.get_field(name)
        if isinstance(field, HexField) and field.length == 20:
            addresses.append(name)
            columns[f"{name}_link"] = _member_column(name)
            names.append(f"{name}_link")
        elif name == "proposal":
            columns["proposal_link"] = _proposal_column()
            names.append("proposal_link")
            columns["list_select_related"] = ("proposal",)
        else:
            names.append(name)
    search = (*(f"={name}" for name in addresses), *options.pop("search", ()))
    body = {**columns, "shows": tuple(names), "search_fields": search, "__doc__": model.__doc__, **options}
    admin.site.register(model, type(f"{model.__name__}Admin", (EventAdmin,), body))


_register(
    models.Vote,
    ("voter", "proposal", "support", "weight", "reason"),
    list_filter=("support",),
    search=("reason",),
    ordering=("-pk",),  # as the others' is by place, of which votes have no index
)
_register(models.Delegation, ("delegator", "previous", "current"))
_register(models.VotesChanged, ("delegate", "previous", "current"))
_register(models.TokenTransfer, ("token_id", "sender", "recipient"), search=("=token_id",))
_register(models.Exclusion, ("account", "excluded"), list_filter=("excluded",))
_register(models.GovernorSetting, ("kind", "value"), list_filter=("kind",))
_register(models.RegisteredModel, ("model_id", "licence", "tier", "uri"), list_filter=("tier",))
_register(models.ModelStatus, ("model_id", "status"), list_filter=("status",))
_register(models.RoyaltyReceiver, ("model_id", "receiver"))
_register(models.OperationExecuted, ("operation_id", "index"), search=("=operation_id",))
_register(models.OperationCancelled, ("operation_id",), search=("=operation_id",))
_register(models.ProposalQueued, ("proposal", "eta"))
_register(models.ProposalExtended, ("proposal", "voting_ends"))
_register(models.ProposalExecuted, ("proposal",))
_register(models.ProposalCanceled, ("proposal",))


@admin.register(models.Proposal)
class ProposalAdmin(EventAdmin):
    """Proposals, by the governor's own numbers."""

    shows = ("title", "proposer_link", "id")
    search_fields = ("=id", "=proposer", "description", "=operation_id")
    proposer_link = _member_column("proposer")

    def view_on_site(self, row: models.Proposal) -> str:  # type: ignore[override]
        """Its page."""
        return reverse("governance:proposal", args=[row.pk])


@admin.register(models.ParameterChange)
class ParameterChangeAdmin(EventAdmin):
    """What the collectors decided, version by version."""

    shows = ("version", "key", "in_words")
    list_filter = ("key",)
    search_fields = ("=version", "key")

    @admin.display(description="value")
    def in_words(self, row: models.ParameterChange) -> str:
        """The value as people read it; the bytes where they say nothing."""
        parameter = parameters.BY_KEY.get(row.key)
        if parameter is None:
            return row.value
        try:
            return str(parameter.words(parameters.decode(row.key, row.value)))
        except (ValueError, UnicodeDecodeError):
            return row.value


@admin.register(models.SignInNonce)
class SignInAdmin(ReadOnlyAdmin):
    """Who asked to sign in, and who did. The message's nonce and its session are secrets and left out."""

    list_display = ("member_link", "expires_at", "used_at")
    list_display_links = None
    list_filter = (("used_at", admin.EmptyFieldListFilter), "expires_at")
    search_fields = ("=address",)
    ordering = ("-expires_at",)
    fields = ("address", "expires_at", "used_at")
    member_link = _member_column("address")

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        """The list alone: a row's own page would have the nonce, its key, in its address."""
        return obj is None and super().has_view_permission(request)
