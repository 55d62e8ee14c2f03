"""Asking an address that nobody vouches for, with servers that lie, hang, cut short and never end."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from compute import download
from compute.download import NotGiven
from tests.compute import hosts
from tests.compute.hosts import Answer, Host

BODY = b"\x89PNG what was asked for"
NAME = "0x" + hashlib.sha256(BODY).hexdigest()
MOST = 1000
UNEXPLAINED = b"A reason.\n\x1b[31m"
CHUNKED = hosts.head(Transfer_Encoding="chunked")


@pytest.fixture
def host() -> Iterator[Callable[[Answer], Host]]:
    """Start a server; it ends with the test."""
    made: list[Host] = []

    def start(answer: Answer) -> Host:
        made.append(Host(answer))
        return made[-1]

    yield start
    for one in made:
        one.close()


def get(url: str, within_s: float = 20.0, **options: object) -> bytes:
    wanted = {"kind": "image/png", "most": MOST, "within_s": within_s, "sha256": NAME}
    return download.get(f"{url}/lineage/{NAME}", **(wanted | options))


def test_it_gets_what_was_asked_for(host):
    server = host(hosts.gives(BODY))
    assert get(server.url) == BODY
    assert server.asked == [f"/lineage/{NAME}"]


def test_what_comes_in_chunks_is_put_together(host):
    rest = f"{len(BODY) - 5:x}\r\n".encode() + BODY[5:] + b"\r\n0\r\n\r\n"
    assert get(host(hosts.says(CHUNKED, b"5\r\n", BODY[:5], b"\r\n", rest)).url) == BODY


@pytest.mark.parametrize(
    ("answer", "words", "tired"),
    [
        (hosts.gives(BODY + b"!"), "something else under this name", False),
        (hosts.gives(b""), "something else under this name", False),
        (hosts.gives(b"gone", status=404), "does not have it", False),
        (hosts.gives(UNEXPLAINED, status=451, kind="text/plain"), "withholds it: A reason. [31m", False),
        (hosts.gives(b"oh", status=500), "status 500", True),
        (hosts.gives(b"", status=302, Location="http://127.0.0.1:1/"), "sends us elsewhere", True),
        (hosts.gives(BODY, kind="text/html"), "gave text/html instead of image/png", False),
        (hosts.gives(BODY, Content_Encoding="gzip"), "packed it", False),
        (hosts.says(hosts.head(length=MOST + 1)), f"would send {MOST + 1} bytes", True),
        (hosts.says(hosts.head(length=10**12)), f"would send {10**12} bytes", True),
        (hosts.says(hosts.head(length=-1), BODY * 100), "sent more than 1000 bytes", True),
        (hosts.endless, "sent more than 1000 bytes", True),
        (hosts.says(hosts.head(length=len(BODY)), BODY[:5]), "broke off", True),
        (hosts.says(CHUNKED, b"ff\r\n", BODY), "broke off", True),
        (hosts.says(CHUNKED, b"zz\r\n", BODY), "broke off", True),
        (hosts.says(b""), "", True),
        (hosts.says(b"220 mail.example ESMTP\r\n"), "broke off, or does not speak HTTP", True),
        (hosts.says(b"HTTP/1.1 200 So\r\n" + b"A: b\r\n" * 1000 + b"\r\n"), "broke off", True),
        (hosts.says(b"HTTP/1.1 200 So\r\nA: " + b"b" * 100_000 + b"\r\n\r\n"), "broke off", True),
    ],
)
def test_whatever_else_comes_is_refused_with_the_reason(host, answer: Answer, words: str, tired: bool):
    with pytest.raises(NotGiven) as refused:
        get(host(answer).url)
    assert words in str(refused.value)
    assert refused.value.tired is tired


def test_who_sends_us_elsewhere_is_not_followed(host):
    elsewhere = host(hosts.gives(BODY))
    with pytest.raises(NotGiven):
        get(host(hosts.gives(b"", status=307, Location=elsewhere.url)).url)
    assert elsewhere.asked == []


@pytest.mark.parametrize("answer", [hosts.silent, hosts.trickle])
def test_who_takes_too_long_is_not_waited_for(host, answer: Answer):
    began = time.monotonic()
    with pytest.raises(NotGiven, match="took longer than 1 s"):
        get(host(answer).url, within_s=1)
    assert time.monotonic() - began < 10
    until = time.monotonic() + 10
    while any(thread.name == "download" for thread in threading.enumerate()):
        assert time.monotonic() < until, "the transfer goes on"
        time.sleep(0.05)


def test_who_says_nothing_is_not_waited_for(host, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_S", 0.3)
    with pytest.raises(NotGiven, match="did not answer in time"):
        get(host(hosts.silent).url)


def test_who_asks_may_think_better_of_it(host):
    class Cancelled(Exception):
        pass

    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        get(host(hosts.silent).url, on_wait=cancel)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "cannot be reached"),
        ("file:///etc", "no address of the web"),
        ("ftp://127.0.0.1", "no address of the web"),
        ("http://", "no address of the web"),
        ("http://" + "a" * 300 + ".example", "cannot be reached"),
        ("http://127.0.0.1:99999", "no address of the web"),
    ],
)
def test_an_address_that_is_none_is_said_to_be(url: str, words: str):
    with pytest.raises(NotGiven, match=words):
        get(url)


def test_a_server_without_a_good_certificate_is_refused(host, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_S", 0.5)
    server = host(hosts.says(b"HTTP/1.1 400 No\r\n\r\n"))
    with pytest.raises(NotGiven):
        get(server.url.replace("http://", "https://"))
