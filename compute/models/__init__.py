"""What is kept of who paints: rows mirrored from the chain, and the painters' own work."""

from compute.models.work import Attestation, Picture, Rendering

__all__ = ["Attestation", "Picture", "Rendering"]
