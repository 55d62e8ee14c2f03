"""The people: who holds what, votes with how much, and what they did with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.template import Context, Template
from django.urls import reverse

from governance import members, models
from governance.models import Support
from tests.governance import factories
from tests.governance.factories import INES, MIRA, TOMAS, TREASURY, YUKI, ZERO

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
STRANGER = "0x" + "ab" * 20
AUCTION = "0x" + "ac" * 20


@pytest.fixture(autouse=True)
def _world(chain_time: Any) -> None:
    factories.electorate(at=1)
    factories.parameters(version=1, at=1)
    chain_time(1010)


def delegate(who: str, previous: str, current: str, at: int, **changed: tuple[int, int]) -> None:
    """`who` names `current`; the votes that change with it are given as name=(before, after)."""
    where = factories.block(at)
    models.Delegation.objects.create(
        **factories.place(where), delegator=who, previous=previous, current=current
    )
    people = {"mira": MIRA, "ines": INES, "tomas": TOMAS, "yuki": YUKI}
    for name, (before, after) in changed.items():
        models.VotesChanged.objects.create(
            **factories.place(where), delegate=people[name], previous=before, current=after
        )


def exclude(account: str, at: int = 1) -> None:
    models.Exclusion.objects.create(**factories.place(factories.block(at)), account=account, excluded=True)


# --- Addresses


def test_an_address_has_one_page_in_lower_case(client):
    assert reverse("governance:member", args=[STRANGER.upper().replace("X", "x")]) == f"/members/{STRANGER}/"
    answer = client.get(f"/members/0x{'aB' * 20}/?votes=2")
    assert (answer.status_code, answer["Location"]) == (301, f"/members/{STRANGER}/?votes=2")
    assert client.get(f"/members/{STRANGER}/").status_code == 200


@pytest.mark.parametrize(
    "wrong", ["0x", "mira.eth", "0x" + "g" * 40, "0x" + "a" * 39, "0x" + "a" * 41, "a" * 40]
)
def test_what_is_no_address_has_no_page(client, wrong):
    assert client.get(f"/members/{wrong}/").status_code == 404


def test_a_person_is_named_and_linked():
    template = Template("{% load governance %}{{ a|member_link }}")
    mira = f'<a class="person" href="/members/{MIRA}/"><bdi>Mira</bdi></a>'
    assert template.render(Context({"a": MIRA})) == mira
    assert template.render(Context({"a": ZERO})) == "<span>nobody</span>"


# --- Everyone


def test_before_the_first_token_there_is_nobody(client):
    models.TokenTransfer.objects.all().delete()
    models.VotesChanged.objects.all().delete()
    assert "Nobody holds a generation yet" in client.get("/members/").content.decode()


def test_everyone_is_listed_with_what_they_hold_and_may_say(client):
    delegate(TOMAS, TOMAS, MIRA, at=500, tomas=(1, 0), mira=(2, 3))
    page = client.get("/members/").content.decode()
    names = re.findall(r'<h3><a class="person"[^>]*><bdi>([^<]*)', page)
    assert names == ["Mira", "Ines", "Yuki", "Tomas"]  # by votes
    assert "4 with tokens or votes, 6 votes in all" in page
    assert re.search(r"<b>3 votes</b> <span class=\"quiet\">50 %", page)
    assert re.search(r"Gave the vote to <a[^>]*><bdi>Mira", page)
    assert re.search(r"Votes for <a[^>]*><bdi>Tomas</bdi></a> too", page)
    for token in range(1, 7):
        assert f'src="/generations/{token}/thumbnail/"' in page


def test_what_is_nobodys_yet_has_no_vote_and_the_page_says_why(client):
    exclude(TREASURY)
    exclude(AUCTION)
    for number in range(7, 20):
        factories.token(number, TREASURY, at=2)
    page = client.get("/members/").content.decode()
    silent = page[page.index("Held without a vote") :]
    assert "carries no vote" in silent
    assert "the treasury" in silent
    assert AUCTION in silent
    assert "+7" in silent  # six pictures of thirteen, and the rest as a number
    assert TREASURY not in page[: page.index("Held without a vote")]


def test_the_list_costs_the_same_few_queries_however_long(client, django_assert_max_num_queries):
    for number in range(100, 160):
        owner = f"0x{number:040x}"
        factories.token(number, owner, at=3)
        factories.votes(owner, 0, 1, at=3)
    for path in ("/members/", "/members/?page=2", "/members/?page=nonsense"):
        with django_assert_max_num_queries(11):
            assert client.get(path).status_code == 200
    assert 'rel="next"' in client.get("/members/").content.decode()


# --- One member


def test_an_address_that_never_did_anything_has_a_page_that_says_so(client):
    page = client.get(f"/members/{STRANGER}/").content.decode()
    assert "Never held or voted" in page


def test_power_now_is_told_with_where_it_comes_from(client):
    delegate(TOMAS, TOMAS, MIRA, at=500, tomas=(1, 0), mira=(2, 3))
    mira = client.get(f"/members/{MIRA}/").content.decode()
    assert "3 votes" in mira
    assert "0x70997970C51812dc3A010C7d01b50e0d17dc79C8" in mira  # as wallets spell it
    assert re.search(r"50 % of all: 2 of their own, 1 of <a[^>]*><bdi>Tomas", mira)
    tomas = client.get(f"/members/{TOMAS}/").content.decode()
    assert re.search(r"The votes of the tokens held here are with <a[^>]*><bdi>Mira", tomas)


def test_the_checkpoints_say_what_moved_the_votes(client):
    delegate(TOMAS, TOMAS, MIRA, at=500, tomas=(1, 0), mira=(2, 3))
    where = factories.block(600)
    models.TokenTransfer.objects.create(**factories.place(where), sender=INES, recipient=TOMAS, token_id=3)
    for who, before, after in ((INES, 2, 1), (MIRA, 3, 4)):
        models.VotesChanged.objects.create(
            **factories.place(where), delegate=who, previous=before, current=after
        )
    delegate(TOMAS, MIRA, ZERO, at=700, mira=(4, 2), tomas=(0, 2))

    def told(address: str) -> list[tuple[int, int, list[str]]]:
        rows = list(members.checkpoints(address))
        marks = members.history(address, rows, None)
        return [(mark.before, mark.votes, [cause.words for cause in mark.causes]) for mark in marks]

    assert told(MIRA) == [
        (4, 2, ["Lost the votes of"]),
        (3, 4, ["Tokens of those who gave their votes moved"]),
        (2, 3, ["Was given the votes of"]),
        (0, 2, ["Received generation 1, newly made", "Received generation 2, newly made"]),
    ]
    assert told(INES)[0] == (2, 1, ["Passed generation 3 on to"])
    assert [words for *_, words in told(TOMAS)] == [
        ["Took their own votes back from"],
        ["Gave their own votes to"],
        ["Received generation 5, newly made"],
    ]
    page = client.get(f"/members/{MIRA}/").content.decode()
    assert re.search(r"Lost the votes of <a[^>]*><bdi>Tomas", page)
    assert '<svg class="curve"' in page


def test_of_several_changes_in_one_second_the_last_one_is_the_checkpoint():
    for before, after in ((2, 1), (1, 0), (0, 5)):
        models.VotesChanged.objects.create(
            **factories.place(factories.block(800)),
            delegate=MIRA,
            previous=before,
            current=after,
        )
    newest = members.checkpoints(MIRA).first()
    assert newest is not None
    assert newest.current == 5
    mark = members.history(MIRA, [newest], members.checkpoints(MIRA)[1])[0]
    assert (mark.before, mark.votes) == (2, 5)


def test_telling_a_new_account_to_vote_for_itself_is_no_delegation():
    models.Delegation.objects.create(
        **factories.place(factories.block(5)), delegator=MIRA, previous=ZERO, current=MIRA
    )
    assert not members.delegations(MIRA).exists()


def test_votes_proposals_and_tokens_are_on_the_members_page(client):
    proposal = factories.proposal(1000, description="# More gold", proposer=INES)
    factories.vote(proposal, MIRA, Support.AGAINST, 2, 1005, reason="Gold is cold.")
    mira = client.get(f"/members/{MIRA}/").content.decode()
    for words in ("More gold", "Gold is cold.", "Against", "2 votes", 'href="/generations/2/"', "Proposal 1"):
        assert words in mira
    assert "Has not proposed anything" in mira
    ines = client.get(f"/members/{INES}/").content.decode()
    assert "More gold" in ines
    assert "Has not voted" in ines


def test_long_lists_are_turned_by_plain_links_each_on_its_own(client):
    for number in range(12):
        proposal = factories.proposal(200 + number, proposer=YUKI, description=f"# Wish {number}")
        factories.vote(proposal, MIRA, Support.FOR, 2, 300 + number)
    page = client.get(f"/members/{MIRA}/?tokens=1").content.decode()
    assert "?tokens=1&amp;votes=2#votes" in page
    older = client.get(f"/members/{MIRA}/?votes=2").content.decode()
    assert "Wish 0" in older
    assert "Wish 11" not in older
    yuki = client.get(f"/members/{YUKI}/").content.decode()
    assert f'/proposals/?by={YUKI}">All <span class="num">12' in yuki


def test_one_page_costs_the_same_few_queries_however_much_happened(client, django_assert_max_num_queries):
    for number in range(30):
        proposal = factories.proposal(200 + number, proposer=MIRA)
        factories.vote(proposal, MIRA, Support.FOR, 2, 300 + number, reason="Yes.")
        delegate(YUKI, YUKI, MIRA, at=400 + 2 * number, yuki=(1, 0), mira=(2, 3))
        delegate(YUKI, MIRA, ZERO, at=401 + 2 * number, yuki=(0, 1), mira=(3, 2))
    with django_assert_max_num_queries(40):
        assert client.get(f"/members/{MIRA}/").status_code == 200


def test_the_treasurys_page_says_that_it_has_no_vote(client):
    exclude(TREASURY)
    factories.token(7, TREASURY, at=2)
    page = client.get(f"/members/{TREASURY}/").content.decode()
    assert "No vote" in page
    assert "a contract of the artwork" in page
    assert "Give your votes to" not in page
