"""Reading our contracts, and the fields of a transaction that would call them."""

from __future__ import annotations

from typing import Any

from chain import abi, deployments
from chain.rpc import Rpc, RpcError, get_rpc


class CallReverted(Exception):
    """A call reverted; the message is the reason in words."""


def call(
    name: str, function: str, *arguments: Any, block: str | int = "latest", rpc: Rpc | None = None
) -> Any:
    """What a view function of one of our contracts returns, at a block (a number or a tag).

    One value as itself, several as a dict by name. Raises CallReverted with the reason in words, RpcError,
    RpcUnavailable, DeploymentMissing, UnknownArtifact.
    """
    request = {"to": deployments.address_of(name), "data": abi.encode_call(name, function, *arguments)}
    tag = hex(block) if isinstance(block, int) else block
    try:
        data = (rpc or get_rpc()).call("eth_call", request, tag)
    except RpcError as error:
        if error.revert_data is None:
            raise
        raise CallReverted(abi.explain_revert(error.revert_data)) from error
    return abi.decode_result(name, function, data, len(arguments))


def transaction_request(name: str, function: str, *arguments: Any) -> dict[str, str]:
    """`{"to", "data", "value"}` of a transaction that calls one of our contracts: what a wallet is asked to
    send.
    """
    return {
        "to": deployments.address_of(name),
        "data": abi.encode_call(name, function, *arguments),
        "value": "0x0",
    }
