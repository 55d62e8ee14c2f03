"""Governance as rows: one row per event, deleted with its log; nothing here is ever incremented.

A tally is a sum over `Vote`, a state is computed by `governance.selectors`, and a reorganisation is one
delete. Foreign keys to `Proposal` carry the governor's own id.
"""

# ruff: noqa: DJ008 - EventRow gives every row its words

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chain.fields import HexField, Uint256Field
from chain.models import Log


class EventRow(models.Model):
    """What every mirrored event has: its log, its place in the chain and its block's time (seconds)."""

    # Not checked by the database, row by row: `chain.rows` and `chain.mirror` see to it (decision 0151).
    log = models.OneToOneField(Log, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    block_number = models.BigIntegerField()
    log_index = models.IntegerField()
    at = models.BigIntegerField(help_text="Block time, seconds since 1970.")

    class Meta:
        abstract = True
        ordering = ["block_number", "log_index"]
        indexes = [models.Index(fields=["block_number", "log_index"], name="%(class)s_place")]

    def __str__(self) -> str:
        return f"{type(self).__name__} in block {self.block_number}, log {self.log_index}"


class ParameterChange(EventRow):
    """ArtParameters.ParameterSet: from `version` on, `key` has `value` (0x hex of the bytes on chain)."""

    version = Uint256Field()
    key = models.CharField(max_length=66, help_text="The parameter's name, or 0x hex where it is not ASCII.")
    value = models.TextField()

    class Meta(EventRow.Meta):
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="one_value_a_version")]


class Proposal(EventRow):
    """ArtGovernor.ProposalCreated. `voting_starts` is the snapshot; both times are in seconds, inclusive."""

    id = Uint256Field(primary_key=True)
    proposer = HexField(20)
    targets = models.JSONField()
    values = models.JSONField(help_text="Wei, as decimal strings.")
    calldatas = models.JSONField()
    description = models.TextField(help_text="As written; what is not UTF-8 text shows as U+FFFD.")
    description_hash = HexField(32)
    operation_id = HexField(32, help_text="The timelock's id of the same calls.")
    voting_starts = models.BigIntegerField()
    voting_ends = models.BigIntegerField(help_text="Before any extension.")

    class Meta(EventRow.Meta):
        pass

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        from governance.descriptions import split

        return split(self.description).title

    @property
    def body(self) -> str:
        from governance.descriptions import split

        return split(self.description).body

    @property
    def wei(self) -> list[int]:
        return [int(value) for value in self.values]


class ProposalExtended(EventRow):
    """A late quorum moved the deadline to `voting_ends`."""

    proposal = models.OneToOneField(Proposal, on_delete=models.CASCADE, related_name="extended")
    voting_ends = models.BigIntegerField()

    class Meta(EventRow.Meta):
        verbose_name_plural = "proposal extensions"


class ProposalQueued(EventRow):
    proposal = models.OneToOneField(Proposal, on_delete=models.CASCADE, related_name="queued")
    eta = models.BigIntegerField(help_text="From this second on it may be executed.")

    class Meta(EventRow.Meta):
        verbose_name_plural = "proposals queued"


class ProposalExecuted(EventRow):
    proposal = models.OneToOneField(Proposal, on_delete=models.CASCADE, related_name="executed")

    class Meta(EventRow.Meta):
        verbose_name_plural = "proposals executed"


class ProposalCanceled(EventRow):
    proposal = models.OneToOneField(Proposal, on_delete=models.CASCADE, related_name="canceled")

    class Meta(EventRow.Meta):
        verbose_name_plural = "proposals cancelled"


class OperationExecuted(EventRow):
    """TimelockController.CallExecuted: anyone may execute at the timelock itself, past the governor."""

    operation_id = HexField(32, db_index=True)
    index = Uint256Field()

    class Meta(EventRow.Meta):
        verbose_name_plural = "operations executed"


class OperationCancelled(EventRow):
    """TimelockController.Cancelled."""

    operation_id = HexField(32, db_index=True)

    class Meta(EventRow.Meta):
        verbose_name_plural = "operations cancelled"


class Support(models.IntegerChoices):
    """GovernorCountingSimple.VoteType."""

    AGAINST = 0, "Against"
    FOR = 1, "For"
    ABSTAIN = 2, "Abstain"


class Vote(EventRow):
    """Votes come by the hundred thousand, and are asked for by proposal or by voter: so their log names them,
    and there is no index by place. Logs are numbered in the order of the chain.
    """

    log = models.OneToOneField(
        Log, on_delete=models.CASCADE, related_name="+", db_constraint=False, primary_key=True
    )
    # Without an index of its own: one_vote_a_voter begins with it.
    proposal = models.ForeignKey(
        Proposal, on_delete=models.CASCADE, related_name="votes", db_index=False, db_constraint=False
    )
    voter = HexField(20, db_index=True)
    support = models.SmallIntegerField(choices=Support.choices)
    weight = Uint256Field()
    reason = models.TextField(blank=True)

    class Meta(EventRow.Meta):
        indexes: ClassVar[list[models.Index]] = []
        constraints = [models.UniqueConstraint(fields=["proposal", "voter"], name="one_vote_a_voter")]


