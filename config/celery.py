"""Celery: one application, two queues.

`control` runs the tick, which must never wait; `paint` runs paintings, one at a time.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("murmuration")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["gallery"])
app.conf.beat_schedule = {
    # Every state machine moves in the tick and nowhere else, so a crash costs one tick.
    # A tick that waits longer than its period in the queue is dropped: the next one does the same.
    "tick": {"task": "gallery.tasks.tick", "schedule": 1.0, "options": {"queue": "control", "expires": 2}},
}
