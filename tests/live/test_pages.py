"""What a visitor sees while things happen: the live scripts in a real Chromium, under the site's policy."""

import base64
import io
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from live import publish
from tests.live.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REGION = '<div id="region" data-live="governance:vote chain:nothing" data-src="/part/">{}</div>'


def data_url(colour: str) -> str:
    """A 4 x 4 picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(file, "WEBP")
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for these tests alone. Playwright keeps an event loop running in this thread: other tests
    must not find it, and Django must make an exception for it here.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def site(in_memory: None) -> Iterator[Site]:
    site = Site()
    site.start()
    yield site
    site.stop()


@pytest.fixture
def faults(page: Page) -> Iterator[list[str]]:
    """What the browser complains about: broken scripts and broken policy."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console", lambda message: found.append(message.text) if "Security Policy" in message.text else None
    )
    yield found
    assert found == []


@pytest.fixture
def tell() -> Iterator[Any]:
    """Publish from another thread: Playwright keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda *names, **data: thread.submit(publish, *names, **data).result()


def open_page(page: Page, site: Site) -> None:
    """Open the page and wait until it listens to all that it wants: what is told before is not for it."""
    page.goto(site.url)
    page.wait_for_function(
        """async () => {
            const { topicsNow } = await import("/static/js/live.js");
            return document.documentElement.dataset.listening === topicsNow().join(" ");
        }"""
    )


def test_a_region_follows_what_happens(site: Site, page: Page, faults: list[str], tell: Any) -> None:
    site.page(REGION.format("3 votes"))
    site.pages["/part/"] = "3 votes"
    open_page(page, site)
    site.pages["/part/"] = "4 votes <b>now</b>"
    tell("governance", "vote", proposal="1")
    expect(page.locator("#region b")).to_have_text("now")


LINE = """<div id="fresh" role="status" data-fresh data-live="chain:reorg" data-src="/line/">{}</div>
<i data-head></i>"""
GOOD = '<span hidden data-state="good"></span>'
BEHIND = """<span hidden data-state="behind"></span><p>Catching up: <span aria-live="off">
<span data-lack>{}</span> behind<span data-left>{}</span></span>.</p>"""
STOPPED = '<span hidden data-state="stopped" data-why="{}"></span><p>{}</p>'


def test_the_line_about_the_mirror_counts_in_place_and_goes_when_it_may(
    site: Site, page: Page, faults: list[str], tell: Any
) -> None:
    site.page(LINE.format(GOOD))
    site.pages["/line/"] = BEHIND.format("900 blocks", "")
    open_page(page, site)
    tell("chain", "head", number=100, final=90, state="behind", lack="900 blocks", left="")
    line = page.locator("#fresh p")
    expect(line).to_contain_text("900 blocks behind.", timeout=15_000)
    page.evaluate("window.line = document.querySelector('#fresh p')")
    asked = site.asked.count("/line/")
    tell("chain", "head", number=600, final=90, state="behind", lack="400 blocks", left="about a minute")
    expect(line).to_contain_text("400 blocks behind, about a minute to go.")
    assert page.evaluate("window.line.isConnected")  # not put there anew, which would be read out again
    assert site.asked.count("/line/") == asked
    for why, words in (("RpcUnavailable", "No node answers"), ("WrongChain", "Another chain")):
        site.pages["/line/"] = STOPPED.format(why, words)
        tell("chain", "head", number=600, final=90, state="stopped", why=why)
        expect(line).to_have_text(words, timeout=15_000)
    expect(page.locator("[data-announce]")).to_be_empty()
    site.pages["/line/"] = GOOD
    tell("chain", "head", number=1000, final=990, state="good")
    expect(line).to_have_count(0)
    expect(page.locator("[data-announce]")).to_have_text("This page is up to date again.")


def test_a_mirror_that_stood_still_for_a_moment_is_not_spoken_of(
    site: Site, page: Page, faults: list[str], tell: Any
) -> None:
    site.page(LINE.format(GOOD))
    site.pages["/line/"] = GOOD
    open_page(page, site)
    expect(page.locator("html[data-listening]")).to_have_count(1)
    page.wait_for_timeout(500)  # what is fetched once when the line opens
    asked = site.asked.count("/line/")
    tell("chain", "head", number=100, final=90, state="stopped", why="RpcUnavailable")
    tell("chain", "head", number=101, final=90, state="good")
    expect(page.locator("[data-head]")).to_have_text("block 101, 11 not final yet")
    page.wait_for_timeout(3_000)  # longer than it would have waited
    assert site.asked.count("/line/") == asked


def test_a_region_with_a_pace_is_not_fetched_for_each_of_many_messages(
    site: Site, page: Page, faults: list[str], tell: Any
) -> None:
    site.page('<div id="region" data-live="chain" data-pace="3" data-src="/part/">0</div>')
    site.pages["/part/"] = "0"
    open_page(page, site)
    began = time.monotonic()
    for number in range(1, 21):
        site.pages["/part/"] = str(number)
        tell("chain", "head", number=number, final=0, state="good")
        time.sleep(0.1)  # spread like the commits of a mirror that catches up
    expect(page.locator("#region")).to_have_text("20", timeout=15_000)
    assert site.asked.count("/part/") <= 3 + (time.monotonic() - began) / 3


def test_a_page_that_was_cut_off_says_so_and_is_right_again_without_a_reload(
    site: Site, page: Page, faults: list[str]
) -> None:
    site.page(REGION.format("generation 11"))
    site.pages["/part/"] = "generation 11"
    open_page(page, site)
    page.evaluate("window.neverReloaded = true")
    site.stop()
    expect(page.locator("[data-offline]")).to_be_visible(timeout=15_000)
    site.pages["/part/"] = "generation 12"
    site.start()
    expect(page.locator("#region")).to_have_text("generation 12", timeout=30_000)
    expect(page.locator("[data-offline]")).to_be_hidden()
    assert page.evaluate("window.neverReloaded")


def test_one_page_too_many_is_told_why_and_does_not_insist(
    site: Site, page: Page, faults: list[str], settings: Any
) -> None:
    settings.LIVE_SOCKETS_PER_ADDRESS = 1
    site.page(REGION.format("generation 11"))
    site.pages["/part/"] = "generation 11"
    open_page(page, site)
    second = page.context.new_page()
    attempts: list[str] = []
    second.on("websocket", lambda socket: attempts.append(socket.url))
    second.goto(site.url)
    expect(second.locator("[data-offline]")).to_contain_text("Too many pages", timeout=15_000)
    second.evaluate("dispatchEvent(new Event('online'))")
    second.wait_for_timeout(3_000)
    assert len(attempts) == 1
    assert page.locator("[data-offline]").is_hidden()


def test_what_a_visitor_types_stays(site: Site, page: Page, faults: list[str], tell: Any) -> None:
    form = '<p id="tally">{}</p><textarea id="why" name="why"></textarea><button id="send">Send</button>'
    site.page(REGION.format(form.format("3 votes")))
    site.pages["/part/"] = form.format("3 votes")
    open_page(page, site)
    page.fill("#why", "It should open")
    site.pages["/part/"] = form.format("4 votes")
    tell("governance", "vote", proposal="1")
    page.wait_for_timeout(600)
    expect(page.locator("#tally")).to_have_text("3 votes")  # whoever types is not interrupted
    page.focus("#send")
    expect(page.locator("#tally")).to_have_text("4 votes")
    expect(page.locator("#why")).to_have_value("It should open")
    expect(page.locator("#send")).to_be_focused()


def test_a_burst_of_messages_is_a_few_fetches(site: Site, page: Page, faults: list[str], tell: Any) -> None:
    site.page(REGION.format("0"))
    site.pages["/part/"] = "0"
    open_page(page, site)
    page.wait_for_timeout(500)
    before = site.asked.count("/part/")
    site.pages["/part/"] = "100"
    for _ in range(100):
        tell("governance", "vote", proposal="1")
    expect(page.locator("#region")).to_have_text("100")
    assert site.asked.count("/part/") - before <= 5


def test_what_waits_for_finality_is_fetched_with_each_block(
    site: Site, page: Page, faults: list[str], tell: Any
) -> None:
    site.page(REGION.format('<i data-until-final="7">not final yet</i>'))
    site.pages["/part/"] = '<i data-until-final="7">not final yet</i>'
    open_page(page, site)
    site.pages["/part/"] = "final"
    tell("chain", "head", number=9, final=7, reorged=False)
    expect(page.locator("#region")).to_have_text("final")


def test_a_countdown_goes_by_the_chains_clock(site: Site, page: Page, faults: list[str]) -> None:
    chain_time = time.time() + 1_000_000  # the private chain was fast-forwarded
    site.page(
        f'<time id="soon" data-at="{int(chain_time) + 95}" data-prefix="in ">soon</time>'
        f'<time id="past" data-since="{int(chain_time) - 240}">then</time>',
        chain_time=chain_time,
    )
    page.goto(site.url)
    expect(page.locator("#soon")).to_contain_text("in 1 min ")
    expect(page.locator("#past")).to_have_text("4 min ago")


LABEL = """<h1>{title}</h1>
<template data-hang data-generation="{number}" data-words="Generation {number} now hangs on the wall.">
<a href="/"><img class="halo" src="{image}" alt="">
<img class="picture" data-work src="{image}" alt="{title}"></a>
</template>
<template data-strip-items><a href="/">{number}</a></template>"""
EASEL = """<div class="easel" data-easel="12"><span id="frames" data-frames hx-preserve="true"></span>
<p data-step></p><progress value="0" max="15"></progress></div>"""
DONE = """<div class="easel"><span id="frames" data-frames hx-preserve="true"></span>
<p>Generation 12 is painted</p></div>"""


def front_page(site: Site) -> str:
    label = LABEL.format(title="An unfolding flower", number=11, image=data_url("navy"))
    site.page(
        f'<figure class="wall" data-wall data-generation="11"><a href="/"><img class="picture" alt="" '
        f'src="{data_url("navy")}"></a></figure>'
        f'<div data-label data-live="artwork" data-src="/part/">{label}</div>'
        '<ul data-ticker></ul><nav data-strip><a href="/">11</a></nav>',
        scripts='<script type="module" src="/static/js/now.js"></script>',
    )
    site.pages["/part/"] = label
    return label


def test_the_picture_forms_on_the_easel_and_then_hangs_on_the_wall(
    site: Site, page: Page, faults: list[str], tell: Any
) -> None:
    label = front_page(site)
    open_page(page, site)
    site.pages["/part/"] = label + EASEL
    tell("artwork", "painting", epoch=12, step=1, steps=15, image=None)
    expect(page.locator(".easel")).to_be_visible()
    for step, colour in ((4, "red"), (9, "orange")):
        tell("artwork", "painting", epoch=12, step=step, steps=15, image=data_url(colour))
    expect(page.locator("[data-step]")).to_have_text("step 9 of 15")
    expect(page.locator("progress")).to_have_attribute("value", "9")
    expect(page.locator(f'[data-frames] img[src="{data_url("orange")}"]')).to_be_visible()
    # A vote comes in meanwhile: the label is fetched anew, the easel keeps its picture.
    site.pages["/part/"] = label + "<p id='more'>5 votes</p>" + EASEL
    tell("artwork", "epoch", epoch=12, state="painting")
    expect(page.locator("#more")).to_be_visible()
    expect(page.locator(f'[data-frames] img[src="{data_url("orange")}"]')).to_be_visible()
    # So does it while the hash is being written, until the work hangs.
    site.pages["/part/"] = label + DONE
    tell("artwork", "epoch", epoch=12, state="painted")
    expect(page.locator(".easel")).to_contain_text("Generation 12 is painted")
    expect(page.locator(f'[data-frames] img[src="{data_url("orange")}"]')).to_be_visible()
    site.pages["/part/"] = LABEL.format(title="Rose and gold", number=12, image=data_url("gold"))
    tell("artwork", "generation", generation=12)
    expect(page.locator("h1")).to_have_text("Rose and gold")
    wall = page.locator("[data-wall]")
    expect(wall).to_have_attribute("data-generation", "12")
    expect(wall.locator("img.picture")).to_have_count(1, timeout=10_000)
    expect(wall.locator("img.picture")).to_have_attribute("alt", "Rose and gold")
    expect(page.locator("[data-strip]")).to_have_text("12")
    expect(page.locator("[data-announce]")).to_have_text("Generation 12 now hangs on the wall.")
    expect(page.locator(".easel")).to_have_count(0)


def test_under_reduced_motion_the_new_work_is_simply_there(
    site: Site, page: Page, faults: list[str], tell: Any
) -> None:
    page.emulate_media(reduced_motion="reduce")
    front_page(site)
    open_page(page, site)
    site.pages["/part/"] = LABEL.format(title="Rose and gold", number=12, image=data_url("gold"))
    tell("artwork", "generation", generation=12)
    expect(page.locator("[data-wall] img.picture")).to_have_attribute("alt", "Rose and gold")
    assert page.locator("[data-wall] .arriving").count() == 0


def test_votes_pass_by_in_words_and_never_as_markup(
    site: Site, page: Page, faults: list[str], tell: Any
) -> None:
    front_page(site)
    open_page(page, site)
    tell("governance", "vote", proposal="1", voter="0x" + "ab" * 20, support=1, weight="2")
    tell("governance", "vote", proposal="1", voter_name="<b>Mira</b>", voter="", support=0, weight="1")
    expect(page.locator("[data-ticker] li").nth(1)).to_have_text("0xabab…abab votes for with 2")
    expect(page.locator("[data-ticker] li").nth(0)).to_have_text("<b>Mira</b> votes against with 1")
