"""Pages, forms and what a wallet is handed, without a chain behind them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from chain import abi
from governance import actions, descriptions, models
from governance.forms import ComposeForm
from governance.models import Support
from tests.governance import factories
from tests.governance.factories import INES, MIRA, TOMAS, YUKI

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
JSON = {"HTTP_ACCEPT": "application/json"}


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


def composed(**changes: str) -> dict[str, str]:
    """The composer's form as the page fills it in, with changes."""
    form = ComposeForm(newest_version=1)
    filled = {name: str(field.initial or "") for name, field in form.fields.items()}
    return {**filled, "version": "1", "title": "More gold", "reason": "", **changes}


def proposal_with(setter: str, value: Any, **fields: Any) -> models.Proposal:
    return factories.proposal(1000, calldatas=[abi.encode_call("ArtParameters", setter, value)], **fields)


# --- Reading


def test_an_empty_gallery_says_so(client):
    assert "Nobody has proposed anything yet" in client.get("/proposals/").content.decode()


def test_the_list_shows_what_stands_how(client):
    proposal = proposal_with("setPalette", "gilded", description="# More gold\n\n#proposer=" + MIRA)
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005)
    page = client.get("/proposals/").content.decode()
    assert "More gold" in page
    assert "2 for, 0 against" in page
    assert "Quorum 1 of 6 reached" in page
    assert f'data-at="{1062}"' in page


def test_a_proposal_says_what_it_would_change_and_who_voted_why(client):
    proposal = proposal_with("setPalette", "gilded")
    factories.vote(proposal, INES, Support.AGAINST, 2, 1005, reason="Gold is cold.")
    page = client.get(f"/proposals/{proposal.pk}/").content.decode()
    for words in ("ocean", "gilded", "Gold is cold.", "Ines", "1 missing", "Connect a wallet</a> to vote"):
        assert words in page
    assert "#proposer" not in page


def test_an_executed_proposal_keeps_the_before_that_it_had(client, chain_time):
    tx = factories.hash32()
    proposal = proposal_with("setMood", "wild")
    factories.parameters(version=2, at=1100, tx_hash=tx, mood="wild")
    factories.parameters(version=3, at=1200, mood="dim")
    models.ProposalExecuted.objects.create(
        **factories.place(factories.block(1100), tx_hash=tx), proposal=proposal
    )
    chain_time(1300)
    page = client.get(f"/proposals/{proposal.pk}/").content.decode()
    assert re.search(r"calm</bdi></del>.*wild</bdi></ins>", page, re.DOTALL)


@pytest.mark.parametrize("part", ["", "standing/", "record/"])
def test_unknown_and_impossible_ids_are_no_pages(client, part):
    for wrong in ("5", "01", str(2**256), "9" * 100, "-1", "0x1"):
        assert client.get(f"/proposals/{wrong}/{part}").status_code == 404


def test_strangers_words_are_shown_as_words(client):
    evil = "<script>alert(1)</script>"
    proposal = factories.proposal(1000, description=f"# {evil}\n\n{evil}\u202e")
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005, reason=f'"{evil}')
    for path in ("/proposals/", f"/proposals/{proposal.pk}/", f"/proposals/{proposal.pk}/record/"):
        page = client.get(path).content.decode()
        assert evil not in page
        assert "&lt;script&gt;" in page


def test_no_page_carries_inline_script_or_style():
    proposal = proposal_with("setPalette", "gilded")
    for path in ("/proposals/", f"/proposals/{proposal.pk}/", "/proposals/new/", "/signin/"):
        page = as_(MIRA).get(path).content.decode()
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*src=)", page)


def test_a_page_asks_the_chain_nothing(client, monkeypatch):
    def forbidden(*_: Any) -> None:
        raise AssertionError("a page asked the chain")

    monkeypatch.setattr("chain.rpc.Rpc.call", forbidden)
    monkeypatch.setattr("chain.rpc.Rpc.batch", forbidden)
    proposal = proposal_with("setPalette", "gilded")
    for path in ("/proposals/", f"/proposals/{proposal.pk}/", "/proposals/new/", "/signin/"):
        assert as_(MIRA).get(path).status_code == 200


# --- Voting


def test_a_vote_is_made_ready_for_the_voters_own_wallet(deployment):
    proposal = proposal_with("setPalette", "gilded")
    answer = (
        as_(MIRA).post(f"/proposals/{proposal.pk}/vote/", {"support": "1", "reason": "Yes."}, **JSON).json()
    )
    assert answer["from"] == MIRA
    assert answer["chain"] == "0x7a69"
    assert answer["demo"] is True
    assert answer["transaction"]["to"] == deployment["ArtGovernor"]
    function, arguments = abi.decode_call("ArtGovernor", answer["transaction"]["data"])
    assert function == "castVoteWithReason"
    assert list(arguments.values()) == [proposal.pk, 1, "Yes."]


