"""The proof that a seed is drawn with: nothing for a block's hash, a round's signature for drand.

A relay is believed nothing: what it says is put to the epoch's own contract first, by a call that costs
nothing, and only what the contract accepts is sent. While no relay has the round, the epoch waits, and says
so; nothing else ever takes the round's place.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings

from chain import clock, contracts, deployments, drand
from chain.contracts import CallReverted
from compute import troubles
from gallery.models import Sealing

DRAND = "DrandRandomness"
NO_PROOF = "0x"
SLOT = b"randomness"
GRACE_S = 15
"""How long after its time a round may be missing everywhere before that is called a trouble."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0


class RandomnessTrouble(troubles.Plain):
    """The round can't be had, at least so far: for the tick to show."""


@dataclass
class _Attempt:
    """What came of asking for a round: the proof, or when to ask again and what to say until then."""

    proof: str | None = None
    again_at: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    trouble: str = ""


_attempts: dict[tuple[str, int], _Attempt] = {}
"""This process's attempt at the round that is waited for; of earlier rounds none is kept."""


def is_drand(source: str) -> bool:
    """Whether the source at this address draws from drand, and not from a block."""
    try:
        return deployments.name_of(source) == DRAND
    except deployments.DeploymentMissing:
        return False


def keeps_time() -> bool:
    """Whether the artwork draws its seeds from drand now: then the chain's clock must not run ahead of the
    world's. Raises what `contracts.call` raises.
    """
    source = contracts.call("LivingArtwork", "slot", "0x" + SLOT.ljust(32, b"\0").hex())
    return is_drand(source)


def words(source: str, round: int) -> str:
    """What decides the seed, for people: a block, or a round of drand."""
    spaced = f"{round:,}".replace(",", " ")
    return f"drand round {spaced}" if is_drand(source) else f"block {spaced}"


def promise() -> str:
    """What the artwork's seeds rest on, and what that doesn't promise."""
    newest = Sealing.objects.first()
    if newest is not None and is_drand(newest.source):
        return (
            "The seed of a picture comes from drand, a network of independent parties who sign the number of "
            "each round together. The round is fixed when the epoch is sealed, before anybody can know its "
            "signature, and the chain checks the signature. Enough of these parties together could know a "
            "round early; nobody can choose one."
        )
    return (
        "The seed of a picture comes from the hash of a block that did not exist when the epoch was sealed. "
        "Whoever builds that block could withhold it: good enough for a demonstration on a private chain, "
        "not for money."
    )


def proof(source: str, round: int) -> str | None:
    """The proof of a round that is due, as 0x text, for the source of this name; None to wait a little.

    Asks at most once in FIRST_PAUSE_S to LONGEST_PAUSE_S, for `drand.ASK_S` at most. Raises
    RandomnessTrouble while no relay has it, and what `contracts.call` raises, but for a revert.
    """
    if source != DRAND:
        return NO_PROOF
    key = (deployments.address_of(source), round)
    if key not in _attempts:
        _attempts.clear()
        _attempts[key] = _Attempt()
    attempt = _attempts[key]
    if attempt.proof is None and time.monotonic() >= attempt.again_at:
        _ask(source, round, attempt)
    if attempt.proof is None and attempt.trouble:
        raise RandomnessTrouble(attempt.trouble)
    return attempt.proof


def _ask(source: str, round: int, attempt: _Attempt) -> None:
    relays = settings.DRAND_URLS
    if not relays:
        raise RandomnessTrouble("DRAND_URLS names no relay to ask for the seed's round.")
    said, only_early = [], True
    for answer in drand.ask(relays, round):
        if answer.error is None:
            found = "0x" + answer.signature.hex()
            try:
                contracts.call(source, "deliver", round, found, block="pending")
            except CallReverted as refusal:
                said.append(f"{answer.relay}: the contract refuses what it says ({refusal})")
                only_early = False
            else:
                attempt.proof, attempt.trouble = found, ""
                return
        else:
            said.append(f"{answer.relay}: {answer.error}")
            only_early &= isinstance(answer.error, drand.Unpublished)
    if only_early and clock.now() < drand.EVMNET.time_of(round) + GRACE_S:
        attempt.again_at = time.monotonic() + FIRST_PAUSE_S
        return
    attempt.trouble = f"Round {round} of drand cannot be had so far, so the seed waits. {'; '.join(said)}."
    attempt.again_at = time.monotonic() + attempt.pause_s
    attempt.pause_s = min(LONGEST_PAUSE_S, 2 * attempt.pause_s)
