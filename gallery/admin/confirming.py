"""Using a control from a page: asked for, confirmed, carried out, written down."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from chain.rpc import RpcError, RpcUnavailable
from gallery import controls


def use(site: admin.AdminSite, request: HttpRequest, back: str, place: str) -> HttpResponse:
    """Answer the POST of a control's button on the page at `back`, called `place`."""
    name, argument = request.POST.get("action", ""), request.POST.get("argument", "")
    action = controls.ACTIONS.get(name)
    allowed = action is not None and request.user.has_perm(action.permission)
    if action is not None and allowed and request.POST.get("confirmed") != "yes":
        context: dict[str, Any] = {
            **site.each_context(request),
            "title": action.label,
            "action": action,
            "argument": argument,
            "back": back,
            "place": place,
        }
        return TemplateResponse(request, "admin/gallery/confirm.html", context)
    try:
        outcome = controls.use(request.user, name, argument)
    except (controls.Refused, RpcUnavailable, RpcError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, outcome)
    return HttpResponseRedirect(back)
