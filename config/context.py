"""What every page needs to know about the site."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chain import clock
from gallery import freshness


def site(request: HttpRequest) -> dict[str, Any]:
    """Give templates the connected wallet, the chain's kind and its clock (seconds), and how fresh all is.

    Freshness is asked for by the page around a fragment alone, and the address by pages that name it: the
    one that refuses a strange host must not ask for it.
    """
    return {
        "wallet": getattr(request, "wallet", None),
        "private_chain": settings.PRIVATE_CHAIN,
        "chain_time": clock.now(),
        "freshness": SimpleLazyObject(freshness.current),
        "origin": SimpleLazyObject(lambda: f"{request.scheme}://{request.get_host()}"),
    }
