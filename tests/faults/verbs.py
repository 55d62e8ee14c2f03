"""What the stories of faults share."""

from django.utils import timezone

from chain.models import Transaction, TransactionState
from compute.models import Rendering
from gallery.models import Control, Generation


def due_now() -> None:
    """Whatever pauses go on are over."""
    Rendering.objects.filter(epoch_number__gt=0).update(due_at=timezone.now())
    Transaction.objects.update(next_attempt_at=None)


def finish(world, number: int = 2) -> Generation:
    """Let the cycle go on to a generation."""
    for _ in range(25):
        due_now()
        world.tick()
        world.paint()
        if world.generation(number)():
            break
    generation = Generation.objects.get(number=number)
    for _ in range(4):
        world.tick()
    assert Control.get().error == ""
    return generation


def once_each() -> None:
    """Nothing was sent twice: what was mined succeeded, and each generation has its own epoch."""
    assert not Transaction.objects.exclude(state=TransactionState.MINED).exists()
    epochs = list(Generation.objects.values_list("epoch_number", flat=True))
    assert len(epochs) == len(set(epochs))
