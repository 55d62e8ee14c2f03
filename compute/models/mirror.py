"""One row per event of `WorkerSet`. Each goes with its log, as a reorganisation wants; nothing is changed.

What a worker or a round is now is computed from which of these rows exist: see `compute.workers`. Epochs are
numbers here, not keys: they are rows of a layer above. Amounts are in wei, times in seconds of the chain.
"""

from __future__ import annotations

from django.db import models

from chain.fields import HexField, Uint256Field
from governance.models import EventRow


class WorkerRow(EventRow):
    """An event about one worker."""

    worker = HexField(20, db_index=True)

    class Meta(EventRow.Meta):
        abstract = True


class Registration(WorkerRow):
    """`WorkerRegistered`: an account became a worker of a class, from `first_epoch` on."""

    class_id = HexField(32)
    first_epoch = models.PositiveBigIntegerField()
    uri = models.TextField(blank=True, help_text="Where it serves what it painted; may be empty.")


class UriChange(WorkerRow):
    """`UriSet`: a worker serves what it painted elsewhere."""

    uri = models.TextField(blank=True)


class BondChange(WorkerRow):
    """`BondChanged`: a worker's bond is `bond` now."""

    bond = Uint256Field()
    reason = models.CharField(max_length=66)


class ExitRequest(WorkerRow):
    """`ExitRequested`: a worker leaves, and may take its bond from `withdrawable_at` on."""

    last_epoch = models.PositiveBigIntegerField()
    withdrawable_at = models.PositiveBigIntegerField()


class Drop(WorkerRow):
    """`WorkerDropped`: a worker's bond fell under the least."""

    last_epoch = models.PositiveBigIntegerField()


class Return(WorkerRow):
    """`WorkerReturned`: a dropped worker's bond is enough again."""

    first_epoch = models.PositiveBigIntegerField()


class RulesChange(EventRow):
    """`RulesSet`: the epochs that are sealed from now on go by these rules."""

    min_bond = Uint256Field()
    render_fee = Uint256Field()
    silence_slash = Uint256Field()
    mismatch_slash = Uint256Field()
    quorum = models.PositiveIntegerField()
    commit_milli = models.PositiveIntegerField()
    reveal_milli = models.PositiveIntegerField()
    exit_delay = models.PositiveBigIntegerField()
    challenge_period = models.PositiveBigIntegerField()
    resolve_period = models.PositiveBigIntegerField()
    max_gas_price = Uint256Field()


class ClassListing(EventRow):
    """`ClassListed`: workers of a class may paint, or may not any more."""

    class_id = HexField(32, db_index=True)
    listed = models.BooleanField()


class AcceptedClassChange(EventRow):
    """`AcceptedClassSet`: another class's results count for the epochs that are sealed from now on."""

    previous = HexField(32)
    current = HexField(32)


class Acceptance(EventRow):
    """`EpochAccepted`: an epoch was sealed, and who may paint it, by what quorum and for what, was frozen."""

    epoch = models.PositiveBigIntegerField(db_index=True)
    accepted_class = HexField(32)
    quorum = models.PositiveIntegerField()
    eligible = models.PositiveIntegerField()
    fee = Uint256Field()


class Window(EventRow):
    """`PaintingOpened`: a round opened, with its last seconds to commit, to reveal and to finalize."""

    epoch = models.PositiveBigIntegerField()
    round = models.PositiveIntegerField()
    commit_until = models.PositiveBigIntegerField()
    reveal_until = models.PositiveBigIntegerField()
    deadline = models.PositiveBigIntegerField()

    class Meta(EventRow.Meta):
        constraints = [models.UniqueConstraint(fields=["epoch", "round"], name="one_window_a_round")]


class Opening(EventRow):
    """`RevealsOpened`: there was nobody left to commit, so reveals are open before `commit_until`."""

    epoch = models.PositiveBigIntegerField()
    round = models.PositiveIntegerField()

    class Meta(EventRow.Meta):
        constraints = [models.UniqueConstraint(fields=["epoch", "round"], name="one_opening_a_round")]


class Commitment(WorkerRow):
    """`Committed`: a worker committed to a result."""

    epoch = models.PositiveBigIntegerField()
    round = models.PositiveIntegerField()
    class_id = HexField(32)
    commitment = HexField(32)

    class Meta(WorkerRow.Meta):
        constraints = [
            models.UniqueConstraint(fields=["epoch", "round", "worker"], name="one_commitment_a_round")
        ]


class Reveal(WorkerRow):
    """`Revealed`: a worker showed its result. `counted`: it is of the accepted class."""

    epoch = models.PositiveBigIntegerField()
    round = models.PositiveIntegerField()
    result_hash = HexField(32)
    pixel_hash = HexField(32)
    thumb_hash = HexField(32)
    file_hash = HexField(32)
    manifest_hash = HexField(32, db_index=True)
    counted = models.BooleanField()

    class Meta(WorkerRow.Meta):
        constraints = [models.UniqueConstraint(fields=["epoch", "worker"], name="one_reveal_an_epoch")]


class Finalization(EventRow):
    """`ResultFinalized`: a quorum's result was anchored; `by` is owed `reimbursed`."""

    epoch = models.PositiveBigIntegerField(unique=True)
    generation = models.PositiveBigIntegerField()
    result_hash = HexField(32)
    winners = models.PositiveIntegerField()
    by = HexField(20)
    reimbursed = Uint256Field()


class FeeCredit(WorkerRow):
    """`FeeCredited`: a worker who revealed the winning result is owed its share of the fee."""

    epoch = models.PositiveBigIntegerField(db_index=True)
    amount = Uint256Field()


class FeeRelease(EventRow):
    """`FeeReleased`: a failed epoch's fee went back to the pool."""

    epoch = models.PositiveBigIntegerField(unique=True)
    amount = Uint256Field()


class Slash(WorkerRow):
    """`Slashed`: part of a bond was taken. Silence is final (`challenge_until` is 0); a mismatch isn't."""

    slash_id = models.PositiveBigIntegerField(unique=True)
    epoch = models.PositiveBigIntegerField(db_index=True)
    round = models.PositiveIntegerField()
    reason = models.CharField(max_length=66)
    amount = Uint256Field()
    challenge_until = models.PositiveBigIntegerField()

    class Meta(WorkerRow.Meta):
        verbose_name_plural = "slashes"


class Challenge(WorkerRow):
    """`SlashChallenged`: a worker challenged a slash; `uri` says why."""

    slash_id = models.PositiveBigIntegerField(unique=True)
    uri = models.TextField(blank=True)
    decide_until = models.PositiveBigIntegerField()


class Settlement(WorkerRow):
    """`SlashSettled`: a slash went to the treasury (`upheld`) or back to the bond."""

    slash_id = models.PositiveBigIntegerField(unique=True)
    upheld = models.BooleanField()
    amount = Uint256Field()


class PoolChange(EventRow):
    """`PoolChanged`: the pool holds `pool` now."""

    pool = Uint256Field()
    reason = models.CharField(max_length=66)


class Credit(EventRow):
    """`Credited`: an account is owed `amount` more."""

    account = HexField(20, db_index=True)
    amount = Uint256Field()
    reason = models.CharField(max_length=66)


class CreditWithdrawal(EventRow):
    """`CreditWithdrawn`: an account took what it was owed."""

    account = HexField(20, db_index=True)
    to = HexField(20)
    amount = Uint256Field()
