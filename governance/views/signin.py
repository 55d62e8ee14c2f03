"""Signing in and out with a wallet, and the demo wallets of the private chain."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from chain import deployments
from chain.rpc import RpcError, RpcUnavailable
from governance import demo_wallet, limits, signin
from governance.people import DEMO_COLLECTORS
from governance.siwe import SignInRefused
from governance.views.bodies import json_object, refuse
from governance.weights import weight_now

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_BUSY = "Too many requests. Please wait a minute."


@require_safe
def picker(request: HttpRequest) -> HttpResponse:
    """Choose a wallet: those that the browser announces, and on the private chain the demo wallets."""
    demo = []
    if demo_wallet.available():
        demo = [
            {"address": address, "name": name, "votes": weight_now(address)}
            for address, name in DEMO_COLLECTORS.items()
        ]
    context = {"demo": demo, "next": _next(request, request.GET.get("next", ""))}
    return render(request, "governance/signin.html", context)


@require_POST
def message(request: HttpRequest) -> JsonResponse:
    """`{"address"}` in, the text to sign out."""
    if not limits.allowed(request, "signin", most=30, seconds=60):
        return refuse(_BUSY, status=429)
    address = str(json_object(request).get("address", ""))
    if not _ADDRESS.fullmatch(address):
        return refuse("That is not an account’s address.", status=400)
    row = signin.start(request, address.lower())
    return JsonResponse({"message": row.message, "chain": hex(deployments.load().chain_id)})


@sensitive_post_parameters()
@require_POST
def verify(request: HttpRequest) -> JsonResponse:
    """`{"message", "signature", "next"}` in; the session is signed in, or a sentence says why not."""
    if not limits.allowed(request, "signin", most=30, seconds=60):
        return refuse(_BUSY, status=429)
    body = json_object(request)
    try:
        address = signin.finish(request, str(body.get("message", "")), str(body.get("signature", "")))
    except SignInRefused as refusal:
        return refuse(str(refusal), status=403)
    return JsonResponse({"address": address, "next": _next(request, str(body.get("next", "")))})


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    signin.leave(request)
    return redirect(_next(request, request.POST.get("next", "")))


@require_POST
def demo_rpc(request: HttpRequest) -> JsonResponse:
    """EIP-1193 for demo wallets: `{"account", "method", "params"}` in, `{"result"}` or `{"error"}` out."""
    if not demo_wallet.available():
        return refuse("There are no demo wallets on this chain.", status=404)
    body = json_object(request)
    account, method, params = (
        str(body.get("account", "")).lower(),
        str(body.get("method", "")),
        body.get("params"),
    )
    signing = method in demo_wallet.SIGNING
    kind, most = ("demo-sign", 60) if signing else ("demo-read", 600)
    if not limits.allowed(request, kind, most=most, seconds=60):
        return _rpc_error(-32005, _BUSY, status=429)
    try:
        result = demo_wallet.request(account, method, params if isinstance(params, list) else [])
    except RpcError as error:
        return _rpc_error(error.code, error.message, data=error.data)
    except RpcUnavailable:
        return _rpc_error(4900, "The chain does not answer right now. Please try again.", status=503)
    except PermissionError as error:
        return refuse(str(error), status=404)
    return JsonResponse({"result": result})


def _rpc_error(code: int, message: str, data: Any = None, status: int = 200) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message, "data": data}}, status=status)


def _next(request: HttpRequest, wanted: str) -> str:
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return "/"
