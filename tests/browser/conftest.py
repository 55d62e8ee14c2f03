"""A real Chromium, and the whole artwork running in one process for it to visit."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.running import Site

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


expect.set_options(timeout=30_000)  # milliseconds; other programs may keep the machine busy


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`make run`'s process on a data folder of its own, seeded as on a first start."""
    site = Site(tmp_path_factory.mktemp("artwork") / "var")
    try:
        yield site.until_ready()
    finally:
        site.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The Chromium that `make test` found."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser, site: Site, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Make visitors: each a page of its own session. What its console calls an error fails the test.

    `refused=True` is for stories about refusals: an answer of 4xx or none at all is then no error.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def hear(message: ConsoleMessage, refused: bool) -> None:
        expected = message.text.startswith(("Failed to load resource", "WebSocket connection to"))
        if message.type == "error" and not (refused and expected):
            faults.append(f"{message.text} ({message.location.get('url')})")

    def arrive(refused: bool = False, **options: object) -> Page:
        context = chromium.new_context(base_url=site.address, **options)  # type: ignore[arg-type]
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: hear(message, refused))
        page.on("pageerror", lambda error: faults.append(str(error)))
        return page

    yield arrive
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)
