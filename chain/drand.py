"""drand: a round's signature, asked of relays that need not be trusted.

A drand network is a set of independent parties who sign the number of each round together, at the round's
time. Relays hand the signatures out over HTTP: `GET {relay}/{chain hash}/public/{round}` answers
`{"round": 1, "signature": "<hex>"}`. Whether a signature is right, only the network's public key says:
`DrandRandomness` checks it on the chain, and whoever asks here has it checked there before it is used.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson
import urllib3

from chain.rpc import told_apart, without_secrets

ASK_S = 5.0
"""How long a round is waited for, in seconds, whatever relays do."""
CONNECT_S, SILENCE_S = 2.0, 4.0
MOST_BYTES = 4096
UNPUBLISHED = (404, 425)
SIGNATURE = re.compile(r"(?:0x)?([0-9a-fA-F]{128})")


class Network(NamedTuple):
    """A drand network of the scheme `bls-bn254-unchained-on-g1`; times are in seconds.

    `public_key` is a point of G2 as the precompiled contracts read it: x.c1, x.c0, y.c1, y.c0.
    """

    chain_hash: str
    genesis: int
    period: int
    public_key: tuple[int, int, int, int]

    def time_of(self, round: int) -> int:
        """When a round is due, in seconds since 1970."""
        return self.genesis + (round - 1) * self.period


EVMNET = Network(
    chain_hash="04f1e9062b8a81f848fded9c12306733282b2727ecced50032187751166ec8c3",
    genesis=1727521075,
    period=3,
    public_key=(
        0x07E1D1D335DF83FA98462005690372C643340060D205306A9AA8106B6BD0B382,
        0x0557EC32C2AD488E4D4F6008F89A346F18492092CCC0D594610DE2732C8B808F,
        0x0095685AE3A85BA243747B1B2F426049010F6B73A0CF1D389351D5AAAA1047F6,
        0x297D3A4F9749B33EB2D904C9D9EBF17224150DDD7ABD7567A9BEC6C74480EE0B,
    ),
)
"""The League of Entropy's network for the EVM: its facts never change."""


class Unpublished(Exception):
    """The relay doesn't have the round (yet)."""


class RelayError(Exception):
    """The relay gave no usable answer; the words say why, without what may be a key in its address."""


class Answer(NamedTuple):
    """What one relay said: a round's signature as 64 bytes (x and y), not checked, or why there is none."""

    relay: str
    signature: bytes = b""
    error: Exception | None = None


def ask(relays: Sequence[str], round: int, network: Network = EVMNET) -> Iterator[Answer]:
    """Every relay's answer, as they come in; those that say nothing within ASK_S come last, with an error.

    All are asked at once, each in a thread of its own, so that one that hangs costs the others nothing. A
    caller that has what it needs may stop listening.
    """
    names = told_apart(without_secrets(relay) for relay in relays)
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for name, relay in zip(names, relays, strict=True):
        if (busy := _asked.get(relay)) is not None and busy.is_alive():
            answers.put(Answer(name, error=RelayError("it has not come to the end of an earlier answer")))
            continue
        url = f"{relay.rstrip('/')}/{network.chain_hash}/public/{round}"
        thread = threading.Thread(target=_ask, args=(name, url, round, answers), name="drand", daemon=True)
        _asked[relay] = thread
        thread.start()
    silent = set(names)
    give_up = time.monotonic() + ASK_S
    while silent:
        try:
            answer = answers.get(timeout=max(0.0, give_up - time.monotonic()))
        except queue.Empty:
            break
        silent.discard(answer.relay)
        yield answer
    for name in names:
        if name in silent:
            yield Answer(name, error=RelayError("it did not answer in time"))


_asked: dict[str, threading.Thread] = {}
"""Who was asked last for each relay: one that dribbles for hours keeps one thread, not one an attempt."""


def _ask(name: str, url: str, round: int, answers: queue.SimpleQueue[Answer]) -> None:
    try:
        answers.put(Answer(name, _signature(url, round)))
    except (Unpublished, RelayError) as error:
        answers.put(Answer(name, error=error))


def _signature(url: str, round: int) -> bytes:
    """Raises Unpublished and RelayError."""
    give_up = time.monotonic() + ASK_S
    try:
        with urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=CONNECT_S, read=SILENCE_S)
        ) as pool:
            reply = pool.request("GET", url, preload_content=False, redirect=False)
            try:
                content = b""
                while len(content) <= MOST_BYTES and time.monotonic() < give_up:
                    if not (part := reply.read1(MOST_BYTES)):
                        break
                    content += part
            finally:
                reply.close()
    except urllib3.exceptions.NewConnectionError:  # urllib3 counts it among the time-outs
        raise RelayError("it cannot be reached") from None
    except urllib3.exceptions.TimeoutError:
        raise RelayError("it did not answer in time") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        # The cause would say the whole address in a traceback.
        raise RelayError(f"it gave no whole answer ({type(error).__name__})") from None
    if reply.status in UNPUBLISHED:
        raise Unpublished(f"it does not have round {round} yet")
    if reply.status != 200:
        raise RelayError(f"it answered with status {reply.status}")
    if len(content) > MOST_BYTES:
        raise RelayError("it answered with more than a round has")
    return _read(content, round)


def _read(content: bytes, round: int) -> bytes:
    try:
        told = orjson.loads(content)
        number, text = told["round"], told["signature"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise RelayError("its answer is not a round of drand's") from None
    if number != round:
        raise RelayError("it answered with another round")
    found = SIGNATURE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise RelayError("its signature is not a point of 64 bytes")
    return bytes.fromhex(found[1])
