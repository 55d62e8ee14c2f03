"""One GET from an address that nobody vouches for: bounded in size and time, of one kind, never elsewhere.

The transfer runs in a thread of its own, so that whatever the other side does (hang while the name is looked
up, trickle a header a byte at a time, send without end) the caller is back in time, and may be asked once in
a while whether it still wants the answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

CONNECT_S = 5.0
SILENCE_S = 10.0
"""Between two bytes."""
LOOK_S = 0.5
CHUNK = 65_536
MOST_WORDS = 300


class NotGiven(Exception):
    """There is no answer that can be used; the message says why, and follows on the name of who was asked.

    `status` is what HTTP said, 0 where it said nothing. `tired`: asked for something else now, it would most
    likely not answer either.
    """

    def __init__(self, words: str, status: int = 0, tired: bool = True):
        super().__init__(words)
        self.status = status
        self.tired = tired


def get(
    url: str,
    *,
    kind: str,
    most: int,
    within_s: float,
    sha256: str,
    on_wait: Callable[[], object] = lambda: None,
) -> bytes:
    """The body at an address: of the media type `kind`, at most `most` bytes, with this digest (0x text).

    Raises NotGiven, `within_s` seconds from now at the latest, and whatever `on_wait` raises, which is called
    about twice a second meanwhile.
    """
    transfer = _Transfer(url, kind, most)
    deadline = time.monotonic() + within_s
    transfer.start()
    try:
        while transfer.is_alive():
            transfer.join(LOOK_S)
            if transfer.is_alive():
                if time.monotonic() > deadline:
                    raise NotGiven(f"took longer than {within_s:g} s")
                on_wait()
    finally:
        transfer.cut()
    if transfer.error is not None:
        raise transfer.error
    if "0x" + hashlib.sha256(transfer.body).hexdigest() != sha256:
        raise NotGiven("gave something else under this name", 200, tired=False)
    return transfer.body


class _Transfer(threading.Thread):
    """One request. When it has ended, `body` holds what came, or `error` says why nothing did."""

    def __init__(self, url: str, kind: str, most: int):
        super().__init__(name="download", daemon=True)
        self.url, self.kind, self.most = url, kind, most
        self.body = b""
        self.error: NotGiven | None = None
        self._line: socket.socket | None = None
        self._over = False
        self._lock = threading.Lock()

    def run(self) -> None:
        try:
            self.body = self._get()
        except NotGiven as error:
            self.error = error
        except TimeoutError:
            self.error = NotGiven("did not answer in time")
        except ssl.SSLError:
            self.error = NotGiven("has a certificate or a TLS that is not accepted")
        except (OSError, UnicodeError):  # UnicodeError: a name that can't be one
            self.error = NotGiven("cannot be reached")
        except (http.client.HTTPException, ValueError):
            self.error = NotGiven("broke off, or does not speak HTTP")
        finally:
            self.cut()

    def cut(self) -> None:
        """End the transfer wherever it is. May be called again, from any thread."""
        with self._lock:
            self._over = True
            if self._line is not None:
                with contextlib.suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)
                self._line.close()
                self._line = None

    def _get(self) -> bytes:
        try:
            parts = urlsplit(self.url)
            secure = parts.scheme == "https"
            port = parts.port or (443 if secure else 80)
        except ValueError:
            raise NotGiven("is no address of the web") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NotGiven("is no address of the web")
        line = socket.create_connection((parts.hostname, port), CONNECT_S)
        try:
            self._hold(line)
            line.settimeout(SILENCE_S)
            made = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            connection = made(parts.hostname, port)
            if secure:
                line = ssl.create_default_context().wrap_socket(line, server_hostname=parts.hostname)
            connection.sock = line
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Accept": self.kind, "Accept-Encoding": "identity", "User-Agent": "murmuration"}
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as response:
                return self._read(response)
        finally:
            line.close()

    def _hold(self, line: socket.socket) -> None:
        """Keep a second handle on the connection, by which `cut` ends it: TLS takes the first one over."""
        with self._lock:
            if self._over:
                raise NotGiven("was not waited for")
            self._line = line.dup()

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        status = response.status
        if status == 451:
            raise NotGiven(f"withholds it: {_words(response)}", status, tired=False)
        if status == 404:
            raise NotGiven("does not have it", status, tired=False)
        if 300 <= status < 400:
            raise NotGiven("sends us elsewhere, and we do not go", status)
        if status != 200:
            raise NotGiven(f"answered with status {status}", status)
        kind = response.headers.get_content_type()
        if kind != self.kind:
            raise NotGiven(f"gave {kind[:60]} instead of {self.kind}", status, tired=False)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise NotGiven("packed it, unasked", status, tired=False)
        if (response.length or 0) > self.most:
            raise NotGiven(f"would send {response.length} bytes, and {self.most} are the most", status)
        body = bytearray()
        while part := response.read1(CHUNK):
            body += part
            if len(body) > self.most:
                raise NotGiven(f"sent more than {self.most} bytes", status)
        if response.length:
            raise NotGiven("broke off", status)
        return bytes(body)


def _words(response: http.client.HTTPResponse) -> str:
    """The beginning of an answer in words, as one line that can be shown."""
    text = response.read(4 * MOST_WORDS).decode("utf-8", errors="replace")
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:MOST_WORDS] or "no reason given"
