"""Who votes for whom, and the page where that is said."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from eth_utils.address import to_checksum_address

from chain import abi
from governance import actions, delegations, models
from tests.governance import factories
from tests.governance.factories import INES, MIRA, TOMAS, TREASURY, YUKI
from tests.governance.test_pages import JSON, as_

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
STRANGER = "0x" + "12" * 20


@pytest.fixture(autouse=True)
def _world(chain_time: Any) -> None:
    factories.electorate(at=1)
    factories.parameters(version=1, at=1)
    chain_time(1010)


def delegate(who: str, to: str, at: int = 900) -> None:
    """What the mirror has once `who` has delegated its one vote."""
    place = factories.place(factories.block(at))
    models.Delegation.objects.create(**place, delegator=who, previous=who, current=to)
    factories.votes(who, 1, 0, at)
    factories.votes(to, 2, 3, at)


def post(who: str, to: str) -> Any:
    return as_(who).post("/delegate/", {"to": to}, **JSON)


def fault(who: str, to: str) -> str:
    answer = post(who, to)
    assert answer.status_code == 422, answer.content
    body = answer.json()
    return " ".join([body["message"], *body["errors"].get("to", [])])


def test_the_page_says_who_votes_for_you_and_who_could():
    delegate(YUKI, MIRA)
    page = as_(YUKI).get("/delegate/").content.decode()
    assert f'data-delegate="{MIRA}"' in page
    assert "Vote for myself again" in page
    assert f'data-choose="{INES}"' in page
    page = as_(MIRA).get("/delegate/").content.decode()
    assert "You do, with your 2 votes." in page
    assert "others’ included" in page
    assert "Yuki" in page
    assert f'data-choose="{MIRA}"' not in page


def test_a_visitor_without_a_wallet_reads_it_too_and_an_address_can_be_filled_in(client: Client):
    page = client.get(f"/delegate/?to={MIRA}").content.decode()
    assert "Connect a wallet</a> to delegate" in page
    assert f'value="{MIRA}"' in page
    page = client.get('/delegate/?to="><script>').content.decode()
    assert "<script>" not in page.replace('<script type="module"', "")
    assert client.get("/delegate/part/").status_code == 200


def test_delegating_is_one_call_of_the_token(deployment: dict[str, str]):
    for typed in (INES, to_checksum_address(INES), "  " + INES + "\n", "0x" + INES[2:].upper()):
        offer = post(TOMAS, typed).json()
        assert offer["transaction"]["to"] == deployment["ArtToken"]
        assert abi.decode_call("ArtToken", offer["transaction"]["data"]) == ("delegate", {"delegatee": INES})
        assert offer["from"] == TOMAS
    assert post(STRANGER, INES).status_code == 200  # tokens may come to them later


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Write an address"),
        ("mira.eth", "Names are not looked up here"),
        ("0x12", "0x and 40 hexadecimal digits"),
        ("0x" + "g" * 40, "0x and 40 hexadecimal digits"),
        ("0x" + "00" * 20, "zero address"),
        (to_checksum_address(MIRA).replace("C", "c", 1), "misspelled"),
        (INES + "\u202e", "0x and 40 hexadecimal digits"),
        ("\x00" + INES, "0x and 40 hexadecimal digits"),
        ("<script>", "0x and 40 hexadecimal digits"),
        ("x" * 5000, "0x and 40 hexadecimal digits"),
    ],
)
def test_an_address_is_read_to_the_letter(typed: str, words: str):
    assert words in fault(TOMAS, typed)


def test_nobody_loses_votes_by_delegating(deployment: dict[str, str]):
    assert "You vote for yourself already" in fault(TOMAS, TOMAS)
    delegate(YUKI, MIRA)
    assert "Mira votes for you already" in fault(YUKI, MIRA)
    assert "can’t vote: your votes would be lost" in fault(TOMAS, deployment["ArtGovernor"])
    place = factories.place(factories.block(950))
    models.Exclusion.objects.create(**place, account=TREASURY, excluded=True)
    assert "can’t vote: your votes would be lost" in fault(TOMAS, TREASURY)
    assert "carry no votes" in fault(TREASURY, MIRA)
    assert post(YUKI, YUKI).status_code == 200  # taking them back


def test_it_takes_a_wallet_and_keeps_what_was_typed(client: Client):
    assert client.post("/delegate/", {"to": INES}, **JSON).status_code == 401
    page = client.post("/delegate/", {"to": INES})
    assert (page.status_code, f'value="{INES}"' in page.content.decode()) == (401, True)
    page = as_(TOMAS).post("/delegate/", {"to": "mira.eth"})
    assert (page.status_code, "mira.eth" in page.content.decode()) == (422, True)


def test_trust_counts_what_others_lent():
    delegate(YUKI, MIRA)
    trust = delegations.trust(MIRA)
    assert (trust.tokens, trust.votes, trust.own, trust.delegators) == (2, 3, True, (YUKI,))
    assert [holder.address for holder in delegations.candidates(MIRA)] == [INES, TOMAS]


def test_who_cannot_propose_learns_what_would_help():
    factories.setting(models.GovernorSetting.Kind.PROPOSAL_THRESHOLD, 2, at=500)
    assert actions.proposal_refusal(INES) is None
    assert "needs 2 votes behind it; you have 1. Somebody who has 1 vote to spare" in str(
        actions.proposal_refusal(TOMAS)
    )
    delegate(YUKI, MIRA)
    assert "you have none. Yours are with Mira" in str(actions.proposal_refusal(YUKI))
    assert "can delegate to you" in str(actions.proposal_refusal(STRANGER))
    page = as_(TOMAS).get("/proposals/new/").content.decode()
    assert "needs 2 votes behind it" in page
    assert "/delegate/" in page


def test_each_way_to_have_no_vote_has_its_reason():
    delegate(YUKI, MIRA)
    assert "with Mira when voting opened, and Mira casts it here" in actions.no_weight(YUKI, 1001)
    factories.votes(STRANGER, 0, 1, at=1005)
    assert "The votes you have came after voting opened" in actions.no_weight(STRANGER, 1001)
    factories.token(7, STRANGER, at=1005)
    assert "Your tokens came after voting opened" in actions.no_weight(STRANGER, 1001)
    assert "you hold none of the artwork’s tokens" in actions.no_weight("0x" + "34" * 20, 1001)
    place = factories.place(factories.block(950))
    models.Exclusion.objects.create(**place, account=TREASURY, excluded=True)
    assert "carry no votes" in actions.no_weight(TREASURY, 1001)
