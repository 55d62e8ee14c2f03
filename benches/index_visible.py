"""How soon a mined vote is on another visitor's screen: a part of `make bench-index`.

The whole artwork runs as `make run` starts it. Two contexts of a browser have a proposal's page open; the
wallet that votes is in neither. A time runs from just before the transaction goes to the node, which mines it
at once, until the visitor's page holds the vote's reason (a MutationObserver in it; both clocks are this
machine's). Four collectors vote on each of six proposals, before the first painting of a start needs the
machine.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.index_live import percentile

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.running import Site

PROPOSALS = 6
OPENS_S = 4.0
PATIENCE_S = 60.0
PAUSE_S = (0.3, 0.9)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
OBSERVE = """
window.seen = {};
new MutationObserver(() => {
  for (const [, mark] of document.querySelector("main").textContent.matchAll(/benchmark (\\d+)/g))
    window.seen[mark] ??= performance.timeOrigin + performance.now();
}).observe(document.body, { childList: true, subtree: true, characterData: true });
"""


class Collectors:
    """Four wallets at the site's own node."""

    def __init__(self, site: Site) -> None:
        from chain.rpc import Rpc
        from governance.people import DEMO_COLLECTORS

        node = site.node()
        assert node
        self.rpc = Rpc(node.url)
        self.addresses = tuple(DEMO_COLLECTORS)
        self.contracts = json.loads((site.folder / "deployment.json").read_text())["contracts"]

    def send(self, who: str, function: str, *arguments: Any) -> None:
        """Call the governor, in a block of its own."""
        from chain import abi

        data = abi.encode_call("ArtGovernor", function, *arguments)
        request = {"from": who, "to": self.contracts["ArtGovernor"], "data": data, "gas": hex(2_000_000)}
        self.rpc.call("eth_sendTransaction", request)

    def propose(self, number: int) -> int:
        """Propose something; the proposal's id."""
        from chain import abi
        from governance.actions import hash_proposal
        from governance.descriptions import compose

        who = self.addresses[number % len(self.addresses)]
        calldatas = [abi.encode_call("ArtParameters", "setSteps", 8 + number)]
        targets, description = [self.contracts["ArtParameters"]], compose(f"Number {number}", "", who)
        self.send(who, "propose", targets, [0], calldatas, description)
        return hash_proposal(targets, [0], calldatas, description)


def votes(site: Site, visitor: Page, other: Page) -> list[float]:
    """Milliseconds of each vote."""
    collectors = Collectors(site)
    proposals = [collectors.propose(number) for number in range(PROPOSALS)]
    time.sleep(OPENS_S)
    waits: list[float] = []
    for proposal in proposals:
        for page in (visitor, other):
            page.goto(f"{site.address}/proposals/{proposal}/")
            page.wait_for_function("document.documentElement.dataset.listening?.includes('proposal.')")
        visitor.evaluate(OBSERVE)
        for who in collectors.addresses:
            time.sleep(random.uniform(*PAUSE_S))
            mark = str(len(waits) + 1)
            began = time.time() * 1000
            collectors.send(who, "castVoteWithReason", proposal, 1, f"benchmark {mark}")
            visitor.wait_for_function("mark => window.seen[mark]", arg=mark, timeout=PATIENCE_S * 1000)
            waits.append(visitor.evaluate("mark => window.seen[mark]", mark) - began)
    return waits


def measure(folder: Path) -> dict[str, float]:
    """Mined to visible: {p50, p95, votes} in milliseconds."""
    from playwright.sync_api import sync_playwright

    from config.testbed import chromium
    from tests.running import Site

    folder.mkdir()
    program = chromium()
    site = Site(folder / "var")
    try:
        site.until_ready()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            visitor, other = (browser.new_context().new_page() for _ in range(2))
            waits = votes(site, visitor, other)
            browser.close()
    finally:
        site.end()
    return {"p50": percentile(waits, 0.5), "p95": percentile(waits, 0.95), "votes": len(waits)}
