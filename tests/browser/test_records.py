"""The record as people read it: strangers' words in every place, and a proposal that the chain takes back."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from chain import abi
from chain.rpc import Rpc
from governance.people import DEMO_COLLECTORS
from tests.running import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MIRA, INES, *_ = DEMO_COLLECTORS
EVIL = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
SMALL, LARGE = {"width": 360, "height": 740}, {"width": 1440, "height": 900}


def contract(site: Site, name: str) -> str:
    """The address of one of the artwork's contracts."""
    return str(json.loads((site.folder / "deployment.json").read_text())["contracts"][name])


def send(site: Site, sender: str, name: str, function: str, *arguments: Any) -> dict[str, Any]:
    """Send a transaction from one of the node's own accounts; returns its receipt."""
    node = site.node()
    assert node, site.story()
    rpc = Rpc(node.url)
    request = {
        "from": sender,
        "to": contract(site, name),
        "data": abi.encode_call(name, function, *arguments),
    }
    tx = rpc.call("eth_sendTransaction", request | {"gas": hex(5_000_000)})
    site.until(lambda: rpc.call("eth_getTransactionReceipt", tx), 60)
    receipt: dict[str, Any] = rpc.call("eth_getTransactionReceipt", tx)
    assert receipt["status"] == "0x1"
    return receipt


def propose(site: Site, description: str, prompt: str) -> tuple[int, int]:
    """Propose a prompt as Ines; returns the proposal's id and its block, once the site knows it."""
    call = abi.encode_call("ArtParameters", "setPrompt", prompt)
    arguments = [contract(site, "ArtParameters")], [0], [call], description
    receipt = send(site, INES, "ArtGovernor", "propose", *arguments)
    proposal = int(receipt["logs"][0]["data"][2:66], 16)
    site.until(lambda: site.get(f"/proposals/{proposal}/") == 200, 60)
    return proposal, int(receipt["blockNumber"], 16)


def overflow(page: Page) -> int:
    """Pixels by which a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_strangers_words_stay_words_and_stay_inside_the_page(
    site: Site, visitor: Callable[..., Page]
) -> None:
    title = "W" * 120 + EVIL
    body = f"\u202e{'x' * 900}\n\n{EVIL}"
    proposal, _ = propose(site, f"# {title}\n\n{body}", prompt="p" * 200)
    page = visitor(viewport=LARGE)
    page.goto(f"/proposals/{proposal}/")
    page.locator("[data-state=active]").wait_for()
    send(site, MIRA, "ArtGovernor", "castVoteWithReason", proposal, 0, "\u202e" + "y" * 500 + EVIL)
    paths = [
        f"/proposals/{proposal}/",
        "/proposals/",
        f"/proposals/?by={INES}",
        "/members/",
        f"/members/{MIRA}/",
        f"/members/{INES}/",
        f"/generations/of/{proposal}/",
    ]
    for size in (SMALL, LARGE):
        page = visitor(viewport=size)
        page.goto(paths[0])
        expect(page.locator(".votes")).to_contain_text("yyyy")
        page.locator("#calls summary").click()
        for path in paths:
            if path != paths[0]:
                page.goto(path)
            assert overflow(page) <= 0, (path, size)
            assert page.title().endswith("Murmuration")
            assert page.locator("main script, main img[onerror]").count() == 0


def test_a_proposal_that_is_taken_back_says_so_and_keeps_what_was_typed(
    site: Site, visitor: Callable[..., Page]
) -> None:
    proposal, block = propose(site, "# Soon gone\n\nTake it back.", prompt="a road not taken")
    page = visitor(refused=True)
    page.goto("/signin/")
    page.get_by_role("button", name="Mira").click()
    expect(page.locator("[data-wallet]")).to_have_text(re.compile("Mira"))
    page.goto(f"/proposals/{proposal}/")
    page.wait_for_function("document.documentElement.dataset.listening")
    page.get_by_label("A reason, if you like").fill("I would have liked it.")
    node = site.node()
    assert node
    rpc = Rpc(node.url)
    depth = int(rpc.call("eth_blockNumber"), 16) - block + 1
    rpc.call("anvil_reorg", depth, [])
    standing = page.locator("#standing")
    expect(standing).to_contain_text("The chain took this proposal back", timeout=60_000)
    expect(page.get_by_label("A reason, if you like")).to_have_value("I would have liked it.")
    expect(page.locator("#vote").get_by_role("button", name="For")).to_be_disabled()
    expect(page.locator("main")).to_contain_text("Its votes went with it")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This proposal is not on the chain")
