"""A site of one page, to see what the live scripts do in a real browser."""

import mimetypes
import threading
from pathlib import Path
from typing import Any

import uvicorn
from channels.routing import ProtocolTypeRouter

from config.middleware import POLICY
from live import server as live_server
from live.socket import live_socket

STATIC = Path(__file__).parents[2] / "static"
HEAD = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>live</title>'
    '<meta name="chain-time" content="{chain_time}">'
    '<meta name="htmx-config" content=\'{{"includeIndicatorStyles": false, "allowEval": false}}\'>'
    '<script type="module" src="/static/js/live.js"></script>'
    '<script type="module" src="/static/js/countdown.js"></script>{scripts}'
    '<p data-offline hidden>Not connected</p><div data-announce aria-live="polite"></div>'
)


class Site:
    """Pages and fragments by path, under the site's own content policy; the live socket beside them."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        self.port = 0

    def page(self, body: str, chain_time: float = 0, scripts: str = "") -> None:
        """Put the page at `/`."""
        self.pages["/"] = HEAD.format(chain_time=chain_time, scripts=scripts) + body

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Serve; on the same port as before if there was one."""
        app = ProtocolTypeRouter({"http": self._serve, "websocket": live_socket})
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_level="warning", **live_server.options()
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        from tests.live.conftest import wait_until

        wait_until(lambda: self._server.started)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        self.asked.append(path)
        if path in self.pages:
            kind, body = "text/html", self.pages[path].encode()
        elif path.startswith("/static/") and (STATIC / path.removeprefix("/static/")).is_file():
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            body = (STATIC / path.removeprefix("/static/")).read_bytes()
        else:
            kind, body = "text/plain", b""
        headers = [(b"content-type", kind.encode()), (b"content-security-policy", POLICY.encode())]
        await send({"type": "http.response.start", "status": 200 if body else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})
