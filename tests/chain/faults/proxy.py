"""A provider that fails on purpose: a proxy in front of a real node, for HTTP and websockets on one port.

    proxy.on("eth_getLogs", drop_logs(block=7), times=1)

Everything that no rule concerns is the node's own answer, byte for byte. A rule concerns one method (or
"*"), and, of the calls it matches, those that `where` picks and that come after the first `skip`; it ends
after `times` faults. `rule.hits` counts the faults that really happened, so that a test can see that its
fault was one. `upstream` may be changed at any time: the node behind the address is then another.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

JSON = {"content-type": "application/json"}
UNTOUCHED = object()


@dataclass(slots=True)
class Call:
    """One JSON-RPC call of a request. `number` counts the calls of its method, from 1."""

    id: Any
    method: str
    params: list[Any]
    number: int


class Fault:
    """What goes wrong. Each hook answers UNTOUCHED where it has nothing to do with this call."""

    def before(self, call: Call) -> Any:
        """The reply (an object with `result` or `error`) instead of the node's. Runs in a thread, so it may
        also do something to the node, and answer UNTOUCHED; it may change `call.params`.
        """
        return UNTOUCHED

    def after(self, call: Call, result: Any) -> Any:
        """Another result than the node's."""
        return UNTOUCHED


class Spoiled(Fault):
    """A fault of the whole HTTP reply, not of one call in it."""

    async def reply(self, request: web.Request, honest: Callable[[], Any]) -> web.StreamResponse:
        """What the client gets. `await honest()` gives the node's body."""
        raise NotImplementedError


@dataclass(slots=True)
class Rule:
    """A fault, and when it strikes."""

    method: str
    fault: Fault
    times: int | None
    skip: int
    where: Callable[[list[Any]], bool]
    hits: int = 0
    over: bool = False
    _passed: int = field(default=0, repr=False)

    def concerns(self, call: Call) -> bool:
        """Whether it may strike this call."""
        if self.over or (self.times is not None and self.hits >= self.times):
            return False
        return self.method in ("*", call.method) and self.where(call.params)

    def due(self) -> bool:
        """Count one call that it concerns; False while those that it lets pass are not over."""
        self._passed += 1
        return self._passed > self.skip

    def end(self) -> None:
        """Never strike again."""
        self.over = True


