"""A visitor has a generation painted again: who may ask, how often, and what the page shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from compute import energy
from compute.energy import EnergyWords
from compute.models import Rendering
from gallery import verification
from gallery.models import Generation, Repaint
from gallery.repaints import WAITING, CantRepaint
from gallery.verification import Difference, Statement
from governance import limits, people
from live import publish
from studio.environment import determinism_class

PER_ADDRESS, WINDOW_S = 3, 3600
"""So many an hour from one address; VERIFY_PER_HOUR from all together."""
MOST_WAITING = 5

BY = "a visitor"

State = Repaint.State

VERDICTS = {
    State.SAME: "Bit-exact",
    State.NEAR: "Within tolerance",
    State.DIFFERENT: "Different",
    State.FAILED: "Can’t be verified here",
}


class TooMany(Exception):
    """Not now; the message says until when, in a sentence."""


@dataclass(frozen=True)
class Again:
    """What the page shows of a generation's verifications. `row` is the newest, if there is one.

    offered: whether it may be asked for. ahead: how many wait before it. expected: seconds that it will
    take, None when nobody painted it here. lines: both environments. one_class: whether both are of one
    determinism class, None when the other one isn't known.
    """

    number: int
    offered: bool
    row: Repaint | None
    ahead: int
    expected: float | None
    verdict: str
    who: str
    who_address: str
    manifest_hash: str
    lines: Sequence[Difference]
    one_class: bool | None
    energy: EnergyWords
    tolerance: float


def ask(number: int, network: str) -> Repaint:
    """Queue a verification of a generation for a visitor from a network (`live.address.client_network`); the
    one that waits already, if there is one. Raises TooMany and CantRepaint, with a sentence each.
    """
    generation = Generation.objects.filter(number=number).first()
    if generation is None:
        raise CantRepaint(f"There is no generation {number}.")
    if not settings.VERIFY_PER_HOUR:
        raise CantRepaint("This site does not paint again for visitors.")
    under_way = Repaint.objects.filter(WAITING, number=number).first()
    if under_way is not None:
        return under_way
    if Repaint.objects.filter(WAITING, verify=True).count() >= MOST_WAITING:
        raise TooMany(f"{MOST_WAITING} verifications wait already. Please come back in a few minutes.")
    if not limits.allowed_for(network, "verify", PER_ADDRESS, WINDOW_S):
        raise TooMany(f"{PER_ADDRESS} an hour from one network are painted again. Please come back later.")
    if not limits.allowed_for("everybody", "verify-all", settings.VERIFY_PER_HOUR, WINDOW_S):
        raise TooMany("Visitors have had as much painted again as this site does in an hour.")
    try:
        with transaction.atomic():
            made = Repaint.objects.create(
                number=number,
                recipe_hash=generation.recipe_hash,
                recipe={},
                pixel_hash=generation.pixel_hash,
                threads=settings.PAINTER_THREADS,
                by=BY,
                verify=True,
            )
    except IntegrityError:  # somebody was quicker
        return Repaint.objects.get(WAITING, number=number)
    publish("artwork", "repaint", generation=number)
    return made


def again(number: int) -> Again:
    """What the page shows."""
    rows = Repaint.objects.filter(number=number).exclude(state=State.CANCELLED)
    row = rows.filter(Q(verify=True) | WAITING).first()
    generation = Generation.objects.filter(number=number).first()
    job = Rendering.objects.filter(recipe_hash=generation.recipe_hash).first() if generation else None
    told = Statement(**row.then) if row is not None and row.then else None
    ended = row is not None and not row.under_way
    return Again(
        number=number,
        offered=bool(settings.VERIFY_PER_HOUR) and not (row is not None and row.under_way),
        row=row,
        ahead=_ahead(row),
        expected=job.seconds if job else None,
        verdict=VERDICTS.get(State(row.state), "") if row else "",
        who=_name(told),
        who_address=told.who if told and told.who.startswith("0x") else "",
        manifest_hash=told.manifest_hash if told else "",
        lines=verification.side_by_side(told.environment if told else {}, row.environment)
        if row and ended
        else [],
        one_class=_one_class(row, told),
        energy=energy.words(row.energy if row else {}),
        tolerance=settings.VERIFY_TOLERANCE_DB,
    )


def _ahead(row: Repaint | None) -> int:
    if row is None or row.state != State.QUEUED:
        return 0
    return Repaint.objects.filter(WAITING, verify=True, pk__lt=row.pk).count()


def _name(told: Statement | None) -> str:
    if told is None:
        return ""
    return people.name_of(told.who) if told.who.startswith("0x") else told.who


def _one_class(row: Repaint | None, told: Statement | None) -> bool | None:
    """By what both environments say, since a declared class is only a name."""
    if row is None or told is None or not row.environment or not told.environment:
        return None
    return determinism_class(told.environment) == determinism_class(row.environment)
