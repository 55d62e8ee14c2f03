"""An HTTP server that answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

Answer = Callable[[Any], tuple[Any, ...]]
"""From the decoded request to (status, content) or (status, content, headers)."""


class Answering:
    """Listens on a port of the system's choice until `close`. `asked` holds the requests."""

    def __init__(self, answer: Answer):
        self.answer = answer
        self.asked: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
                server.asked.append(body)
                status, content, *more = server.answer(body)
                headers = {"content-length": str(len(content))} | (more[0] if more else {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                if int(headers["content-length"]) != len(content):
                    self.close_connection = True

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


def result(value: Any) -> Answer:
    """Answers every call with `value`."""
    return lambda body: (200, orjson.dumps({"jsonrpc": "2.0", "id": body["id"], "result": value}))
