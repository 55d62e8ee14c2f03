"""Celery: one application, two queues.

`control` runs the tick, which must never wait; `paint` runs paintings, one at a time.
"""

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("murmuration")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["compute", "gallery"])
app.conf.beat_schedule = {
    # Every state machine moves in the tick and nowhere else, so a crash costs one tick.
    # A tick that waits longer than its period in the queue is dropped: the next one does the same.
    "tick": {"task": "gallery.tasks.tick", "schedule": 1.0, "options": {"queue": "control", "expires": 2}},
}


@signals.setup_logging.connect
def _keep_logging(**_options: Any) -> None:
    """Log as the settings say, and not as Celery would: to be connected is enough."""


@signals.celeryd_init.connect
def _check_worker(options: dict[str, Any] | None = None, **_options: Any) -> None:
    """A worker of its own process (not a thread of `make run`) starts only where it can do its work."""
    from config import switch

    queues = (options or {}).get("queues") or [app.conf.task_default_queue]
    names = queues.split(",") if isinstance(queues, str) else list(queues)
    switch.require("control" if "control" in names else "paint")


@signals.beat_init.connect
def _check_beat(**_options: Any) -> None:
    from config import switch

    switch.require("beat")


@signals.task_prerun.connect
def _name_task(task_id: str = "", **_options: Any) -> None:
    from config.logs import request_id

    request_id.set(f"task-{task_id}")


@signals.task_postrun.connect
def _count_task(task: Any = None, state: str | None = None, **_options: Any) -> None:
    from config import metrics
    from config.logs import request_id

    request_id.set("-")
    if task is not None and task.name in metrics.TASKS:
        metrics.task_ended(task.name, state or "FAILURE")
