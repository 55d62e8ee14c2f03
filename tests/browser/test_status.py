"""What visitors see, without doing anything, when the chain's node falls silent and when it speaks again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import listening
from tests.running import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Arrive = Callable[..., Page]
PATIENCE_MS = 90_000  # a request to a node that hangs is given up after ten seconds, on a quick machine


def test_a_node_that_hangs_is_said_on_open_pages_and_taken_back_when_it_answers(
    site: Site, visitor: Arrive
) -> None:
    reader, watcher = visitor(), visitor()
    reader.goto("/proposals/")
    watcher.goto("/status/")
    for page in (reader, watcher):
        listening(page)
        page.evaluate("window.stayed = true")
    line = reader.locator("[data-fresh] .fresh")
    alarm = watcher.get_by_role("group", name="Why it stands still")
    expect(line).to_have_count(0)
    expect(alarm).to_have_count(0)
    expect(watcher.get_by_text("Answers; the pages are read from it.")).to_be_visible()

    node = site.chain()
    node.suspend()
    try:
        expect(line).to_contain_text("No node of the chain answers", timeout=PATIENCE_MS)
        expect(reader.locator("[data-fresh]")).to_have_role("status")
        expect(alarm).to_contain_text("it did not answer in time", timeout=PATIENCE_MS)
        expect(watcher.get_by_text("Does not answer.")).to_be_visible(timeout=PATIENCE_MS)
        expect(
            reader.get_by_role("heading", level=1)
        ).to_be_visible()  # the page itself is served all the same
    finally:
        node.resume()

    expect(line).to_have_count(0, timeout=PATIENCE_MS)
    expect(reader.locator("[data-announce]")).to_have_text("This page is up to date again.")
    expect(alarm).to_have_count(0, timeout=PATIENCE_MS)
    expect(watcher.get_by_text("Answers; the pages are read from it.")).to_be_visible(timeout=PATIENCE_MS)
    for page in (reader, watcher):
        assert page.evaluate("window.stayed")
