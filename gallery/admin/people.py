"""Who may come in, and in which role. Every change of it is written down."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse

from chain.admin import ReadOnlyAdmin
from gallery import audit

admin.site.unregister(User)
admin.site.unregister(Group)

FLAGS = ("is_active", "is_staff", "is_superuser")


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin, StockGroupAdmin):
    """The roles. What each may do comes with the site (docs/operations.md) and is not changed here."""

    fields = ("name", "permissions")


@admin.register(User)
class UserAdmin(StockUserAdmin):
    """People. An owner gives and takes roles; only a superuser makes or touches superusers."""

    list_display = ["username", "roles", "is_active", "is_staff", "is_superuser", "last_login"]
    list_filter = ["groups", "is_active", "is_superuser"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Role", {"fields": ("is_active", "is_staff", "groups", "is_superuser")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "usable_password", "password1", "password2")}),
        ("Role", {"fields": ("is_staff", "groups")}),
    )
    filter_horizontal = ()
    actions = None

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        """The groups by name."""
        return ", ".join(group.name for group in user.groups.all()) or "–"

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the groups."""
        return super().get_queryset(request).prefetch_related("groups")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser is nobody's to change but a superuser's."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: who goes is made inactive, and stays in the audit log."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser makes superusers."""
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else [*fields, "is_superuser"]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Django's page; that a password was set is written down."""
        before = self._password(id)
        response = super().user_change_password(request, id, form_url)
        if (after := self._password(id)) != before:
            target = self.get_object(request, id)
            audit.write(request.user, "password", str(target), "A password was set." if after else "Gone.")
        return response

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the groups, and write down what is different."""
        user = form.instance
        before = self._standing(user) if change else "nobody"
        flags_before = {name: form.initial.get(name) for name in FLAGS}
        super().save_related(request, form, formsets, change)
        after = self._standing(user)
        flags = [
            f"{name} {flags_before[name]} → {getattr(user, name)}"
            for name in FLAGS
            if change and flags_before[name] is not None and flags_before[name] != getattr(user, name)
        ]
        if not change:
            audit.write(request.user, "add user", user.username, f"Made, with the roles: {after}.")
        elif before != after or flags:
            roles = [f"roles {before} → {after}"] if before != after else []
            audit.write(request.user, "change role", user.username, "; ".join([*roles, *flags]) + ".")

    @staticmethod
    def _standing(user: User) -> str:
        return ", ".join(sorted(user.groups.values_list("name", flat=True))) or "none"

    @staticmethod
    def _password(pk: str) -> str | None:
        return (
            User.objects.filter(pk=pk).values_list("password", flat=True).first() if pk.isdecimal() else None
        )
