"""What arrives in a form may be anything at all: each gets a sentence or is taken as the words it is."""

from __future__ import annotations

from typing import Any

import pytest

from chain import abi
from governance.forms import ComposeForm
from governance.models import ModelStanding, ParameterChange, Withholding
from tests.governance import factories
from tests.governance.factories import MIRA
from tests.governance.test_pages import JSON, as_, composed, proposal_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def _world(chain_time: Any) -> None:
    factories.electorate(at=1)
    factories.parameters(version=1, at=1)
    chain_time(1010)


def vote(body: bytes) -> Any:
    proposal = proposal_with("setPalette", "gilded")
    return as_(MIRA).post(f"/proposals/{proposal.pk}/vote/", body, content_type=FORM, **JSON)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (b"%00", "control characters"),
        (b"a%1Bb", "control characters"),
        (b"%ED%A0%80x", None),  # half a surrogate pair is no UTF-8: it arrives as U+FFFD
        (b"%FF%FE", None),
        (b"%E2%80%AEgnp", "direction"),
        (b"%E2%81%A6x", "direction"),
        (b"x" * 1001, "1,001 bytes: at most 1,000 fit"),
        ("é".encode() * 501, "1,002 bytes"),
        (b"%3Cscript%3Ealert(1)%3C/script%3E", None),
    ],
)
def test_a_reason_is_honest_text_or_is_refused(reason: bytes, words: str | None):
    answer = vote(b"support=1&reason=" + reason)
    if words is None:
        assert answer.status_code == 200
        name, arguments = abi.decode_call("ArtGovernor", answer.json()["transaction"]["data"])
        assert name == "castVoteWithReason"
        assert len(str(arguments["reason"]).encode()) <= 1000
    else:
        assert answer.status_code == 422
        assert words in answer.json()["errors"]["reason"][0]


def test_a_reason_of_exactly_a_thousand_bytes_fits():
    assert vote(b"support=1&reason=" + b"x" * 1000).status_code == 200
    assert vote(b"support=1&reason=" + "é".encode() * 500).status_code == 200


@pytest.mark.parametrize("support", [b"", b"3", b"-1", b"1.0", b"%FF", b"1%00", b"\xd9\xa1", b"1" * 5000])
def test_there_are_three_ways_to_vote(support: bytes):
    answer = vote(b"support=" + support)
    assert answer.status_code == 422
    assert answer.json()["errors"]["support"] == ["Choose for, against or abstain."]


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("steps", "0"),
        ("steps", "101"),
        ("steps", "-1"),
        ("steps", "1.5"),
        ("steps", "1e9999"),
        ("steps", "NaN"),
        ("steps", "Infinity"),
        ("steps", "9" * 4000),
        ("steps", "0x10"),
        ("guidance", "20.001"),
        ("guidance", "4.5001"),
        ("strength", "0.049"),
        ("strength", "1.001"),
        ("width", "63"),
        ("width", "1088"),
        ("height", "65"),
        ("epoch_length", "9"),
        ("epoch_length", "31536001"),
        ("energy_budget", "1000000001"),
        ("energy_budget", "0.5"),
        ("model", "0x" + "00" * 32),
        ("model", "0x" + "zz" * 32),
        ("prompt", "x" * 1001),
        ("prompt", "one\ntwo"),
        ("prompt", "\ufeff\x00"),
        ("mood", "x" * 65),
        ("palette", "a\u200eb"),
    ],
)
def test_what_the_chain_would_refuse_is_said_at_its_field(key: str, typed: str):
    answer = as_(MIRA).post("/proposals/new/", composed(**{key: typed}), **JSON)
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["errors"]) == [key]


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("steps", "1", 1),
        ("steps", "100", 100),
        ("guidance", "0", 0),
        ("strength", "0.05", 50),
        ("width", "64", 64),
    ],
)
def test_the_bounds_themselves_are_within(key: str, typed: str, value: int):
    offer = as_(MIRA).post("/proposals/new/", composed(**{key: typed}), **JSON).json()
    calls = abi.decode_call("ArtGovernor", offer["transaction"]["data"])[1]["calldatas"]
    assert [list(abi.decode_call("ArtParameters", call)[1].values()) for call in calls] == [[value]]


def test_an_offer_says_which_network_and_never_the_sites_own_node(settings: Any):
    form = composed(steps="12")
    settings.CHAIN_RPC_URL = "http://127.0.0.1:8545"
    network = as_(MIRA).post("/proposals/new/", form, **JSON).json()["network"]
    assert network == {"name": "Murmuration’s private chain", "rpc": ["http://127.0.0.1:8545"]}
    settings.PRIVATE_CHAIN = False
    settings.CHAIN_RPC_URL = "https://node.example/secret-key"
    answer = as_(MIRA).post("/proposals/new/", form, **JSON)
    assert answer.json()["network"] == {"name": "chain 31337", "rpc": []}
    assert b"secret-key" not in answer.content
    settings.CHAIN_NAME, settings.CHAIN_PUBLIC_RPC_URL = "Example Chain", "https://public.example"
    network = as_(MIRA).post("/proposals/new/", form, **JSON).json()["network"]
    assert network == {"name": "Example Chain", "rpc": ["https://public.example"]}


