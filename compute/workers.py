"""The workers with what each did, earned, and stands to lose, as the mirror has it.

`compute.roster` says who may paint which epochs, `compute.rounds` how a round goes. Amounts are in wei,
times in seconds of the chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from django.db.models import Max

from chain import clock
from compute.models import (
    Acceptance,
    Challenge,
    Commitment,
    Credit,
    CreditWithdrawal,
    FeeCredit,
    Finalization,
    PoolChange,
    Reveal,
    Settlement,
    Slash,
    Window,
)
from compute.roster import Member, members


@dataclass(frozen=True)
class Counts:
    """In how many rounds a worker did what. Mismatched: another result than its own class's quorum."""

    committed: int = 0
    revealed: int = 0
    won: int = 0
    silent: int = 0
    mismatched: int = 0


@dataclass(frozen=True)
class PendingSlash:
    """Part of a bond that is held back. `decide_until` is None while nobody challenged it."""

    id: int
    epoch: int
    round: int
    amount: int
    challenge_until: int
    decide_until: int | None
    why: str
    """Where the worker says why it challenges, empty if it doesn't."""

    @property
    def settles_at(self) -> int:
        """From this second on anybody may uphold it."""
        return (self.decide_until or self.challenge_until) + 1


@dataclass(frozen=True)
class Worker(Member):
    """A worker with what it did.

    `latency` is the median time from a round's opening to this worker's reveal, None without a reveal;
    `earned` all fees that it was credited with, `owed` what it may take.
    """

    counts: Counts = Counts()
    latency: float | None = None
    pending: tuple[PendingSlash, ...] = ()
    earned: int = 0
    owed: int = 0


def everyone() -> list[Worker]:
    """All accounts that are or were workers, in the order in which they first came, with what they did."""
    did, waits, held, fees = _did(), _latencies(), pending(), _earned()
    return [
        Worker(
            **vars(one),
            counts=did.get(one.address, Counts()),
            latency=waits.get(one.address),
            pending=held.get(one.address, ()),
            earned=fees.get(one.address, 0),
            owed=owed(one.address),
        )
        for one in members().values()
    ]


def find(address: str) -> Worker | None:
    """One worker with what it did; None if the account never was one."""
    return next((one for one in everyone() if one.address == address.lower()), None)


def pool() -> int:
    """What painting is paid from."""
    newest = PoolChange.objects.order_by("-block_number", "-log_index").first()
    return newest.pool if newest else 0


def owed(account: str) -> int:
    """What an account may take."""
    given = Credit.objects.filter(account=account.lower()).values_list("amount", flat=True)
    taken = CreditWithdrawal.objects.filter(account=account.lower()).values_list("amount", flat=True)
    return sum(given) - sum(taken)


# --- What they did ------------------------------------------------------------------------------------


def pending() -> dict[str, tuple[PendingSlash, ...]]:
    """By worker, the slashes that aren't settled, oldest first."""
    settled = Settlement.objects.values("slash_id")
    challenged = {row.slash_id: row for row in Challenge.objects.exclude(slash_id__in=settled)}
    found: dict[str, list[PendingSlash]] = defaultdict(list)
    for row in Slash.objects.filter(challenge_until__gt=0).exclude(slash_id__in=settled).order_by("slash_id"):
        said = challenged.get(row.slash_id)
        found[row.worker].append(
            PendingSlash(
                id=row.slash_id,
                epoch=row.epoch,
                round=row.round,
                amount=row.amount,
                challenge_until=row.challenge_until,
                decide_until=said.decide_until if said else None,
                why=said.uri if said else "",
            )
        )
    return {worker: tuple(slashes) for worker, slashes in found.items()}


@dataclass(frozen=True)
class Unresolved:
    """A worker's last commitment, from which something follows that can be settled now."""

    worker: str
    epoch: int
    round: int


def unresolved() -> list[Unresolved]:
    """What `resolve` would settle now, oldest first. A commitment that a later one followed is settled, and
    nothing follows from a result that won where no fee was held.
    """
    newest = dict(
        Commitment.objects.order_by()
        .values("worker")
        .annotate(last=Max("epoch"))
        .values_list("worker", "last")
    )
    of_these = {"epoch__in": set(newest.values())}
    rows = Commitment.objects.filter(**of_these).order_by("epoch", "round", "worker")
    last = {row.worker: row for row in rows if row.epoch == newest[row.worker]}
    slashed = set(Slash.objects.filter(**of_these).values_list("worker", "epoch", "round"))
    credited = set(FeeCredit.objects.filter(**of_these).values_list("worker", "epoch"))
    fees = dict(Acceptance.objects.filter(**of_these).values_list("epoch", "fee"))
    ends = {row.epoch: row for row in Finalization.objects.filter(**of_these)}
    shown = {(row.worker, row.epoch): row for row in Reveal.objects.filter(**of_these)}
    gone = _unrevealable()
    found = []
    for row in last.values():
        key = row.worker, row.epoch
        reveal, end = shown.get(key), ends.get(row.epoch)
        if reveal is None:
            due = gone(row.epoch, row.round) and (*key, row.round) not in slashed
        elif end is None or not reveal.counted:
            due = False
        elif reveal.result_hash == end.result_hash:
            due = fees.get(row.epoch, 0) // end.winners > 0 and key not in credited
        else:
            due = (*key, row.round) not in slashed
        if due:
            found.append(Unresolved(row.worker, row.epoch, row.round))
    return found


def _did() -> dict[str, Counts]:
    ends = dict(Finalization.objects.values_list("epoch", "result_hash"))
    shown = {(row.worker, row.epoch, row.round) for row in Reveal.objects.all()}
    gone = _unrevealable()
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for worker, epoch, number in Commitment.objects.order_by().values_list("worker", "epoch", "round"):
        sums[worker]["committed"] += 1
        sums[worker]["silent"] += (worker, epoch, number) not in shown and gone(epoch, number)
    for row in Reveal.objects.order_by():
        sums[row.worker]["revealed"] += 1
        if row.counted and row.epoch in ends:
            sums[row.worker]["won" if row.result_hash == ends[row.epoch] else "mismatched"] += 1
    return {worker: Counts(**counted) for worker, counted in sums.items()}


def _unrevealable() -> Callable[[int, int], bool]:
    """Whether the reveals of a round are over for good: its time is up, or another round has opened."""
    now = clock.now()
    until: dict[tuple[int, int], int] = {}
    newest: dict[int, int] = {}
    for epoch, number, last in Window.objects.values_list("epoch", "round", "reveal_until"):
        until[epoch, number] = last
        newest[epoch] = max(number, newest.get(epoch, 0))

    def gone(epoch: int, number: int) -> bool:
        return now > until.get((epoch, number), now) or newest.get(epoch, number) > number

    return gone


def _latencies() -> dict[str, float]:
    opened = {(epoch, number): at for epoch, number, at in Window.objects.values_list("epoch", "round", "at")}
    waits: dict[str, list[int]] = defaultdict(list)
    for worker, epoch, number, at in Reveal.objects.order_by().values_list("worker", "epoch", "round", "at"):
        if (epoch, number) in opened:
            waits[worker].append(at - opened[epoch, number])
    return {worker: float(median(times)) for worker, times in waits.items()}


def _earned() -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for worker, amount in FeeCredit.objects.order_by().values_list("worker", "amount"):
        sums[worker] += amount
    return dict(sums)
