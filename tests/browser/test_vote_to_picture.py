"""The main job, as two visitors live it: one votes, a picture comes of it, the other sees it arrive."""

import hashlib
import io
import re
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
import requests
from PIL import Image
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.running import Site

pytestmark = pytest.mark.browser

TITLE = "Let it dissolve into rose and gold"
PROMPT = "an unfolding flower dissolving into flowing silk"
PAINTED_S = 240_000  # milliseconds; a painting on a machine that other programs keep busy


def pixel_hash(png: bytes) -> str:
    """`pixelHash` as docs/painter.md defines it, written here once more on purpose."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    height, width, _ = pixels.shape
    head = b"PIXELS_V1" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return "0x" + hashlib.sha256(head + pixels.tobytes()).hexdigest()


def connect(page: Page, name: str) -> None:
    page.goto("/signin/")
    page.get_by_role("button", name=name).click()
    expect(page.locator("[data-wallet]")).to_have_text(re.compile(name))


def propose(page: Page) -> None:
    page.goto("/proposals/new/")
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.get_by_role("button", name="bloom").click()
    page.get_by_label("Steps").fill("8")
    expect(page.locator("[data-summary]")).to_contain_text("bloom")
    page.get_by_role("button", name="Send it to the vote").click()
    page.wait_for_url(re.compile(r"/proposals/\d+/$"))  # it goes there by itself once the chain has it
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)


def vote(page: Page) -> None:
    page.get_by_label("A reason, if you like").fill("It has been cold for long enough.")
    page.locator("[data-state=active]").wait_for()
    page.locator("#vote").get_by_role("button", name="For").click()
    expect(page.locator("#standing")).to_contain_text("You voted for")
    expect(page.locator("main")).to_contain_text("It has been cold for long enough.")


def newest_on_chain(site: Site) -> tuple[int, dict[str, object]]:
    """The newest generation, asked of the node itself."""
    number = site.ask("LivingArtwork", "generations")
    return number, site.ask("LivingArtwork", "generationOf", number)


def see_it_arrive(site: Site, voter: Page, watcher: Page) -> None:
    """The watcher's page, which is never reloaded, hangs the new generation; its pixels are the chain's."""
    watcher.evaluate("window.stillTheSamePage = true")
    before = int(watcher.locator("[data-wall]").get_attribute("data-generation") or 0)
    expect(watcher.locator("progress")).to_be_visible(timeout=PAINTED_S)
    arrived = watcher.locator("[data-label]", has_text="dissolving into flowing silk")
    expect(arrived).to_be_visible(timeout=PAINTED_S)
    assert watcher.evaluate("window.stillTheSamePage")
    expect(watcher.locator("[data-wall]")).not_to_have_attribute("data-generation", str(before))
    expect(watcher.locator("[data-work]")).to_have_count(1, timeout=15_000)

    number, record = newest_on_chain(site)
    shown = int(watcher.locator("[data-wall]").get_attribute("data-generation") or 0)
    assert number >= shown > before
    record = site.ask("LivingArtwork", "generationOf", shown)
    file_hash = record["result"]["fileHash"]  # type: ignore[index]
    png = requests.get(f"{site.address}/pictures/{file_hash}/original.png", timeout=30).content
    assert "0x" + hashlib.sha256(png).hexdigest() == file_hash
    assert pixel_hash(png) == record["result"]["pixelHash"]  # type: ignore[index]
    assert watcher.locator("[data-work]").get_attribute("src") == f"/pictures/{file_hash}/1024.webp"

    voter.goto(f"/generations/{shown}/")
    expect(voter.locator("main")).to_contain_text(str(record["result"]["pixelHash"]))  # type: ignore[index]
    expect(voter.locator("main")).to_contain_text(TITLE)


def fast_forward(admin: Page) -> None:
    """The admin moves the private chain's clock to the next deadline."""
    admin.reload()
    admin.get_by_role("button", name="To the next deadline").click()
    admin.get_by_role("button", name=re.compile("^Yes")).click()


def hurry_the_vote(admin: Page, voter: Page) -> None:
    """Move the clock where the proposal waits for it, and nowhere else: a page shows each state in turn."""
    deadline = time.monotonic() + 120
    while (state := voter.locator("#standing [data-state]").get_attribute("data-state")) != "executed":
        assert time.monotonic() < deadline, state
        if state in ("active", "queued"):
            fast_forward(admin)
        with suppress(PlaywrightTimeout):
            voter.wait_for_function(
                "before => document.querySelector('#standing [data-state]').dataset.state !== before",
                arg=state,
                timeout=5_000,
            )


def hurry_the_epoch(admin: Page, site: Site) -> None:
    """Move the clock to the end of the open epoch, once nothing that was sealed before is still painted."""
    ours = "SELECT 1 FROM gallery_rendering WHERE recipe LIKE '%flowing silk%'"
    unsettled = """SELECT 1 FROM gallery_sealing
        WHERE epoch_id NOT IN (SELECT epoch_number FROM gallery_generation)
        AND epoch_id NOT IN (SELECT epoch_id FROM gallery_failure)"""
    while not site.rows(ours):
        site.until(lambda: not site.rows(unsettled) or site.rows(ours), PAINTED_S / 1000)
        if not site.rows(ours):
            fast_forward(admin)
            with suppress(AssertionError):
                site.until(lambda: site.rows(unsettled), 5)


def test_a_vote_becomes_a_picture(site: Site, visitor: Callable[..., Page]) -> None:
    voter, watcher, admin = visitor(), visitor(), visitor()
    watcher.goto("/")
    expect(watcher.locator("[data-work]")).to_be_visible()

    connect(voter, "Mira")
    propose(voter)
    vote(voter)
    expect(watcher.locator("[data-ticker]")).to_contain_text("Mira")

    admin.goto("/admin/")
    admin.get_by_label("Username").fill("admin")
    admin.get_by_label("Password").fill(site.password)
    admin.get_by_role("button", name="Log in").click()
    admin.goto("/admin/gallery/epoch/controls/")
    hurry_the_vote(admin, voter)
    hurry_the_epoch(admin, site)
    see_it_arrive(site, voter, watcher)


@pytest.mark.slow
def test_a_vote_becomes_a_picture_within_five_minutes(site: Site, visitor: Callable[..., Page]) -> None:
    voter, watcher = visitor(), visitor()
    watcher.goto("/")
    connect(voter, "Ines")
    began = time.monotonic()
    propose(voter)
    vote(voter)
    see_it_arrive(site, voter, watcher)
    assert time.monotonic() - began < 300
