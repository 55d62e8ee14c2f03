"""Connecting, proposing and delegating with wallets of one's own, and what goes wrong there."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_wallets import Arrive, arrive, chain
from tests.browser.wallets import KEYS, STRANGER, Chain, Refuses, Wallet
from tests.running import Site

__all__ = ["chain"]  # a fixture of all three modules
pytestmark = [pytest.mark.browser, pytest.mark.slow]
PROMPT = "a river of glass under a winter moon"


def fault(page: Page) -> Locator:
    return page.locator("main [data-fault='']")


def fox(page: Page) -> None:
    page.get_by_role("button", name="Fox", exact=True).click()


# --- Connecting


def test_without_a_wallet_the_page_says_what_to_do(visitor: Arrive) -> None:
    page = visitor()
    page.goto("/signin/")
    expect(page.locator("[data-no-wallet]")).to_contain_text("No wallet was found in this browser")


def test_who_declines_to_connect_or_to_sign_stays_a_visitor(site: Site, visitor: Arrive) -> None:
    wallet = Wallet(site, STRANGER)
    page = visitor(refused=True)
    wallet.into(page.context)
    page.goto("/signin/?next=/proposals/")
    for method, refusal, words in (
        ("eth_requestAccounts", Refuses(4001), "You declined to connect Fox"),
        ("eth_requestAccounts", Refuses(-32002), "asking you something already"),
        ("personal_sign", Refuses(4001), "You declined to sign. Nothing was signed"),
        ("personal_sign", Refuses(4200), "cannot do this"),
        ("personal_sign", Refuses(-32603, "device not found"), "Fox says: device not found"),
    ):
        wallet.refuses = {method: refusal}
        fox(page)
        expect(fault(page)).to_contain_text(words)
        expect(page.locator("header [data-wallet]")).to_have_attribute("data-wallet", "")
    wallet.refuses = {}
    wallet.shown = []
    fox(page)
    expect(fault(page)).to_contain_text("shows this page no account")
    wallet.shown = [wallet.address]
    fox(page)
    page.wait_for_url("**/proposals/")
    expect(page.locator("header [data-wallet]")).to_have_attribute("data-wallet", wallet.address)
    page.goto("/signin/")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator("header [data-wallet]")).to_have_text("Connect")


def test_a_message_that_was_signed_elsewhere_or_altered_is_refused(site: Site, visitor: Arrive) -> None:
    wallet = Wallet(site, "0x" + "ef" * 32)
    page = visitor(refused=True)
    wallet.into(page.context)
    page.goto("/signin/")
    page.route("**/signin/verify/", lambda route: (page.context.clear_cookies(), route.continue_()))
    fox(page)
    expect(fault(page)).to_contain_text("too old to be trusted")
    page.unroute("**/signin/verify/")
    page.reload()
    wallet.account = Wallet(site, STRANGER).account  # signs with another key than it shows
    fox(page)
    expect(fault(page)).to_contain_text("Another account signed this message")
    wallet.account = Wallet(site, "0x" + "ef" * 32).account
    fox(page)
    expect(page.locator("header [data-wallet]")).to_have_attribute("data-wallet", wallet.address)


# --- Proposing


def test_a_draft_outlives_refusals_a_reload_and_connecting(site: Site, chain: Chain, visitor: Arrive) -> None:
    mira = Wallet(site, KEYS["Mira"])
    page = visitor(refused=True)
    mira.into(page.context)
    page.goto("/proposals/new/")
    page.get_by_label("Title").fill("A river of glass")
    page.get_by_label("Prompt", exact=True).fill(PROMPT + "\u202e")
    send = page.get_by_role("button", name="Send it to the vote")
    send.click()
    expect(fault(page)).to_contain_text("Connect a wallet first: what you typed is kept")
    fault(page).get_by_role("link", name="Connect a wallet").click()
    fox(page)
    page.wait_for_url("**/proposals/new/")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT + "\u202e")
    send.click()
    expect(page.locator("[data-fault=prompt]")).to_contain_text("take them out")
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    mira.refuses["eth_sendTransaction"] = Refuses(4001)
    send.click()
    expect(fault(page)).to_contain_text("You declined in your wallet")
    page.reload()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.locator("[data-summary]")).to_contain_text(PROMPT)
    mira.refuses.clear()
    send.click()
    page.wait_for_url(re.compile(r"/proposals/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("A river of glass")
    page.goto("/proposals/new/")
    expect(page.get_by_label("Title")).to_have_value("")


def test_a_proposal_on_its_way_survives_a_reload(site: Site, chain: Chain, visitor: Arrive) -> None:
    ines = Wallet(site, KEYS["Ines"])
    page = arrive(visitor, ines, "/proposals/new/")
    page.get_by_label("Title").fill("On its way")
    page.get_by_label("Mood", exact=True).fill("grainy")
    ines.holds_back = True
    page.get_by_role("button", name="Send it to the vote").click()
    expect(page.locator("main [data-progress]")).to_contain_text("Sent. Waiting for the chain")
    page.reload()
    expect(page.locator("main [data-progress]")).to_contain_text("Sent. Waiting for the chain")
    expect(page.get_by_role("button", name="Send it to the vote")).to_be_disabled()
    ines.replace()
    page.wait_for_url(re.compile(r"/proposals/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("On its way")


def test_who_has_too_few_votes_learns_what_would_help(site: Site, visitor: Arrive) -> None:
    page = arrive(visitor, Wallet(site, STRANGER), "/proposals/new/")
    expect(page.locator("main")).to_contain_text("A proposal needs 1 vote behind it; you have none.")
    page.get_by_label("Title").fill("Without a vote")
    page.get_by_label("Mood", exact=True).fill("grainy")
    page.get_by_role("button", name="Send it to the vote").click()
    expect(fault(page)).to_contain_text("Somebody who has 1 vote to spare can delegate to you")
    expect(page.get_by_label("Title")).to_have_value("Without a vote")


# --- Delegating


def test_votes_go_to_somebody_else_and_come_back(site: Site, chain: Chain, visitor: Arrive) -> None:
    yuki, mira = Wallet(site, KEYS["Yuki"]), Wallet(site, KEYS["Mira"])
    page = arrive(visitor, yuki, "/delegate/")
    expect(page.locator("#trust")).to_contain_text("You do, with your 1 vote.")
    field = page.get_by_label("Who shall vote for you")
    field.fill("mira.eth")
    send = page.get_by_role("button", name="Delegate my votes")
    send.click()
    expect(page.locator("[data-fault=to]")).to_contain_text("Names are not looked up here")
    page.get_by_role("button", name="Choose Mira").click()
    expect(field).to_have_value(mira.address)
    expect(page.locator("[data-whose]")).to_have_text("This is Mira.")
    yuki.refuses["eth_sendTransaction"] = Refuses(4001)
    send.click()
    expect(fault(page)).to_contain_text("You declined in your wallet")
    page.reload()
    expect(field).to_have_value(mira.address)
    yuki.refuses.clear()
    send.click()
    expect(page.locator("#trust")).to_contain_text("Mira does, with your 1 vote.")
    assert site.ask("ArtToken", "delegates", yuki.address) == mira.address
    page.goto(chain.propose(mira.address, "With borrowed votes"))
    expect(page.locator("#standing")).to_contain_text("with Mira when voting opened")
    page.goto("/delegate/")
    page.get_by_role("button", name="Vote for myself again").click()
    send.click()
    expect(page.locator("#trust")).to_contain_text("You do, with your 1 vote.")
    assert site.ask("ArtToken", "delegates", yuki.address) == yuki.address
