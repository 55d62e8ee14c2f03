"""Voting and connecting with a wallet of one's own: what goes wrong, where the person is looking."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.wallets import KEYS, STRANGER, Chain, Refuses, Wallet
from tests.running import Site

pytestmark = pytest.mark.browser
Arrive = Callable[..., Page]
REASON = "It has been cold for long enough."
KEPT = re.compile("nothing you typed is lost")
_sessions: dict[tuple[str, str, str], Any] = {}


@pytest.fixture(scope="module")
def chain(site: Site) -> Chain:
    chain = Chain(site)
    chain.voting_lasts(3600)
    return chain


@pytest.fixture(scope="module")
def open_proposal(chain: Chain) -> str:
    """A proposal that everybody may vote on for an hour, by Mira."""
    return chain.propose(Wallet(chain.site, KEYS["Mira"]).address, "Let it be wild")


def connect(page: Page, wallet: Wallet) -> None:
    page.goto("/signin/")
    page.get_by_role("button", name=wallet.title, exact=True).click()
    expect(page.locator("header [data-wallet]")).to_have_attribute("data-wallet", wallet.address)


def arrive(visitor: Arrive, wallet: Wallet, path: str) -> Page:
    """Somebody with this wallet, connected, at a page. Sessions are used again: signing in is limited."""
    known = (wallet.site.address, wallet.address, wallet.title)
    page = visitor(refused=True, storage_state=_sessions.get(known))
    wallet.into(page.context)
    page.goto(path)
    if page.locator("header [data-wallet]").get_attribute("data-wallet") != wallet.address:
        connect(page, wallet)
        _sessions[known] = page.context.storage_state()
        page.goto(path)
    return page


def vote(page: Page, choice: str = "For") -> None:
    page.locator("[data-state=active]").wait_for()
    page.get_by_label("A reason, if you like").fill(REASON)
    page.locator("#vote").get_by_role("button", name=choice, exact=True).click()


def fault(page: Page) -> Locator:
    return page.locator("#vote [data-fault='']")


def kept(page: Page) -> None:
    """What was typed is still there, even after a reload."""
    expect(page.get_by_label("A reason, if you like")).to_have_value(REASON)
    page.reload()
    expect(page.get_by_label("A reason, if you like")).to_have_value(REASON)


def test_somebody_votes_with_a_wallet_of_their_own(site: Site, chain: Chain, visitor: Arrive) -> None:
    tomas = Wallet(site, KEYS["Tomas"])
    page = arrive(visitor, tomas, chain.propose(tomas.address, "By my own hand"))
    vote(page)
    expect(page.locator("#standing")).to_contain_text("You voted for with 1 vote")
    expect(page.locator("main")).to_contain_text(REASON)
    assert len(tomas.sent) == 1
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.includes('murmuration'))") == []


def test_who_declines_is_told_that_nothing_is_lost(site: Site, open_proposal: str, visitor: Arrive) -> None:
    ines = Wallet(site, KEYS["Ines"])
    page = arrive(visitor, ines, open_proposal)
    ines.refuses["eth_sendTransaction"] = Refuses(4001, "User rejected the request.")
    vote(page)
    expect(fault(page)).to_have_text(
        "You declined in your wallet. Nothing was sent, and nothing you typed is lost."
    )
    kept(page)


def test_a_wallet_on_another_network_learns_ours_and_votes(site: Site, chain: Chain, visitor: Arrive) -> None:
    yuki = Wallet(site, KEYS["Yuki"], chain=1)
    page = arrive(visitor, yuki, chain.propose(yuki.address, "From another network"))
    vote(page)
    expect(fault(page)).to_contain_text("Your wallet does not know this network yet: Murmuration’s private")
    expect(page.get_by_label("A reason, if you like")).to_have_value(REASON)
    fault(page).get_by_role("button", name="Add it to the wallet").click()
    expect(page.locator("#standing")).to_contain_text("You voted for")
    assert yuki.chain == 31337


def test_a_stranger_learns_why_they_have_no_vote(site: Site, open_proposal: str, visitor: Arrive) -> None:
    page = arrive(visitor, Wallet(site, STRANGER), open_proposal)
    expect(page.locator("#standing")).to_contain_text(
        "you hold none of the artwork’s tokens, and each of them"
    )
    expect(page.locator("#vote")).to_be_hidden()
    expect(page.get_by_role("link", name="Who votes for whom")).to_be_visible()


# --- The network


@pytest.mark.slow
def test_who_declines_to_switch_can_change_their_mind(site: Site, chain: Chain, visitor: Arrive) -> None:
    mira = Wallet(site, KEYS["Mira"], chain=10)
    mira.known.add(31337)
    page = arrive(visitor, mira, chain.propose(mira.address, "A change of mind"))
    mira.refuses["wallet_switchEthereumChain"] = Refuses(4001)
    vote(page)
    expect(fault(page)).to_contain_text("Your wallet is on chain 10, and this artwork lives on")
    expect(fault(page)).to_contain_text(KEPT)
    mira.refuses.clear()
    fault(page).get_by_role("button", name="Switch the network").click()
    expect(page.locator("#standing")).to_contain_text("You voted for")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "refusal", "words"),
    [
        ("wallet_switchEthereumChain", Refuses(4200), "cannot change networks by itself"),
        ("wallet_switchEthereumChain", Refuses(-32002), "asking you something already"),
        ("eth_chainId", Refuses(4900), "not connected to any network"),
        ("eth_chainId", Refuses(4901), "not connected to this network"),
        ("eth_sendTransaction", Refuses(4100), "does not let this page use the account"),
        ("eth_sendTransaction", Refuses(-32002), "asking you something already"),
        ("eth_sendTransaction", Refuses(-32005), "Too many requests"),
        (
            "eth_sendTransaction",
            Refuses(-32603, "Internal error", {"originalError": {"code": 4001, "message": "denied"}}),
            "You declined in your wallet",
        ),
        ("eth_sendTransaction", Refuses(-32000, "replacement transaction underpriced"), "fee is too low"),
        ("eth_sendTransaction", Refuses(-32000, "something of its own"), "something of its own"),
    ],
)
def test_each_answer_of_a_wallet_has_its_words(
    site: Site, open_proposal: str, visitor: Arrive, method: str, refusal: Refuses, words: str
) -> None:
    ines = Wallet(site, KEYS["Ines"], chain=1 if method == "wallet_switchEthereumChain" else 31337)
    page = arrive(visitor, ines, open_proposal)
    ines.refuses[method] = refusal
    vote(page)
    expect(fault(page)).to_contain_text(words)
    kept(page)


# --- The account


@pytest.mark.slow
def test_a_locked_wallet_is_asked_to_open(site: Site, chain: Chain, visitor: Arrive) -> None:
    ines = Wallet(site, KEYS["Ines"])
    page = arrive(visitor, ines, chain.propose(ines.address, "Behind a lock"))
    ines.locked = True
    ines.refuses["eth_requestAccounts"] = Refuses(-32002)
    vote(page)
    expect(fault(page)).to_contain_text("asking you something already")
    ines.refuses.clear()
    vote(page)
    expect(page.locator("#standing")).to_contain_text("You voted for")


@pytest.mark.slow
def test_another_account_in_the_wallet_is_said_at_once_and_again_when_voting(
    site: Site, open_proposal: str, visitor: Arrive
) -> None:
    ines = Wallet(site, KEYS["Ines"])
    page = arrive(visitor, ines, open_proposal)
    other = Wallet(site, STRANGER).address
    ines.shown = [other]
    ines.emit(page, "accountsChanged", ines.shown)
    notice = page.locator("#wallet-account")
    expect(notice).to_contain_text(
        f"Your wallet shows the account {other[:6]}…{other[-4:]}, but you are connected"
    )
    vote(page)
    expect(fault(page)).to_contain_text("Choose that account in your wallet, or connect again")
    expect(fault(page).get_by_role("link", name="Connect again")).to_have_attribute(
        "href", re.compile("^/signin/\\?next=%2Fproposals%2F")
    )
    ines.shown = [ines.address]
    ines.emit(page, "accountsChanged", ines.shown)
    expect(notice).to_have_count(0)
    kept(page)


@pytest.mark.slow
def test_a_wallet_that_changes_networks_or_loses_them_is_said(
    site: Site, open_proposal: str, visitor: Arrive
) -> None:
    ines = Wallet(site, KEYS["Ines"])
    page = arrive(visitor, ines, open_proposal)
    ines.emit(page, "chainChanged", "0x1")
    expect(page.locator("#wallet-network")).to_contain_text("on another network now (chain 1)")
    ines.emit(page, "chainChanged", "0x7a69")
    expect(page.locator("#wallet-network")).to_have_count(0)
    ines.emit(page, "disconnect", {"code": 4900})
    expect(page.locator("#wallet-network")).to_contain_text("lost its connection")


@pytest.mark.slow
def test_a_wallet_that_is_gone_is_missed(site: Site, open_proposal: str, visitor: Arrive) -> None:
    ines = Wallet(site, KEYS["Ines"])
    first = arrive(visitor, ines, open_proposal)
    state = first.context.storage_state()
    page = visitor(refused=True, storage_state=state)  # the same session in a browser without the extension
    page.goto(open_proposal)
    vote(page)
    expect(fault(page)).to_contain_text("The wallet you connected with is not in this browser any more")
    kept(page)


@pytest.mark.slow
def test_several_wallets_with_the_account_are_told_apart_by_the_person(
    site: Site, chain: Chain, visitor: Arrive
) -> None:
    yuki = Wallet(site, KEYS["Yuki"], title="Fox")
    page = visitor(refused=True)
    yuki.into(page.context)
    owl, hare = (Wallet(site, KEYS["Yuki"], title=title).into(page.context) for title in ("Owl", "Hare"))
    connect(page, yuki)
    page.goto(chain.propose(yuki.address, "Two wallets"))
    page.evaluate("localStorage.setItem('murmuration.wallet', 'org.example.gone')")
    vote(page)
    dialog = page.get_by_role("dialog", name="Which wallet shall sign?")
    dialog.get_by_role("button", name="None of them").click()
    expect(fault(page)).to_contain_text("You chose no wallet")
    vote(page)
    dialog.get_by_role("button", name="Hare").click()
    expect(page.locator("#standing")).to_contain_text("You voted for")
    assert (len(hare.sent), len(owl.sent), len(yuki.sent)) == (1, 0, 0)


# --- The votes


@pytest.mark.slow
def test_tokens_that_came_late_and_votes_that_are_elsewhere_are_explained(
    site: Site, chain: Chain, visitor: Arrive
) -> None:
    stranger = Wallet(site, "0x" + "cd" * 32)
    tomas = Wallet(site, KEYS["Tomas"])
    ines = Wallet(site, KEYS["Ines"])
    proposal = chain.propose(ines.address, "Who counts")
    page = arrive(visitor, stranger, proposal)
    page.locator("[data-state=active]").wait_for()
    token = next(n for n in range(1, 7) if site.ask("ArtToken", "ownerOf", n) == tomas.address)
    chain.send(tomas.address, "ArtToken", "transferFrom", tomas.address, stranger.address, token)
    page.reload()
    expect(page.locator("#standing")).to_contain_text("Your tokens came after voting opened: they count from")
    expect(page.locator("#vote")).to_be_hidden()
    chain.give(stranger.address)
    chain.rpc.call("anvil_impersonateAccount", stranger.address)
    chain.send(stranger.address, "ArtToken", "delegate", ines.address)
    page.goto(chain.propose(ines.address, "Who counts now"))
    expect(page.locator("#standing")).to_contain_text("Your 1 vote was with Ines when voting opened")
    chain.send(stranger.address, "ArtToken", "transferFrom", stranger.address, tomas.address, token)
    chain.rpc.call("anvil_stopImpersonatingAccount", stranger.address)


@pytest.mark.slow
def test_a_second_vote_from_an_old_page_is_refused_in_words(
    site: Site, chain: Chain, visitor: Arrive
) -> None:
    mira = Wallet(site, KEYS["Mira"])
    path = chain.propose(mira.address, "Only once")
    page = arrive(visitor, mira, path)
    page.locator("[data-state=active]").wait_for()
    page.route("**/standing/", lambda route: route.abort())  # this page hears of nothing any more
    page.get_by_label("A reason, if you like").fill(REASON)
    chain.send(mira.address, "ArtGovernor", "castVote", int(path.split("/")[2]), 1)
    page.locator("#vote").get_by_role("button", name="Against").click()
    expect(fault(page)).to_contain_text("You have already voted on this proposal")


@pytest.mark.slow
def test_a_proposal_that_closed_says_so(site: Site, chain: Chain, visitor: Arrive) -> None:
    ines = Wallet(site, KEYS["Ines"])
    chain.voting_lasts(25)
    try:
        path = chain.propose(ines.address, "Too late for words")
    finally:
        chain.voting_lasts(3600)
    page = arrive(visitor, ines, path)
    page.locator("[data-state=active]").wait_for()
    page.route("**/standing/", lambda route: route.abort())  # this page hears of nothing any more
    site.until(lambda: site.ask("ArtGovernor", "state", int(path.split("/")[2])) == 3, 90)
    page.get_by_label("A reason, if you like").fill(REASON)
    page.locator("#vote").get_by_role("button", name="For", exact=True).click()
    expect(fault(page)).to_contain_text("Voting has closed")
    kept_words = page.evaluate("Object.values(sessionStorage).join()")
    assert REASON in kept_words
