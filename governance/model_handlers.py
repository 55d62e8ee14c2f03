"""The registry's events: events in, rows out, as in `governance.handlers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import live
from chain.events import Event
from chain.rows import insert
from governance import models


def model_registered(events: Sequence[Event]) -> None:
    insert(models.RegisteredModel, [_registered(event) for event in events])
    live.publish("governance", "models")


def model_status_set(events: Sequence[Event]) -> None:
    insert(
        models.ModelStatus,
        [{**_place(event), "model_id": event.args["id"], "status": event.args["status"]} for event in events],
    )
    live.publish("governance", "models")


def royalty_receiver_set(events: Sequence[Event]) -> None:
    insert(
        models.RoyaltyReceiver,
        [
            {**_place(event), "model_id": event.args["id"], "receiver": event.args["receiver"]}
            for event in events
        ],
    )
    live.publish("governance", "models")


def _registered(event: Event) -> dict[str, Any]:
    said = event.args["model"]
    return {
        **_place(event),
        "model_id": event.args["id"],
        "tensor_root": said["tensorRoot"],
        "card_hash": said["cardHash"],
        "audit_hash": said["auditHash"],
        "parent": said["parent"],
        "tier": said["tier"],
        "royalty_receiver": said["royaltyReceiver"],
        "milli_joules": said["milliJoules"],
        "uri": said["uri"],
        "licence": said["licence"],
        "pipeline_class": said["pipelineClass"],
    }


def _place(event: Event) -> dict[str, Any]:
    return {
        "log_id": event.log_id,
        "block_number": event.block_number,
        "log_index": event.log_index,
        "at": event.timestamp,
    }
