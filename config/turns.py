"""Django behind ASGI on so many threads, which last.

Django's own handler gives every request a thread of its own, and with it a database connection of its own: as
many as there are visitors at that moment, which PostgreSQL refuses at its hundredth, and never one that is
used twice. Here a process has WEB_THREADS threads with a connection each. A request takes a turn on one while
it is being answered; while its body arrives and while its answer is read, which a visitor may drag out, it
holds none.

Who waits for a turn waits in line: `WAITING_PER_ADDRESS` of one address, `WAITING` in all; more are refused
at once, which is kinder than an answer that comes when nobody waits for it any longer.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse

from live.address import client_network

WAITING = 400
WAITING_PER_ADDRESS = 64
RETRY_S = 5


class Refused(Exception):
    """The line is too long; `status` is 429 when this address alone made it so."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Turns:
    """The threads of one event loop, and who waits for one."""

    def __init__(self, threads: int) -> None:
        self._free = deque(
            ThreadPoolExecutor(1, thread_name_prefix=f"web-{number}") for number in range(threads)
        )
        self._line: deque[asyncio.Future[ThreadPoolExecutor]] = deque()
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, network: str) -> AsyncIterator[ThreadPoolExecutor]:
        """A thread, once it is this request's turn. Raises Refused."""
        thread = self._free.pop() if self._free else await self._wait(network)
        try:
            yield thread
        finally:
            self._next(thread)

    async def _wait(self, network: str) -> ThreadPoolExecutor:
        if self._waiting[network] >= WAITING_PER_ADDRESS:
            raise Refused(429)
        if len(self._line) >= WAITING:
            raise Refused(503)
        future: asyncio.Future[ThreadPoolExecutor] = asyncio.get_running_loop().create_future()
        self._line.append(future)
        self._waiting[network] += 1
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # the turn came as the visitor left
                self._next(future.result())
            raise
        finally:
            self._waiting[network] -= 1
            if not self._waiting[network]:
                del self._waiting[network]

    def _next(self, thread: ThreadPoolExecutor) -> None:
        while self._line:
            future = self._line.popleft()
            if not future.done():
                future.set_result(thread)
                return
        self._free.append(thread)


class Handler(ASGIHandler):
    """Django's handler, whose requests take turns."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request without a thread of its own: `get_response_async` takes one."""
        if scope["type"] != "http":
            raise ValueError(f"Django handles HTTP, not {scope['type']}.")
        await self.handle(scope, receive, send)

    async def get_response_async(self, request: HttpRequest) -> Any:
        """The answer, made on one of the threads that last."""
        loop = asyncio.get_running_loop()
        if loop not in self._turns:
            self._turns[loop] = Turns(settings.WEB_THREADS)
        try:
            async with (
                self._turns[loop].turn(client_network(request)) as thread,
                ThreadSensitiveContext(executor=thread),
            ):
                await sync_to_async(close_old_connections)()  # this thread's, when too old or broken
                return await super().get_response_async(request)
        except Refused as refused:
            words = "Too many requests at once. Please try again in a few seconds.\n"
            answer = HttpResponse(words, status=refused.status, content_type="text/plain; charset=utf-8")
            answer.headers["Retry-After"] = str(RETRY_S)
            return answer
