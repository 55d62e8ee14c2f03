"""Who did what with the operator's tools, and who came to the admin: written, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest

from gallery.models import AuditEntry
from governance.limits import allowed_for
from live.address import client_address, client_network

FAILURES_NOTED = 5
FAILURES_WINDOW_S = 60
"""So many failed logins of one address in a minute are written down: who tries thousands fills no table."""

Person = AbstractBaseUser | AnonymousUser


def write(user: Person | None, action: str, target: str, outcome: str, allowed: bool = True) -> AuditEntry:
    """Write down a use of a tool, or an attempt."""
    known = user if user is not None and user.is_authenticated else None
    return AuditEntry.objects.create(
        user=known,  # type: ignore[misc]
        username=(known.get_username() if known is not None else "") or "nobody",
        action=action[:40],
        target=target[:120],
        allowed=allowed,
        outcome=outcome[:2000],
    )


def logged_in(sender: Any, request: HttpRequest | None, user: Any, **_rest: Any) -> None:
    """A person came in (Django's `user_logged_in`)."""
    write(user, "login", _from(request), "Signed in to the admin.")


def logged_out(sender: Any, request: HttpRequest | None, user: Any, **_rest: Any) -> None:
    """A person left (Django's `user_logged_out`)."""
    if user is not None:
        write(user, "logout", _from(request), "Signed out of the admin.")


def login_failed(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_rest: Any
) -> None:
    """A wrong name or password (Django's `user_login_failed`).

    A name that nobody has is not kept: people type their password there.
    """
    address = client_network(request) if request is not None else "nowhere"
    if not allowed_for(address, "audit-login", FAILURES_NOTED, FAILURES_WINDOW_S):
        return
    name = str(credentials.get("username", ""))
    known = get_user_model()._default_manager.filter(username=name[:150]).exists()
    who = (
        f"{name[:150]}: wrong password, or the account is not active." if known else "A name that nobody has."
    )
    write(None, "login", _from(request), who, allowed=False)


def _from(request: HttpRequest | None) -> str:
    return f"from {client_address(request)}" if request is not None else ""
