"""A node's endpoint with whims: a real TCP server before a real node."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from urllib.parse import urlsplit

FAULTS = ("refuse", "hang", "reset", "429", "500", "garbage", "cut")


class Proxy:
    """Passes bytes on, or does what `fault` says. `url` stays the same throughout."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self.target = (target.hostname or "127.0.0.1", target.port or 80)
        self.fault = ""
        self.over = threading.Event()
        self.open: set[socket.socket] = set()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._kind, self._handler = Server, Handler
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self._run()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault: str) -> None:
        """Begin a fault; connections that are open suffer it too."""
        self.fault = fault
        if fault == "refuse":
            self.server.shutdown()
            self.server.server_close()
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """End the fault."""
        if self.fault == "refuse":
            self.server = self._kind(("127.0.0.1", self.port), self._handler)
            self._run()
        self.fault = ""
        self.over.set()  # what hangs is let go
        self.over = threading.Event()

    def close(self) -> None:
        """End it."""
        self.over.set()
        if self.fault != "refuse":
            self.server.shutdown()
            self.server.server_close()

    def serve(self, client: socket.socket) -> None:
        """One connection."""
        self.open.add(client)
        try:
            if not self.fault:
                self._pass(client)
            elif client.recv(65536):
                self._misbehave(client)
        except OSError:
            return
        finally:
            self.open.discard(client)

    def _misbehave(self, client: socket.socket) -> None:
        if self.fault == "hang":
            self.over.wait(60)
        elif self.fault == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        elif self.fault in ("429", "500"):
            body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"slow down"}}'
            head = f"HTTP/1.1 {self.fault} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode() + body)
        elif self.fault == "garbage":
            client.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<html>oh</html"
            )
        elif self.fault == "cut":
            client.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"jsonrpc":"2.0"')

    def _pass(self, client: socket.socket) -> None:
        with socket.create_connection(self.target) as node:
            self.open.add(node)
            back = threading.Thread(target=_pour, args=(node, client), daemon=True)
            back.start()
            _pour(client, node)
            back.join()
            self.open.discard(node)

    def _run(self) -> None:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
