"""The clock of separate processes: Celery's beat, with nothing on disk, one at work, and no backlog.

celery -A config.celery beat --scheduler config.beat.Scheduler
"""

from __future__ import annotations

import logging
from typing import Any

from celery import beat

from chain.lead import STANDBY_S, Lead

log = logging.getLogger(__name__)

MOST_WAITING = 5
"""Ticks in the queue from which on no more are sent: nobody takes them, and each would do the same."""


class Scheduler(beat.Scheduler):
    """Sends what the beat table says is due, if this beat leads and somebody takes it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._lead = Lead("beat")
        self._complained = False
        super().__init__(*arguments, **options)

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Send what is due; returns the seconds until the next is."""
        if not self._lead.held():
            return STANDBY_S
        return float(super().tick(*arguments, **options))

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one entry, unless its queue is not being emptied."""
        try:
            waiting = self._waiting(entry.options.get("queue") or self.app.conf.task_default_queue)
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises while it is away
            if not self._complained:
                log.error("the broker does not answer: %s: %s", type(error).__name__, error)
            self._complained = True
            return
        if self._complained:
            log.info("the broker answers again")
        self._complained = False
        if waiting < MOST_WAITING:
            super().apply_entry(entry, producer)

    def _waiting(self, queue: str) -> int:
        with self.app.connection_or_acquire() as broker:
            return int(broker.default_channel.queue_declare(queue).message_count)
