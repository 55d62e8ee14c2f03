"""A reorganisation on a real chain: what was voted on the lost blocks is gone, and voting goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from governance import selectors
from governance.models import Proposal, Vote
from tests.governance.world import INES, MIRA, World

pytestmark = pytest.mark.django_db(transaction=True)


def test_votes_on_lost_blocks_are_lost_and_can_be_cast_again(anvil: Any, tmp_path: Path, settings: Any):
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.CHAIN_RPC_URL = anvil.url
    settings.CHAIN_LISTENERS = []
    settings.PRIVATE_CHAIN = True
    world = World(anvil.url, tmp_path)
    proposal = world.propose(MIRA, [("ArtParameters", "setMood", "wild")], "Wild")
    world.vote(INES, proposal, 1, at=proposal.voting_starts + 1)
    assert selectors.tallies([proposal.pk])[proposal.pk].for_ == 2
    world.rpc.call("anvil_reorg", 1, [])
    world.mirror()
    assert Proposal.objects.count() == 1
    assert not Vote.objects.exists()
    world.vote(INES, proposal, 0, at=max(world.now, proposal.voting_starts) + 2)
    assert selectors.tallies([proposal.pk])[proposal.pk].against == 2
    world.agree()
    world.rpc.call("anvil_reorg", 2, [])
    world.mirror()
    assert not Vote.objects.exists()
    world.agree()