def test_a_vote_without_a_reason_is_the_cheaper_call():
    proposal = proposal_with("setPalette", "gilded")
    answer = as_(MIRA).post(f"/proposals/{proposal.pk}/vote/", {"support": "2"}, **JSON).json()
    assert abi.decode_call("ArtGovernor", answer["transaction"]["data"])[0] == "castVote"


def refusal(proposal: models.Proposal, voter: str, **data: str) -> str:
    answer = as_(voter).post(f"/proposals/{proposal.pk}/vote/", {"support": "1", **data}, **JSON)
    assert answer.status_code == 422
    body = answer.json()
    return body["message"] or str(body["errors"])


def test_each_way_not_to_vote_has_its_reason(chain_time, client):
    proposal = proposal_with("setPalette", "gilded")
    assert client.post(f"/proposals/{proposal.pk}/vote/", {"support": "1"}).status_code == 401
    assert "You have no vote here" in refusal(proposal, "0x" + "12" * 20)
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005)
    assert "already voted" in refusal(proposal, MIRA)
    factories.token(7, "0x" + "13" * 20, at=1004)
    factories.votes("0x" + "13" * 20, 0, 1, at=1004)
    assert "came after voting opened" in refusal(proposal, "0x" + "13" * 20)
    models.Delegation.objects.create(
        **factories.place(factories.block(900)), delegator=YUKI, previous=YUKI, current=MIRA
    )
    factories.votes(YUKI, 1, 0, at=900)
    assert "was with Mira" in refusal(proposal, YUKI)
    assert "Choose for" in refusal(proposal, INES, support="9")
    assert "at most 1,000" in refusal(proposal, INES, reason="x" * 1001)
    assert "control characters" in refusal(proposal, INES, reason="a\x00b")
    assert "direction" in refusal(proposal, INES, reason="a\u202eb")
    chain_time(1001)
    assert "opens in a moment" in refusal(proposal, INES)
    chain_time(1062)
    assert "closed" in refusal(proposal, INES)


def test_anyone_may_queue_and_execute_what_is_due(chain_time):
    proposal = proposal_with("setPalette", "gilded")
    assert as_(TOMAS).post(f"/proposals/{proposal.pk}/queue/", **JSON).status_code == 422
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005)
    chain_time(1062)
    offer = as_(TOMAS).post(f"/proposals/{proposal.pk}/queue/", **JSON).json()
    function, arguments = abi.decode_call("ArtGovernor", offer["transaction"]["data"])
    assert (function, list(arguments.values())[-1]) == ("queue", proposal.description_hash)
    models.ProposalQueued.objects.create(
        **factories.place(factories.block(1070)), proposal=proposal, eta=1080
    )
    chain_time(1079)
    assert "timelock" in as_(TOMAS).post(f"/proposals/{proposal.pk}/execute/", **JSON).json()["message"]
    chain_time(1080)
    offer = as_(TOMAS).post(f"/proposals/{proposal.pk}/execute/", **JSON).json()
    assert abi.decode_call("ArtGovernor", offer["transaction"]["data"])[0] == "execute"


# --- Composing


def test_only_what_was_changed_becomes_a_call(deployment):
    changes = {"prompt": "a river of glass", "guidance": "7.25", "reason": "It flows."}
    offer = as_(MIRA).post("/proposals/new/", composed(**changes), **JSON).json()
    function, arguments = abi.decode_call("ArtGovernor", offer["transaction"]["data"])
    targets, values, calldatas, description = arguments.values()
    assert function == "propose"
    assert targets == [deployment["ArtParameters"]] * 2
    assert values == [0, 0]
    decoded = [abi.decode_call("ArtParameters", data) for data in calldatas]
    assert [(name, *args.values()) for name, args in decoded] == [
        ("setPrompt", "a river of glass"),
        ("setGuidance", 7250),
    ]
    assert description == f"# More gold\n\nIt flows.\n\n#proposer={MIRA}"
    expected = actions.hash_proposal(targets, values, calldatas, description)
    assert offer["then"] == f"/proposals/{expected}/"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({}, "", "Nothing would change yet"),
        ({"title": "", "steps": "12"}, "title", "Give it a title"),
        ({"title": "x" * 121, "steps": "12"}, "title", "121"),
        ({"title": "a\x00", "steps": "12"}, "title", "control characters"),
        ({"title": "abc\u202e", "steps": "12"}, "title", "direction"),
        ({"prompt": "x" * 1001}, "prompt", "1,001 bytes: at most 1,000"),
        ({"prompt": "a\x00b"}, "prompt", "control characters"),
        ({"prompt": "\u202egnp.exe"}, "prompt", "direction"),
        ({"prompt": "   "}, "prompt", "be empty"),
        ({"width": "500"}, "width", "multiple of 64"),
        ({"guidance": "99"}, "guidance", "Between 0 and 20"),
        ({"guidance": "--"}, "guidance", "Write a number"),
        ({"model": "0x00"}, "model", "64 hexadecimal"),
        ({"reason": "x" * 4001, "steps": "12"}, "reason", "at most 4,000"),
        ({"version": "7", "steps": "12"}, "version", "does not exist"),
    ],
)
def test_each_fault_is_said_at_its_field_and_nothing_is_lost(changes, field, words):
    answer = as_(MIRA).post("/proposals/new/", composed(**changes), **JSON)
    assert answer.status_code == 422
    body = answer.json()
    assert words in (" ".join(body["errors"][field]) if field else body["message"])
    page = as_(MIRA).post("/proposals/new/", composed(**changes))
    assert page.status_code == 422
    text = page.content.decode()
    assert words in text
    assert "More gold" in text or "title" in changes


