"""The painting that no tick waits for, and getting ready for one."""

from __future__ import annotations

from celery import shared_task, signature

from compute import mirrors, rendering

TICK = "gallery.tasks.tick"
"""By its name: what moves the whole belongs to a layer above this one."""


@shared_task(name="compute.tasks.paint", ignore_result=True, acks_late=True)
def paint(rendering_id: int) -> str:
    """Paint one job, then have it brought to the chain without waiting for the next beat."""
    return rendering.paint(rendering_id, lambda: signature(TICK).apply_async(expires=5))


@shared_task(name="compute.tasks.warm", ignore_result=True)
def warm() -> None:
    """Get the painter ready, in the process that is going to paint."""
    rendering.warm()


@shared_task(name="compute.tasks.complete", ignore_result=True)
def complete(file_hashes: list[str]) -> int:
    """Ask the mirrors for pictures that are missing here, in this order."""
    return mirrors.complete(file_hashes)
