"""Whether an account signed a text: with a key (EIP-191), or as a contract that says so itself (EIP-1271)."""

from __future__ import annotations

import re

import eth_abi
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct
from eth_keys.exceptions import BadSignature, ValidationError

from chain.rpc import RpcError, RpcUnavailable, get_rpc
from governance.siwe import SignInRefused

_ECDSA_BYTES = 65
_MOST_BYTES = 4096  # a multisig of dozens of owners
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_IS_VALID_SIGNATURE = "0x1626ba7e"  # isValidSignature(bytes32,bytes): the selector is also the answer for yes
_ERC6492 = bytes.fromhex("6492" * 16)
_GAS = hex(3_000_000)  # of somebody else's code, on our node


def check(text: str, signature: str, address: str) -> None:
    """Raise SignInRefused, with a sentence, unless `address` signed `text`.

    A key's signature is checked here; for any other, the account's code is asked on the chain that we mirror.
    """
    if not _HEX.fullmatch(signature) or len(signature) == len("0x"):
        raise SignInRefused("That is not a signature.")
    raw = bytes.fromhex(signature[2:])
    if len(raw) > _MOST_BYTES:
        raise SignInRefused("That signature is too long.")
    if raw.endswith(_ERC6492):
        raise SignInRefused(
            "This smart account does not exist on this chain yet, so nobody can check its signature: "
            "send its first transaction, then connect again."
        )
    if _signer(text, raw) != address:
        _ask_the_account(text, raw, address)


def _signer(text: str, raw: bytes) -> str | None:
    """Whose key made an ordinary signature; None if it is none."""
    if len(raw) != _ECDSA_BYTES:
        return None
    try:
        return str(Account.recover_message(encode_defunct(text=text), signature=raw)).lower()
    except (ValueError, TypeError, BadSignature, ValidationError):
        return None


def _ask_the_account(text: str, raw: bytes, address: str) -> None:
    plain = len(raw) == _ECDSA_BYTES
    try:
        if get_rpc().call("eth_getCode", address, "latest") == "0x":
            raise SignInRefused(
                "Another account signed this message." if plain else "That is not a signature."
            )
        digest = _hash_eip191_message(encode_defunct(text=text))
        data = _IS_VALID_SIGNATURE + eth_abi.encode(["bytes32", "bytes"], [digest, raw]).hex()
        answer = get_rpc().call("eth_call", {"to": address, "data": data, "gas": _GAS}, "latest")
    except RpcUnavailable as error:
        raise SignInRefused(
            "No key of this account signed this, and the chain, which would know whether it is a contract’s "
            "signature, does not answer right now. Please try again in a moment."
        ) from error
    except RpcError as error:  # it reverted: some contracts say no that way
        raise SignInRefused("The account’s own contract does not accept this signature.") from error
    if str(answer)[:10].lower() != _IS_VALID_SIGNATURE or len(str(answer)) < 66:
        raise SignInRefused("The account’s own contract does not accept this signature.")
