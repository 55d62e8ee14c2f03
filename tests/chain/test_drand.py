"""Asking relays for a round: one that answers is enough, and none can do harm."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from chain import drand
from chain.drand import RelayError, Unpublished
from tests import relays
from tests.relays import ROUND, Raw, Relay


@pytest.fixture
def start() -> Iterator[Callable[..., Relay | Raw]]:
    """Starts relays, and ends them with the test."""
    made: list[Relay | Raw] = []

    def begin(what: Relay | Raw) -> Relay | Raw:
        made.append(what)
        return what

    yield begin
    for one in made:
        one.close()


def error_of(relay: str, round: int = ROUND) -> str:
    """What is said of a relay that gives no signature."""
    (answer,) = drand.ask([relay], round)
    assert answer.signature == b""
    assert isinstance(answer.error, RelayError)
    return str(answer.error)


def test_anHonestRelay_isAskedAsDrandSays(start):
    relay = start(Relay())
    (answer,) = drand.ask([relay.url + "/"], ROUND)
    assert answer.signature.hex() == relays.SIGNATURES[ROUND]
    assert relay.asked == [f"/{relays.PUBLISHED['chain_hash']}/public/{ROUND}"]


def test_aRoundThatIsNotThereYet_isNoFault(start):
    (answer,) = drand.ask([start(Relay()).url], ROUND + 1)
    assert isinstance(answer.error, Unpublished)


def test_oneThatHangs_costsTheOthersNothing(start):
    released = threading.Event()
    silent = start(Raw(lambda connection: released.wait(60) and None))
    began = time.monotonic()
    answers = drand.ask([silent.url, relays.unused(), start(Relay()).url], ROUND)
    signature = next(answer.signature for answer in answers if answer.error is None)
    assert signature.hex() == relays.SIGNATURES[ROUND]
    assert time.monotonic() - began < drand.ASK_S
    released.set()


def test_silence_endsInTime(start):
    released = threading.Event()
    silent = start(Raw(lambda connection: released.wait(120) and None))
    began = time.monotonic()
    assert "did not answer in time" in error_of(silent.url)
    assert time.monotonic() - began < drand.ASK_S + 10
    released.set()


def test_oneThatDribbles_keepsOneThreadOnly(start, monkeypatch):
    monkeypatch.setattr(drand, "ASK_S", 0.5)
    released = threading.Event()

    def dribble(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not released.wait(0.1):
            connection.sendall(b"x")  # a header that never ends

    slow = start(Raw(dribble))
    assert "did not answer in time" in error_of(slow.url)
    for _ in range(3):
        assert "earlier answer" in error_of(slow.url)
    assert slow.taken == 1
    released.set()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((500, b"{}"), "status 500"),
        ((302, b"http://127.0.0.1:9/elsewhere"), "status 302"),
        ((200, b"<html>"), "not a round"),
        ((200, b"[]"), "not a round"),
        ((200, b'{"round": 12345678}'), "not a round"),
        ((200, b'{"round": 1, "signature": "' + relays.SIGNATURES[1].encode() + b'"}'), "another round"),
        ((200, b'{"round": 12345678, "signature": "abcd"}'), "not a point"),
        ((200, b'{"round": 12345678, "signature": 7}'), "not a point"),
        ((200, b'{"round": 12345678, "signature": "' + b"g" * 128 + b'"}'), "not a point"),
        ((200, b" " * 5000), "more than a round has"),
    ],
)
def test_answersThatAreNone_areToldApart(start, reply, words):
    assert words in error_of(start(Relay(lambda round: reply)).url)


def test_aDeadRelay_isNamedWithoutItsKey():
    (answer,) = drand.ask([relays.unused() + "/a-very-secret-key"], ROUND)
    assert "cannot be reached" in str(answer.error)
    assert "secret" not in f"{answer.relay} {answer.error}"


def test_anAnswerCutShort_isNone(start):
    def cut(connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n{"round": 12345678,')
        connection.close()

    assert error_of(start(Raw(cut)).url)
