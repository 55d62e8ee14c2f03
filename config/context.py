"""What every page needs to know about the site."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from chain import clock


def site(request: HttpRequest) -> dict[str, Any]:
    """Give templates the connected wallet, the chain's kind and its clock (seconds)."""
    return {
        "wallet": getattr(request, "wallet", None),
        "private_chain": settings.PRIVATE_CHAIN,
        "chain_time": clock.now(),
    }
