"""A whole site with a small artwork, whose contracts are there before it starts; driven from outside."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import requests
from PIL import Image

from chain import abi
from chain.private import PrivateChain
from chain.signers import WORKER_ACCOUNTS
from studio.models import files_digest
from studio.picture import canonical_png, file_hash, pixel_hash, read
from studio.recipe import Recipe
from studio.remote import RemotePainter
from tests.running import ROOT, Site

EPOCH_S, VOTING_S = 15, 12
GENESIS = ROOT / "models" / "genesis"
FOR = 1


def plant(folder: Path, **changes: Any) -> None:
    """Make a data folder as a stopped site leaves it: a chain with one founding generation, epoch 1 open.

    `changes` are of the deployment profile, or first values of parameters.
    """
    from compute.roster import THIS_MACHINE
    from config.deploy import DeploySettings, deploy, read_founding
    from config.deploy_workers import register

    folder.mkdir(parents=True)
    chain = PrivateChain(folder / "chain")
    chain.start()
    try:
        operator, collector = chain.accounts()[:2]
        founding = read_founding(ROOT / "gallery" / "founding" / "founding.json", [collector] * 9, EPOCH_S)[
            :1
        ]
        values: dict[str, Any] = {
            "model": files_digest(GENESIS),
            "prompt": "misty ridges",
            "negative_prompt": "",
            "family": "",
            "palette": "dusk",
            "mood": "calm",
            "guidance": 4000,
            "steps": 24,
            "strength": 900,
            "width": 128,
            "height": 128,
            "epoch_length": EPOCH_S,
        }
        values |= {key: changes.pop(key) for key in list(changes) if key in values}
        timing = {"voting_period": VOTING_S, "timelock_delay": 2, "accepted_class": THIS_MACHINE, **changes}
        profile = DeploySettings.profile(
            "demo", operator=operator, parameters=values, founding=founding, **timing
        )
        made = deploy(chain.rpc, operator, profile, file=folder / "deployment.json")
        for worker in chain.accounts()[WORKER_ACCOUNTS]:
            register(chain.rpc, worker, made.address_of("WorkerSet"), THIS_MACHINE)
        chain.save()
    finally:
        chain.stop()


class Small:
    """One such site, started, killed and started again on a copy of a planted folder."""

    def __init__(self, planted: Path, folder: Path) -> None:
        shutil.copytree(planted, folder)
        self.folder = folder
        self.site: Site | None = None
        self.password = ""
        self.over = threading.Event()
        # Somebody is always looking, or the artwork would rest.
        threading.Thread(target=self._look, daemon=True).start()

    def start(self) -> Site:
        """Start the process and wait until it serves."""
        self.site = None
        site = Site(self.folder)
        try:
            site.until_ready()
        except BaseException:
            site.end()
            raise
        self.password = self.password or site.password
        self.site = site
        return site

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        assert self.site
        return self.site.rows(query, *values)

    def until(self, true: Callable[[], object], patience_s: float = 120) -> None:
        """Wait for a condition, looking often."""
        assert self.site
        deadline = time.monotonic() + patience_s
        while not true():
            assert self.site.process.poll() is None, self.site.story()
            assert time.monotonic() < deadline, self.site.story()
            time.sleep(0.01)

    def kill(self, chain_too: bool) -> None:
        """`kill -9`, of the chain as well if so wanted; the painter must go by itself."""
        assert self.site
        anvil, painters = self.site.chain(), self.painters()
        self.site.kill()
        if chain_too:
            anvil.kill()
        _, alive = psutil.wait_procs(painters, timeout=10)
        assert not alive, "the painter outlived the site"
        assert chain_too or anvil.is_running()

    def painters(self) -> list[psutil.Process]:
        """The painter's processes."""
        assert self.site
        return [child for child in self.site.children() if "studio.worker" in " ".join(child.cmdline())]

    def end(self) -> None:
        """Leave nothing running."""
        self.over.set()
        if self.site is not None:
            self.site.end()

    def control(self, action: str, argument: str = "") -> None:
        """Use a control of the admin's page, as a person would."""
        assert self.site
        browser = requests.Session()
        login = f"{self.site.address}/admin/login/"
        credentials = {"username": "admin", "password": self.password}
        answer = browser.post(
            login, data={**credentials, **_token(browser.get(login, timeout=30))}, timeout=30
        )
        page = f"{self.site.address}/admin/gallery/epoch/controls/"
        token = _token(browser.get(page, timeout=30))
        form = {"action": action, "argument": argument, "confirmed": "yes", **token}
        answer = browser.post(page, data=form, timeout=30)
        assert answer.status_code == 200
        assert "errornote" not in answer.text.split("Last tick")[0]

    # --- What collectors do ------------------------------------------------------------------------

    def vote_for(self, mood: str) -> int:
        """Propose a mood and vote for it; returns the vote's block."""
        chain = PrivateChain(self.folder / "chain")
        collector = chain.accounts()[1]
        contracts = self._contracts()
        call = abi.encode_call("ArtParameters", "setMood", mood)
        words = f"# {mood}\n\n#proposer={collector}"
        targets = [contracts["ArtParameters"]], [0], [call]
        receipt = self._send(chain, collector, "propose", *targets, words)
        proposal = int(receipt["logs"][0]["data"][2:66], 16)
        chain.fast_forward(2)
        receipt = self._send(chain, collector, "castVoteWithReason", proposal, FOR, "Yes.")
        return int(receipt["blockNumber"], 16)

    def saved_block(self) -> int:
        """The newest block of the chain's state on disk: what a chain that is killed comes back with."""
        state = json.loads(gzip.decompress((self.folder / "chain" / "state.json.gz").read_bytes()))
        return int(str(state["best_block_number"]), 0)

    def _send(self, chain: PrivateChain, sender: str, function: str, *arguments: Any) -> Mapping[str, Any]:
        data = abi.encode_call("ArtGovernor", function, *arguments)
        request = {"from": sender, "to": self._contracts()["ArtGovernor"], "data": data}
        sent = chain.rpc.call("eth_sendTransaction", request)
        deadline = time.monotonic() + 20
        while (receipt := chain.rpc.call("eth_getTransactionReceipt", sent)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert int(receipt["status"], 16) == 1
        return dict(receipt)

    def _contracts(self) -> dict[str, str]:
        return dict(json.loads((self.folder / "deployment.json").read_text())["contracts"])

    # --- What must hold ----------------------------------------------------------------------------

    def check(self, painter: RemotePainter) -> None:
        """The lineage is whole, is the chain's, and each picture is what its recipe gives undisturbed."""
        assert self.site
        rows = self.rows(
            "SELECT g.number, g.epoch_number, g.recipe_hash, g.result_hash, g.parent, g.file_hash,"
            " g.pixel_hash, r.recipe, r.state FROM gallery_generation g"
            " JOIN gallery_rendering r ON r.recipe_hash = g.recipe_hash ORDER BY g.number"
        )
        generations = len(self.rows("SELECT 1 FROM gallery_generation"))
        assert [row[0] for row in rows] == list(range(1, generations + 1))
        epochs = [row[1] for row in rows[1:]]
        assert len(set(epochs)) == len(epochs), "one generation an epoch"
        head = "0x" + "00" * 32
        for number, _epoch, recipe_hash, result_hash, parent, *_rest in rows:
            said = self.site.ask("LivingArtwork", "generationOf", number)
            assert (said["recipeHash"], said["resultHash"]) == (recipe_hash, result_hash)
            assert parent == said["parentHead"] == head
            head = said["head"]
        for *_facts, file, pixels, recipe, state in rows[1:]:
            assert state == "painted"
            painted = self._undisturbed(painter, Recipe.from_json(recipe))
            assert file_hash(canonical_png(painted)) == file
            assert pixel_hash(painted) == pixels
            assert pixel_hash(self._kept(file)) == pixels

    def _undisturbed(self, painter: RemotePainter, recipe: Recipe) -> Any:
        parent = Image.fromarray(self._kept(recipe.parent_file)) if recipe.parent_file else None
        return painter.paint(recipe, parent, GENESIS, threads=2).pixels

    def _kept(self, file: str) -> Any:
        digits = file.removeprefix("0x")
        return read((self.folder / "media" / "pictures" / digits[:2] / f"{digits}.png").read_bytes())

    def _look(self) -> None:
        while not self.over.wait(2):
            site = self.site
            if site is None or site.process.poll() is not None:
                continue
            try:
                site.get("/")
            except requests.RequestException:
                continue  # it is being killed just now


def _token(answer: requests.Response) -> dict[str, str]:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
    assert found, answer.text[:500]
    return {"csrfmiddlewaretoken": found[1]}
