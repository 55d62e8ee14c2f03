"""A site with a past, without a chain: the rows that a mirror of some months would hold."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

GENERATIONS, PROPOSALS, VOTERS = 100, 50, 40
EPOCH_S = 86_400


def seed() -> int:
    """Fill the empty database of this process's settings; returns the id of a proposal under vote.

    100 generations, 50 proposals with 40 votes each, an electorate of 40. Times end about now.
    """
    from django.db import transaction

    from chain import abi
    from chain.models import Cursor
    from compute.models import Picture, Rendering
    from gallery.models import Control, Epoch, Generation, Sealing, SeedDraw
    from governance.models import ProposalExecuted, ProposalQueued
    from tests.governance import factories

    voters = [f"0x{number:040x}" for number in range(0xA000, 0xA000 + VOTERS)]
    palettes, moods = ("gilded", "ocean", "dusk"), ("calm", "wild", "dim")
    began = int(time.time()) - GENERATIONS * EPOCH_S
    with transaction.atomic():
        factories.electorate(at=began)
        for number, voter in enumerate(voters, start=100):
            factories.token(number, voter, began)
            factories.votes(voter, 0, 1, began)
        factories.parameters(version=1, at=began)
        values = dict(factories.VALUES)
        version, parent = 1, "0x" + "00" * 32
        for number in range(1, GENERATIONS + 1):
            at = began + number * EPOCH_S - 3600
            if number % 2 == 0:
                setter, value = (
                    ("setPalette", palettes[number % 3]) if number % 4 else ("setMood", moods[number % 3])
                )
                ongoing = number == GENERATIONS
                proposal = factories.proposal(
                    at - 40_000,
                    description=f"# Let it become {value}, {number}\n\nThe last ones were all alike.\n\n"
                    f"#proposer={factories.MIRA}",
                    calldatas=[abi.encode_call("ArtParameters", setter, value)],
                    voting_ends=at + 10 * EPOCH_S if ongoing else at - 10_000,
                )
                for place, voter in enumerate(voters):
                    reason = "It should open." if place % 3 == 0 else ""
                    factories.vote(
                        proposal, voter, 1 if place % 4 else 0, 1, at - 30_000 + place, reason=reason
                    )
                if not ongoing:
                    tx = factories.hash32()
                    ProposalQueued.objects.create(
                        **factories.place(factories.block(at - 9_000)), proposal=proposal, eta=at - 8_000
                    )
                    where = factories.block(at - 7_000)
                    version += 1
                    values[setter[3:].lower()] = value
                    factories.parameters(
                        version=version, at=at - 7_000, tx_hash=tx, **{setter[3:].lower(): value}
                    )
                    ProposalExecuted.objects.create(**factories.place(where, tx), proposal=proposal)
            where = factories.block(at)
            epoch = Epoch.objects.create(number=number, ends_at=at, log=factories.place(where)["log"])
            recipe, file = factories.hash32(), factories.hash32()
            Sealing.objects.create(
                epoch=epoch, params_version=version, params_hash=factories.hash32(), parent_head=parent,
                source=factories.TREASURY, round=number, log=factories.place(where)["log"],
            )  # fmt: skip
            SeedDraw.objects.create(
                epoch=epoch, seed=factories.hash32(), randomness=factories.hash32(), recipe_hash=recipe,
                log=factories.place(where)["log"],
            )  # fmt: skip
            parent = factories.hash32()
            Generation.objects.create(
                number=number, epoch_number=number, model_id="0x" + "5e" * 32, parent=parent,
                seed=factories.hash32(),
                recipe_hash=recipe, result_hash=parent, pixel_hash=factories.hash32(), file_hash=file,
                painter=factories.TREASURY, founding=False, log=factories.place(where)["log"],
            )  # fmt: skip
            Picture.objects.create(
                file_hash=file, pixel_hash=factories.hash32(), thumb_hash=factories.hash32(),
                width=512, height=512, file=f"{file}.png",
            )  # fmt: skip
            Rendering.objects.create(
                recipe_hash=recipe, epoch_number=number, state="painted", step=20, steps=20, seconds=9.0,
                picture_id=file, recipe=recipe_of(values, number), environment={"torch": "2.13.0"},
            )  # fmt: skip
        head = factories.block(int(time.time()))
        Epoch.objects.create(
            number=GENERATIONS + 1, ends_at=head.timestamp + EPOCH_S, log=factories.place(head)["log"]
        )
        Cursor.objects.create(
            id=1, chain_id=31337, genesis_hash=factories.hash32(), number=head.number, hash=head.hash,
            head_number=head.number, finalized_number=head.number - 2, head_timestamp=head.timestamp,
        )  # fmt: skip
        Control.get()
    return int(proposal.pk)


def recipe_of(values: dict[str, Any], number: int) -> dict[str, Any]:
    """The studio's recipe, as a painting job keeps it."""
    renamed = {"guidance": "guidance_milli", "strength": "strength_milli"}
    recipe = {
        renamed.get(key, key): value
        for key, value in values.items()
        if key not in ("epoch_length", "energy_budget")
    }
    return {**recipe, "seed": f"0x{number:064x}", "parent_file": f"0x{number:064x}" if number > 1 else None}


def deployment(file: Path) -> None:
    """A deployment file, since pages name the contracts."""
    names = ("ArtToken", "ArtGovernor", "TimelockController", "ArtParameters", "LivingArtwork", "SoloPainter")
    addresses = {name: f"0x{number:040x}" for number, name in enumerate(names, start=0xC0)}
    addresses["ArtParameters"] = "0x" + "a1" * 20
    file.write_text(
        json.dumps({"chainId": 31337, "genesisHash": "0x" + "01" * 32, "block": 1, "contracts": addresses})
    )
