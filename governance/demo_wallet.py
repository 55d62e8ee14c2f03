"""A wallet for visitors of the private chain who have none: the node's own unlocked accounts sign.

No key is ever in a page. Only the four demo collectors, only listed methods, only our own contracts, and only
while the chain is the private one: anywhere else every request is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from chain import deployments
from chain.private import CHAIN_ID, is_private
from chain.rpc import RpcError, get_rpc
from governance.people import DEMO_COLLECTORS

ACCOUNTS: tuple[str, ...] = tuple(DEMO_COLLECTORS)
METHODS = frozenset(
    {
        "eth_accounts",
        "eth_requestAccounts",
        "eth_chainId",
        "wallet_switchEthereumChain",
        "personal_sign",
        "eth_signTypedData_v4",
        "eth_sendTransaction",
        "eth_getTransactionReceipt",
        "eth_getTransactionByHash",
        "eth_blockNumber",
        "eth_getBalance",
        "eth_getTransactionCount",
        "eth_getBlockByNumber",
        "eth_gasPrice",
        "eth_call",
        "eth_estimateGas",
    }
)
SIGNING = frozenset({"personal_sign", "eth_signTypedData_v4", "eth_sendTransaction"})
_FIELDS = frozenset({"from", "to", "data", "value"})
# EIP-1193 and EIP-3326.
UNAUTHORIZED, UNSUPPORTED, UNKNOWN_CHAIN, INVALID = 4100, 4200, 4902, -32602


def available() -> bool:
    """Whether this is the private chain, by configuration and by the chain that our contracts are on."""
    if not settings.PRIVATE_CHAIN:
        return False
    try:
        return deployments.load().chain_id == CHAIN_ID
    except deployments.DeploymentMissing:
        return False


def request(account: str, method: str, params: Sequence[Any]) -> Any:
    """What EIP-1193's `request` gives a page for one of the demo accounts.

    Raises RpcError with the code a wallet would use, RpcUnavailable, and PermissionError on any other chain.
    """
    if not available():
        raise PermissionError("There are no demo wallets on this chain.")
    if account not in ACCOUNTS:
        raise RpcError(UNAUTHORIZED, "That is not one of the demo wallets.")
    if method not in METHODS:
        raise RpcError(UNSUPPORTED, f"A demo wallet has no method {method[:60]}.")
    if method in ("eth_accounts", "eth_requestAccounts"):
        return [account]
    if method == "eth_chainId":
        return hex(CHAIN_ID)
    if method == "wallet_switchEthereumChain":
        return _switch(params)
    if method == "personal_sign":
        return _personal_sign(account, params)
    if method == "eth_signTypedData_v4":
        return _sign_typed_data(account, params)
    if method == "eth_sendTransaction":
        return _send(account, params)
    _require_private_node()
    return get_rpc().call(method, *_exact(list(params)))


def _require_private_node() -> None:
    """The node is asked too: a configuration may claim anything."""
    if not is_private(get_rpc()):
        raise PermissionError("There are no demo wallets on this chain.")


def _switch(params: Sequence[Any]) -> None:
    wanted = params[0].get("chainId") if params and isinstance(params[0], dict) else None
    if str(wanted).lower() != hex(CHAIN_ID):
        raise RpcError(UNKNOWN_CHAIN, "A demo wallet knows the private chain only.")


def _personal_sign(account: str, params: Sequence[Any]) -> Any:
    if len(params) < 2 or not isinstance(params[0], str) or str(params[1]).lower() != account:
        raise RpcError(UNAUTHORIZED, "A demo wallet signs for its own account only.")
    _require_private_node()
    return get_rpc().call("personal_sign", params[0], account)


def _sign_typed_data(account: str, params: Sequence[Any]) -> Any:
    if len(params) < 2 or str(params[0]).lower() != account:
        raise RpcError(UNAUTHORIZED, "A demo wallet signs for its own account only.")
    try:
        typed = json.loads(params[1]) if isinstance(params[1], str) else params[1]
    except (ValueError, RecursionError) as error:
        raise RpcError(INVALID, "The typed data are not JSON.") from error
    _require_private_node()
    return get_rpc().call("eth_signTypedData_v4", account, _exact(typed))


def _send(account: str, params: Sequence[Any]) -> Any:
    wanted = params[0] if params and isinstance(params[0], dict) else {}
    if str(wanted.get("from", "")).lower() != account:
        raise RpcError(UNAUTHORIZED, "A demo wallet sends from its own account only.")
    if str(wanted.get("to", "")).lower() not in deployments.load().names:
        raise RpcError(UNAUTHORIZED, "A demo wallet only calls the artwork's own contracts.")
    _require_private_node()
    fields = _exact({name: value for name, value in wanted.items() if name in _FIELDS})
    # Like any wallet, try it first: what would revert is refused with its reason. "pending", because the
    # newest block of a chain that rests is from another time.
    estimate = int(get_rpc().call("eth_estimateGas", fields, "pending"), 16)
    return get_rpc().call("eth_sendTransaction", fields | {"gas": hex(estimate * 5 // 4)})


def _exact(value: Any) -> Any:
    """Integers that JSON parsers round or refuse travel as decimal text, which EIP-712 allows too."""
    if isinstance(value, dict):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value