def test_words_that_are_withheld_are_not_in_the_composer_and_stay_when_it_is_left_alone(client):
    prompt = ComposeForm(newest_version=1).fields["prompt"].initial
    Withholding.objects.create(kind=Withholding.Kind.WORDS, subject=prompt, reason="A slur.", by="root")
    page = client.get("/proposals/new/").content.decode()
    assert prompt not in page
    assert "withheld on this site: A slur. Empty keeps them." in page

    offer = as_(MIRA).post("/proposals/new/", composed(steps="12"), **JSON).json()
    calldatas = abi.decode_call("ArtGovernor", offer["transaction"]["data"])[1]["calldatas"]
    assert [abi.decode_call("ArtParameters", data)[0] for data in calldatas] == ["setSteps"]

    offer = as_(MIRA).post("/proposals/new/", composed(prompt="a river of glass"), **JSON).json()
    calldatas = abi.decode_call("ArtGovernor", offer["transaction"]["data"])[1]["calldatas"]
    assert [abi.decode_call("ArtParameters", data)[0] for data in calldatas] == ["setPrompt"]


def test_a_deployment_from_before_a_parameter_offers_the_others(client):
    ParameterChange.objects.filter(key="energy_budget").delete()
    page = client.get("/proposals/new/").content.decode()
    assert "Epoch length" in page
    assert "Energy budget" not in page
    form = composed(steps="12") | {"energy_budget": "500"}
    offer = as_(MIRA).post("/proposals/new/", form, **JSON).json()
    calldatas = abi.decode_call("ArtGovernor", offer["transaction"]["data"])[1]["calldatas"]
    assert [abi.decode_call("ArtParameters", data)[0] for data in calldatas] == ["setSteps"]


# --- Models and their energy


def chosen(model: str, **changes: str) -> Any:
    return as_(MIRA).post("/proposals/new/", composed(model=model, **changes), **JSON)


def test_the_composer_offers_the_models_that_may_be_chosen_by_name(client):
    today = str(factories.VALUES["model"])
    factories.model(today)
    aurora = factories.model(uri="https://example.org/aurora", licence="MIT").model_id
    retired = factories.model(uri="https://example.org/old", status=ModelStanding.RETIRED).model_id
    page = client.get("/proposals/new/").content.decode()
    assert f'<option value="{today}" selected>genesis: open source, Apache-2.0</option>' in page
    assert f'<option value="{aurora}">aurora: open source, MIT</option>' in page
    assert retired not in page
    linked = client.get("/proposals/new/", {"model": aurora}).content.decode()
    assert f'<option value="{aurora}" selected>' in linked
    assert f'data-today="{today}"' in linked
    assert (
        f'<option value="{today}" selected>'
        in client.get("/proposals/new/?model=" + retired).content.decode()
    )

    calls = abi.decode_call("ArtGovernor", chosen(aurora).json()["transaction"]["data"])[1]["calldatas"]
    assert [abi.decode_call("ArtParameters", call) for call in calls] == [("setModel", {"value": aurora})]
    refused = chosen(retired)
    assert refused.status_code == 422
    assert "it is retired" in refused.json()["errors"]["model"][0]
    assert "does not list it" in chosen("0x" + "ab" * 32).json()["errors"]["model"][0]


def test_a_model_that_paints_now_and_is_retired_stays_until_it_is_changed(client):
    today = str(factories.VALUES["model"])
    factories.model(today, status=ModelStanding.RETIRED)
    page = client.get("/proposals/new/").content.decode()
    assert "paints now, can’t be chosen anew" in page
    assert chosen(today, steps="12").status_code == 200


def test_a_recipe_over_the_energy_budget_is_refused_at_its_field_and_nothing_is_lost():
    factories.model(str(factories.VALUES["model"]), milli_joules=10_000)  # 32 J by today's recipe
    factories.parameters(version=2, at=2, energy_budget=40)
    answer = as_(MIRA).post("/proposals/new/", composed(steps="30", mood="calm and slow"), **JSON)
    assert answer.status_code == 422
    [said] = answer.json()["errors"]["steps"]
    assert "about 48 J" in said
    assert "may use 40 J" in said
    page = as_(MIRA).post("/proposals/new/", composed(steps="30", mood="calm and slow", title="Deeper"))
    assert page.status_code == 422
    body = page.content.decode()
    assert "about 48 J" in body
    for kept in ("Deeper", "calm and slow", 'value="30"'):
        assert kept in body
    assert as_(MIRA).post("/proposals/new/", composed(steps="24"), **JSON).status_code == 200
    assert (
        as_(MIRA).post("/proposals/new/", composed(steps="30", energy_budget="50"), **JSON).status_code == 200
    )
    # What is in force may break its budget: that stands in nobody's way who asks for other things.
    factories.parameters(version=3, at=3, energy_budget=10)
    assert as_(MIRA).post("/proposals/new/", composed(mood="slow"), **JSON).status_code == 200
    assert (
        "energy_budget"
        in as_(MIRA).post("/proposals/new/", composed(energy_budget="9"), **JSON).json()["errors"]
    )


def test_the_composer_says_what_a_generation_takes(client):
    assert "a generation" not in client.get("/proposals/new/").content.decode()
    factories.model(str(factories.VALUES["model"]), milli_joules=10_000)
    page = client.get("/proposals/new/").content.decode()
    assert "About 32 J a generation, as declared for its painter. There is no budget." in page
