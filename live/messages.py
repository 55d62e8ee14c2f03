"""Publishing: once per message, after commit, from any thread."""

import json
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from live import topics

log = logging.getLogger(__name__)

# JavaScript numbers are exact up to here; a larger integer (an id, an amount) travels as decimal text.
MOST_EXACT = 2**53 - 1


def publish(topic: str, kind: str, **data: Any) -> None:
    """Tell every page subscribed to `topic`, once the surrounding transaction has committed.

    `data` is JSON; integers beyond 2^53 - 1 become decimal text. May be called from any thread; inside an
    event loop Django wants it behind `sync_to_async`. A rolled-back transaction sends nothing. Raises
    `UnknownTopic` at once for a topic that is not on the list, and `TypeError` for data that is not JSON.
    Failing to deliver is logged and never undoes what was committed: pages read the database again whenever
    they reconnect.
    """
    topics.check([topic])
    message = encode(topic, kind, data)
    transaction.on_commit(lambda: _send(message))


def encode(topic: str, kind: str, data: dict[str, Any]) -> dict[str, str]:
    """The channel-layer message: its JSON text is made here, once, whatever the number of readers."""
    body = {"topic": topic, "kind": kind, **_exact(data)}
    text = json.dumps(body, cls=DjangoJSONEncoder, separators=(",", ":"), allow_nan=False)
    return {"type": "live.message", "topic": topic, "text": text}


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MOST_EXACT:
        return str(value)
    return value


def _send(message: dict[str, str]) -> None:
    layer = get_channel_layer()
    group = topics.group(message["topic"])
    # The in-memory layer takes the message at once; only a layer with a network needs an event loop.
    hand_over = getattr(layer, "group_send_now", None) or async_to_sync(layer.group_send)
    try:
        hand_over(group, message)
    except Exception:  # the broker is down: what was committed stands, and pages catch up
        log.exception("live: could not publish to %s", message["topic"])
