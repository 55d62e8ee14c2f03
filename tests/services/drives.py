"""One epoch after another at the production site, stopped where a test wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from studio import paint as studio_paint
from studio.picture import pixel_hash
from studio.recipe import Recipe
from tests.services.fleet import Fleet
from tests.services.visitor import Visitor

STAGES = ("voting", "sealed", "painting", "painted", "committed", "finalizing")
BLOCK_S = 1.0
"""Between blocks while the chain is held and mines only for the next stage: as by the clock."""


class Drive:
    """One picture on its way. `begin`, stop `at` a stage, do harm, `release`, and `arrive`."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.version = fleet.version()
        self.proposal: int | None = None
        self.epoch = 0
        self.before = fleet.lineage()

    def begin(self) -> Drive:
        """Ask for a picture, as the admin's button does; voters may also ask for one (`propose`)."""
        fleet = self.fleet
        fleet.until(lambda: self._open() is not None, "an open epoch")
        self.epoch = self._open()
        ask = "UPDATE gallery_control SET seal_requested = %s WHERE id = 1 RETURNING id"
        fleet.until(lambda: fleet.rows(ask, self.epoch), "the first tick to have made its row")
        return self

    def propose(self) -> Drive:
        """Begin with a proposal, which is then being voted on: one vote is cast, and time is left."""
        mira = Visitor(self.fleet, 1).sign_in()
        word = f"word {time.monotonic_ns() % 10**6}"
        self.proposal = mira.propose("Another word", prompt=f"an unfolding flower, {word}")
        mira.vote(self.proposal)
        return self

    def at(self, stage: str) -> Drive:
        """Bring it to a stage and hold it there: from then on the chain has a block only for the next one.

        A later stage may follow an earlier one, of the same epoch.
        """
        fleet = self.fleet
        if stage == "voting":
            return self.propose()
        if not self.epoch:
            self.begin()
            fleet.until(self._sealed, "the epoch to be sealed")
        fleet.hold_chain()
        if stage == "sealed":
            return self
        self._mine_until(self._painting, "the painting to be asked for")
        if stage == "painting":
            return self
        fleet.until(lambda: self._painting() == "painted", "the picture to be painted")
        if stage == "painted":
            return self
        workers = len(fleet.workers)
        self._mine_until(lambda: self._rows("commitment") == workers, "the commitments")
        if stage == "committed":
            return self
        self._mine_until(self._finalizing, "the result to be sent")
        return self

    def release(self) -> Drive:
        """Let everything that was held go on."""
        self.fleet.mine_by_the_clock()
        return self

    def arrive(self) -> None:
        """One picture is anchored, the lineage is the chain's, and the pixels are the recipe's."""
        fleet = self.fleet
        if self.epoch:
            number = fleet.until(self._generation, "the picture")
            assert self._rows("reveal") == len(fleet.workers), "every worker kept its word"
        if self.proposal is not None:
            number = fleet.until(lambda: fleet.painted_with(self.version + 1), "the picture that was decided")
        fleet.until(lambda: fleet.lineage() == fleet.chain_lineage(), "the mirror to equal the chain")
        lineage = fleet.lineage()
        assert lineage[: len(self.before)] == self.before
        assert [row[0] for row in lineage] == list(range(lineage[0][0], lineage[0][0] + len(lineage)))
        epochs = [row[1] for row in lineage if row[1]]
        assert len(set(epochs)) == len(epochs), "no epoch has two pictures"
        assert fleet.one("SELECT count(*) FROM gallery_failure") == 0
        self.repaint(number)

    def repaint(self, number: int) -> None:
        """Paint the recipe again, here, without the site: the same pixels."""
        fleet = self.fleet
        [(recipe, kept)] = fleet.rows(
            "SELECT r.recipe, p.pixel_hash FROM gallery_generation g JOIN gallery_rendering r "
            "ON r.recipe_hash = g.recipe_hash JOIN gallery_picture p ON p.file_hash = r.picture_id "
            "WHERE g.number = %s",
            number,
        )
        wanted = Recipe.from_mapping(recipe)
        parent = None
        if wanted.parent_file:
            file = fleet.one("SELECT file FROM gallery_picture WHERE file_hash = %s", wanted.parent_file)
            parent = Image.open(Path(fleet.environment["VAR_DIR"]) / "media" / file).convert("RGB")
        painting = studio_paint.paint(wanted, parent, fleet.model, threads=2)
        assert pixel_hash(painting.pixels) == kept

    # --- Where it stands ------------------------------------------------------------------------------

    def _open(self) -> Any:
        return self.fleet.one(
            "SELECT max(number) FROM gallery_epoch e WHERE NOT EXISTS "
            "(SELECT 1 FROM gallery_sealing s WHERE s.epoch_id = e.number)"
        )

    def _sealed(self) -> Any:
        return self.fleet.one("SELECT 1 FROM gallery_sealing WHERE epoch_id = %s", self.epoch)

    def _painting(self) -> Any:
        return self.fleet.one("SELECT state FROM gallery_rendering WHERE epoch_number = %s", self.epoch)

    def _finalizing(self) -> Any:
        return self.fleet.one(
            "SELECT id FROM chain_transaction WHERE key LIKE %s AND state IN ('sent', 'mined')",
            f"finalize:{self.epoch}:%",
        )

    def _rows(self, name: str) -> Any:
        return self.fleet.one(f"SELECT count(*) FROM compute_{name} WHERE epoch = %s", self.epoch)

    def _mine_until(self, true: Callable[[], Any], what: str) -> None:
        def look() -> Any:
            if not (found := true()):
                self.fleet.mine()
                time.sleep(BLOCK_S)
            return found

        self.fleet.until(look, what)

    def _generation(self) -> Any:
        return self.fleet.one("SELECT number FROM gallery_generation WHERE epoch_number = %s", self.epoch)
