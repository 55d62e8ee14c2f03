"""A proposal's record: who voted how, what the rules ask, its life, and a page for every state of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from chain import abi
from chain.models import Cursor, Log
from governance import models, outcomes, record, selectors
from governance.models import Support
from tests.governance import factories
from tests.governance.factories import INES, MIRA, TOMAS, YUKI

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _world(chain_time: Any) -> None:
    factories.electorate(at=1)
    factories.parameters(version=1, at=1)
    chain_time(1010)


def as_(address: str) -> Client:
    client = Client()
    session = client.session
    session["address"] = address
    session.save()
    return client


def cursor(number: int, finalized: int) -> None:
    Cursor.objects.update_or_create(
        id=1,
        defaults={
            "chain_id": 31337,
            "genesis_hash": factories.hash32(),
            "number": number,
            "hash": factories.hash32(),
            "head_number": number,
            "finalized_number": finalized,
        },
    )


def words(client: Client, path: str) -> str:
    """What a page says between its header and its footer, without the markup."""

    class Words(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[str] = []

        def handle_data(self, data: str) -> None:
            self.found.append(data)

    reader = Words()
    page = client.get(path).content.decode()
    reader.feed(page[page.index("<main") : page.index("</main>")])
    return " ".join(" ".join(reader.found).split())


def page_of(proposal: models.Proposal, client: Client | None = None) -> str:
    return words(client or Client(), f"/proposals/{proposal.pk}/")


def lent(by: str, to: str, at: int, *changed: tuple[str, int, int]) -> None:
    where = factories.block(at)
    models.Delegation.objects.create(**factories.place(where), delegator=by, previous=by, current=to)
    for who, before, after in changed:
        models.VotesChanged.objects.create(
            **factories.place(where), delegate=who, previous=before, current=after
        )


# --- Each state says what it is and why


def test_before_voting_opens_it_says_what_will_count(chain_time):
    proposal = factories.proposal(1000)
    chain_time(1001)
    page = page_of(proposal, as_(MIRA))
    assert "Opens soon" in page
    assert "the snapshot" in page
    assert "It takes 1 of the 6 votes there are (10 %, rounded up)." in page
    assert "You hold 2 votes now. What counts is what you hold when voting opens" in page


def test_while_voting_it_says_what_would_come_of_it():
    proposal = factories.proposal(1000)
    assert "it would not be carried: nobody has voted" in page_of(proposal)
    factories.vote(proposal, INES, Support.AGAINST, 2, 1005)
    assert "the quorum lacks 1 vote, and 2 against outweigh 0 for" in page_of(proposal)
    factories.vote(proposal, MIRA, Support.FOR, 2, 1006)
    assert "2 for and 2 against are a tie" in page_of(proposal)
    factories.vote(proposal, YUKI, Support.FOR, 1, 1007)
    page = page_of(proposal)
    assert "If voting closed now, it would be carried" in page
    assert "3 votes for or abstaining: reached." in page
    assert "3 for against 2: more for it." in page
    assert "60 %" in page


@pytest.mark.parametrize(
    ("votes", "why"),
    [
        ([], "nobody voted"),
        ([(MIRA, Support.AGAINST, 2)], "the quorum was missed by 1 vote, and 2 against outweigh 0 for"),
        ([(MIRA, Support.FOR, 2), (INES, Support.AGAINST, 2)], "2 for and 2 against are a tie"),
        ([(MIRA, Support.ABSTAIN, 2)], "nobody was for it"),
    ],
)
def test_a_defeat_says_by_how_much(chain_time, client, votes, why):
    proposal = factories.proposal(1000)
    for voter, support, weight in votes:
        factories.vote(proposal, voter, support, weight, 1005)
    chain_time(1062)
    page = page_of(proposal)
    assert f"It was not carried: {why}." in page
    assert "Voting closed: not carried" in page
    assert why in words(client, "/proposals/")


def test_the_least_number_of_votes_is_told_where_it_is_what_counts():
    factories.setting(models.GovernorSetting.Kind.MIN_VOTES, 3, at=2)
    standing = selectors.standing(factories.proposal(1000), 1010)
    assert "It takes 3 of the 6 votes" in outcomes.quorum(standing).words
    assert "3 votes is the least" in outcomes.quorum(standing).words


def test_a_late_quorum_says_that_voting_stays_open():
    proposal = factories.proposal(1000)
    models.ProposalExtended.objects.create(
        **factories.place(factories.block(1008)), proposal=proposal, voting_ends=1100
    )
    page = page_of(proposal)
    assert "later than planned: the quorum came late" in page
    assert "voting stays open for longer" in page


def carried(at: int = 1000) -> models.Proposal:
    proposal = factories.proposal(at)
    factories.vote(proposal, MIRA, Support.FOR, 2, at + 5)
    return proposal


def test_carried_queued_and_in_effect(chain_time):
    proposal = carried()
    chain_time(1062)
    assert "Carried with 2 of 2 votes. Next it waits in the timelock" in page_of(proposal)
    queued = models.ProposalQueued.objects.create(
        **factories.place(factories.block(1070)), proposal=proposal, eta=1080
    )
    Log.objects.filter(pk=queued.log_id).update(tx_from=YUKI)
    chain_time(1075)
    page = page_of(proposal)
    assert "Waiting to take effect" in page
    assert re.search(r"Queued in the timelock by\s+Yuki", page)
    assert "Timelock ends" in page
    chain_time(1080)
    assert "it can take effect" in page_of(proposal)
    models.ProposalExecuted.objects.create(**factories.place(factories.block(1090)), proposal=proposal)
    chain_time(1091)
    assert "Carried with 2 of 2 votes, and in effect." in page_of(proposal)


def test_cancelled_says_by_whom(chain_time):
    for sender, said in ((MIRA, "Its proposer took it back"), (YUKI, "It was cancelled by Yuki")):
        proposal = factories.proposal(1000)
        row = models.ProposalCanceled.objects.create(
            **factories.place(factories.block(1000)), proposal=proposal
        )
        Log.objects.filter(pk=row.log_id).update(tx_from=sender)
        page = page_of(proposal)
        assert said in page
        assert "Voting closes" not in page  # that never came


def test_executed_or_cancelled_at_the_timelock_itself_is_in_its_life(chain_time):
    done, lost, moved = carried(1000), carried(1000), carried(1000)
    for proposal in (done, lost, moved):
        models.ProposalQueued.objects.create(
            **factories.place(factories.block(1070)), proposal=proposal, eta=1080
        )
    where = factories.block(1090)
    models.OperationExecuted.objects.create(**factories.place(where), operation_id=done.operation_id, index=0)
    models.OperationCancelled.objects.create(**factories.place(where), operation_id=lost.operation_id)
    chain_time(1091)
    assert re.search(r"Executed\s.* Block \d+", page_of(done))
    assert "Cancelled in the timelock" in page_of(lost)
    factories.setting(models.GovernorSetting.Kind.TIMELOCK, 5, at=1095)
    chain_time(1096)
    assert "Left behind when the timelock was replaced" in page_of(moved)


# --- Who voted how


def test_a_vote_shows_its_weight_its_share_and_whose_votes_are_in_it():
    lent(TOMAS, MIRA, 500, (TOMAS, 1, 0), (MIRA, 2, 3))
    proposal = factories.proposal(1000)
    factories.vote(proposal, MIRA, Support.FOR, 3, 1005, reason="Yes.")
    factories.vote(proposal, YUKI, Support.AGAINST, 1, 1006)
    # What is delegated after the snapshot is in no vote here.
    lent(YUKI, MIRA, 1007, (YUKI, 1, 0), (MIRA, 3, 4))
    page = page_of(proposal)
    assert re.search(r"Mira\s+For\s+3 votes 75 % Yes\. With 2 of their own, 1 of\s+Tomas ·", page)
    assert re.search(r"Yuki\s+Against\s+1 vote 25 % [\d]", page)


def test_many_votes_are_turned_by_plain_links(django_assert_max_num_queries, client):
    proposal = factories.proposal(1000)
    path = f"/proposals/{proposal.pk}/"
    for number in range(40):
        voter = f"0x{number + 1:040x}"
        factories.votes(voter, 0, 1, at=500)
        factories.vote(proposal, voter, Support.FOR, 1, 1005, reason=f"Reason {number}.")
    with django_assert_max_num_queries(32):
        first = client.get(path).content.decode()
    assert "Reason 39." in first
    assert "Reason 9." not in first
    assert "?votes=2#who-voted" in first
    second = client.get(f"{path}?votes=2").content.decode()
    assert "Reason 9." in second
    assert f"{path}record/?votes=2" in second  # the live part stays on the page that is read


def test_who_speaks_without_a_vote_is_counted_and_not_quoted():
    proposal = factories.proposal(1000)
    for number in range(30):
        factories.vote(proposal, f"0x{number + 1:040x}", Support.FOR, 0, 1005, reason="Buy my coin.")
    page = page_of(proposal)
    assert "30 more spoke without a vote" in page
    assert "Buy my coin" not in page
    assert "Nobody has voted yet" in page


# --- The person who looks


def test_power_is_explained_by_the_snapshot():
    lent(TOMAS, MIRA, 500, (TOMAS, 1, 0), (MIRA, 2, 3))
    proposal = factories.proposal(1000)
    factories.votes(MIRA, 3, 5, at=1008)
    mine = page_of(proposal, as_(MIRA))
    assert "You held 3 votes at the snapshot of 1 Jan 00:16:41 : 2 of your own, 1 of" in mine
    assert "You have 5 votes now; what came since doesn’t count here." in mine
    assert "Your 1 vote was with Mira" in page_of(proposal, as_(TOMAS))
    factories.votes(YUKI, 1, 0, at=1009)
    assert "what left since still counts here" in page_of(proposal, as_(YUKI))


def test_who_voted_sees_it_and_who_could_have_sees_that_too(chain_time):
    proposal = factories.proposal(1000)
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005)
    assert re.search(r"You voted\s+for\s+with 2 votes", page_of(proposal, as_(MIRA)))
    chain_time(1062)
    assert "and cast none" in page_of(proposal, as_(INES))


def test_power_agrees_with_the_weight_that_counts():
    lent(TOMAS, MIRA, 500, (TOMAS, 1, 0), (MIRA, 2, 3))
    standing = selectors.standing(factories.proposal(1000), 1010)
    for address in (MIRA, INES, TOMAS, YUKI):
        mine = record.power(standing, address)
        assert mine.own + sum(mine.lent.values()) == mine.weight


# --- Finality and reorganisation


def test_what_is_not_final_says_how_long_it_takes(client):
    proposal = factories.proposal(1000)
    vote = factories.vote(proposal, MIRA, Support.FOR, 2, 1005)
    cursor(vote.block_number, vote.block_number - 2)
    page = page_of(proposal)
    assert "Not final yet: 2 blocks to go" in page
    assert f"block {vote.block_number}, not final yet: 2 blocks to go" in page
    cursor(vote.block_number + 9, vote.block_number)
    assert "not final" not in page_of(proposal).lower()
    cursor(proposal.block_number, proposal.block_number - 1)
    assert "not final yet: 1 block to go" in words(client, "/proposals/")


def test_a_proposal_that_the_chain_took_back_says_so_where_it_is_looked_at(client):
    proposal = factories.proposal(1000)
    path = f"/proposals/{proposal.pk}/"
    proposal.log.block.delete()
    for part, said in (
        ("standing", "The chain took this proposal back"),
        ("record", "Its votes went with it"),
        ("change", "It changes nothing"),
    ):
        answer = client.get(f"{path}{part}/", headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert said in answer.content.decode()
        assert "data-until-final" in answer.content.decode()  # so that a page asks again with each block
        assert client.get(f"{path}{part}/").status_code == 404
    gone = client.get(path)
    assert (gone.status_code, "not on the chain" in gone.content.decode()) == (404, True)


# --- The change


def test_the_change_is_told_in_words_and_in_bytes(client):
    call = abi.encode_call("ArtParameters", "setPalette", "gilded")
    proposal = factories.proposal(1000, calldatas=[call])
    page = client.get(f"/proposals/{proposal.pk}/").content.decode()
    assert re.search(r"<del>.*ocean.*</del>\s*<ins>.*gilded.*</ins>", page)
    details = page[page.index('<details id="calls"') : page.index("</details>")]
    assert call in details
    assert factories.PARAMETERS_AT in details
    empty = factories.proposal(1000, calldatas=[], targets=[], values=[])
    assert "It makes no call" in page_of(empty)


# --- The list


def test_the_list_can_be_narrowed_by_plain_links(client, chain_time):
    running = factories.proposal(1000, description="# Running")
    lost = factories.proposal(500, description="# Lost", proposer=INES)
    assert running.pk != lost.pk
    chain_time(1010)
    everything = client.get("/proposals/").content.decode()
    assert 'href="/proposals/?show=open"' in everything
    for query, there, missing in (
        ("show=open", "Running", "Lost"),
        ("show=decided", "Lost", "Running"),
        (f"by={INES}", "Lost", "Running"),
        (f"show=decided&by={INES}", "Lost", "Running"),
    ):
        page = words(client, f"/proposals/?{query}")
        assert there in page
        assert missing not in page
        live = client.get(f"/proposals/list/?{query}").content.decode()
        assert there in live
        assert missing not in live
    assert f"/proposals/list/?show=decided&amp;by={INES}&amp;page=1" in client.get(
        f"/proposals/?show=decided&by={INES}"
    ).content.decode().replace("%2C", ",")


def test_each_empty_list_has_its_own_words(client):
    assert "Nobody has proposed anything yet" in words(client, "/proposals/")
    assert "Nothing is open" in words(client, "/proposals/?show=open")
    assert "Nothing is decided yet" in words(client, "/proposals/?show=decided")
    assert "Yuki has proposed nothing" in words(client, f"/proposals/?by={YUKI}")


@pytest.mark.parametrize("query", ["show=everything", "by=mira", "by=0x12", f"by={EVIL}"])
def test_a_list_that_there_is_not_is_no_page(client, query):
    assert client.get(f"/proposals/?{query}").status_code == 404


def test_an_author_is_spelled_in_one_way(client):
    answer = client.get(f"/proposals/?show=open&by={MIRA.upper().replace('X', 'x')}")
    assert (answer.status_code, answer["Location"]) == (301, f"/proposals/?show=open&by={MIRA}")


def test_the_list_is_paged_and_costs_the_same_few_queries(client, django_assert_max_num_queries):
    for number in range(25):
        factories.proposal(100 + number, description=f"# Wish {number}")
    with django_assert_max_num_queries(22):
        first = client.get("/proposals/?show=decided").content.decode()
    assert "?show=decided&amp;page=2" in first
    assert "Wish 24" in first
    assert "Wish 4<" not in first
    assert "Wish 4<" in client.get("/proposals/?show=decided&page=2").content.decode()


# --- Strangers' words


def test_hostile_words_are_words_in_every_place(client):
    hostile = f"\"'>{EVIL}\u202e\x01" + "W" * 400
    proposal = factories.proposal(
        1000,
        description=f"# {hostile}\n\n{hostile}",
        calldatas=[abi.encode_call("ArtParameters", "setPrompt", hostile[:100])],
    )
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005, reason=hostile)
    for path in (
        "/proposals/",
        f"/proposals/{proposal.pk}/",
        f"/proposals/{proposal.pk}/record/",
        f"/proposals/{proposal.pk}/change/",
        f"/members/{MIRA}/",
        f"/generations/of/{proposal.pk}/",
    ):
        page = client.get(path).content.decode()
        assert EVIL not in page
        assert "&lt;script&gt;" in page
        title = page[page.index("<title>") : page.index("</title>")] if "<title>" in page else ""
        assert "\u202e" not in title  # a tab has no markup to hold the direction in


def test_withheld_words_are_withheld_in_every_place(client):
    models.Withholding.objects.create(kind="words", subject="unspeakable", reason="It hurts.", by="admin")
    proposal = factories.proposal(
        1000,
        description="# Unspeakable title\n\nAn unspeakable body",
        calldatas=[abi.encode_call("ArtParameters", "setPrompt", "an unspeakable prompt")],
    )
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005, reason="The unspeakable reason")
    for path in (
        "/proposals/",
        f"/proposals/{proposal.pk}/",
        f"/members/{MIRA}/",
        "/proposals/feed.atom",
        "/proposals/calendar.ics",
        f"/generations/of/{proposal.pk}/",
    ):
        page = client.get(path).content.decode().lower()
        assert "unspeakable" not in page, path
