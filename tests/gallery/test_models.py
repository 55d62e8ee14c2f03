"""The models' pages: what the registry says, what this machine can add to it, and what it can't."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from safetensors.numpy import save_file

from gallery import dossiers, painters
from gallery.models import Generation
from governance import registry
from governance.models import ModelStanding, ModelTier
from studio import audits
from studio.models import files_digest
from studio.weights import tensor_root
from tests.governance import factories
from tests.governance.factories import VALUES, hash32

pytestmark = pytest.mark.django_db

CARD = """---
license: apache-2.0
---
# A small painter

Knows <script>alert(1)</script> and [a trap](javascript:alert(2)), [its home](https://example.org/home).

![a portrait](https://example.org/beacon.png)

| part | size |
| --- | --- |
| unet | small |
"""


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """A diffusers folder that this site paints with."""
    root = tmp_path / "small"
    (root / "unet").mkdir(parents=True)
    save_file({"w": np.ones((4, 5), np.float16)}, root / "unet" / "model.safetensors")
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (root / "model_index.json").write_text(json.dumps(index))
    (root / "README.md").write_text(CARD)
    settings.PAINTER_MODELS = [str(root)]
    settings.VAR_DIR = tmp_path / "var"
    return root


def register(folder: Path, **changes: Any) -> str:
    """Put a folder into the registry as it is; returns its id."""
    report = audits.audit(folder)
    entry = {
        "tensor_root": tensor_root(folder),
        "card_hash": audits.card_hash(folder),
        "audit_hash": audits.audit_hash(report),
        "uri": "https://example.org/tree/v1/small",
    }
    return str(factories.model(files_digest(folder), **{**entry, **changes}).model_id)


def generation(number: int, model_id: str) -> None:
    where = factories.block(100 + number)
    hashes = ("parent", "seed", "recipe_hash", "result_hash", "pixel_hash", "file_hash")
    Generation.objects.create(
        number=number,
        epoch_number=number,
        painter=factories.MIRA,
        founding=False,
        model_id=model_id,
        log=factories.place(where)["log"],
        **{name: hash32() for name in hashes},
    )


def text(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, address
    return unescape(re.sub(r"\s+", " ", response.content.decode()))


def test_the_list_tells_who_paints_who_may_and_who_did(client: Client) -> None:
    assert "No model is registered yet" in text(client, "/models/")
    stranger = hash32()
    factories.parameters(version=1, at=1)
    factories.model(str(VALUES["model"]), tier=ModelTier.OPEN_SOURCE)
    other = factories.model(
        uri="https://example.org/aurora", tier=ModelTier.RESTRICTED, licence="LicenseRef-own"
    )
    factories.model_status(other.model_id, ModelStanding.RETIRED, at=9)
    generation(1, stranger)
    generation(2, str(VALUES["model"]))
    generation(3, str(VALUES["model"]))
    assert [(row.name, row.painted, row.paints_now, row.standing.label) for row in painters.models()] == [
        ("genesis", 2, True, "Active"),
        ("aurora", 0, False, "Retired"),
        (registry.short(stranger), 1, False, "Not registered"),
    ]
    page = text(client, "/models/")
    assert "painted 2 generations" in page
    assert "Restricted weights" in page
    assert "LicenseRef-own" in page


def test_a_models_page_promises_what_its_tier_does_and_not_more(client: Client, folder: Path) -> None:
    model_id = register(folder, tier=ModelTier.OPEN_WEIGHTS, licence="MIT", milli_joules=12_500)
    factories.parameters(version=1, at=1)
    page = text(client, f"/models/{model_id}/")
    assert painters.PROMISES[ModelTier.OPEN_WEIGHTS][0] in page
    assert painters.PROMISES[ModelTier.OPEN_WEIGHTS][1] in page
    assert 'href="https://spdx.org/licenses/MIT.html"' in page
    assert 'href="https://example.org/tree/v1/small"' in page
    assert "12.5 J for a step of a megapixel" in page
    assert "about 40 J a generation" in page  # 12 steps of 0.262 megapixels
    assert f"/proposals/new/?model={model_id}" in page
    assert "Made active: it may be chosen" in page


def test_a_card_is_shown_safely_and_only_if_it_is_the_registered_one(client: Client, folder: Path) -> None:
    model_id = register(folder)
    raw = client.get(f"/models/{model_id}/").content.decode()
    card = raw[raw.index('class="card-text"') :].split("</section>")[0]
    assert "<h3>A small painter</h3>" in card
    assert "&lt;script&gt;alert(1)" in card
    assert "<script" not in card
    assert 'href="javascript' not in card
    assert '<a href="https://example.org/home" rel="nofollow noopener ugc">' in card
    assert "<img" not in card
    assert "[picture: a portrait]" in card
    assert "<td>small</td>" in card
    assert "license:" not in card

    (folder / "README.md").write_text(CARD + "\nAnd one more word.\n")
    page = text(client, f"/models/{model_id}/")
    assert "no card with the registered hash" in page
    assert "one more word" not in page


def test_an_audit_is_shown_only_if_it_is_the_registered_one(client: Client, folder: Path) -> None:
    model_id = register(folder)
    page = text(client, f"/models/{model_id}/")
    assert "No code from elsewhere" in page
    assert ">20</td>" in page  # parameters
    # kept under its hash, so that the weights need not be read for every page
    shutil.rmtree(folder)
    assert "No code from elsewhere" in text(client, f"/models/{model_id}/")
    [kept] = (Path(dossiers.settings.VAR_DIR) / "audits").iterdir()
    kept.write_text("{}")
    assert "not the report that was registered" in text(client, f"/models/{model_id}/")


def test_another_audit_than_the_registered_one_is_not_shown(client: Client, folder: Path) -> None:
    model_id = register(folder, audit_hash=hash32())
    assert "not the report that was registered" in text(client, f"/models/{model_id}/")
    other = factories.model(audit_hash=registry.ZERO32)
    assert "No audit was registered" in text(client, f"/models/{other.model_id}/")


def test_the_commands_on_the_page_give_the_digests_that_it_shows(client: Client, folder: Path) -> None:
    (folder / "LICENSE").write_text("words")
    (folder / ".hidden").write_text("x")
    (folder / "Zebra.json").write_text("{}")
    model_id = register(folder)
    page = painters.model_page(model_id)
    assert page is not None
    for digest in page.digests:
        if digest.key in ("files", "card"):
            ran = subprocess.run(
                ["bash", "-c", digest.command], cwd=folder, capture_output=True, text=True, check=True
            )
            assert "0x" + ran.stdout.split()[0] == digest.value, digest.key
            assert digest.command in text(client, f"/models/{model_id}/")


def test_retired_unregistered_and_unknown_models_say_so(client: Client, folder: Path) -> None:
    model_id = register(folder)
    factories.model_status(model_id, ModelStanding.RETIRED, at=20)
    page = text(client, f"/models/{model_id}/")
    assert "It can’t be chosen any more" in page
    assert "Propose to paint with it" not in page

    stranger = hash32()
    assert "Nothing is known of this model" in text(client, f"/models/{stranger}/", status=404)
    generation(1, stranger)
    page = text(client, f"/models/{stranger}/")
    assert "It painted here without being registered" in page
    assert "Its card" not in page


def test_what_is_not_final_is_marked(client: Client, folder: Path) -> None:
    from chain.models import Cursor

    model_id = register(folder)
    row = registry.entry(model_id)
    assert row is not None
    Cursor.objects.update_or_create(
        pk=1,
        defaults={
            "chain_id": 31337,
            "number": row.block_number,
            "hash": hash32(),
            "head_number": row.block_number,
            "finalized_number": row.block_number - 2,
        },
    )
    assert "not final yet: 2 blocks to go" in text(client, f"/models/{model_id}/")


def test_the_front_page_tells_what_the_recipe_to_come_takes_of_its_budget(client: Client) -> None:
    factories.parameters(version=1, at=1)
    factories.model(str(VALUES["model"]), milli_joules=10_000)
    assert "an epoch may use" not in text(client, "/")
    factories.parameters(version=2, at=2, energy_budget=40)
    assert "About 32 J a generation, as declared for its painter; an epoch may use 40 J." in text(client, "/")
    factories.parameters(version=3, at=3, energy_budget=20)
    assert "Workers decline the recipe: This would take about 32 J" in text(client, "/")


# --- The commands


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("model_digest", *arguments)
    return capsys.readouterr().out


def test_digest_tells_everything_of_an_entry(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, str(folder), "--json"))
    assert found["id"] == files_digest(folder)
    assert found["tensorRoot"] == tensor_root(folder)
    assert found["cardHash"] == "0x" + hashlib.sha256((folder / "README.md").read_bytes()).hexdigest()
    assert found["auditHash"] == audits.audit_hash(found["audit"])
    assert (found["pipelineClass"], found["licence"]) == ("StableDiffusionPipeline", "apache-2.0")
    words = told(capsys, str(folder))
    assert found["tensorRoot"] in words
    assert "20 in 1 tensors (20 F16)" in words
    assert "nothing that speaks against it" in words


def test_digest_says_what_speaks_against_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "run.py").write_text("")
    assert "run.py is code." in told(capsys, str(folder))
    (folder / "unet" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(CommandError, match="no model that could be registered"):
        told(capsys, str(folder))
