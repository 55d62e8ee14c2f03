"""A picture store of its own for every test."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: object) -> Path:
    """Pictures go to a temporary folder."""
    folder = tmp_path / "media"
    settings.MEDIA_ROOT = str(folder)
    return folder


@pytest.fixture
def colours() -> NDArray[np.uint8]:
    """Pixels of a small picture that no other test has by chance."""
    rng = np.random.default_rng(7)
    return rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)


@pytest.fixture
def world(anvil, tmp_path: Path, settings: object, transactional_db: None):
    """A small artwork, deployed and mirrored: one founding generation, of one colour; epoch 1 is open."""
    from dataclasses import asdict

    from django.core.cache import cache

    from chain.indexer import Indexer
    from chain.rpc import Rpc
    from compute import pictures
    from compute.models import Rendering
    from config.deploy import DeploySettings, Founding, deploy
    from gallery import recipes
    from gallery.models import Generation
    from studio.models import files_digest
    from tests.gallery.world import EPOCH_S, World

    cache.clear()
    rpc = Rpc(anvil.url)
    operator = anvil.accounts()[0].lower()
    settings.VAR_DIR = tmp_path
    settings.CHAIN_RPC_URL = anvil.url
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.PRIVATE_CHAIN = True
    settings.OPERATOR_ADDRESS = operator
    settings.KEEPER_GRACE_S = 0
    values = {
        "model": files_digest(settings.PAINTER_MODELS[0]),
        "prompt": "misty ridges",
        "negative_prompt": "",
        "family": "",
        "palette": "dusk",
        "mood": "calm",
        "guidance": 4000,
        "steps": 2,
        "strength": 600,
        "width": 64,
        "height": 64,
        "epoch_length": EPOCH_S,
    }
    seed = "0x" + "05" * 32
    ground = pictures.keep(np.full((64, 64, 3), (40, 60, 90), np.uint8))
    hashes = {"pixel_hash": ground.pixel_hash, "thumb_hash": ground.thumb_hash, "file_hash": ground.file_hash}
    founding = Founding("Ground", values, seed, owner=anvil.accounts()[1], **hashes)
    profile = DeploySettings.profile(
        "demo", operator=operator, parameters=values, founding=[founding], painter="solo"
    )
    deploy(rpc, operator, profile)
    made = World(anvil, Indexer.configured(), rpc)
    made.sync()
    Rendering.objects.create(
        recipe_hash=Generation.objects.get().recipe_hash,
        epoch_number=0,
        recipe=asdict(recipes.from_values(values, seed, None)),
        state=Rendering.State.PAINTED,
        picture=ground,
    )
    return made
