"""Servers on real sockets that do what they are told, among it what no server should."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

Answer = Callable[[socket.socket, str], object]
"""Given a connection on which a request was read, and the path that it asked for."""


class Host:
    """A server on a port of the system's choice. `asked` are the paths that it was asked for."""

    def __init__(self, answer: Answer):
        self.answer = answer
        self.asked: list[str] = []
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more, and let go of who hangs."""
        self.over.set()
        self._listener.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):  # who asked may have gone
            line.settimeout(20)
            request = b""
            while b"\r\n\r\n" not in request:
                if not (part := line.recv(4096)):
                    return
                request += part
            path = request.split(b" ", 2)[1].decode()
            self.asked.append(path)
            self.answer(line, path)


def head(status: int = 200, kind: str = "image/png", length: int | None = None, **more: str) -> bytes:
    """A status line and headers."""
    lines = [f"HTTP/1.1 {status} So", f"Content-Type: {kind}", "Connection: close"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def gives(body: bytes, **options: object) -> Answer:
    """Sends this, whole."""
    return lambda line, path: line.sendall(head(length=len(body), **options) + body)


def says(*parts: bytes) -> Answer:
    """Sends these bytes and goes."""
    return lambda line, path: line.sendall(b"".join(parts))


def endless(line: socket.socket, path: str) -> None:
    """A gigabyte, in chunks, as quickly as it is taken."""
    line.sendall(head(Transfer_Encoding="chunked"))
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    for _ in range(1024):
        line.sendall(chunk)


def silent(line: socket.socket, path: str) -> None:
    """Takes the request and says nothing."""
    with contextlib.suppress(TimeoutError):
        line.recv(1)


def trickle(line: socket.socket, path: str) -> None:
    """A header without end, a letter at a time: never silent for long."""
    line.sendall(b"HTTP/1.1 200 So\r\nX-Slow: ")
    for _ in range(600):
        line.sendall(b"a")
        time.sleep(0.05)
