"""Results, refusals and silence are three different things."""

from __future__ import annotations

import gzip
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest

from chain.anvil import free_port
from chain.private import PrivateChain
from chain.rpc import Rpc, RpcError, RpcUnavailable, addresses, get_rpc
from tests.chain.answering import Answer, Answering


@pytest.fixture
def answering() -> Iterator[Callable[[Answer], Rpc]]:
    """Start a server that answers as the test says."""
    servers: list[Answering] = []

    def start(answer: Answer) -> Rpc:
        servers.append(Answering(answer))
        return Rpc(servers[-1].url, timeout=2)

    yield start
    for server in servers:
        server.close()


def replies(body: Any) -> list[dict[str, Any]]:
    return [{"id": call["id"], "result": call["method"]} for call in body]


def test_call_andBatch(anvil: PrivateChain) -> None:
    rpc = anvil.rpc
    assert rpc.call("eth_chainId") == "0x7a69"
    assert rpc.batch([]) == []
    assert rpc.batch([("eth_chainId", [])] * 250) == ["0x7a69"] * 250
    with pytest.raises(RpcError) as caught:
        rpc.call("eth_nothing")
    assert caught.value.code == -32601
    with pytest.raises(RpcError):
        rpc.batch([("eth_chainId", []), ("eth_nothing", [])])


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (429, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"slow down"}}', "fewer requests"),
        (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"slow down"}}', "fewer|batch"),
        (500, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}', "status 500"),
        (502, b"<html>bad gateway</html>", "status 502"),
        (401, b'{"error":"who are you"}', "refused our key"),
        (403, b"", "refused our key"),
        (404, b"no such page", "status 404 and no JSON"),
        (400, b'{"hint":"none"}', "status 400"),
        (200, b'{"jsonrpc":"2.0","id":1,"resu', "no JSON"),
        (200, b'{"jsonrpc":"2.0","id":1}', "neither result nor error|something else"),
        (200, b'"0x1"', "no JSON-RPC object|something else"),
        (200, b"null", "no JSON-RPC object|something else"),
        (200, b"", "no JSON"),
        (200, b'{"jsonrpc":"2.0","id":-7,"result":"0x1"}', "another question|something else"),
        (302, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}', "status 302"),
    ],
)
def test_noUsableAnswer_isUnavailable(answering: Any, status: int, content: bytes, words: str) -> None:
    rpc = answering(lambda body: (status, content))
    with pytest.raises(RpcUnavailable, match=words) as caught:
        rpc.call("eth_chainId")
    if status != 200:
        assert caught.value.status == status
    with pytest.raises(RpcUnavailable, match=words):
        rpc.batch([("eth_chainId", []), ("eth_chainId", [])])


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too much"}}'),
        (413, b"<html>Request Entity Too Large</html>"),
        (413, b'{"message":"too large"}'),
    ],
)
def test_aRefusal_isNoSilence(answering: Any, status: int, content: bytes) -> None:
    """It would be refused again, so less has to be asked: the next node would not help."""
    rpc = answering(lambda body: (status, content))
    with pytest.raises(RpcError, match="too"):
        rpc.call("eth_getLogs", {})
    with pytest.raises(RpcError, match="too"):
        rpc.batch([("eth_chainId", []), ("eth_chainId", [])])


def test_retryAfter_inSecondsOrAsADate(answering: Any) -> None:
    when = ["7", format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True), "soon", ""]
    rpc = answering(lambda body: (429, b"", {"retry-after": when.pop(0)}))
    found = []
    for _ in range(4):
        with pytest.raises(RpcUnavailable) as caught:
            rpc.call("eth_chainId")
        found.append(caught.value.retry_after)
    assert found[0] == 7
    assert found[1] is not None
    assert 40 < found[1] <= 60
    assert found[2:] == [None, None]


