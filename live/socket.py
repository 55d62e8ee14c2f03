"""The websocket a page opens: `/live/?topics=artwork,governance`.

The server sends JSON texts `{"topic", "kind", ...}`; `{"kind": "listening", "topics"}` once nothing on these
topics is missed, so that what the page fetches from then on stays right; and `{"kind": "beat"}` now and then.
The page may send `{"topics": [...]}` to replace its topics.

A plain ASGI application: Channels' consumers dispatch each message to each socket by name, which costs ten
times as much as sending it.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from live import topics
from live.hub import Client, Hub, get_hub

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MOST_BYTES = 4096  # of one message from a page
GOODBYE_S = 5.0
CLOSE_BAD_REQUEST = 4400  # the page must not try again as it is
CLOSE_TRY_AGAIN = 1013


async def live_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one page until it leaves, asks for nonsense or reads too slowly."""
    await receive()  # websocket.connect
    hub = get_hub()
    if len(hub) >= settings.LIVE_SOCKETS:
        await send({"type": "websocket.close", "code": CLOSE_TRY_AGAIN})
        return
    await send({"type": "websocket.accept"})
    try:
        wanted = topics.check(_asked_for(scope))
    except topics.UnknownTopic:
        await send({"type": "websocket.close", "code": CLOSE_BAD_REQUEST})
        return
    client = Client(wanted)
    await hub.join(client)
    tasks = [
        asyncio.create_task(_read(hub, client, receive)),
        asyncio.create_task(_write(client, send)),
        asyncio.create_task(_until_dropped(client)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        code = next((code for task in done if (code := _code(task)) is not None), None)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await hub.leave(client)
    if code is not None:
        # Who reads nothing can't be told either: after a while the connection is closed without a word.
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(send({"type": "websocket.close", "code": code}), GOODBYE_S)


def _asked_for(scope: Scope) -> list[str]:
    query = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"))
    return [topic for part in query.get("topics", []) for topic in part.split(",") if topic]


async def _read(hub: Hub, client: Client, receive: Receive) -> int | None:
    """Follow the page's changes of topic; return a close code, or None when the page has left."""
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return None
        text = event.get("text") or ""
        if len(text) > MOST_BYTES:
            return CLOSE_BAD_REQUEST
        try:
            asked = json.loads(text)["topics"]
            wanted = topics.check(str(topic) for topic in asked)
        except (ValueError, KeyError, TypeError, RecursionError):
            return CLOSE_BAD_REQUEST
        await hub.change(client, wanted)


async def _write(client: Client, send: Send) -> None:
    """Queue -> socket. Waits when the network does, so the queue is what fills up."""
    while True:
        await send({"type": "websocket.send", "text": await client.queue.get()})


async def _until_dropped(client: Client) -> int:
    await client.dropped.wait()
    return CLOSE_TRY_AGAIN


def _code(task: "asyncio.Task[Any]") -> int | None:
    """What a finished task says; a broken connection says nothing."""
    try:
        return task.result()
    except OSError:
        return None
