"""What the chain says of workers, to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from chain.admin import ReadOnlyAdmin
from compute import models
from governance.admin import EventAdmin
from governance.models import EventRow


def _register(model: type[EventRow], shows: tuple[str, ...], **options: Any) -> None:
    found = [name for name in ("worker", "account", "epoch", "slash_id") if name in shows]
    search = [f"={name}" for name in found] or ["=block_number"]
    kind = type(f"{model.__name__}Admin", (EventAdmin,), {"shows": shows, "search_fields": search, **options})
    admin.site.register(model, kind)


_register(models.Registration, ("worker", "class_id", "first_epoch", "uri"))
_register(models.UriChange, ("worker", "uri"))
_register(models.BondChange, ("worker", "bond", "reason"), list_filter=["reason"])
_register(models.ExitRequest, ("worker", "last_epoch", "withdrawable_at"))
_register(models.Drop, ("worker", "last_epoch"))
_register(models.Return, ("worker", "first_epoch"))
_register(models.RulesChange, ("quorum", "min_bond", "render_fee", "silence_slash", "mismatch_slash"))
_register(models.ClassListing, ("class_id", "listed"))
_register(models.AcceptedClassChange, ("previous", "current"))
_register(models.Acceptance, ("epoch", "accepted_class", "quorum", "eligible", "fee"))
_register(models.Window, ("epoch", "round", "commit_until", "reveal_until", "deadline"))
_register(models.Opening, ("epoch", "round"))
_register(models.Commitment, ("epoch", "round", "worker", "commitment"))
_register(models.Reveal, ("epoch", "round", "worker", "result_hash", "counted"), list_filter=["counted"])
_register(models.Finalization, ("epoch", "generation", "winners", "by", "reimbursed"))
_register(models.FeeCredit, ("epoch", "worker", "amount"))
_register(models.FeeRelease, ("epoch", "amount"))
_register(models.Slash, ("slash_id", "worker", "epoch", "round", "reason", "amount"), list_filter=["reason"])
_register(models.Challenge, ("slash_id", "worker", "uri", "decide_until"))
_register(models.Settlement, ("slash_id", "worker", "upheld", "amount"), list_filter=["upheld"])
_register(models.PoolChange, ("pool", "reason"), list_filter=["reason"])
_register(models.Credit, ("account", "amount", "reason"), list_filter=["reason"])
_register(models.CreditWithdrawal, ("account", "to", "amount"))


@admin.register(models.Attestation)
class AttestationAdmin(ReadOnlyAdmin):
    """What workers say of how they painted."""

    list_display = ["manifest_hash", "worker", "epoch", "made_at"]
    search_fields = ["=manifest_hash", "=worker", "=epoch"]


@admin.register(models.Vow)
class VowAdmin(ReadOnlyAdmin):
    """What our workers commit to. The salt keeps it secret until it is revealed, and is left out."""

    list_display = ["epoch", "round", "worker", "result_hash", "made_at"]
    search_fields = ["=epoch", "=worker"]
    exclude = ["salt"]


@admin.register(models.Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    """What our workers decline to paint, and why."""

    list_display = ["epoch", "worker", "reason", "at"]
    search_fields = ["=epoch", "=worker"]