def test_anAnswerCutShort_orTooBig(answering: Any, settings: Any) -> None:
    def whole(body: Any) -> bytes:
        return orjson.dumps({"id": body["id"], "result": "0x" + "00" * 600_000})

    with pytest.raises(RpcUnavailable, match="ended before the answer did"):
        answering(lambda body: (200, whole(body)[:-9], {"content-length": "2000000"})).call("eth_getLogs")
    zipped = answering(lambda body: (200, gzip.compress(whole(body)), {"content-encoding": "gzip"}))
    assert len(zipped.call("eth_getLogs")) == 1_200_002
    settings.CHAIN_RPC_MAX_MB = 1
    for rpc in (zipped, answering(lambda body: (200, whole(body)))):
        with pytest.raises(RpcUnavailable, match="more than 1 MB"):
            rpc.call("eth_getLogs")
    broken = answering(lambda body: (200, b"not packed", {"content-encoding": "gzip"}))
    with pytest.raises(RpcUnavailable, match="cannot be unpacked"):
        broken.call("eth_getLogs")


def test_batch_inAnyOrder_andCutShort(answering: Any) -> None:
    calls = [("a", []), ("b", []), ("c", [])]
    turned = answering(lambda body: (200, orjson.dumps(replies(body)[::-1])))
    assert turned.batch(calls) == ["a", "b", "c"]
    for wrong, words in (
        (lambda body: replies(body)[:2], "2 of 3"),
        (lambda body: [*replies(body), *replies(body)[:1]], "3 of 3 .* 4 replies"),
        (lambda body: [reply | {"id": 7_000_000} for reply in replies(body)], "0 of 3"),
        (lambda body: [None, *replies(body)[1:]], "2 of 3"),
        (lambda body: [reply | {"id": [1]} for reply in replies(body)], "0 of 3"),
        (lambda body: [], "0 of 3"),
    ):
        rpc = answering(lambda body, wrong=wrong: (200, orjson.dumps(wrong(body))))
        with pytest.raises(RpcUnavailable, match=words):
            rpc.batch(calls)


SECRET_PATH = "/v3/key-0815?token=key-4711"


def test_noSecret_isInAnyErrorOrLog(answering: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [(401, b"{}"), (200, b"{"), (200, b"{}", {"content-length": "9"}), (200, b"[]")]
    good = answering(lambda body: answers.pop(0)).url
    for base in (good, good, good, good, f"http://127.0.0.1:{free_port()}"):
        with pytest.raises(RpcUnavailable) as caught:
            Rpc(base + SECRET_PATH, timeout=1).call("eth_chainId")
        told = "".join(traceback.format_exception(caught.value)) + caplog.text
        assert "key-0815" not in told
        assert "key-4711" not in told
        assert base in told


def test_aNodeThatRepeatsOurKey_isQuotedWithoutIt(answering: Any) -> None:
    words = "project key-0815 (token=key-4711) may not; " + "x" * 5000
    url = answering(
        lambda body: (200, orjson.dumps({"id": None, "error": {"code": 1, "message": words}}))
    ).url
    with pytest.raises(RpcError, match=r"project \[secret\] \(\[secret\]\) may not") as caught:
        Rpc(url + SECRET_PATH, timeout=2).call("eth_chainId")
    assert len(str(caught.value)) < 1100


def test_addresses_eachOnce() -> None:
    assert addresses(" http://a, http://b/k?x=1\nhttp://a ") == ("http://a", "http://b/k?x=1")
    assert addresses("") == ()


def test_noListener_isUnavailable(settings: Any) -> None:
    with pytest.raises(RpcUnavailable, match="no answer"):
        Rpc(f"http://127.0.0.1:{free_port()}", timeout=1).call("eth_chainId")
    settings.CHAIN_RPC_URL = ""
    with pytest.raises(RpcUnavailable, match="CHAIN_RPC_URL"):
        get_rpc()


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (RpcError(3, "execution reverted", "0xABcd"), "0xabcd"),
        (RpcError(-32000, "execution reverted"), "0x"),
        (RpcError(-32015, "VM execution error", "Reverted 0x08c3"), "0x08c3"),
        (RpcError(-32603, "failed", {"originalError": 1, "data": "0x01"}), "0x01"),
        (RpcError(-32000, "insufficient funds"), None),
    ],
)
def test_revertData_whereverANodePutsIt(error: RpcError, data: str | None) -> None:
    assert error.revert_data == data
