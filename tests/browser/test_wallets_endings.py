"""What becomes of a transaction after the wallet has sent it: every end of it is told apart."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_wallets import REASON, arrive, chain, fault, kept, vote
from tests.browser.wallets import KEYS, STRANGER, Chain, Wallet
from tests.running import Site

__all__ = ["chain"]  # a fixture of both modules
pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAITING = re.compile("Sent. Waiting for the chain")
PATIENT = 90_000  # milliseconds: a node must have forgotten a transaction for half a minute


def progress(page: Page):
    return page.locator("#vote [data-progress]")


def voter(site: Site, chain: Chain, visitor, name: str, title: str) -> tuple[Wallet, Page]:
    wallet = Wallet(site, KEYS[name])
    return wallet, arrive(visitor, wallet, chain.propose(wallet.address, title))


def test_too_little_ether_is_said_with_the_amounts(site: Site, chain: Chain, visitor) -> None:
    ines, page = voter(site, chain, visitor, "Ines", "An empty purse")
    chain.give(ines.address, 0.0000001)
    vote(page)
    expect(fault(page)).to_contain_text(
        re.compile(r"too little ether .* It takes about 0\.000\d+ ETH; this account has 0\.0000001 ETH\.")
    )
    chain.give(ines.address, 1000)
    kept(page)


def test_what_the_contract_refuses_is_refused_before_it_costs_anything(
    site: Site, chain: Chain, visitor
) -> None:
    """The site's mirror is behind: it offers a vote that the contract will not take."""
    tomas, page = voter(site, chain, visitor, "Tomas", "Behind the mirror")
    page.locator("[data-state=active]").wait_for()
    number = int(page.url.split("/")[-2])
    page.route("**/standing/", lambda route: route.abort())
    request: dict[str, object] = {}

    def before(route) -> None:
        answer = route.fetch()
        request.update(answer.json())
        chain.send(tomas.address, "ArtGovernor", "castVote", number, 1)  # after the site has looked
        route.fulfill(response=answer)

    page.route("**/vote/", before)
    vote(page)
    expect(fault(page)).to_contain_text("You have already voted on this proposal. A vote can’t be changed.")
    assert request["from"] == tomas.address
    assert tomas.sent == []


def test_a_vote_that_reverts_after_all_says_why(site: Site, chain: Chain, visitor) -> None:
    yuki, page = voter(site, chain, visitor, "Yuki", "Mined and refused")
    page.locator("[data-state=active]").wait_for()
    page.route("**/standing/", lambda route: route.abort())
    number = int(page.url.split("/")[-2])
    yuki.gas = 400_000
    send = yuki._send

    def second(wanted):
        chain.send(yuki.address, "ArtGovernor", "castVote", number, 1)  # between rehearsal and signature
        return send(wanted)

    yuki._send = second  # type: ignore[method-assign]
    vote(page)
    expect(fault(page)).to_contain_text("It was mined, but the contract refused it. You have already voted")


def test_a_gas_limit_that_was_too_low_is_named(site: Site, chain: Chain, visitor) -> None:
    mira, page = voter(site, chain, visitor, "Mira", "Out of gas")
    mira.gas = 40_000
    vote(page)
    expect(fault(page)).to_contain_text("it ran out of gas: all of its 40,000 were used up")
    mira.gas = None
    fault(page).get_by_role("button", name="Send it again").click()
    expect(page.locator("#standing")).to_contain_text("You voted for")


def test_a_vote_that_was_sped_up_counts(site: Site, chain: Chain, visitor) -> None:
    ines, page = voter(site, chain, visitor, "Ines", "Faster")
    ines.holds_back = True
    vote(page)
    expect(progress(page)).to_have_text(WAITING)
    ines.replace()
    expect(page.locator("#standing")).to_contain_text("You voted for")
    expect(fault(page)).to_have_text("")


def test_a_vote_that_was_cancelled_in_the_wallet_is_not_counted(site: Site, chain: Chain, visitor) -> None:
    ines, page = voter(site, chain, visitor, "Ines", "Called off")
    ines.holds_back = True
    vote(page)
    expect(progress(page)).to_have_text(WAITING)
    ines.replace(to=ines.account.address, data="0x", gas=21_000)
    expect(fault(page)).to_contain_text("You cancelled it in your wallet. Nothing was counted")
    kept(page)
    ines.holds_back = False
    vote(page)
    expect(page.locator("#standing")).to_contain_text("You voted for")


def test_a_vote_whose_place_something_else_took_is_not_counted(site: Site, chain: Chain, visitor) -> None:
    tomas, page = voter(site, chain, visitor, "Tomas", "Out of turn")
    tomas.holds_back = True
    vote(page)
    expect(progress(page)).to_have_text(WAITING)
    tomas.replace(to=Wallet(site, STRANGER).account.address, data="0x", value=1, gas=21_000)
    expect(fault(page)).to_contain_text("Another transaction of your account took this one’s place")
    kept(page)


def test_a_vote_that_the_network_dropped_can_be_sent_again(site: Site, chain: Chain, visitor) -> None:
    yuki, page = voter(site, chain, visitor, "Yuki", "Dropped")
    yuki.holds_back = True
    vote(page)
    expect(progress(page)).to_have_text(WAITING)
    expect(fault(page)).to_contain_text(
        "does not know this transaction any more: it was dropped", timeout=PATIENT
    )
    yuki.holds_back = False
    fault(page).get_by_role("button", name="Send it again").click()
    expect(page.locator("#standing")).to_contain_text("You voted for")


