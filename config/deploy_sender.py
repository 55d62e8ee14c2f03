"""Sends a deployment's transactions, by an account that the node unlocks or by a key of ours."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol, Self

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain import abi
from chain.rpc import Rpc, RpcError

RECEIPT_TIMEOUT_S = 300.0


class DeploymentError(Exception):
    """The deployment can't be made or continued; the message says why and what to do."""


class Signer(Protocol):
    """Somebody with a key: signs transactions that the node can't sign itself."""

    @property
    def address(self) -> str:
        """The account that signs."""

    def sign(self, transaction: dict[str, Any]) -> str:
        """The raw signed transaction as 0x text, for the fields of an EIP-1559 transaction as ints."""


class KeySigner:
    """A `Signer` with a private key (0x text of 32 bytes) of ours."""

    def __init__(self, key: str):
        from eth_account import Account  # takes a second to import, and a private chain never needs it

        self._account = Account.from_key(key)

    @classmethod
    def from_keystore(cls, file: Path, password: str) -> Self:
        """The signer whose key is in an encrypted keystore. Raises DeploymentError if it can't be opened."""
        from eth_account import Account

        try:
            return cls("0x" + bytes(Account.decrypt(file.read_text(encoding="utf-8"), password)).hex())
        except (OSError, ValueError, TypeError) as error:
            raise DeploymentError(f"the keystore {file} can't be opened: {error}") from error

    @property
    def address(self) -> str:
        """The key's account, lower-case."""
        return str(self._account.address).lower()

    def sign(self, transaction: dict[str, Any]) -> str:
        """The raw signed transaction as 0x text."""
        if "to" in transaction:  # eth_account takes an address with its checksum only
            transaction = {**transaction, "to": to_checksum_address(transaction["to"])}
        return "0x" + bytes(self._account.sign_transaction(transaction).raw_transaction).hex()


def create_address(sender: str, nonce: int) -> str:
    """The address of the contract that `sender` creates with the transaction of that nonce."""
    return "0x" + keccak(rlp.encode([bytes.fromhex(sender.removeprefix("0x")), nonce]))[12:].hex()


class Deployer:
    """Sends transactions one after another, each once the one before is mined."""

    def __init__(self, rpc: Rpc, sender: str | Signer, timeout_s: float = RECEIPT_TIMEOUT_S):
        self.rpc = rpc
        self.signer = None if isinstance(sender, str) else sender
        self.address = (sender if isinstance(sender, str) else sender.address).lower()
        self.timeout_s = timeout_s

    def nonce(self) -> int:
        """The sender's next nonce."""
        return int(self.rpc.call("eth_getTransactionCount", self.address, "latest"), 16)

    def send(self, what: str, data: str, to: str | None = None) -> dict[str, Any]:
        """Send a transaction and return its receipt. Raises DeploymentError, with the reason, if it fails."""
        request: dict[str, Any] = {"from": self.address, "data": data}
        if to is not None:
            request["to"] = to
        try:
            gas = int(self.rpc.call("eth_estimateGas", request), 16)
            request["gas"] = hex(gas * 6 // 5)
            transaction = self._send(request)
        except RpcError as error:
            reason = abi.explain_revert(error.revert_data) if error.revert_data else str(error)
            raise DeploymentError(f"{what} was refused: {reason}") from error
        receipt = self._receipt(what, transaction)
        if int(receipt["status"], 16) != 1:
            raise DeploymentError(f"{what} failed in transaction {transaction}")
        return receipt

    def call(self, name: str, address: str, function: str, *arguments: Any) -> Any:
        """What a view function of the contract `name` at `address` returns."""
        request = {"to": address, "data": abi.encode_call(name, function, *arguments)}
        return abi.decode_result(name, function, self.rpc.call("eth_call", request, "latest"), len(arguments))

    def has_code(self, address: str) -> bool:
        """Whether there is a contract at an address."""
        return bool(self.rpc.call("eth_getCode", address, "latest") not in ("0x", "0x0", None))

    def _send(self, request: dict[str, Any]) -> str:
        if self.signer is None:
            return str(self.rpc.call("eth_sendTransaction", request))
        block = self.rpc.call("eth_getBlockByNumber", "latest", False)
        tip = int(self.rpc.call("eth_maxPriorityFeePerGas"), 16)
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": int(self.rpc.call("eth_chainId"), 16),
            "nonce": self.nonce(),
            "gas": int(request["gas"], 16),
            "maxPriorityFeePerGas": tip,
            "maxFeePerGas": 2 * int(block["baseFeePerGas"], 16) + tip,
            "value": 0,
            "data": request["data"],
        }
        if "to" in request:
            fields["to"] = request["to"]
        return str(self.rpc.call("eth_sendRawTransaction", self.signer.sign(fields)))

    def _receipt(self, what: str, transaction: str) -> dict[str, Any]:
        give_up = time.monotonic() + self.timeout_s
        wait = 0.005  # a private chain mines at once; a public one in seconds
        while time.monotonic() < give_up:
            receipt: dict[str, Any] | None = self.rpc.call("eth_getTransactionReceipt", transaction)
            if receipt is not None:
                return receipt
            time.sleep(wait)
            wait = min(2.0, wait * 1.6)
        raise DeploymentError(
            f"{what}: transaction {transaction} was not mined within {self.timeout_s:.0f} s; "
            "deploy again to go on from there"
        )
