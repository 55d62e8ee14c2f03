"""The operator's desk in a real browser: a picture is withheld and shown again before a visitor's eyes, a
generation is painted once more, and no page of the admin meets the content policy.
"""

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.running import Site

pytestmark = pytest.mark.browser

PASSWORD = "Weathered-Oak-41"
REASON = "A court in Lisbon asked us to"
PATIENCE = 120_000  # milliseconds, on a machine that other programs keep busy


def sign_in(page: Page, name: str, password: str) -> None:
    page.goto("/admin/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="The desk")).to_be_visible()


def make(owner: Page, name: str, role: str) -> None:
    """An owner makes a person and gives a role."""
    owner.goto("/admin/auth/user/add/")
    owner.get_by_label("Username").fill(name)
    owner.locator("#id_password1").fill(PASSWORD)
    owner.locator("#id_password2").fill(PASSWORD)
    owner.get_by_label("Staff status").check()
    owner.locator("#id_groups").select_option(label=role)
    owner.get_by_role("button", name="Save", exact=True).click()
    expect(owner.locator(".messagelist")).to_contain_text(name)


@pytest.fixture(scope="module")
def people(site: Site, chromium) -> list[str]:
    context = chromium.new_context(base_url=site.address)
    context.set_default_timeout(PATIENCE)
    owner = context.new_page()
    sign_in(owner, "admin", site.password)
    for role in ("viewer", "operator"):
        make(owner, f"the-{role}", role)
    context.close()
    return ["the-viewer", "the-operator"]


def patient(page: Page) -> Page:
    page.set_default_timeout(PATIENCE)
    return page


@pytest.fixture(autouse=True, scope="module")
def _patience() -> None:
    expect.set_options(timeout=60_000)


@pytest.mark.slow
def test_an_operator_withholds_the_picture_and_shows_it_again(
    site: Site, visitor: Callable[..., Page], people: list[str]
) -> None:
    watcher, operator = patient(visitor()), patient(visitor())
    watcher.goto("/generations/3/")
    source = watcher.locator(".wall .picture").get_attribute("src") or ""
    watcher.goto("/lineage/")
    expect(watcher.locator(f"img[src*='{source.split('/')[2]}']")).to_have_count(1)

    sign_in(operator, "the-operator", PASSWORD)
    operator.goto("/admin/gallery/generation/3/change/")
    operator.get_by_role("link", name="Withhold the picture").click()
    operator.get_by_role("button", name="See what it hides").click()
    expect(operator.locator(".errorlist")).to_contain_text("required")  # without a reason it goes no further
    operator.get_by_label("Reason").fill(REASON)
    operator.get_by_role("button", name="See what it hides").click()
    expect(operator.get_by_role("link", name="Generation 3")).to_be_visible()
    assert requests.get(site.address + source, timeout=30).status_code == 200  # it was only looked at
    operator.get_by_role("button", name="Yes: withhold it").click()
    expect(operator.locator(".messagelist")).to_contain_text("withheld")

    answer = requests.get(site.address + source, timeout=30)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (451, "no-store")
    watcher.reload()
    expect(watcher.locator(f"img[src*='{source.split('/')[2]}']")).to_have_count(0)
    expect(watcher.locator("main")).to_contain_text(REASON)
    watcher.goto("/generations/3/")
    expect(watcher.locator(".wall")).to_contain_text("Withheld on this site")

    operator.get_by_role("link", name="lift it").click()
    operator.get_by_role("button", name="Yes: show it again").click()
    expect(operator.locator(".messagelist")).to_contain_text("shown again")
    watcher.reload()
    expect(watcher.locator(".wall .picture")).to_be_visible()
    assert requests.get(site.address + source, timeout=30).status_code == 200


def test_the_front_page_takes_the_work_down_while_it_is_looked_at(
    site: Site, visitor: Callable[..., Page], people: list[str]
) -> None:
    watcher, operator = patient(visitor()), patient(visitor())
    sign_in(operator, "the-operator", PASSWORD)
    watcher.goto("/")
    watcher.evaluate("window.stillTheSamePage = true")
    number = watcher.locator("[data-wall]").get_attribute("data-generation")
    operator.goto(f"/admin/gallery/generation/{number}/change/")
    operator.get_by_role("link", name="Withhold the picture").click()
    operator.get_by_label("Reason").fill(REASON)
    operator.get_by_role("button", name="See what it hides").click()
    operator.get_by_role("button", name="Yes: withhold it").click()
    expect(watcher.locator("[data-wall]")).to_contain_text(REASON)
    expect(watcher.locator("[data-work]")).to_have_count(0)
    operator.get_by_role("link", name="lift it").click()
    operator.get_by_role("button", name="Yes: show it again").click()
    expect(watcher.locator("[data-wall] [data-work]")).to_be_visible()
    assert watcher.evaluate("window.stillTheSamePage")


@pytest.mark.slow
def test_a_generation_is_painted_again_and_the_result_arrives(
    visitor: Callable[..., Page], people: list[str]
) -> None:
    operator = patient(visitor())
    sign_in(operator, "the-operator", PASSWORD)
    operator.goto("/admin/gallery/generation/2/repaints/")
    operator.get_by_role("button", name="Paint it again").click()
    operator.get_by_role("button", name=re.compile("^Yes")).click()
    result = operator.get_by_role("heading", name=re.compile("^(Same pixels|Different)"))
    expect(result).to_be_visible(timeout=420_000)  # without a reload


def test_a_viewer_reads_and_is_offered_nothing_to_use(
    visitor: Callable[..., Page], people: list[str]
) -> None:
    viewer = patient(visitor())
    sign_in(viewer, "the-viewer", PASSWORD)
    for path in ("gallery/epoch/controls/", "gallery/generation/2/repaints/", "gallery/rebuild/status/"):
        viewer.goto(f"/admin/{path}")
        expect(viewer.locator("#content h1")).to_be_visible()
        assert viewer.locator("form.control").count() == 0
    viewer.goto("/admin/gallery/generation/2/change/")
    expect(viewer.get_by_role("link", name="Withhold the picture")).to_have_count(0)
    viewer.goto("/admin/governance/withholding/")
    expect(viewer.get_by_role("link", name="Withhold", exact=True)).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_obeys_the_content_policy_and_fits_a_telephone(
    site: Site, visitor: Callable[..., Page], people: list[str], theme: str
) -> None:
    """Every list, the first row of each, and our own pages; what the console calls an error fails."""
    page = patient(visitor(viewport={"width": 360, "height": 740}, color_scheme=theme))
    sign_in(page, "admin", site.password)
    links = page.locator("#content-main .app-list a, #content-main .module th a")
    lists = sorted({href for href in links.evaluate_all("all => all.map((one) => one.pathname)") if href})
    lists = [href for href in lists if href.count("/") == 4]
    assert len(lists) >= 30
    ours = (
        *("gallery/epoch/controls/", "gallery/rebuild/status/", "gallery/generation/2/repaints/"),
        *("governance/withholding/withhold/?kind=words", "password_change/", "auth/user/add/"),
    )
    visited = 0
    for path in [*lists, *(f"/admin/{one}" for one in ours)]:
        page.goto(path)
        overflow(page)
        visited += 1
        first = page.locator("#result_list tbody tr:first-child a[href*='/change/']").first
        if first.count():
            page.goto(first.get_attribute("href") or "")
            expect(page.locator("#content h1")).to_be_visible()
            overflow(page)
            visited += 1
    assert visited >= 50


def overflow(page: Page) -> None:
    """The page is no wider than the screen; tables scroll within themselves."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"
