"""Results, refusals and silence are three different things."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import orjson
import pytest

from chain.anvil import free_port
from chain.private import PrivateChain
from chain.rpc import Rpc, RpcError, RpcUnavailable, get_rpc

Answer = Callable[[Any], tuple[int, bytes]]


@pytest.fixture
def answering() -> Iterator[Callable[[Answer], Rpc]]:
    """Start a server that answers as the test says."""
    servers: list[HTTPServer] = []

    def start(answer: Answer) -> Rpc:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
                status, content = answer(body)
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return Rpc(f"http://127.0.0.1:{server.server_port}", timeout=2)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


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
    ("status", "content"),
    [
        (429, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"slow down"}}'),
        (500, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'),
        (502, b"<html>bad gateway</html>"),
        (200, b'{"jsonrpc":"2.0","id":1,"resu'),
        (200, b'{"jsonrpc":"2.0","id":1}'),
        (200, b'"0x1"'),
    ],
)
def test_noUsableAnswer_isUnavailable(answering: Any, status: int, content: bytes) -> None:
    rpc = answering(lambda body: (status, content))
    with pytest.raises(RpcUnavailable):
        rpc.call("eth_chainId")
    with pytest.raises(RpcUnavailable):
        rpc.batch([("eth_chainId", []), ("eth_chainId", [])])


def test_batch_inAnyOrder_andCutShort(answering: Any) -> None:
    def turned(body: Any) -> tuple[int, bytes]:
        return 200, orjson.dumps([{"id": call["id"], "result": call["method"]} for call in reversed(body)])

    assert answering(turned).batch([("a", []), ("b", []), ("c", [])]) == ["a", "b", "c"]
    with pytest.raises(RpcUnavailable, match="2 of 3"):
        answering(lambda body: (200, orjson.dumps([{"id": 0, "result": 1}, {"id": 1, "result": 1}]))).batch(
            [("a", []), ("b", []), ("c", [])]
        )


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
