"""Every page of the site under axe-core, light and dark, wide and at 360 px, by keyboard and at rest.

axe is run by `page.evaluate`, in contexts that set the content policy aside for it alone: the stories of the
other modules run under the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.running import Site

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js").read_text()
RUN = """async () => {
  const rules = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
  const { violations } = await axe.run(document, { ...rules, resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}"""
FOCUSABLE = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']",
)].filter((element) => element.tabIndex >= 0 && !element.disabled && element.checkVisibility()
    && !element.closest("[inert]") && !element.matches("input[type=radio]:not(:checked)")).length"""
MAIN = ("/", "/lineage/", "/timeline/", "/generations/6/", "/proposals/", "/about/", "/workers/", "/models/")
OTHERS = (
    *("/generations/1/", "/generations/7/", "/members/", "/delegate/", "/status/", "/signin/"),
    *("/proposals/new/", "/nowhere/", "/admin/login/"),
)
UNKNOWN = (f"/models/0x{'ab' * 32}/", f"/workers/0x{'ab' * 20}/")
"""Of which nothing is known here: such pages say so, with status 404."""
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def opened(chromium: Browser, site: Site) -> Iterator[Open]:
    """Open a page for axe, in a context of its own size and scheme; these are kept for the module."""
    contexts: dict[tuple[int, str], BrowserContext] = {}

    def open_page(path: str, size: dict[str, int] = WIDE, scheme: str = "light") -> Page:
        key = (size["width"], scheme)
        if key not in contexts:
            contexts[key] = chromium.new_context(
                base_url=site.address,
                viewport=size,  # type: ignore[arg-type]
                color_scheme=scheme,  # type: ignore[arg-type]
                reduced_motion="reduce",
                bypass_csp=True,
            )
            contexts[key].set_default_timeout(60_000)
        page = contexts[key].new_page()
        page.goto(path)
        page.evaluate("document.fonts.ready")
        return page

    yield open_page
    for context in contexts.values():
        context.close()


def inspect(page: Page, width: int) -> list[str]:
    """What is wrong with a page, in words."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN)
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        found.append(f"it is {wide} px wide")
    moving = page.evaluate(
        "document.getAnimations().filter(({ playState }) => playState === 'running').length"
    )
    if moving:
        found.append(f"{moving} animations run under reduced motion")
    if page.locator("main").count() != 1 and "/admin/" not in page.url:
        found.append("it has no main landmark")
    return [f"{page.url} at {width} px: {fault}" for fault in found]


def all_pages(page: Page) -> list[str]:
    """Every public address, with proposals and a member as this site has them."""
    page.goto("/proposals/")
    links = page.locator("main h2 a[href^='/proposals/'], main h3 a[href^='/proposals/']").evaluate_all(
        "all => all.map((one) => one.getAttribute('href'))"
    )
    page.goto("/members/")
    members = page.locator("main a[href^='/members/0x']").evaluate_all(
        "all => all.map((one) => one.getAttribute('href'))"
    )
    page.goto("/models/")
    models = page.locator("main h2 a[href^='/models/0x']").evaluate_all(
        "all => all.map((one) => one.getAttribute('href'))"
    )
    assert links
    assert members
    assert models
    return [*MAIN, *OTHERS, links[0], links[-1], members[0], models[0], *UNKNOWN]


@pytest.mark.parametrize("path", MAIN)
def test_the_main_pages_hinder_nobody(opened: Open, path: str) -> None:
    faults = []
    for size, scheme in ((WIDE, "light"), (NARROW, "dark")):
        page = opened(path, size, scheme)
        faults += inspect(page, size["width"])
        page.close()
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "360"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_hinders_anybody(opened: Open, site: Site, size: dict[str, int], scheme: str) -> None:
    site.until(lambda: len(site.lineage()) >= 7, 600)  # so that there is one that voters decided
    page = opened("/", size, scheme)
    faults = []
    for path in all_pages(page):
        page.goto(path)
        page.evaluate("document.fonts.ready")
        faults += inspect(page, size["width"])
    page.close()
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_the_admin_hinders_nobody(opened: Open, site: Site) -> None:
    faults = []
    for size, scheme in ((WIDE, "light"), (WIDE, "dark")):
        page = opened("/admin/login/?next=/admin/", size, scheme)
        if page.locator("#id_username").count():
            page.fill("#id_username", "admin")
            page.fill("#id_password", site.password)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url("**/admin/")
        links = page.locator("a[href*='controls']").evaluate_all("all => all.map((one) => one.href)")
        assert links
        for path in ("/admin/", links[0]):
            page.goto(path)
            faults += inspect(page, size["width"])
        page.close()
    assert not faults, "\n".join(faults)


def test_the_keyboard_reaches_everything_in_order(opened: Open) -> None:
    page = opened("/generations/6/")
    expected = page.evaluate(FOCUSABLE)
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    assert first == "Skip to the content"
    reached: list[str] = []
    for _ in range(expected + 5):
        reached.append(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none", reached[-1]
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
    assert len(reached) == expected, (expected, reached)
    page.close()


def test_the_skip_link_leads_past_the_navigation(opened: Open) -> None:
    page = opened("/about/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.close()
