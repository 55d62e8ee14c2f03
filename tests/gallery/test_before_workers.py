"""A data folder from before there were workers, a registry and an energy budget goes on as it was.

`fixtures/before_workers.json.xz` is a private chain with the contracts of that time: one founding generation,
of one colour, and the first epoch open. Anvil had ten accounts then.
"""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from chain import signers
from chain.anvil import Running
from chain.indexer import Indexer
from chain.models import Transaction
from chain.private import PrivateChain
from chain.rpc import Rpc
from compute import pictures
from compute.models import Rendering
from config.deploy import DeploySettings, deploy
from gallery import recipes
from gallery.models import Generation, Sealing
from governance import parameters
from tests.gallery.world import World

KEPT = Path(__file__).parent / "fixtures" / "before_workers.json.xz"
GROUND = (40, 60, 90)
PAGES = ("/", "/lineage/", "/proposals/", "/about/", "/workers/", "/models/", "/generations/1/")


@pytest.fixture
def old(tmp_path: Path, settings: Any, transactional_db: None) -> Iterator[World]:
    """The old chain, started as the site starts its own, and mirrored."""
    kept = json.loads(lzma.decompress(KEPT.read_bytes()))
    chain = PrivateChain(tmp_path / "chain")
    chain.folder.mkdir()
    chain.state_file.write_bytes(gzip.compress(json.dumps(kept["state"]).encode()))
    gone = Running(pid=2**22, created=0, port=0, genesis=kept["genesis"], genesis_time=kept["genesis_time"])
    gone.write(chain.folder / "anvil.json")
    (tmp_path / "deployment.json").write_text(json.dumps(kept["deployment"]))
    chain.start()
    settings.VAR_DIR, settings.DEPLOYMENT_FILE = tmp_path, tmp_path / "deployment.json"
    settings.CHAIN_RPC_URL, settings.PRIVATE_CHAIN = chain.url, True
    settings.OPERATOR_ADDRESS, settings.KEEPER_GRACE_S = chain.accounts()[0], 0
    world = World(chain, Indexer.configured(), Rpc(chain.url))
    world.sync()
    yield world
    chain.stop()


def test_anOldDataFolder_startsVotesAndPaintsOn(old: World, client: Client) -> None:
    assert "energy_budget" not in parameters.values_at()
    ground = pictures.keep(np.full((64, 64, 3), GROUND, np.uint8))
    founding = Generation.objects.get()
    Rendering.objects.create(
        recipe_hash=founding.recipe_hash,
        epoch_number=0,
        recipe=asdict(recipes.from_values(parameters.values_at(), founding.seed, None)),
        state=Rendering.State.PAINTED,
        picture=ground,
    )
    # It is deployed as far as the deploy script is concerned, which adds nothing to it.
    operator = old.accounts[0]
    wanted = DeploySettings.profile("demo", operator=operator, parameters=parameters.values_at())
    assert "WorkerSet" not in deploy(old.rpc, operator, wanted).contracts
    assert len(signers.workers(old.rpc)) == 3, "though nothing is there for them to do"

    for page in PAGES:
        assert client.get(page).status_code == 200, page
    composer = client.get("/proposals/new/").content.decode()
    assert "Epoch length" in composer
    assert "Energy budget" not in composer
    record = client.get("/generations/1/").content.decode()
    assert parameters.params_hash_of(parameters.raw_values_at(1)) in record

    old.carry({"steps": 3}, "Once more over it")
    assert parameters.values_at()["steps"] == 3
    painted = old.next_generation()
    assert not painted.founding
    assert painted.painter == operator
    sealing = Sealing.objects.get(epoch_id=painted.epoch_number)
    assert sealing.params_hash == parameters.params_hash_of(parameters.raw_values_at(sealing.params_version))
    assert {row.sender for row in Transaction.objects.all()} == {operator}
    for page in ("/", f"/generations/{painted.number}/", "/workers/"):
        assert client.get(page).status_code == 200, page
