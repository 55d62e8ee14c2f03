"""From a folder to a painter: the proposal that a command prepares, carried on the real contracts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from safetensors.numpy import save_file

from chain import transactions
from chain.models import Transaction
from governance import registry, selectors
from governance.models import ModelStanding, ModelTier, Proposal
from governance.parameters import describe_calls, values_at
from studio import audits
from studio.models import files_digest
from studio.weights import tensor_root
from tests.governance.factories import VALUES
from tests.governance.world import INES, MIRA, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(anvil: Any, tmp_path: Path, settings: Any) -> World:
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.VAR_DIR = tmp_path / "var"
    settings.CHAIN_RPC_URL = anvil.url
    settings.CHAIN_LISTENERS = []
    settings.PRIVATE_CHAIN = True
    return World(anvil.url, tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "aurora"
    (root / "unet").mkdir(parents=True)
    save_file({"w": np.ones((4, 5), np.float16)}, root / "unet" / "model.safetensors")
    (root / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    (root / "README.md").write_text("# Aurora")
    return root


WORDS = ("--uri", "https://example.org/tree/v1/aurora", "--licence", "MIT", "--tier", "open-weights")


def prepared(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> str:
    call_command("propose_model", str(folder), *WORDS, *more)
    return capsys.readouterr().out


def carried(world: World, proposal: Proposal) -> Proposal:
    """Vote for it, and see it executed."""
    world.vote(MIRA, proposal, 1, at=proposal.voting_starts + 1)
    world.vote(INES, proposal, 1)
    queued = world.queue(proposal, at=selectors.standing(world.reread(proposal.pk), world.now).deadline + 1)
    return world.execute(proposal, at=queued.queued.eta)


def test_a_folder_is_registered_activated_and_paints(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = prepared(capsys, folder, "--paint", "--millijoules", "12500", "--proposer", MIRA)
    governor, data = re.findall(r"to +(0x\w+)\n +data +(0x\w+)", told)[-1]
    world.send_raw(MIRA, governor, data)
    [proposal] = selectors.proposals()
    assert f"/proposals/{proposal.pk}/" in told
    assert proposal.title == "Paint with aurora"
    calls = describe_calls(proposal.targets, proposal.wei, proposal.calldatas, values_at())
    short = registry.short(files_digest(folder))
    assert [call.label for call in calls] == [
        f"Register the model aurora ({short})",
        f"Let aurora ({short}) be chosen to paint",
        "Paint with",
    ]
    assert calls[2].before != calls[2].after == f"aurora ({short})"

    carried(world, proposal)
    assert values_at()["model"] == files_digest(folder)
    entry = registry.entry(files_digest(folder))
    assert entry is not None
    assert entry.status is ModelStanding.ACTIVE
    assert entry.tier is ModelTier.OPEN_WEIGHTS
    held = world.call("ModelRegistry", "modelOf", entry.id)
    assert held["status"] == ModelStanding.ACTIVE
    assert held["tensorRoot"] == entry.tensor_root == tensor_root(folder)
    assert held["cardHash"] == entry.card_hash == audits.card_hash(folder)
    assert held["auditHash"] == entry.audit_hash == audits.audit_hash(audits.audit(folder))
    assert (held["milliJoules"], held["uri"], held["licence"], held["pipelineClass"]) == (
        entry.milli_joules,
        entry.uri,
        entry.licence,
        entry.pipeline_class,
    )
    # what stood there from the start is mirrored too
    assert registry.entry(str(VALUES["model"])) is not None

    with pytest.raises(CommandError, match="active already"):
        prepared(capsys, folder, "--proposer", MIRA)
    assert "ModelRegistry.register" not in prepared(capsys, folder, "--paint", "--proposer", MIRA)


def test_the_operator_sends_it_if_it_may_propose(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    with pytest.raises(CommandError, match="may not propose it: A proposal needs 1 vote"):
        prepared(capsys, folder, "--send")
    assert not Transaction.objects.exists()
    settings.OPERATOR_ADDRESS = MIRA
    told = prepared(capsys, folder, "--send", "--title", "Another hand")
    assert "Sent in 0x" in told
    assert "/proposals/new/?model=" + files_digest(folder) in told
    transactions.settle()
    world.wait_until(world.now + 1)
    [proposal] = selectors.proposals()
    assert (proposal.proposer, proposal.title) == (MIRA, "Another hand")


def test_a_folder_that_speaks_against_itself_is_not_proposed(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pipeline.py").write_text("")
    with pytest.raises(CommandError, match=r"pipeline\.py is code"):
        prepared(capsys, folder)
    assert "Let aurora be chosen" in prepared(capsys, folder, "--despite-findings", "--proposer", MIRA)
    (folder / "README.md").unlink()
    with pytest.raises(CommandError, match="has no card"):
        prepared(capsys, folder)
