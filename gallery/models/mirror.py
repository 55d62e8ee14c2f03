"""One row per event of `LivingArtwork`. Each goes with its log, so a reorganisation deletes it; nothing is
changed.

The state of an epoch is computed from which of these rows exist: see `gallery.epochs.state`.

No key to a log is checked by the database, row by row: `chain.rows` and `chain.cascade` see to it (decision
0151).
"""

from django.db import models

from chain.fields import HexField


class Epoch(models.Model):
    """An epoch was opened (`EpochOpened`). `ends_at` is chain time in seconds."""

    number = models.PositiveBigIntegerField(primary_key=True)
    ends_at = models.PositiveBigIntegerField()
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["-number"]
        permissions = [("control_epochs", "Can seal epochs, and retry, cancel and repeat paintings")]

    def __str__(self) -> str:
        return f"Epoch {self.number}"


class Sealing(models.Model):
    """An epoch's parameters, parent and source of randomness were frozen (`EpochSealed`)."""

    epoch = models.OneToOneField(Epoch, on_delete=models.CASCADE, related_name="sealing")
    params_version = models.PositiveBigIntegerField()
    params_hash = HexField(length=32)
    parent_head = HexField(length=32)
    source = HexField(length=20)
    round = models.PositiveBigIntegerField(help_text="the source's round; a block number for block hashes")
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["-epoch_id"]  # not "-epoch": that is the epochs' own order, newest first, reversed

    def __str__(self) -> str:
        return f"Sealing of epoch {self.epoch_id}"


class SeedRefix(models.Model):
    """A lapsed round of randomness was replaced by a later one (`SeedRefixed`)."""

    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="refixes")
    round = models.PositiveBigIntegerField()
    count = models.PositiveBigIntegerField()
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["epoch_id", "count"]
        verbose_name_plural = "seed refixes"

    def __str__(self) -> str:
        return f"Re-fix {self.count} of epoch {self.epoch_id}"


class SeedDraw(models.Model):
    """An epoch's seed was drawn, and with it the recipe became known (`SeedDrawn`)."""

    epoch = models.OneToOneField(Epoch, on_delete=models.CASCADE, related_name="draw")
    seed = HexField(length=32)
    randomness = HexField(length=32)
    recipe_hash = HexField(length=32, db_index=True)
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["-epoch_id"]  # not "-epoch": that is the epochs' own order, newest first, reversed

    def __str__(self) -> str:
        return f"Seed of epoch {self.epoch_id}"


class Round(models.Model):
    """A time for painting was opened (`RoundOpened`). `deadline` is chain time in seconds."""

    # Without an index of its own: one_round_of_a_number begins with it.
    epoch = models.ForeignKey(Epoch, on_delete=models.CASCADE, related_name="rounds", db_index=False)
    round = models.PositiveBigIntegerField()
    painter = HexField(length=20)
    deadline = models.PositiveBigIntegerField()
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["epoch_id", "round"]
        constraints = [models.UniqueConstraint(fields=["epoch", "round"], name="one_round_of_a_number")]

    def __str__(self) -> str:
        return f"Round {self.round} of epoch {self.epoch_id}"


class Failure(models.Model):
    """An epoch ended without a picture (`EpochFailed`). `reason` is the contract's word: "seed" or
    "paint".
    """

    epoch = models.OneToOneField(Epoch, on_delete=models.CASCADE, related_name="failure")
    reason = models.CharField(max_length=32)
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["-epoch_id"]  # not "-epoch": that is the epochs' own order, newest first, reversed

    def __str__(self) -> str:
        return f"Failure of epoch {self.epoch_id}: {self.reason}"


class Generation(models.Model):
    """A picture was anchored (`GenerationAnchored`). `parent` is the lineage head before it; founding ones
    have epoch 0.
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    epoch_number = models.PositiveBigIntegerField(db_index=True)
    model_id = HexField(length=32)
    parent = HexField(length=32)
    seed = HexField(length=32)
    recipe_hash = HexField(length=32, db_index=True)
    result_hash = HexField(length=32)
    pixel_hash = HexField(length=32)
    file_hash = HexField(length=32, db_index=True)
    painter = HexField(length=20)
    founding = models.BooleanField()
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"Generation {self.number}"


class SlotChange(models.Model):
    """A replaceable part was set (`SlotSet`); an address of zeros means none."""

    slot = models.CharField(max_length=32)
    previous = HexField(length=20)
    current = HexField(length=20)
    log = models.OneToOneField("chain.Log", on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        ordering = ["-log_id"]

    def __str__(self) -> str:
        return f"Slot {self.slot}"
