"""Rounds of painting, as the mirror has them: who committed, who revealed what, what a quorum agrees on.

The contract's own rules are followed (`WorkerSet._phase`). Times are in seconds of the chain.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from chain import clock
from compute.models import Acceptance, Commitment, Finalization, Opening, Reveal, Window


class RoundState(StrEnum):
    """Where a round stands. Closed: all is revealed and a quorum agrees, so that anybody may finalize it.
    Over: its result is anchored, or it comes to nothing.
    """

    COMMITTING = "committing"
    REVEALING = "revealing"
    CLOSED = "closed"
    OVER = "over"


@dataclass(frozen=True)
class PaintingRound:
    """A round of painting with what was frozen for its epoch.

    `reveals` are those of the epoch's earlier rounds too: they go on counting. `leading` is the result that
    most of the accepted class revealed, None before anybody did; `best` is how many did.
    """

    epoch: int
    number: int
    state: RoundState
    opened_at: int
    commit_until: int
    reveal_until: int
    deadline: int
    accepted_class: str
    quorum: int
    eligible: int
    fee: int
    commitments: tuple[Commitment, ...]
    reveals: tuple[Reveal, ...]
    leading: str | None
    best: int
    finalization: Finalization | None

    @property
    def waiting_for(self) -> list[str]:
        """Who committed in this round and hasn't revealed."""
        done = {one.worker for one in self.reveals}
        return [one.worker for one in self.commitments if one.worker not in done]

    @property
    def winner(self) -> Reveal | None:
        """The first reveal of the result that a quorum agrees on, None as long as none does."""
        if self.best < self.quorum:
            return None
        return next(one for one in self.reveals if one.counted and one.result_hash == self.leading)

    @property
    def changes_at(self) -> int | None:
        """The first second at which time alone makes something else of it; None when it is over."""
        if self.state is RoundState.COMMITTING:
            return self.commit_until + 1
        if self.state is RoundState.REVEALING:
            return self.reveal_until + 1
        return self.deadline + 1 if self.state is RoundState.CLOSED else None


def newest(epoch: int, now: int | None = None) -> PaintingRound | None:
    """An epoch's newest round, at a time of the chain (default: now); None before any opened."""
    window = Window.objects.filter(epoch=epoch).order_by("-round").first()
    return _round(window, True, clock.now() if now is None else now) if window else None


def of(epoch: int) -> list[PaintingRound]:
    """All rounds of an epoch, oldest first. A round that another followed is over."""
    windows = list(Window.objects.filter(epoch=epoch).order_by("round"))
    now = clock.now()
    return [_round(one, one is windows[-1], now) for one in windows]


def _round(window: Window, is_newest: bool, now: int) -> PaintingRound:
    epoch = window.epoch
    # Sealing comes before painting, and a reorganisation takes both or the later one.
    terms = Acceptance.objects.get(epoch=epoch)
    commitments = Commitment.objects.filter(epoch=epoch, round=window.round).order_by(*_PLACE)
    reveals = tuple(Reveal.objects.filter(epoch=epoch, round__lte=window.round).order_by(*_PLACE))
    results = Counter(one.result_hash for one in reveals if one.counted)
    leading, best = results.most_common(1)[0] if results else (None, 0)
    finalization = Finalization.objects.filter(epoch=epoch).first()
    found = PaintingRound(
        epoch=epoch,
        number=window.round,
        state=RoundState.OVER,
        opened_at=window.at,
        commit_until=window.commit_until,
        reveal_until=window.reveal_until,
        deadline=window.deadline,
        accepted_class=terms.accepted_class,
        quorum=terms.quorum,
        eligible=terms.eligible,
        fee=terms.fee,
        commitments=tuple(commitments),
        reveals=reveals,
        leading=leading,
        best=best,
        finalization=finalization,
    )
    if not is_newest or finalization is not None:
        return found
    return PaintingRound(**{**found.__dict__, "state": _state(found, now)})


_PLACE = ("block_number", "log_index")


def _state(one: PaintingRound, now: int) -> RoundState:
    closed = now > one.commit_until or one.best >= one.quorum
    if not closed and not Opening.objects.filter(epoch=one.epoch, round=one.number).exists():
        return RoundState.COMMITTING
    if one.waiting_for and now <= one.reveal_until:
        return RoundState.REVEALING
    return RoundState.CLOSED if one.best >= one.quorum and now <= one.deadline else RoundState.OVER
