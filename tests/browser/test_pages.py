"""What visitors come for on each page: looked for by clicking, seen arriving, and read without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from chain.rpc import Rpc
from tests.running import Site

pytestmark = pytest.mark.browser

Arrive = Callable[..., Page]
PAGES = ("/", "/lineage/", "/timeline/", "/generations/6/", "/proposals/", "/members/", "/about/", "/status/")


def rpc(site: Site) -> Rpc:
    node = site.node()
    assert node
    return Rpc(node.url)


def listening(page: Page) -> None:
    """Until nothing that happens is missed."""
    page.wait_for_selector("html[data-listening]", timeout=60_000)


def mine(site: Site, page: Page, blocks: int) -> None:
    """Build blocks, and wait until the page names one as new as the last of them."""
    node = rpc(site)
    node.call("anvil_mine", hex(blocks))
    head = int(node.call("eth_blockNumber"), 16)
    place = page.locator("[data-head]")

    def newest() -> int:
        found = re.search(r"\d+", place.inner_text().replace(" ", ""))
        return int(found[0]) if found else -1

    site.until(lambda: newest() >= head, 60)


def test_a_visitor_finds_their_way_and_each_place_says_where_it_is(visitor: Arrive) -> None:
    page = visitor(viewport={"width": 360, "height": 740})
    page.goto("/")
    menu = page.get_by_role("navigation", name="Main")
    for name, heading in (
        ("Lineage", "Lineage"),
        ("Timeline", "Timeline"),
        ("Proposals", None),
        ("Members", None),
        ("About", "A picture that a crowd can steer"),
    ):
        menu.get_by_role("link", name=name).click()
        expect(menu.locator("[aria-current='page']")).to_have_text(name)
        if heading:
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name=re.compile("^Status")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Status")
    expect(page.get_by_role("heading", name="The node it asks")).to_be_visible()
    for part in ("Database", "Cache", "Cycle", "Painter", "Operator", "Disk"):
        expect(page.locator(".parts > li", has_text=part)).to_have_count(1)


def test_a_generation_is_checked_copied_and_taken_along(site: Site, visitor: Arrive) -> None:
    page = visitor(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/lineage/")
    page.locator(".lineage h2 a").last.click()
    expect(page).to_have_url(re.compile(r"/generations/1/$"))
    page.get_by_role("link", name=re.compile("Generation 2")).click()
    expect(page).to_have_url(re.compile(r"/generations/2/$"))
    page.get_by_role("button", name="Copy the hash: File").focus()
    page.keyboard.press("Enter")
    value = page.locator("#hash-file").inner_text()
    expect(page.get_by_role("button", name="Copy the hash: File")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == value
    page.locator("#check-file summary").click()
    expect(page.locator("#command-file")).to_contain_text("sha256sum --check")
    with page.expect_download() as download:
        page.get_by_role("link", name="The picture", exact=True).click()
    import hashlib

    assert "0x" + hashlib.sha256(download.value.path().read_bytes()).hexdigest() == value
    recipe = page.get_by_role("link", name="The recipe", exact=True).get_attribute("href")
    assert requests.get(site.address + str(recipe), timeout=30).json()["prompt"] == "layered mountains"
    shared = page.locator("meta[property='og:image']").get_attribute("content")
    assert requests.get(str(shared), timeout=30).headers["Content-Type"] == "image/webp"


def test_the_timeline_leads_to_what_was_decided(visitor: Arrive) -> None:
    page = visitor()
    page.goto("/timeline/")
    first = page.locator("#epoch-1")
    expect(first.locator(".moments .opened")).to_have_count(1)
    expect(first.locator(".moments .carried")).to_have_count(2)
    first.locator(".moments .carried a").first.click()
    expect(page).to_have_url(re.compile(r"/proposals/\d+/$"))
    page.go_back()
    expect(page.locator(".hung li")).to_have_count(6)


@pytest.mark.slow
def test_what_happens_arrives_without_a_reload(site: Site, visitor: Arrive) -> None:
    page = visitor()
    page.goto("/timeline/")
    listening(page)
    page.evaluate("window.stayed = true")
    mine(site, page, 3)
    site.until(lambda: len(site.lineage()) >= 7, 600)
    expect(page.locator("#timeline")).to_contain_text("generation 7", timeout=60_000)
    expect(page.locator("#epoch-1 .moments .anchored")).to_have_count(1)
    assert page.evaluate("window.stayed")


def test_a_reorganisation_is_said_and_the_page_corrected(site: Site, visitor: Arrive) -> None:
    page = visitor()
    page.goto("/about/")
    listening(page)
    page.evaluate("window.stayed = true")
    mine(site, page, 3)
    expect(page.locator(".fresh", has_text="took back")).to_have_count(0)
    rpc(site).call("anvil_reorg", 2, [])
    said = page.locator(".fresh", has_text="The chain took back")
    expect(said).to_contain_text("this page has been corrected", timeout=60_000)
    assert page.evaluate("window.stayed")
    page.goto("/status/")
    expect(page.locator("section", has_text="What the chain took back")).to_contain_text("above block")


def test_away_and_back(visitor: Arrive) -> None:
    page = visitor(refused=True)
    page.goto("/")
    listening(page)
    expect(page.locator("[data-offline]")).to_be_hidden()
    page.context.set_offline(True)
    expect(page.locator("[data-offline]")).to_be_visible(timeout=90_000)
    page.context.set_offline(False)
    expect(page.locator("[data-offline]")).to_be_hidden(timeout=90_000)


def test_every_page_can_be_read_without_javascript(visitor: Arrive) -> None:
    page = visitor(java_script_enabled=False)
    for path in PAGES:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert len(page.locator("main").inner_text()) > 80, path
        expect(page.locator("[data-copy]:visible")).to_have_count(0)
    page.goto("/")
    expect(page.locator("[data-work]")).to_be_visible()
    page.locator("[data-work]").click()
    expect(page).to_have_url(re.compile(r"/generations/\d+/$"))


def test_what_is_not_there_has_a_page_too(visitor: Arrive) -> None:
    page = visitor(refused=True)
    page.goto("/generations/4711/")
    expect(page.get_by_role("heading", level=1)).to_have_text("An empty frame")
    page.get_by_role("link", name="See what hangs now").click()
    expect(page.locator("[data-wall]")).to_be_visible()
