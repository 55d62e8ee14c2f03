"""Signing in with a wallet: a message made here, for one session, spent once, within ten minutes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone

from chain import deployments
from governance import signatures, siwe
from governance.middleware import SESSION_KEY
from governance.models import SignInNonce
from governance.siwe import SignInRefused

STATEMENT = "Sign in to Murmuration. This costs nothing and changes nothing on the chain."
_BINDING_KEY = "signin_binding"


def start(request: HttpRequest, address: str, now: datetime | None = None) -> SignInNonce:
    """Write the message that `address` is to sign in this session; earlier ones that expired are deleted."""
    now = now or timezone.now()
    SignInNonce.objects.filter(expires_at__lte=now).delete()
    secret = request.session.get(_BINDING_KEY)
    if secret is None:
        secret = request.session[_BINDING_KEY] = secrets.token_hex(32)
    nonce = secrets.token_hex(16)
    text = siwe.write(
        scheme=request.scheme or "http",
        domain=request.get_host(),
        address=address,
        statement=STATEMENT,
        chain_id=deployments.load().chain_id,
        nonce=nonce,
        now=now,
    )
    return SignInNonce.objects.create(
        nonce=nonce, binding=_digest(secret), address=address, message=text, expires_at=now + siwe.LIFETIME
    )


def finish(request: HttpRequest, text: str, signature: str, now: datetime | None = None) -> str:
    """Sign the session in; returns the address. Raises SignInRefused with a sentence.

    The nonce, if it was this session's, is spent either way.
    """
    now = now or timezone.now()
    message = siwe.read(text)
    row = _spend(request, message.nonce, now)
    if row is None:
        raise SignInRefused("This sign-in was used already or has expired. Please start again.")
    siwe.check(
        message,
        scheme=request.scheme or "http",
        domain=request.get_host(),
        chain_id=deployments.load().chain_id,
        now=now,
    )
    if text != row.message or message.address != row.address:
        raise SignInRefused("That is not the message this site wrote.")
    signatures.check(text, signature, message.address)
    request.session.cycle_key()
    rotate_token(request)
    del request.session[_BINDING_KEY]
    request.session[SESSION_KEY] = message.address
    return message.address


def leave(request: HttpRequest) -> None:
    """Sign the wallet out. A signed-in administrator stays signed in, under a new session key."""
    request.session.pop(SESSION_KEY, None)
    request.session.cycle_key()
    rotate_token(request)


def _spend(request: HttpRequest, nonce: str, now: datetime) -> SignInNonce | None:
    """Take the nonce out of use: of two requests with the same one, at most one gets the row."""
    secret = request.session.get(_BINDING_KEY)
    if secret is None:
        return None
    mine = SignInNonce.objects.filter(nonce=nonce, binding=_digest(secret), used_at=None, expires_at__gt=now)
    return SignInNonce.objects.get(nonce=nonce) if mine.update(used_at=now) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