class TokenTransfer(EventRow):
    sender = HexField(20, db_index=True)
    recipient = HexField(20, db_index=True)
    token_id = Uint256Field(db_index=True)


class Delegation(EventRow):
    """DelegateChanged. A delegate of zero, or none at all, means the delegator itself (ArtToken)."""

    delegator = HexField(20, db_index=True)
    previous = HexField(20)
    current = HexField(20, db_index=True)


class VotesChanged(EventRow):
    """DelegateVotesChanged: the token's checkpoints, as it announced them."""

    delegate = HexField(20, db_index=True)
    previous = Uint256Field()
    current = Uint256Field()

    class Meta(EventRow.Meta):
        verbose_name = "change of voting power"
        verbose_name_plural = "changes of voting power"


class Exclusion(EventRow):
    """VotingUnitsExcluded: this account's tokens vote for nobody and leave the quorum's supply."""

    account = HexField(20)
    excluded = models.BooleanField()


class GovernorSetting(EventRow):
    """One of the governor's or the timelock's own numbers, from this block on."""

    class Kind(models.TextChoices):
        QUORUM_NUMERATOR = "quorum_numerator", "Quorum"
        MIN_VOTES = "min_votes", "Least votes"
        VOTING_DELAY = "voting_delay", "Voting delay"
        VOTING_PERIOD = "voting_period", "Voting period"
        PROPOSAL_THRESHOLD = "proposal_threshold", "Votes needed to propose"
        LATE_EXTENSION = "late_extension", "Late quorum extension"
        TIMELOCK_DELAY = "timelock_delay", "Timelock delay"
        TIMELOCK = "timelock", "Timelock"

    kind = models.CharField(max_length=20, choices=Kind.choices, db_index=True)
    value = Uint256Field(help_text="Seconds, votes or percent; an address as a number.")


class ModelTier(models.IntegerChoices):
    """IModelRegistry.Tier: how open a model is."""

    RESTRICTED = 0, "Restricted weights"
    OPEN_WEIGHTS = 1, "Open weights"
    OPEN_SOURCE = 2, "Open source"


class ModelStanding(models.IntegerChoices):
    """IModelRegistry.Status: whether a model may be chosen."""

    NONE = 0, "Not registered"
    REGISTERED = 1, "Registered"
    ACTIVE = 2, "Active"
    RETIRED = 3, "Retired"


class RegisteredModel(EventRow):
    """ModelRegistry.ModelRegistered: what the registry says of a model, which never changes afterwards but
    for its status (`ModelStatus`) and its royalty receiver (`RoyaltyReceiver`).
    """

    model_id = HexField(32, db_index=True, help_text="The digest of its files.")
    tensor_root = HexField(32)
    card_hash = HexField(32, help_text="sha256 of its README.md.")
    audit_hash = HexField(32, help_text="sha256 of its audit; zero when there was none.")
    parent = HexField(32, help_text="The model it was made from; zero when none.")
    tier = models.SmallIntegerField(choices=ModelTier.choices)
    royalty_receiver = HexField(20)
    milli_joules = Uint256Field(help_text="Declared for a step of a megapixel; 0 when unknown.")
    uri = models.TextField()
    licence = models.TextField(help_text="An SPDX expression.")
    pipeline_class = models.TextField()

    class Meta(EventRow.Meta):
        verbose_name = "registered model"


class ModelStatus(EventRow):
    """ModelRegistry.ModelStatusSet."""

    model_id = HexField(32, db_index=True)
    status = models.SmallIntegerField(choices=ModelStanding.choices)

    class Meta(EventRow.Meta):
        verbose_name = "model status"
        verbose_name_plural = "model statuses"


class RoyaltyReceiver(EventRow):
    """ModelRegistry.RoyaltyReceiverSet: who is paid for a model from now on; zero is nobody."""

    model_id = HexField(32, db_index=True)
    receiver = HexField(20)

    class Meta(EventRow.Meta):
        pass


class SignInNonce(models.Model):
    """One EIP-4361 message that this site wrote for one session; spent by a conditional update."""

    nonce = models.CharField(max_length=32, primary_key=True)
    binding = models.CharField(
        max_length=64, help_text="SHA-256 of a secret kept in the session it was made for."
    )
    address = HexField(20)
    message = models.TextField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "sign-in"
        verbose_name_plural = "sign-ins"


class WithholdingQuerySet(models.QuerySet["Withholding"]):
    def standing(self) -> WithholdingQuerySet:
        """What is withheld now."""
        return self.filter(lifted_at=None)


class Withholding(models.Model):
    """The operator keeps a picture or words from this site's pages. Written by `governance.withholding`
    alone, lifted by a time, never deleted.
    """

    class Kind(models.TextChoices):
        PICTURE = "picture", "Picture"
        WORDS = "words", "Words"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    subject = models.CharField(max_length=500, help_text="A picture's file hash, or a phrase.")
    reason = models.CharField(max_length=300, help_text="Shown in place of what is withheld.")
    by = models.CharField(max_length=150, help_text="Username, as it was then.")
    at = models.DateTimeField(default=timezone.now)
    lifted_by = models.CharField(max_length=150, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Withholding]] = WithholdingQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(lifted_at=None), name="withheld_once"
            )
        ]
        permissions = [("withhold", "Can withhold pictures and words on this site, and lift it")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}"
