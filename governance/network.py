"""The chain as a wallet is told about it."""

from __future__ import annotations

from typing import TypedDict

from django.conf import settings

from chain import deployments
from chain.rpc import addresses


class Network(TypedDict):
    """EIP-3085's fields that this site knows. `rpc` is empty where wallets have to know the chain already."""

    name: str
    rpc: list[str]


def chain_id() -> int:
    """The chain that the contracts are on; 0 before there are any."""
    try:
        return deployments.load().chain_id
    except deployments.DeploymentMissing:
        return 0


def network() -> Network:
    """What `wallet_addEthereumChain` may be told: never CHAIN_RPC_URL of a chain that isn't ours alone."""
    if settings.PRIVATE_CHAIN:
        nodes = list(addresses(settings.CHAIN_RPC_URL))
        return {"name": settings.CHAIN_NAME or "Murmuration’s private chain", "rpc": nodes}
    public = settings.CHAIN_PUBLIC_RPC_URL
    return {"name": settings.CHAIN_NAME or f"chain {chain_id()}", "rpc": [public] if public else []}