class Proxy:
    """`url` is what a client is given. Start with `start`, end with `stop`."""

    def __init__(self, upstream: str):
        self.upstream = upstream
        self.url = ""
        self.rules: list[Rule] = []
        self.calls: list[Call] = []
        self.requests = 0
        self.sockets = 0
        """Websockets that are open now."""
        self.accepted = 0
        """Websockets that were ever opened."""
        self.told = 0
        """Messages that came to clients over websockets."""
        self.mute = False
        """Websockets stay open and say nothing more: no news, no answers."""
        self.deaf = False
        """They answer no ping either, as a line that was cut without a word."""
        self.closed = False
        """New websockets are refused."""
        self._counts: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._open: set[web.WebSocketResponse] = set()
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)
        self._ready = threading.Event()
        self._done: asyncio.Event | None = None
        self._session: ClientSession | None = None

    # --- What a test says ----------------------------------------------------------------------------

    def on(
        self,
        method: str,
        fault: Fault,
        times: int | None = None,
        skip: int = 0,
        where: Callable[[list[Any]], bool] = lambda params: True,
    ) -> Rule:
        """Let `fault` strike. Of several rules for a call all are applied, in the order of their making."""
        rule = Rule(method, fault, times, skip, where)
        self.rules.append(rule)
        return rule

    def honest(self) -> None:
        """No more faults; and forget what was asked so far."""
        for rule in self.rules:
            rule.end()
        self.rules = []
        self.mute = self.deaf = self.closed = False
        self.calls.clear()
        self._counts.clear()

    def asked(self, method: str) -> list[list[Any]]:
        """The parameters of every call of this method so far."""
        return [call.params for call in list(self.calls) if call.method == method]

    def cut_sockets(self) -> None:
        """Close every websocket, as a restarted node does."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(30)

    # --- Start and stop ------------------------------------------------------------------------------

    def start(self) -> Proxy:
        """Listen on a port of the system's choice."""
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def stop(self) -> None:
        """End every connection; what hangs is let go."""
        assert self._done is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._done = asyncio.Event()
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/{path:.*}", self._post)
        app.router.add_get("/{path:.*}", self._socket)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        async with ClientSession(timeout=ClientTimeout(total=60)) as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._done.wait()
            await self._cut()
            await runner.cleanup()

    # --- HTTP ----------------------------------------------------------------------------------------

    async def _post(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests += 1
        decoded = orjson.loads(body)
        many = isinstance(decoded, list)
        calls = [self._count(one) for one in (decoded if many else [decoded])]
        rules = [rule for rule in self.rules if any(rule.concerns(call) for call in calls)]
        if not rules:
            return await self._plain(request, body)
        struck: list[tuple[Rule, Call]] = []
        for rule in rules:
            for call in calls:
                if rule.concerns(call) and rule.due():
                    if isinstance(rule.fault, Spoiled):
                        rule.hits += 1
                        return await rule.fault.reply(request, lambda: self._answer(calls, many, struck))
                    struck.append((rule, call))
        try:
            return web.Response(body=await self._answer(calls, many, struck), headers=JSON)
        except (ClientError, OSError):
            return self._nothing(request)

    def _count(self, raw: dict[str, Any]) -> Call:
        number = self._counts[raw["method"]] = self._counts.get(raw["method"], 0) + 1
        call = Call(raw["id"], raw["method"], list(raw.get("params") or []), number)
        self.calls.append(call)
        return call

    async def _plain(self, request: web.Request, body: bytes) -> web.StreamResponse:
        try:
            status, content = await self._forward(body)
        except (ClientError, OSError):
            return self._nothing(request)
        return web.Response(body=content, status=status, headers=JSON)

    async def _answer(self, calls: list[Call], many: bool, struck: list[tuple[Rule, Call]]) -> bytes:
        """The body that the node and the rules make together."""
        replies: dict[int, Any] = {}
        for rule, call in struck:
            params = list(call.params)
            made = await self._loop.run_in_executor(None, rule.fault.before, call)
            if made is not UNTOUCHED:
                replies[id(call)] = {"jsonrpc": "2.0", "id": call.id, **made}
            if made is not UNTOUCHED or call.params != params:
                rule.hits += 1
        rest = [call for call in calls if id(call) not in replies]
        if rest:
            asked = [
                {"jsonrpc": "2.0", "id": place, "method": call.method, "params": call.params}
                for place, call in enumerate(rest)
            ]
            _, content = await self._forward(orjson.dumps(asked))
            answers = {answer["id"]: answer for answer in orjson.loads(content)}
            for place, call in enumerate(rest):
                replies[id(call)] = {**answers[place], "id": call.id}
        for rule, call in struck:
            reply = replies[id(call)]
            if "result" in reply:
                made = rule.fault.after(call, reply["result"])
                if made is not UNTOUCHED:
                    rule.hits += 1
                    reply["result"] = made
        ordered = [replies[id(call)] for call in calls]
        return orjson.dumps(ordered if many else ordered[0])

    async def _forward(self, body: bytes) -> tuple[int, bytes]:
        assert self._session is not None
        async with self._session.post(self.upstream, data=body, headers=JSON) as answer:
            return answer.status, await answer.read()

    def _nothing(self, request: web.Request) -> web.StreamResponse:
        """What a client sees of a node that is down: the connection ends."""
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)

    # --- Websockets ----------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.closed:
            return web.Response(status=503)
        assert self._session is not None
        ours = web.WebSocketResponse(autoping=False, max_msg_size=1 << 28)
        try:
            theirs = await self._session.ws_connect(self.upstream, max_msg_size=1 << 28)
        except (ClientError, OSError):
            return web.Response(status=502)
        await ours.prepare(request)
        self._open.add(ours)
        self.sockets, self.accepted = len(self._open), self.accepted + 1

        async def up() -> None:
            async for message in ours:
                if message.type is WSMsgType.PING and not self.deaf:
                    await ours.pong(message.data)
                elif message.type is WSMsgType.TEXT and not self.mute:
                    await theirs.send_str(message.data)

        async def down() -> None:
            async for message in theirs:
                if message.type is WSMsgType.TEXT and not self.mute:
                    await ours.send_str(message.data)
                    self.told += 1

        relays = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.wait(relays, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for relay in relays:
                relay.cancel()
            await asyncio.gather(*relays, return_exceptions=True)
            self._open.discard(ours)
            self.sockets = len(self._open)
            await theirs.close()
            await ours.close()
        return ours

    async def _cut(self) -> None:
        for socket in list(self._open):
            await socket.close()
