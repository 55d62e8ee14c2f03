"""JSON in and out of the views that scripts talk to."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, JsonResponse

MAX_BODY = 64 * 1024


def json_object(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON object; an empty one for anything else, so that callers check fields, not forms."""
    if len(request.body) > MAX_BODY:
        return {}
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def refuse(message: str, status: int = 422) -> JsonResponse:
    """A refusal in the form that wallet.js shows beside the button."""
    return JsonResponse({"errors": {}, "message": message}, status=status)
