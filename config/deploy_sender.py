"""Sends a deployment's transactions with web3.py, by an account that the node unlocks or by a key of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain import abi
from chain.rpc import Rpc

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

RECEIPT_TIMEOUT_S = 300.0
POLL_S = 0.02  # a private chain mines at once


class DeploymentError(Exception):
    """The deployment can't be made or continued; the message says why and what to do."""


def create_address(sender: str, nonce: int) -> str:
    """The address of the contract that `sender` creates with the transaction of that nonce."""
    return "0x" + keccak(rlp.encode([bytes.fromhex(sender.removeprefix("0x")), nonce]))[12:].hex()


class Deployer:
    """Sends transactions one after another, each once the one before is mined.

    `sender` is an address that the node signs for, or an account whose key we hold.
    """

    def __init__(self, rpc: Rpc, sender: str | LocalAccount, timeout_s: float = RECEIPT_TIMEOUT_S):
        # web3 takes seconds to import, and a site that is deployed already doesn't need it.
        from web3 import HTTPProvider, Web3
        from web3.middleware import SignAndSendRawMiddlewareBuilder

        self.rpc = rpc
        self.timeout_s = timeout_s
        self.web3 = Web3(HTTPProvider(rpc.url))
        if not isinstance(sender, str):
            signing: Any = SignAndSendRawMiddlewareBuilder.build(sender)
            self.web3.middleware_onion.inject(signing, layer=0)
        self.address = (sender if isinstance(sender, str) else sender.address).lower()

    def nonce(self) -> int:
        """The sender's next nonce."""
        return int(self.web3.eth.get_transaction_count(to_checksum_address(self.address)))

    def send(self, what: str, data: str, to: str | None = None, value: int = 0) -> dict[str, Any]:
        """Send a transaction, with `value` wei, and return its receipt. Raises DeploymentError, with the
        reason, if it fails.
        """
        from web3.exceptions import ContractLogicError, TimeExhausted, Web3RPCError

        request: Any = {"from": to_checksum_address(self.address), "data": data}
        if to is not None:
            request["to"] = to_checksum_address(to)
        if value:
            request["value"] = value
        try:
            request["gas"] = self.web3.eth.estimate_gas(request) * 6 // 5
            transaction = self.web3.eth.send_transaction(request)
            receipt = self.web3.eth.wait_for_transaction_receipt(transaction, self.timeout_s, POLL_S)
        except ContractLogicError as error:
            reason = abi.explain_revert(error.data) if isinstance(error.data, str) else str(error)
            raise DeploymentError(f"{what} was refused: {reason}") from error
        except Web3RPCError as error:
            raise DeploymentError(f"{what} was refused: {error}") from error
        except TimeExhausted as error:
            raise DeploymentError(
                f"{what}: transaction {transaction.to_0x_hex()} was not mined within {self.timeout_s:.0f} s; "
                "deploy again to go on from there"
            ) from error
        if receipt["status"] != 1:
            raise DeploymentError(f"{what} failed in transaction {transaction.to_0x_hex()}")
        return dict(receipt)

    def call(self, name: str, address: str, function: str, *arguments: Any) -> Any:
        """What a view function of the contract `name` at `address` returns."""
        request = {"to": address, "data": abi.encode_call(name, function, *arguments)}
        return abi.decode_result(name, function, self.rpc.call("eth_call", request, "latest"), len(arguments))

    def has_code(self, address: str) -> bool:
        """Whether there is a contract at an address."""
        return bool(self.rpc.call("eth_getCode", address, "latest") not in ("0x", "0x0", None))
