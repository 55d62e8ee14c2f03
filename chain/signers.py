"""Who signs what the site sends: a key of ours, or, on the private chain only, the node's unlocked account.

Both sign first and give the signed bytes and their hash, so that the hash is on record before anything is
sent: a crash in between can never lead to a second transaction.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from eth_utils.crypto import keccak

from chain.private import is_private
from chain.rpc import Rpc

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount  # takes a while, and the private chain never needs it


class SignerMissing(Exception):
    """No key and no unlocked account is configured for sending; the message says what to set."""


class Signer(Protocol):
    """Signs transactions of one account."""

    address: str

    def sign(self, rpc: Rpc, request: dict[str, Any]) -> tuple[str, str]:
        """The signed bytes and their hash, both `0x…`. `request` is complete: gas, fees, nonce, chainId."""


class KeySigner:
    """Signs with a private key that this process holds."""

    def __init__(self, own: LocalAccount):
        self._account = own
        self.address: str = own.address.lower()

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
def _account(key: str, keystore: str, password_file: str) -> LocalAccount:
    from eth_account import Account

    if not keystore:
        try:
            return Account.from_key(key)
        except (ValueError, TypeError) as error:
            raise SignerMissing(
                "OPERATOR_KEY is no private key: 32 bytes are expected, as 0x text"
            ) from error
    if not password_file:
        raise SignerMissing("OPERATOR_KEYSTORE needs OPERATOR_KEYSTORE_PASSWORD_FILE")
    try:
        password = Path(password_file).read_text(encoding="utf-8").rstrip("\r\n")
        return Account.from_key(Account.decrypt(Path(keystore).read_text(encoding="utf-8"), password))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise SignerMissing(f"the keystore {keystore} can't be opened: {error}") from error


def account() -> LocalAccount | None:
    """The operator's account, from OPERATOR_KEY or OPERATOR_KEYSTORE; None when neither is set.

    Opening a keystore takes a second, once a process. Raises SignerMissing when it can't be opened.
    """
    if not settings.OPERATOR_KEY and not settings.OPERATOR_KEYSTORE:
        return None
    return _account(
        settings.OPERATOR_KEY, settings.OPERATOR_KEYSTORE, settings.OPERATOR_KEYSTORE_PASSWORD_FILE
    )


def configured(rpc: Rpc) -> Signer:
    """The signer that the settings name. Raises SignerMissing; RpcUnavailable where the node has to be
    asked.
    """
    if (own := account()) is not None:
        return KeySigner(own)
    if not settings.PRIVATE_CHAIN:
        raise SignerMissing("nothing can be sent: set OPERATOR_KEY or OPERATOR_KEYSTORE")
    return UnlockedSigner(settings.OPERATOR_ADDRESS or rpc.call("eth_accounts")[0])
