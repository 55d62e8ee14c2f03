"""Events of `LivingArtwork` become rows that point at their logs; open pages hear of it after the commit."""

from __future__ import annotations

from collections.abc import Sequence

from chain.events import Event
from chain.rows import insert
from compute.handlers import ascii_word
from gallery.models import Epoch, Failure, Generation, Round, Sealing, SeedDraw, SeedRefix, SlotChange
from live import publish


def _tell(events: Sequence[Event], state: str) -> None:
    """Tell open pages about the last of a run: earlier ones are history to them."""
    publish("artwork", "epoch", epoch=events[-1].args["epoch"], state=state)


def epoch_opened(events: Sequence[Event]) -> None:
    """`EpochOpened(epoch, endsAt)`."""
    insert(
        Epoch,
        [
            {"number": event.args["epoch"], "ends_at": event.args["endsAt"], "log_id": event.log_id}
            for event in events
        ],
    )
    _tell(events, "open")


def epoch_sealed(events: Sequence[Event]) -> None:
    """`EpochSealed(epoch, paramsVersion, paramsHash, parentHead, source, round)`."""
    insert(
        Sealing,
        [
            {
                "epoch_id": event.args["epoch"],
                "params_version": event.args["paramsVersion"],
                "params_hash": event.args["paramsHash"],
                "parent_head": event.args["parentHead"],
                "source": event.args["source"],
                "round": event.args["round"],
                "log_id": event.log_id,
            }
            for event in events
        ],
    )
    _tell(events, "sealed")


def seed_refixed(events: Sequence[Event]) -> None:
    """`SeedRefixed(epoch, round, count)`."""
    insert(
        SeedRefix,
        [
            {
                "epoch_id": event.args["epoch"],
                "round": event.args["round"],
                "count": event.args["count"],
                "log_id": event.log_id,
            }
            for event in events
        ],
    )
    _tell(events, "sealed")


def seed_drawn(events: Sequence[Event]) -> None:
    """`SeedDrawn(epoch, seed, randomness, recipeHash)`."""
    insert(
        SeedDraw,
        [
            {
                "epoch_id": event.args["epoch"],
                "seed": event.args["seed"],
                "randomness": event.args["randomness"],
                "recipe_hash": event.args["recipeHash"],
                "log_id": event.log_id,
            }
            for event in events
        ],
    )
    _tell(events, "seeded")


def round_opened(events: Sequence[Event]) -> None:
    """`RoundOpened(epoch, round, painter, deadline)`."""
    insert(
        Round,
        [
            {
                "epoch_id": event.args["epoch"],
                "round": event.args["round"],
                "painter": event.args["painter"],
                "deadline": event.args["deadline"],
                "log_id": event.log_id,
            }
            for event in events
        ],
    )
    _tell(events, "seeded")


def epoch_failed(events: Sequence[Event]) -> None:
    """`EpochFailed(epoch, reason)`; the reason is ASCII in 32 bytes."""
    insert(
        Failure,
        [
            {
                "epoch_id": event.args["epoch"],
                "reason": ascii_word(event.args["reason"]),
                "log_id": event.log_id,
            }
            for event in events
        ],
    )
    _tell(events, "failed")


def generation_anchored(events: Sequence[Event]) -> None:
    """`GenerationAnchored(generation, modelId, parent, epoch, seed, recipeHash, resultHash, ...)`."""
    insert(
        Generation,
        [
            {
                "number": event.args["generation"],
                "epoch_number": event.args["epoch"],
                "model_id": event.args["modelId"],
                "parent": event.args["parent"],
                "seed": event.args["seed"],
                "recipe_hash": event.args["recipeHash"],
                "result_hash": event.args["resultHash"],
                "pixel_hash": event.args["pixelHash"],
                "file_hash": event.args["fileHash"],
                "painter": event.args["painter"],
                "founding": event.args["founding"],
                "log_id": event.log_id,
            }
            for event in events
        ],
    )
    publish("artwork", "generation", generation=events[-1].args["generation"])


def slot_set(events: Sequence[Event]) -> None:
    """`SlotSet(slot, previous, current)`."""
    insert(
        SlotChange,
        [
            {
                "slot": ascii_word(event.args["slot"]),
                "previous": event.args["previous"],
                "current": event.args["current"],
                "log_id": event.log_id,
            }
            for event in events
        ],
    )
