"""What the gallery keeps: rows mirrored from the chain, and what its operators asked for."""

from gallery.models.desk import AuditEntry, Control
from gallery.models.mirror import (
    Epoch,
    Failure,
    Generation,
    Round,
    Sealing,
    SeedDraw,
    SeedRefix,
    SlotChange,
)
from gallery.models.upkeep import Rebuild, Repaint

__all__ = [
    "AuditEntry",
    "Control",
    "Epoch",
    "Failure",
    "Generation",
    "Rebuild",
    "Repaint",
    "Round",
    "Sealing",
    "SeedDraw",
    "SeedRefix",
    "SlotChange",
]
