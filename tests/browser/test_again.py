"""A visitor presses the button and sees a generation painted again, to its verdict; also without scripts."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = 540_000
"""Milliseconds for a painting on a machine that does other things."""


def test_the_button_paints_again_and_everybody_sees_the_verdict(visitor: Callable[..., Page]):
    page, beside = visitor(), visitor(viewport={"width": 360, "height": 740}, color_scheme="dark")
    for one in (page, beside):
        one.goto("/generations/2/")
    page.get_by_role("button", name="Paint it again and compare").click()
    verdict = page.locator("#again .verdict h3")
    expect(verdict).to_have_text(re.compile("Waiting to be painted again|Painting it again"))
    assert page.url.endswith("/generations/2/")  # nothing but the part was fetched
    expect(beside.locator("#again")).to_contain_text(re.compile("paint", re.IGNORECASE))
    expect(beside.get_by_role("button", name="Paint it again and compare")).to_have_count(0, timeout=LONG)
    expect(verdict).to_have_text(re.compile("Bit-exact|Within tolerance"), timeout=LONG)
    expect(beside.locator("#again .verdict h3")).to_have_text(verdict.inner_text(), timeout=LONG)
    page.locator("#both > summary").click()
    expect(page.locator("#both")).to_contain_text("torch")
    for one in (page, beside):
        assert one.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    plain = visitor(java_script_enabled=False)
    plain.goto("/generations/3/")
    plain.get_by_role("button", name="Paint it again and compare").click()
    assert plain.url.endswith("/generations/3/again/")
    expect(plain.get_by_role("heading", name="Waiting to be painted again")).to_be_visible()
    expect(plain.get_by_role("link", name="Look again")).to_be_visible()
    plain.goto("/generations/2/generation.json")
    told = json.loads(plain.locator("body").inner_text())
    assert told["verification"]["verdict"] in ("same pixels", "within tolerance")
