"""The websocket a page opens: `/live/?topics=artwork,governance`.

The server sends JSON texts `{"topic", "kind", ...}`; `{"kind": "listening", "topics"}` once nothing on these
topics is missed, so that what the page fetches from then on stays right; and `{"kind": "beat"}` now and then.
The page may send `{"topics": [...]}` to replace its topics.

A plain ASGI application: Channels' consumers dispatch each message to each socket by name, which costs ten
times as much as sending it. Who may come in at all is live.door's to say.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from live import door, topics
from live.address import client_network
from live.door import Rate, Refusal
from live.hub import Client, Hub, get_hub

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MOST_BYTES = 4096  # of one message from a page
MOST_CHANGES, CHANGES_A_SECOND = 30, 2  # of topics on one socket
GOODBYE_S = 5.0
CLOSE_BAD_REQUEST = 4400  # the page must not try again as it is
CLOSE_TOO_OFTEN = 1008
CLOSE_TRY_AGAIN = 1013


async def live_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one page until it leaves, asks for nonsense or reads too slowly; or refuse it."""
    await receive()  # websocket.connect
    hub, network = get_hub(), client_network(scope)
    if refusal := door.ours(scope) or hub.door.enter(network):
        await _refuse(refusal, scope, send)
        return
    try:
        await _serve(hub, scope, receive, send)
    except OSError:  # the page left in the middle of the handshake
        return
    finally:
        hub.door.leave(network)


async def _refuse(refusal: Refusal, scope: Scope, send: Send) -> None:
    with contextlib.suppress(OSError):  # who is refused need not wait for it
        if refusal.spoken:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": door.CLOSE_CROWD, "reason": refusal.words})
        elif "websocket.http.response" in scope.get("extensions", {}):
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            if refusal.status in (429, 503):
                headers.append((b"retry-after", str(door.RETRY_S).encode()))
            start = {"type": "websocket.http.response.start", "status": refusal.status, "headers": headers}
            await send(start)
            await send({"type": "websocket.http.response.body", "body": refusal.words.encode()})
        else:
            await send({"type": "websocket.close", "code": CLOSE_TRY_AGAIN})


async def _serve(hub: Hub, scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    try:
        wanted = topics.check(_asked_for(scope))
    except topics.UnknownTopic:
        await send({"type": "websocket.close", "code": CLOSE_BAD_REQUEST})
        return
    frames = scope.get("extensions", {}).get("live.frame", {})
    client = Client(wanted, frames.get("write"))
    tasks = [asyncio.create_task(_read(hub, client, receive)), asyncio.create_task(client.drain(send))]
    client.on_drop = tasks[1].cancel
    code = None
    try:
        await hub.join(client)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        code = CLOSE_TRY_AGAIN if client.dropped else next(map(_code, done))
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
    query = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"), max_num_fields=20)
    return [topic for part in query.get("topics", []) for topic in part.split(",") if topic]


async def _read(hub: Hub, client: Client, receive: Receive) -> int | None:
    """Follow the page's changes of topic; return a close code, or None when the page has left."""
    changes = Rate()
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return None
        text = event.get("text") or ""
        if len(text) > MOST_BYTES:
            return CLOSE_BAD_REQUEST
        if not changes.allows("", MOST_CHANGES, CHANGES_A_SECOND):
            return CLOSE_TOO_OFTEN
        try:
            asked = json.loads(text)["topics"]
            wanted = topics.check(str(topic) for topic in asked)
        except (ValueError, KeyError, TypeError, RecursionError):
            return CLOSE_BAD_REQUEST
        await hub.change(client, wanted)


def _code(task: "asyncio.Task[int | None]") -> int | None:
    """What a finished task says; a broken connection says nothing."""
    try:
        return task.result()
    except OSError:
        return None
