"""The ways in which providers fail, each as its name says; `Proxy.on` says when."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.chain.faults.proxy import JSON, UNTOUCHED, Call, Fault, Spoiled

Raw = dict[str, Any]

# --- Of one call ----------------------------------------------------------------------------------------


@dataclass
class Altered(Fault):
    """The node's result, put through `change`; equal ones count as untouched."""

    change: Callable[[Call, Any], Any]

    def after(self, call: Call, result: Any) -> Any:
        """See the class."""
        changed = self.change(call, result)
        return UNTOUCHED if changed == result else changed


@dataclass
class Refused(Fault):
    """A JSON-RPC error, for the calls that `when` picks by their parameters."""

    code: int
    message: str
    when: Callable[[list[Any]], bool] = lambda params: True

    def before(self, call: Call) -> Any:
        """See the class."""
        if not self.when(call.params):
            return UNTOUCHED
        return {"error": {"code": self.code, "message": self.message}}


class During(Fault):
    """Something happens to the chain, once, while a call is on its way; the node answers afterwards."""

    def __init__(self, happening: Callable[[], Any]):
        self.happening = happening
        self.happened = False
        self._lock = threading.Lock()

    def before(self, call: Call) -> Any:
        """See the class."""
        with self._lock:
            if not self.happened:
                self.happening()
                self.happened = True
        return UNTOUCHED


@dataclass
class Older(Fault):
    """A provider that is `blocks` behind: its newest block is older, and it knows none above."""

    blocks: int
    head: Callable[[], int]

    def before(self, call: Call) -> Any:
        """See the class; for eth_getBlockByNumber and eth_blockNumber."""
        newest = self.head() - self.blocks
        if call.method == "eth_blockNumber":
            return {"result": hex(newest)}
        if call.params[0] in ("latest", "pending"):
            call.params[0] = hex(newest)
        elif call.params[0] in ("safe", "finalized"):
            call.params[0] = hex(max(0, newest - 2))
        elif call.params[0].startswith("0x") and int(call.params[0], 16) > newest:
            return {"result": None}
        return UNTOUCHED


def _logs(change: Callable[[list[Raw]], list[Raw]]) -> Altered:
    return Altered(lambda call, logs: change(logs) if isinstance(logs, list) else logs)


def drop_logs(block: int | None = None, keep: int = 0) -> Altered:
    """The logs of a block (of all), but for the first `keep`, are missing without a word."""

    def drop(logs: list[Raw]) -> list[Raw]:
        kept: list[Raw] = []
        for log in logs:
            concerned = block is None or int(log["blockNumber"], 16) == block
            if not concerned or sum(one["blockNumber"] == log["blockNumber"] for one in kept) < keep:
                kept.append(log)
        return kept

    return _logs(drop)


def repeat_logs() -> Altered:
    """Every log comes twice, in disorder."""
    return _logs(lambda logs: [*reversed(logs), *logs])


def mark_removed() -> Altered:
    """Every log is marked as taken back by a reorganisation."""
    return _logs(lambda logs: [{**log, "removed": True} for log in logs])


def add_foreign(address: str) -> Altered:
    """Among the logs are some with our topics that another contract wrote."""
    return _logs(lambda logs: [made for log in logs for made in (log, {**log, "address": address})])


def misplace_logs() -> Altered:
    """Logs name a block that there is not."""
    return _logs(lambda logs: [{**log, "blockHash": "0x" + "ab" * 32} for log in logs])


def no_result() -> Altered:
    """`null`: the node does not know what it has told of."""
    return Altered(lambda call, result: None)


def result_is(value: Any) -> Altered:
    """This, whatever was asked."""
    return Altered(lambda call, result: value)


def range_limit(blocks: int, wording: str, code: int = -32005) -> Refused:
    """Refuse logs of more than so many blocks at once."""

    def too_wide(params: list[Any]) -> bool:
        wanted = params[0]
        if "fromBlock" not in wanted:
            return False
        return int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1 > blocks

    return Refused(code, wording, too_wide)


# --- Of a whole reply -----------------------------------------------------------------------------------


@dataclass
class Status(Spoiled):
    """An HTTP status with a body that is a page, as gateways send it."""

    status: int
    retry_after: str | None = None
    body: bytes = b"<html>no</html>"

    async def reply(self, request: web.Request, honest: Callable[[], Any]) -> web.StreamResponse:
        """See the class."""
        headers = {"retry-after": self.retry_after} if self.retry_after is not None else {}
        return web.Response(status=self.status, body=self.body, headers=headers)


@dataclass
class Hang(Spoiled):
    """Nothing comes for so many seconds, and then the connection ends."""

    seconds: float = 60

    async def reply(self, request: web.Request, honest: Callable[[], Any]) -> web.StreamResponse:
        """See the class."""
        for _ in range(int(self.seconds / 0.05)):
            if request.transport is None or request.transport.is_closing():
                break
            await asyncio.sleep(0.05)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=504)


@dataclass
class CutShort(Spoiled):
    """The headers promise the whole reply; a part of it comes, and the connection ends."""

    share: float = 0.5

    async def reply(self, request: web.Request, honest: Callable[[], Any]) -> web.StreamResponse:
        """See the class."""
        body = await honest()
        response = web.StreamResponse(headers={**JSON, "content-length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: int(len(body) * self.share)])
        assert request.transport is not None
        request.transport.close()
        return response


@dataclass
class Broken(Spoiled):
    """A whole HTTP reply whose JSON ends in the middle."""

    share: float = 0.5

    async def reply(self, request: web.Request, honest: Callable[[], Any]) -> web.StreamResponse:
        """See the class."""
        body = await honest()
        return web.Response(body=body[: int(len(body) * self.share)], headers=JSON)


@dataclass
class Dropped(Spoiled):
    """The connection ends without an answer."""

    async def reply(self, request: web.Request, honest: Callable[[], Any]) -> web.StreamResponse:
        """See the class."""
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)


@dataclass
class Late(Spoiled):
    """The honest reply, later."""

    seconds: float

    async def reply(self, request: web.Request, honest: Callable[[], Any]) -> web.StreamResponse:
        """See the class."""
        await asyncio.sleep(self.seconds)
        return web.Response(body=await honest(), headers=JSON)
