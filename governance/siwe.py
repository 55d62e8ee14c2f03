"""EIP-4361 messages: written, read back strictly, and checked against what this site expects.

Plain functions of text and time: sessions and single use are `governance.signin`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from eth_utils.address import is_checksum_address, to_checksum_address

LIFETIME = timedelta(minutes=10)
_CLOCK_SKEW = timedelta(minutes=1)
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_MESSAGE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?"
    r"(?P<domain>[^\s/?#]+) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    r"(?:(?P<statement>[^\n]+)\n)?\n"
    r"URI: (?P<uri>\S+)\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>[1-9][0-9]{0,77})\n"
    r"Nonce: (?P<nonce>[a-zA-Z0-9]{8,})\n"
    rf"Issued At: (?P<issued_at>{_TIME})"
    rf"(?:\nExpiration Time: (?P<expiration_time>{_TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{_TIME}))?"
    r"(?:\nRequest ID: (?P<request_id>[^\n]*))?"
    r"(?:\nResources:(?P<resources>(?:\n- \S+)*))?",
    re.ASCII,
)


class SignInRefused(ValueError):
    """The message or its signature isn't good; the text is a sentence for the person."""


@dataclass(frozen=True)
class Message:
    """The fields of a message that anything here depends on. `address` is lower-case."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime | None
    not_before: datetime | None


def write(
    *, scheme: str, domain: str, address: str, statement: str, chain_id: int, nonce: str, now: datetime
) -> str:
    """A message for `address` to sign, good for `LIFETIME` from `now`."""
    return (
        f"{domain} wants you to sign in with your Ethereum account:\n"
        f"{to_checksum_address(address)}\n\n"
        f"{statement}\n\n"
        f"URI: {scheme}://{domain}\n"
        "Version: 1\n"
        f"Chain ID: {chain_id}\n"
        f"Nonce: {nonce}\n"
        f"Issued At: {_stamp(now)}\n"
        f"Expiration Time: {_stamp(now + LIFETIME)}"
    )


def read(text: str) -> Message:
    """Parse a message to the letter of EIP-4361's grammar. Raises SignInRefused."""
    match = _MESSAGE.fullmatch(text)
    if match is None:
        raise SignInRefused("That is not a sign-in message.")
    if not is_checksum_address(match["address"]):
        raise SignInRefused("The address in the message is misspelled.")
    return Message(
        domain=match["domain"],
        address=match["address"].lower(),
        uri=match["uri"],
        chain_id=int(match["chain_id"]),
        nonce=match["nonce"],
        issued_at=_time(match["issued_at"]),
        expires_at=_time(match["expiration_time"]) if match["expiration_time"] else None,
        not_before=_time(match["not_before"]) if match["not_before"] else None,
    )


def check(message: Message, *, scheme: str, domain: str, chain_id: int, now: datetime) -> None:
    """Raise SignInRefused unless the message is for this site, this chain and this moment."""
    origin = f"{scheme}://{domain}"
    if message.domain != domain:
        raise SignInRefused("That message is for another site.")
    if message.uri != origin and not message.uri.startswith(origin + "/"):
        raise SignInRefused("That message is for another site.")
    if message.chain_id != chain_id:
        raise SignInRefused("That message is for another chain.")
    if not now - LIFETIME <= message.issued_at <= now + _CLOCK_SKEW:
        raise SignInRefused("That took longer than ten minutes. Please start again.")
    if message.expires_at is not None and message.expires_at <= now:
        raise SignInRefused("That took longer than ten minutes. Please start again.")
    if message.not_before is not None and message.not_before > now:
        raise SignInRefused("That message is not valid yet.")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError as error:
        raise SignInRefused("A time in the message does not exist.") from error