def test_a_reload_takes_up_what_was_sent(site: Site, chain: Chain, visitor) -> None:
    mira, page = voter(site, chain, visitor, "Mira", "A reload in between")
    mira.holds_back = True
    vote(page)
    expect(progress(page)).to_have_text(WAITING)
    page.reload()
    expect(progress(page)).to_have_text(WAITING)
    expect(page.get_by_label("A reason, if you like")).to_have_value(REASON)
    page.goto("/proposals/")
    line = page.locator(".messages .message")
    expect(line).to_contain_text("Your vote: sent. Waiting for the chain.")
    mira.replace()
    expect(line).to_contain_text("Your vote is on the chain")
    page.go_back()
    page.reload()
    expect(page.locator("#standing")).to_contain_text("You voted for")


def test_a_slow_chain_and_one_that_is_away_are_said_to_be(site: Site, chain: Chain, visitor) -> None:
    ines, page = voter(site, chain, visitor, "Ines", "Slowly")
    ines.holds_back = True
    vote(page)
    expect(progress(page)).to_have_text(WAITING)
    ines.away = True
    expect(progress(page)).to_contain_text("The network does not answer right now; still trying")
    ines.away = False
    ines.replace()
    expect(page.locator("#standing")).to_contain_text("You voted for")


def test_a_wallet_that_keeps_silent_is_looked_for(site: Site, chain: Chain, visitor) -> None:
    tomas, page = voter(site, chain, visitor, "Tomas", "Silence")
    page.evaluate(
        "(id) => { window.wallets[id].provider.request = ((ask) => (wanted) => "
        "wanted.method === 'eth_sendTransaction' ? new Promise(() => {}) : ask(wanted))"
        "(window.wallets[id].provider.request); }",
        tomas.id,
    )
    vote(page)
    expect(progress(page)).to_contain_text("If you see no window of it, open it from the browser’s toolbar")


# --- The site


def test_a_site_that_is_away_and_one_that_is_hurried_say_so(site: Site, chain: Chain, visitor) -> None:
    _, page = voter(site, chain, visitor, "Ines", "Nobody home")
    page.route("**/vote/", lambda route: route.abort())
    vote(page)
    expect(fault(page)).to_contain_text("The gallery does not answer. What you typed is still here")
    page.unroute("**/vote/")
    page.route("**/vote/", lambda route: route.fulfill(status=429, body="slow down"))
    vote(page)
    expect(fault(page)).to_contain_text("Too many requests")
    page.unroute("**/vote/")
    page.route("**/vote/", lambda route: route.fulfill(status=503, body="starting"))
    vote(page)
    expect(fault(page)).to_contain_text("The gallery could not do that (503)")
    kept(page)


def test_a_page_that_is_too_old_is_reloaded_with_what_was_typed(site: Site, chain: Chain, visitor) -> None:
    ines, page = voter(site, chain, visitor, "Ines", "An old page")
    page.evaluate("document.body.setAttribute('hx-headers', '{}')")
    page.locator("#vote input[name=csrfmiddlewaretoken]").evaluate("(field) => field.remove()")
    vote(page)
    expect(fault(page)).to_contain_text("too old to be trusted")
    fault(page).get_by_role("link", name="Reload the page").click()
    expect(page.get_by_label("A reason, if you like")).to_have_value(REASON)
    vote(page)
    expect(page.locator("#standing")).to_contain_text("You voted for")
    assert len(ines.sent) == 1


def test_a_session_that_ended_is_begun_again_and_comes_back(site: Site, chain: Chain, visitor) -> None:
    ines, page = voter(site, chain, visitor, "Ines", "A session ends")
    page.locator("[data-state=active]").wait_for()
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.context.add_cookies([cookie for cookie in cookies if cookie["name"] != "sessionid"])  # type: ignore[misc]
    vote(page)
    fault(page).get_by_role("link", name="Connect a wallet").click()
    page.get_by_role("button", name="Fox", exact=True).click()
    page.wait_for_url(re.compile(r"/proposals/\d+/$"))
    expect(page.get_by_label("A reason, if you like")).to_have_value(REASON)
    vote(page)
    expect(page.locator("#standing")).to_contain_text("You voted for")
    assert len(ines.sent) == 1


def test_another_wallet_in_another_tab_is_noticed(site: Site, chain: Chain, visitor) -> None:
    ines, page = voter(site, chain, visitor, "Ines", "Two tabs")
    page.locator("[data-state=active]").wait_for()
    other = page.context.new_page()
    other.goto("/signin/")
    other.get_by_role("button", name="Tomas").click()
    expect(other.locator("header [data-wallet]")).to_contain_text("Tomas")
    expect(page.locator("#wallet-account")).to_contain_text("another wallet in another tab")
    vote(page)
    expect(fault(page)).to_contain_text("You have connected with another wallet in another tab")
    assert ines.sent == []
    fault(page).get_by_role("link", name="Reload the page").click()
    expect(page.locator("header [data-wallet]")).to_contain_text("Tomas")
    expect(page.get_by_label("A reason, if you like")).to_have_value(REASON)
