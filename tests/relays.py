"""Relays of drand on ports of their own: an honest one, with the two published rounds, and the others."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "contracts" / "fixtures" / "drand_evmnet.json").read_text()
)
SIGNATURES = {one["round"]: one["x"][2:] + one["y"][2:] for one in PUBLISHED["rounds"]}
ROUND = 12345678

Reply = tuple[int, bytes]


def honest(round: int) -> Reply:
    """What drand's own relays answer."""
    if round not in SIGNATURES:
        return 404, b'{"message":"not found"}'
    return 200, json.dumps({"round": round, "signature": SIGNATURES[round]}).encode()


def lying(round: int) -> Reply:
    """Another round's signature for this round's: a point of the curve, and a signature, but not this one."""
    return 200, json.dumps({"round": round, "signature": SIGNATURES[1]}).encode()


def tampering(round: int) -> Reply:
    """One bit wrong: no point of the curve."""
    wrong = SIGNATURES[ROUND][:-1] + "b"
    return 200, json.dumps({"round": round, "signature": wrong}).encode()


class Relay:
    """Answers `GET /<chain hash>/public/<round>` until `close`. `asked` holds the paths."""

    def __init__(self, answer: Callable[[int], Reply] = honest):
        self.answer = answer
        self.asked: list[str] = []
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                relay.asked.append(self.path)
                status, content = relay.answer(int(self.path.rsplit("/", 1)[1]))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", content.decode())
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._http.shutdown()
        self._http.server_close()


class Raw:
    """Takes connections, reads the question, and does with the socket what the test says."""

    def __init__(self, behave: Callable[[socket.socket], None]):
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.taken = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.taken += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.recv(4096)
            self._behave(connection)
        except OSError:
            return  # the other side has gone, or the test is over

    def close(self) -> None:
        """Listen no more, and let go of whoever waits."""
        self._listening.close()
        for connection in self._open:
            connection.close()


def unused() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"
