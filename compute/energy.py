"""A painting's energy as it is recorded and told: the studio's figure, and what the operator says of power.

`pue` is the building's overhead (power usage effectiveness), `grid_intensity` grams of CO2 a kilowatt-hour,
`source` where the electricity and these two figures come from: settings, "unknown" where nothing was set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings

from studio import energy

UNKNOWN = "unknown"

METHODS = {
    energy.NVML: "measured by the GPU's counter",
    energy.RAPL: "measured by the processor's counter",
    energy.ESTIMATE: "estimated",
}


class EnergyWords(NamedTuple):
    """amount: "31 J" or "unknown"; how: its method in a word or two, or the reason why it is unknown; basis:
    what the figure stands on; around: idle, overhead and grid, in a sentence.
    """

    amount: str
    how: str
    basis: str
    around: str
    joules: float | None
    estimated: bool

    @property
    def known(self) -> bool:
        """Whether there is a figure."""
        return self.joules is not None


def recorded(measured: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with a painting: the studio's figure, and what the settings say of its surroundings."""
    if measured.get("method") == energy.UNKNOWN:
        return dict(measured)
    return {
        **measured,
        "pue": _told(settings.ENERGY_PUE),
        "grid_intensity": _told(settings.ENERGY_GRID_G_PER_KWH),
        "source": settings.ENERGY_SOURCE or UNKNOWN,
    }


def words(told: Mapping[str, Any]) -> EnergyWords:
    """A record, ours or out of an attestation (numbers as text), in words; unknown when it is empty."""
    method = told.get("method")
    if method not in METHODS:
        reason = str(told.get("reason") or "it was not recorded")
        return EnergyWords(UNKNOWN, reason, "", "", None, False)
    joules = float(told["joules"])
    idle = "Less" if told.get("idle_subtracted") else "With"
    sentences = [f"{idle} what the machine takes while it idles."]
    pue, grid = str(told.get("pue", UNKNOWN)), str(told.get("grid_intensity", UNKNOWN))
    sentences.append("The building's overhead is unknown." if pue == UNKNOWN else f"PUE {pue}.")
    if grid == UNKNOWN:
        sentences.append("The grid's CO₂ is unknown.")
    else:
        grams = joules / 3.6e6 * float(grid) * (1.0 if pue == UNKNOWN else float(pue))
        sentences.append(f"{grid} g of CO₂ a kWh: {_short(grams)} g.")
    if (source := str(told.get("source", UNKNOWN))) != UNKNOWN:
        sentences.append(f"Source: {source}.")
    return EnergyWords(
        amount(joules),
        METHODS[method],
        str(told.get("basis", "")),
        " ".join(sentences),
        joules,
        method == energy.ESTIMATE,
    )


def amount(joules: float) -> str:
    """`31 J`, `4.2 kJ`, `0.03 J`."""
    for size, unit in ((1e6, "MJ"), (1e3, "kJ")):
        if joules >= size:
            return f"{_short(joules / size)} {unit}"
    return f"{_short(joules)} J"


def _short(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:.0f}"


def _told(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g}"
