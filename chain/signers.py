"""Who signs what the site sends: a key of ours, or, on the private chain only, the node's unlocked account.

There is one operator, who keeps the artwork going, and there may be workers, who paint with keys and bonds of
their own. Both kinds of signer sign first and give the signed bytes and their hash, so that the hash is on
record before anything is sent: a crash in between can never lead to a second transaction.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from eth_hash.auto import keccak

from chain.private import is_private
from chain.rpc import Rpc

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount  # takes a while, and the private chain never needs it


WORKER_ACCOUNTS = slice(10, 13)
"""Which of the private chain's unlocked accounts are its workers, where no keys are configured."""


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
        return raw, "0x" + keccak(bytes.fromhex(raw.removeprefix("0x"))).hex()


def _checksummed(address: str) -> str:
    from eth_utils.address import to_checksum_address

    return to_checksum_address(address)


@cache
def _from_key(key: str, setting: str) -> LocalAccount:
    from eth_account import Account

    try:
        return Account.from_key(key)
    except (ValueError, TypeError) as error:
        raise SignerMissing(f"{setting} is no private key: 32 bytes are expected, as 0x text") from error


@cache
def _from_keystore(keystore: str, password_file: str, setting: str) -> LocalAccount:
    from eth_account import Account

    if not password_file:
        raise SignerMissing(f"{setting} needs {setting.removesuffix('S')}_PASSWORD_FILE")
    try:
        password = Path(password_file).read_text(encoding="utf-8").rstrip("\r\n")
        return Account.from_key(Account.decrypt(Path(keystore).read_text(encoding="utf-8"), password))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise SignerMissing(f"the keystore {keystore} can't be opened: {error}") from error


def account() -> LocalAccount | None:
    """The operator's account, from OPERATOR_KEY or OPERATOR_KEYSTORE; None when neither is set.

    Opening a keystore takes a second, once a process. Raises SignerMissing when it can't be opened.
    """
    if settings.OPERATOR_KEYSTORE:
        return _from_keystore(
            settings.OPERATOR_KEYSTORE, settings.OPERATOR_KEYSTORE_PASSWORD_FILE, "OPERATOR_KEYSTORE"
        )
    return _from_key(settings.OPERATOR_KEY, "OPERATOR_KEY") if settings.OPERATOR_KEY else None


def configured(rpc: Rpc) -> Signer:
    """The operator's signer, as the settings name it. Raises SignerMissing; RpcUnavailable where the node has
    to be asked.
    """
    if (own := account()) is not None:
        return KeySigner(own)
    if not settings.PRIVATE_CHAIN:
        raise SignerMissing("nothing can be sent: set OPERATOR_KEY or OPERATOR_KEYSTORE")
    return UnlockedSigner(settings.OPERATOR_ADDRESS or rpc.call("eth_accounts")[0])


def worker_accounts() -> list[LocalAccount]:
    """The accounts of WORKER_KEYS and WORKER_KEYSTORES, in that order, each once; none when neither is set.

    Opening a keystore takes a second, once a process. Raises SignerMissing when one can't be opened.
    """
    password_file = settings.WORKER_KEYSTORE_PASSWORD_FILE
    found = [_from_key(key, "a key of WORKER_KEYS") for key in settings.WORKER_KEYS]
    found += [_from_keystore(file, password_file, "WORKER_KEYSTORES") for file in settings.WORKER_KEYSTORES]
    return list({own.address: own for own in found}.values())


def workers(rpc: Rpc) -> list[Signer]:
    """Signers of the workers that paint here: those of the settings, or else the private chain's own three.

    There may be none. Raises SignerMissing; RpcUnavailable where the node has to be asked.
    """
    if own := worker_accounts():
        return [KeySigner(one) for one in own]
    if not settings.PRIVATE_CHAIN:
        return []
    return [UnlockedSigner(address) for address in rpc.call("eth_accounts")[WORKER_ACCOUNTS]]


def of(rpc: Rpc, address: str) -> Signer:
    """The signer of one account: the operator's or a worker's.

    Raises SignerMissing when we hold no key for it; RpcUnavailable where the node has to be asked.
    """
    wanted = address.lower()
    # A missing operator's key is no reason to keep a worker from painting.
    with suppress(SignerMissing):
        if (operator := configured(rpc)).address == wanted:
            return operator
    for worker in workers(rpc):
        if worker.address == wanted:
            return worker
    raise SignerMissing(
        f"nothing can be sent by {wanted}: its key is neither the operator's nor one of WORKER_KEYS or "
        "WORKER_KEYSTORES"
    )
