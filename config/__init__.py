"""The composition root: settings, URLs, the event map, the processes."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
