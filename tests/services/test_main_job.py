"""The main job in production: many processes, one artwork."""

import contextlib
import json
import threading

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.services.fleet import Fleet
from tests.services.visitor import Visitor

pytestmark = pytest.mark.services


class Listener(threading.Thread):
    """A page on one web process: what its websocket hears."""

    def __init__(self, address: str, *topics: str) -> None:
        super().__init__(daemon=True)
        url = address.replace("http", "ws") + f"/live/?topics={','.join(topics)}"
        self.stack = contextlib.ExitStack()
        self.socket = self.stack.enter_context(connect(url, origin=address, open_timeout=60))
        self.heard: list[dict[str, object]] = []
        self.start()

    def run(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in self.socket:
                self.heard.append(json.loads(text))

    def kinds(self) -> list[tuple[object, object]]:
        return [(message["kind"], message.get("state")) for message in self.heard]


def test_fromAWalletToThePicture_acrossProcesses(fleet: Fleet):
    page = Listener(fleet.web[1].address, "artwork", "governance", "chain")
    version = fleet.version()

    mira = Visitor(fleet, 1, web=0).sign_in()
    proposal = mira.propose("Let it stir", palette="dusk", mood="restless")
    mira.vote(proposal, reason="It slept long enough.")
    Visitor(fleet, 2, web=1).sign_in().vote(proposal)
    generation = fleet.until(lambda: fleet.painted_with(version + 1), "the picture that was decided")

    assert fleet.lineage() == fleet.chain_lineage()[: len(fleet.lineage())]
    changed = fleet.rows("SELECT key FROM governance_parameterchange WHERE version::numeric > %s", version)
    assert sorted(changed) == [("mood",), ("palette",)]
    states = {state for kind, state in page.kinds() if kind == "epoch"}
    assert {"sealed", "seeded", "painted"} <= states, page.kinds()
    fleet.until(lambda: ("generation", None) in page.kinds(), "web 2's page to hear of the picture")
    for web in (0, 1):
        assert fleet.get(f"/generations/{generation}/", web) == 200
        assert fleet.get(f"/proposals/{proposal}/", web) == 200
    page.stack.close()


def test_onlyThePainterHasPyTorch(fleet: Fleet):
    """Neither a web process nor a pool's parent nor its child: a fork of a process with PyTorch is a trap."""
    fleet.until(lambda: with_torch(fleet), "the painter to have loaded its model")
    assert all("studio.worker" in " ".join(process.cmdline()) for process in with_torch(fleet))


def with_torch(fleet: Fleet) -> list[psutil.Process]:
    found = []
    for process in fleet.processes:
        for one in process.tree():
            if any("libtorch" in mapped.path for mapped in one.memory_maps()):
                found.append(one)
    return found
