"""JSON-RPC over HTTP: one call, or many in one request. Safe to share between threads.

Three outcomes are kept apart, because callers do different things with them:

* a result is returned;
* the node understood and refused: `RpcError`, with its code, message and data (a revert carries its data
  there);
* no usable answer came (refused connection, time-out, a refused key, status 429 or 5xx, an answer that is cut
  short, broken, too big or another question's): `RpcUnavailable`. The request may or may not have been
  carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import urllib3
from django.conf import settings

BATCH = 100  # calls per request: about what public providers allow
TOO_LARGE = 413
HIDDEN = "[secret]"
LEAST_SECRET = 8
LONGEST_WORDS = 1000


class RpcUnavailable(ConnectionError):
    """The node gave no usable answer; nothing is known about the request's effect.

    `retry_after` is how many seconds the node asks to be left alone, `status` what HTTP said; None where it
    said nothing.
    """

    def __init__(self, words: str, retry_after: float | None = None, status: int | None = None):
        super().__init__(words)
        self.retry_after = retry_after
        self.status = status


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
        self.name = without_secrets(url)
        self.host = urlsplit(url).hostname or ""
        self._secrets = secrets_in(url)
        self._numbers = count(1)
        self._pool = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(connect=min(timeout, 5.0), read=timeout),
            headers={"content-type": "application/json", "accept-encoding": "gzip"},
        )

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `RpcError` or `RpcUnavailable`."""
        number = next(self._numbers)
        reply = self._post({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        if isinstance(reply, dict) and reply.get("id") not in _ids(reply, number):
            raise RpcUnavailable(f"{self.name} answered another question than it was asked (wrong id)")
        return self._result(reply)

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
                {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
                for method, params in part
            ]
            replies = self._post(body)
            if isinstance(replies, dict):  # the whole batch was refused
                self._result(replies)
            if not isinstance(replies, list):
                raise RpcUnavailable(f"{self.name} answered a batch with something else")
            by_id = {
                reply["id"]: reply
                for reply in replies
                if isinstance(reply, dict) and isinstance(reply.get("id"), int)
            }
            answered = [by_id.get(call["id"]) for call in body]
            missing = answered.count(None)
            if missing or len(replies) != len(part):
                words = f"{len(part) - missing} of {len(part)} calls of a batch with {len(replies)} replies"
                raise RpcUnavailable(f"{self.name} answered {words}")
            results.extend(map(self._result, answered))
        return results

    def steady(self) -> Rpc:
        """What to ask where several answers must come from one and the same node: this one."""
        return self

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def _post(self, body: Any) -> Any:
        status, retry_after, content = self._exchange(orjson.dumps(body))
        if status == 429:
            raise RpcUnavailable(f"{self.name} asks for fewer requests (status 429)", retry_after, status)
        if status in (401, 403, 407):
            raise RpcUnavailable(f"{self.name} refused our key (status {status})", retry_after, status)
        if status in (408, 425) or status >= 500:
            raise RpcUnavailable(f"{self.name} answered with status {status}", retry_after, status)
        try:
            decoded = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            if status == TOO_LARGE:
                raise RpcError(TOO_LARGE, "the request or its answer is too large") from error
            words = f"{self.name} answered with status {status} and no JSON"
            raise RpcUnavailable(words, retry_after, status) from error
        if status >= 300 and not _is_refusal(decoded):
            if status == TOO_LARGE:
                raise RpcError(TOO_LARGE, "the request or its answer is too large")
            raise RpcUnavailable(f"{self.name} answered with status {status}", retry_after, status)
        return decoded

    def _exchange(self, body: bytes) -> tuple[int, float | None, bytes]:
        """One request: the answer's status, its Retry-After in seconds, and its content."""
        most = settings.CHAIN_RPC_MAX_MB * 1_000_000
        try:
            reply = self._pool.request("POST", self.url, body=body, preload_content=False, redirect=False)
            try:
                content = _read(reply, most)
            except BaseException:
                reply.close()
                raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # The cause would say the whole address in a traceback, and with it a provider's key.
            raise RpcUnavailable(f"no answer from {self.name}: {_reason(error)}") from None
        if len(content) > most:
            reply.close()
            raise RpcUnavailable(
                f"{self.name} answered with more than {settings.CHAIN_RPC_MAX_MB} MB (CHAIN_RPC_MAX_MB)",
                status=reply.status,
            )
        reply.release_conn()
        return reply.status, _seconds(reply.headers.get("retry-after")), content

    def _result(self, reply: Any) -> Any:
        if not isinstance(reply, dict):
            raise RpcUnavailable(f"{self.name} answered with no JSON-RPC object")
        error = reply.get("error")
        if error is not None:
            if not isinstance(error, dict):
                raise RpcError(0, self._told(error))
            code, message = error.get("code", 0), self._told(error.get("message", ""))
            if code == 429:
                raise RpcUnavailable(f"{self.name} asks for fewer requests: {message}", status=429)
            raise RpcError(code if isinstance(code, int) else 0, message, error.get("data"))
        if "result" not in reply:
            raise RpcUnavailable(f"{self.name} answered with neither result nor error")
        return reply["result"]

    def _told(self, words: Any) -> str:
        """A node's own words, which may be shown: in bounds, and without our key if it repeats that."""
        text = str(words)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text if len(text) <= LONGEST_WORDS else f"{text[:LONGEST_WORDS]}…"


def _read(reply: urllib3.BaseHTTPResponse, most: int) -> bytes:
    """The content, unpacked; of one that is longer than `most` bytes at most one byte more."""
    length = reply.headers.get("content-length", "")
    if length.isdigit() and "content-encoding" not in reply.headers:
        # Read in one go: to be ready to stop half-way costs four times the time.
        return reply.read(most + 1 if int(length) > most else None, decode_content=True)
    return reply.read(most + 1, decode_content=True)


def _ids(reply: dict[str, Any], number: int) -> tuple[int | None, ...]:
    """The ids that a reply to call `number` may have: a refusal may have none, if the call was not read."""
    return (number, None) if reply.get("error") is not None else (number,)


def _is_refusal(decoded: Any) -> bool:
    """Whether this is JSON-RPC's own way to refuse, whatever HTTP's status says beside it."""
    replies = decoded if isinstance(decoded, list) else [decoded]
    return bool(replies) and all(isinstance(one, dict) and one.get("error") is not None for one in replies)


def _seconds(retry_after: str | None) -> float | None:
    """What a Retry-After header means: seconds, or a date; None where it means nothing."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def without_secrets(url: str) -> str:
    """The address as it may be shown: a provider's key is in the path, the query or before an @."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def secrets_in(url: str) -> list[str]:
    """The parts of an address that nobody may be shown, the longest first: what is before an @, the path, the
    query, and their parts, but for parts so short that they can be no key.
    """
    parts = urlsplit(url)
    found = {parts.password or "", unquote(parts.password or ""), parts.username or ""}
    found |= {parts.path.strip("/"), parts.query, *parts.path.split("/")}
    found |= {value for _, value in parse_qsl(parts.query)}
    return sorted((secret for secret in found if len(secret) >= LEAST_SECRET), key=len, reverse=True)


def told_apart(names: Iterable[str]) -> list[str]:
    """These names, of which those that were there before get a number: a host may have two addresses."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = nth = seen.get(name, 0) + 1
        found.append(f"{name[:190]} #{nth}" if nth > 1 else name[:190])
    return found


def _reason(error: Exception) -> str:
    """What urllib3 says, without its own repetition of the path."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "it refuses connections, or its name is not known"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it did not answer in time"
    if isinstance(error, urllib3.exceptions.DecodeError):
        return "what it sent cannot be unpacked"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "its certificate or its TLS is not accepted"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection ended before the answer did"
    return type(error).__name__


def addresses(setting: str) -> tuple[str, ...]:
    """The addresses in a setting that may name several, with spaces or commas between; each once."""
    return tuple(dict.fromkeys(one for one in re.split(r"[\s,]+", setting) if one))


@lru_cache(maxsize=32)
def _rpc(url: str) -> Rpc:
    return Rpc(url)


def endpoint(url: str) -> Rpc:
    """The one client of this process for an address, with the connections that it keeps."""
    return _rpc(url)


def get_rpc() -> Rpc:
    """What `settings.CHAIN_RPC_URL` names (read at each call: the private chain's port is found late): a
    node, or several, where reads are repeated on the next one when one gives no usable answer.
    """
    urls = addresses(settings.CHAIN_RPC_URL)
    if not urls:
        raise RpcUnavailable("CHAIN_RPC_URL is not set")
    if len(urls) == 1:
        return endpoint(urls[0])
    from chain.providers import Failover, Providers

    return Failover(Providers.configured())
