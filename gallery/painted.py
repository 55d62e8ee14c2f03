"""Who painted a generation: the workers who revealed, what each attested, and what it took.

Read from the mirror. What is attested is signed for, not proved; an attestation counts only where it says
what its worker revealed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compute import energy
from compute.energy import EnergyWords
from compute.models import Acceptance, Attestation, Commitment, Rendering, Reveal
from gallery.models import Generation
from governance import people


@dataclass(frozen=True)
class Revealer:
    """A worker who revealed a result for the generation's epoch.

    agreed: it is the anchored result. counted: its class was the accepted one. manifest_hash: of its
    attestation; kept: whether that is kept here. `energy` and `seconds` are the attested ones, None when the
    attestation is not kept here.
    """

    address: str
    name: str
    class_id: str
    round: int
    agreed: bool
    counted: bool
    manifest_hash: str
    kept: bool
    energy: EnergyWords | None
    seconds: str

    @property
    def class_short(self) -> str:
        """The class as people tell it apart."""
        return f"{self.class_id[:10]}…" if self.class_id else "unknown"


@dataclass(frozen=True)
class Painted:
    """Who painted a generation. `quorum` and `eligible` are 0 where no set of workers did.

    energy: what painting it took, by the first of those who agreed, else as this site wrote it down.
    """

    revealers: Sequence[Revealer]
    quorum: int
    eligible: int
    energy: EnergyWords
    seconds: str

    @property
    def agreed(self) -> list[Revealer]:
        """Those whose counted result is the anchored one."""
        return [one for one in self.revealers if one.agreed and one.counted]

    @property
    def shared(self) -> bool:
        """Whether all who agreed attested the same seconds and energy, as workers do that share a machine."""
        figures = {(one.seconds, one.energy) for one in self.agreed if one.kept}
        return len(self.agreed) > 1 and len(figures) == 1 and all(one.kept for one in self.agreed)


def painted(generation: Generation, job: Rendering | None) -> Painted:
    """Who painted it, the first to reveal first."""
    epoch = generation.epoch_number
    reveals = list(Reveal.objects.filter(epoch=epoch).order_by("block_number", "log_index")) if epoch else []
    classes = {
        (worker, number): class_id
        for worker, number, class_id in Commitment.objects.filter(epoch=epoch).values_list(
            "worker", "round", "class_id"
        )
    }
    bodies = _bodies([one.manifest_hash for one in reveals])
    revealers = [
        _revealer(one, generation, classes.get((one.worker, one.round), ""), bodies.get(one.manifest_hash))
        for one in reveals
    ]
    accepted = Acceptance.objects.filter(epoch=epoch).first() if reveals else None
    told = next((one for one in revealers if one.agreed and one.counted and one.energy), None)
    seconds = "" if job is None or job.seconds is None else f"{job.seconds:.1f}"
    return Painted(
        revealers=revealers,
        quorum=accepted.quorum if accepted else 0,
        eligible=accepted.eligible if accepted else 0,
        energy=told.energy if told and told.energy else energy.words(job.energy if job else {}),
        seconds=told.seconds if told else seconds,
    )


def to_json(found: Painted) -> list[dict[str, Any]]:
    """The revealers for programs."""
    return [
        {
            "worker": one.address,
            "class": one.class_id,
            "round": one.round,
            "agreed": one.agreed,
            "counted": one.counted,
            "manifest_hash": one.manifest_hash,
            "attestation_kept": one.kept,
        }
        for one in found.revealers
    ]


def _bodies(hashes: list[str]) -> dict[str, dict[str, Any]]:
    rows = Attestation.objects.filter(manifest_hash__in=hashes).values_list("manifest_hash", "body")
    return {manifest_hash: json.loads(body) for manifest_hash, body in rows}


def _revealer(reveal: Reveal, generation: Generation, class_id: str, body: dict[str, Any] | None) -> Revealer:
    said = body if body is not None and body["worker"] == reveal.worker else None
    return Revealer(
        address=reveal.worker,
        name=people.name_of(reveal.worker),
        class_id=class_id,
        round=reveal.round,
        agreed=reveal.result_hash == generation.result_hash,
        counted=reveal.counted,
        manifest_hash=reveal.manifest_hash,
        kept=said is not None,
        energy=energy.words(said["energy"]) if said else None,
        seconds=f"{float(said['seconds']):.1f}" if said else "",
    )