def test_html_in_a_prompt_is_a_prompt():
    evil = '"><img src=x onerror=alert(1)>'
    assert as_(MIRA).post("/proposals/new/", composed(prompt=evil), **JSON).status_code == 200
    page = as_(MIRA).post("/proposals/new/", composed(prompt=evil, title="")).content.decode()
    assert "<img src=x" not in page


def test_what_somebody_else_changed_meanwhile_is_not_changed_back():
    form = composed(steps="12")  # as seen in version 1, with the palette "ocean"
    factories.parameters(version=2, at=1005, palette="ember")
    offer = as_(MIRA).post("/proposals/new/", form, **JSON).json()
    calls = abi.decode_call("ArtGovernor", offer["transaction"]["data"])[1]["calldatas"]
    assert [abi.decode_call("ArtParameters", data)[0] for data in calls] == ["setSteps"]


def test_proposing_needs_a_wallet_and_enough_votes(client):
    assert client.post("/proposals/new/", composed(steps="12"), **JSON).status_code == 401
    page = client.post("/proposals/new/", composed(steps="12"))
    assert (page.status_code, 'value="12"' in page.content.decode()) == (401, True)
    poor = as_("0x" + "12" * 20).post("/proposals/new/", composed(steps="12"), **JSON)
    assert poor.status_code == 422
    assert "A proposal needs 1 vote behind it; you have none." in poor.json()["message"]
    assert "can delegate to you" in poor.json()["message"]


def test_the_same_proposal_twice_is_refused():
    offer = as_(MIRA).post("/proposals/new/", composed(steps="12"), **JSON).json()
    factories.proposal(1000, id=int(offer["then"].split("/")[2]))
    again = as_(MIRA).post("/proposals/new/", composed(steps="12"), **JSON)
    assert "exactly this proposal" in again.json()["message"]


def test_before_anything_is_mirrored_the_composer_says_so(client):
    models.ParameterChange.objects.all().delete()
    page = client.get("/proposals/new/")
    assert (page.status_code, "not been read from the chain" in page.content.decode()) == (503, True)


@pytest.mark.parametrize(
    ("title", "body"), [("Gold", ""), ("Gold", "Because\n\nit shines."), ("# odd", "#proposer=0x12")]
)
def test_a_description_says_what_was_written(title, body):
    text = descriptions.split(descriptions.compose(title, body, MIRA))
    assert (text.title, text.body) == (title, body)


def test_descriptions_by_strangers_have_a_title_too():
    assert descriptions.split("").title == "Untitled"
    assert descriptions.split("\n\n  hello\nworld").title == "hello"
    assert len(descriptions.split("x" * 5000).title) == 200
    assert descriptions.readable(b"a\x00\xff") == "a\ufffd\ufffd"


# --- Refusals of the chain, in words


@pytest.mark.parametrize(
    ("error", "arguments", "words"),
    [
        ("GovernorAlreadyCastVote(address)", [MIRA], "already voted"),
        ("GovernorUnexpectedProposalState(uint256,uint8,bytes32)", [5, 3, bytes(32)], "was not carried"),
        ("GovernorInsufficientProposerVotes(address,uint256,uint256)", [MIRA, 0, 1], "needs 1 vote"),
    ],
)
def test_a_revert_becomes_a_sentence(client, error, arguments, words):
    import eth_abi
    from eth_utils.crypto import keccak

    types = error[error.index("(") + 1 : -1].split(",")
    data = "0x" + (keccak(text=error)[:4] + eth_abi.encode(types, arguments)).hex()
    answer = client.post("/transactions/explain/", {"data": data, "message": ""}, "application/json")
    assert words in answer.json()["words"]


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"data": "0xzz"}', '{"data": 5, "message": null}', '{"data":"0x1"}']
)
def test_nonsense_is_explained_without_an_accident(client, body):
    assert client.post("/transactions/explain/", body, "application/json").status_code in (200, 400)


def test_too_little_ether_is_said_plainly(client):
    answer = client.post(
        "/transactions/explain/", {"message": "insufficient funds for gas * price"}, "application/json"
    )
    assert "too little ether" in answer.json()["words"]
