"""What a recipe would take, by what was declared for its model, and whether that fits the epoch's budget.

Both are the chain's own words: a declaration in the registry and a governed parameter. So every painter, and
the form in which a change is composed, come to the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance import registry
from governance.models import ParameterChange
from governance.parameters import Value, decode
from governance.registry import Entry

BUDGET = "energy_budget"
_MILLI_PIXELS = 1000 * 1_000_000  # thousandths of a joule, for a million pixels


def estimate_joules(values: Mapping[str, Value], entry: Entry | None) -> int | None:
    """Joules of painting `values` over a parent, rounded up; None when nothing was declared.

    milliJoules per step of a megapixel x painted steps x width x height.
    """
    if entry is None or not entry.milli_joules:
        return None
    # As the painter counts them over a parent (`Recipe.painted_steps`), whom every recipe voted on has.
    steps = max(1, int(values["steps"]) * int(values["strength"]) // 1000)
    return -(-entry.milli_joules * steps * int(values["width"]) * int(values["height"]) // _MILLI_PIXELS)


def over_budget(values: Mapping[str, Value]) -> str:
    """Why a recipe of these values may not be painted under their own energy budget, as a sentence; empty
    when it may.

    A budget of 0 is none. With one, a model of which nothing was declared is refused too: else a budget
    would bind only those who declare.
    """
    budget = int(values.get(BUDGET, 0))
    if not budget:
        return ""
    model = str(values["model"])
    joules = estimate_joules(values, registry.entry(model))
    if joules is None:
        return (
            f"An epoch may use {joules_words(budget)}, and nobody has declared what the model "
            f"{registry.name_of(model)} takes: it can’t be told whether this fits."
        )
    if joules <= budget:
        return ""
    return (
        f"This would take about {joules_words(joules)}; an epoch may use {joules_words(budget)}. "
        "Fewer steps, less strength or a smaller picture take less."
    )


def budget_at(version: int | None = None) -> int:
    """The budget in joules in a version of the parameters (default: the newest), 0 for none: one small query
    for pages that would otherwise not ask for the parameters.
    """
    changes = ParameterChange.objects.filter(key=BUDGET).order_by("-block_number", "-log_index")
    if version is not None:
        changes = changes.filter(version__lte=version)
    newest = changes.values_list("value", flat=True).first()
    return int(decode(BUDGET, newest)) if newest else 0


def words(values: Mapping[str, Value]) -> str:
    """What painting `values` takes by declaration, and the budget, in a sentence; empty when neither is
    known.
    """
    budget = int(values.get(BUDGET, 0))
    joules = estimate_joules(values, registry.entry(str(values["model"]))) if "model" in values else None
    if joules is None and not budget:
        return ""
    if joules is None:
        return f"An epoch may use {joules_words(budget)}; what this painter takes is not declared."
    taken = f"About {joules_words(joules)} a generation, as declared for its painter"
    return f"{taken}; an epoch may use {joules_words(budget)}." if budget else f"{taken}. There is no budget."


def joules_words(joules: int) -> str:
    """`840 J`; above a kilojoule and a megajoule in those, three digits: `12.4 kJ`."""
    for size, unit in ((1_000_000, "MJ"), (1_000, "kJ")):
        if joules >= size:
            return f"{float(f'{joules / size:.3g}'):g} {unit}"
    return f"{joules:,} J"
