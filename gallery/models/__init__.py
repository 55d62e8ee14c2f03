"""What the gallery keeps: rows mirrored from the chain, and the painter's own work."""

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
from gallery.models.work import AuditEntry, Control, Picture, Rendering

__all__ = [
    "AuditEntry",
    "Control",
    "Epoch",
    "Failure",
    "Generation",
    "Picture",
    "Rebuild",
    "Rendering",
    "Repaint",
    "Round",
    "Sealing",
    "SeedDraw",
    "SeedRefix",
    "SlotChange",
]
