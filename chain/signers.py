"""Who signs what the site sends: a key of ours, or, on the private chain only, the node's unlocked account.

Both sign first and give the signed bytes and their hash, so that the hash is on record before anything is
sent: a crash in between can never lead to a second transaction.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Protocol

import orjson
from django.conf import settings
from eth_utils.crypto import keccak

from chain.private import is_private
from chain.rpc import Rpc


class SignerMissing(Exception):
    """No key and no unlocked account is configured for sending; the message says what to set."""


class Signer(Protocol):
    """Signs transactions of one account."""

    address: str

    def sign(self, rpc: Rpc, request: dict[str, Any]) -> tuple[str, str]:
        """The signed bytes and their hash, both `0x…`. `request` is complete: gas, fees, nonce, chainId."""


class KeySigner:
    """Signs with a private key that this process holds."""

    def __init__(self, key: str | bytes):
        from eth_account import Account  # takes a while to import, and the private chain never needs it

        self._account = Account.from_key(key)
        self.address: str = self._account.address.lower()

    def sign(self, rpc: Rpc, request: dict[str, Any]) -> tuple[str, str]:
        """Sign here. Nothing is asked of the node."""
        fields = {name: value for name, value in request.items() if name != "from"}
        fields["to"] = _checksummed(fields["to"])
        signed = self._account.sign_transaction(fields)
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()


class UnlockedSigner:
    """Lets the node sign for one of its unlocked accounts. Refused on every chain but the private one."""

    def __init__(self, address: str):
        self.address = address.lower()

    def sign(self, rpc: Rpc, request: dict[str, Any]) -> tuple[str, str]:
        """Have the node sign. Raises SignerMissing if it is not the private chain's."""
        if not is_private(rpc):
            raise SignerMissing(
                "unlocked accounts are for the private chain: set OPERATOR_KEY or OPERATOR_KEYSTORE"
            )
        raw: str = rpc.call("eth_signTransaction", request)
        return raw, "0x" + keccak(hexstr=raw).hex()


def _checksummed(address: str) -> str:
    from eth_utils.address import to_checksum_address

    return to_checksum_address(address)


@cache
def _from_key(key: str) -> KeySigner:
    return KeySigner(key)


@cache
def _from_keystore(file: str, password_file: str) -> KeySigner:
    from eth_account import Account

    if not password_file:
        raise SignerMissing("OPERATOR_KEYSTORE needs OPERATOR_KEYSTORE_PASSWORD_FILE")
    password = Path(password_file).read_text().rstrip("\r\n")
    return KeySigner(bytes(Account.decrypt(orjson.loads(Path(file).read_bytes()), password)))


def configured(rpc: Rpc) -> Signer:
    """The signer that the settings name. Raises SignerMissing; RpcUnavailable where the node has to be
    asked.
    """
    if settings.OPERATOR_KEY:
        return _from_key(settings.OPERATOR_KEY)
    if settings.OPERATOR_KEYSTORE:
        return _from_keystore(settings.OPERATOR_KEYSTORE, settings.OPERATOR_KEYSTORE_PASSWORD_FILE)
    if not settings.PRIVATE_CHAIN:
        raise SignerMissing("nothing can be sent: set OPERATOR_KEY or OPERATOR_KEYSTORE")
    return UnlockedSigner(settings.OPERATOR_ADDRESS or rpc.call("eth_accounts")[0])
