"""JSON-RPC over HTTP: one call, or many in one request. Safe to share between threads.

Three outcomes are kept apart, because callers do different things with them:

* a result is returned;
* the node understood and refused: `RpcError`, with its code, message and data (a revert carries its data
  there);
* no usable answer came (refused connection, time-out, status 429 or 5xx, broken JSON): `RpcUnavailable`.
  The request may or may not have been carried out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3
from django.conf import settings

BATCH = 100  # calls per request: about what public providers allow


class RpcUnavailable(ConnectionError):
    """The node gave no usable answer; nothing is known about the request's effect."""


class RpcError(Exception):
    """The node answered with an error object: `code`, `message`, and `data` (any JSON value, often None)."""

    def __init__(self, code: int, message: str, data: Any = None):
        super().__init__(f"{message} (code {code})")
        self.code = code
        self.message = message
        self.data = data

    @property
    def revert_data(self) -> str | None:
        """The bytes a contract reverted with as `0x…`, wherever this node puts them; None if it was no
        revert.
        """
        data = self.data
        while isinstance(data, dict):
            data = data.get("data", data.get("result"))
        if isinstance(data, str):
            start = data.find("0x")  # some nodes write "Reverted 0x…"
            if start >= 0:
                return data[start:].lower()
        if "revert" in self.message.lower() or self.code == 3:
            return "0x"
        return None


class Rpc:
    """A node's HTTP endpoint.

    `timeout` is in seconds for one request. Connections are kept alive and pooled, and requests are never
    repeated here: only the caller knows what may be repeated.
    """

    def __init__(self, url: str, timeout: float = 10.0):
        self.url = url
        self.name = _without_secrets(url)
        self._pool = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(connect=min(timeout, 5.0), read=timeout),
            headers={"content-type": "application/json", "accept-encoding": "gzip"},
        )

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `RpcError` or `RpcUnavailable`."""
        return self._result(self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))

    def batch(self, calls: Iterable[tuple[str, list[Any]]]) -> list[Any]:
        """The results of many calls in their order, sent `BATCH` at a time. The first error in it is
        raised.
        """
        wanted = list(calls)
        results: list[Any] = []
        for start in range(0, len(wanted), BATCH):
            part = wanted[start : start + BATCH]
            if len(part) == 1:
                results.append(self.call(part[0][0], *part[0][1]))
                continue
            body = [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                for number, (method, params) in enumerate(part)
            ]
            replies = self._post(body)
            if isinstance(replies, dict):  # the whole batch was refused
                self._result(replies)
            if not isinstance(replies, list):
                raise RpcUnavailable(f"{self.name} answered a batch with something else")
            by_id = {reply.get("id"): reply for reply in replies if isinstance(reply, dict)}
            if len(by_id) != len(part):
                raise RpcUnavailable(f"{self.name} answered {len(by_id)} of {len(part)} calls of a batch")
            results.extend(self._result(by_id[number]) for number in range(len(part)))
        return results

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def _post(self, body: Any) -> Any:
        try:
            reply = self._pool.request("POST", self.url, body=orjson.dumps(body))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RpcUnavailable(f"no answer from {self.name}: {_reason(error)}") from error
        try:
            decoded = orjson.loads(reply.data)
        except orjson.JSONDecodeError as error:
            raise RpcUnavailable(f"{self.name} answered with status {reply.status} and no JSON") from error
        if reply.status == 429 or reply.status >= 500:
            raise RpcUnavailable(f"{self.name} answered with status {reply.status}")
        return decoded

    def _result(self, reply: Any) -> Any:
        if not isinstance(reply, dict):
            raise RpcUnavailable(f"{self.name} answered with no JSON-RPC object")
        error = reply.get("error")
        if error is not None:
            if not isinstance(error, dict):
                raise RpcError(0, str(error))
            raise RpcError(int(error.get("code", 0)), str(error.get("message", "")), error.get("data"))
        if "result" not in reply:
            raise RpcUnavailable(f"{self.name} answered with neither result nor error")
        return reply["result"]


def _without_secrets(url: str) -> str:
    """The address as it may be shown: a provider's key is in the path, the query or before an @."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def _reason(error: Exception) -> str:
    """What urllib3 says, without its own repetition of the path."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "it refuses connections, or its name is not known"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it did not answer in time"
    return type(error).__name__


@lru_cache(maxsize=8)
def _rpc(url: str) -> Rpc:
    return Rpc(url)


def get_rpc() -> Rpc:
    """The node that `settings.CHAIN_RPC_URL` names (read at each call: the private chain's port is found
    late).
    """
    if not settings.CHAIN_RPC_URL:
        raise RpcUnavailable("CHAIN_RPC_URL is not set")
    return _rpc(settings.CHAIN_RPC_URL)
