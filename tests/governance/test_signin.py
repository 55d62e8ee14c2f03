"""Signing in with a wallet, and everything that must not work."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from eth_account import Account
from eth_account.messages import encode_defunct

from governance import siwe
from governance.models import SignInNonce
from governance.siwe import SignInRefused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]

PERSON = Account.from_key("0x" + "ab" * 32)
STRANGER = Account.from_key("0x" + "cd" * 32)


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def message_for(client: Client, address: str = PERSON.address) -> str:
    answer = post(client, "/signin/message/", address=address)
    assert answer.status_code == 200, answer.content
    text: str = answer.json()["message"]
    return text


def sign(text: str, account: Any = PERSON) -> str:
    return "0x" + bytes(account.sign_message(encode_defunct(text=text)).signature).hex()


def verify(client: Client, text: str, signature: str, **more: Any) -> Any:
    return post(client, "/signin/verify/", message=text, signature=signature, **more)


def test_a_person_signs_in_and_out(client):
    text = message_for(client)
    key = client.session.session_key
    answer = verify(client, text, sign(text), next="/proposals/")
    assert answer.json() == {"address": PERSON.address.lower(), "next": "/proposals/"}
    assert client.session["address"] == PERSON.address.lower()
    assert client.session.session_key != key  # a key that somebody fixed before is worth nothing now
    key = client.session.session_key
    assert client.post("/signin/out/").status_code == 302
    assert "address" not in client.session
    assert client.session.session_key != key


def test_the_message_names_this_site_this_chain_and_ten_minutes(client):
    message = siwe.read(message_for(client))
    assert (message.domain, message.uri, message.chain_id) == ("testserver", "http://testserver", 31337)
    assert message.expires_at - message.issued_at == timedelta(minutes=10)


def test_a_message_works_once(client):
    text = message_for(client)
    signature = sign(text)
    assert verify(client, text, signature).status_code == 200
    again = verify(client, text, signature)
    assert (again.status_code, "used already" in again.json()["message"]) == (403, True)


def test_a_message_works_in_the_session_it_was_made_for_only(client):
    text = message_for(client)
    other = Client()
    message_for(other)
    assert verify(other, text, sign(text)).status_code == 403
    assert verify(Client(), text, sign(text)).status_code == 403
    assert verify(client, text, sign(text)).status_code == 200  # and the stranger has not spent it


def test_another_accounts_signature_is_refused_and_spends_the_nonce(client):
    text = message_for(client)
    assert verify(client, text, sign(text, STRANGER)).status_code == 403
    assert "address" not in client.session
    assert verify(client, text, sign(text)).status_code == 403


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("testserver wants", "evil.example wants"),
        ("URI: http://testserver", "URI: http://testserver.evil.example"),
        ("URI: http://testserver", "URI: http://evil.example"),
        ("Chain ID: 31337", "Chain ID: 1"),
        ("This costs nothing", "This costs everything"),
        ("Version: 1", "Version: 2"),
    ],
)
def test_an_altered_message_is_refused_however_well_signed(client, old, new):
    text = message_for(client)
    altered = text.replace(old, new)
    assert altered != text
    assert verify(client, altered, sign(altered)).status_code == 403
    assert "address" not in client.session


def test_a_nonce_for_one_account_is_not_good_for_another(client):
    text = message_for(client).replace(PERSON.address, STRANGER.address)
    assert verify(client, text, sign(text, STRANGER)).status_code == 403


def test_after_ten_minutes_it_is_too_late_and_the_row_is_gone(client):
    text = message_for(client)
    SignInNonce.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert verify(client, text, sign(text)).status_code == 403
    message_for(client)
    assert SignInNonce.objects.count() == 1


@pytest.mark.parametrize(
    "signature", ["", "0x", "0x00", "0x" + "00" * 65, "0x" + "ff" * 65, "nonsense", "0xzz"]
)
def test_what_is_no_signature_is_refused(client, signature):
    assert verify(client, message_for(client), signature).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"message": 5}',
        b"\xff\xfe",
        b"x" * 100_000,
        b"[" * 60_000,
        b'{"address":' * 9000,
    ],
)
def test_bodies_that_are_no_message_are_refused(client, body):
    for path in ("/signin/verify/", "/signin/message/"):
        assert client.post(path, body, content_type="application/json").status_code in (400, 403)


@pytest.mark.parametrize("address", ["", "0x12", "0x" + "g" * 40, "0x" + "1" * 41, "0x" + "1" * 40 + "\n"])
def test_what_is_no_address_gets_no_message(client, address):
    assert post(client, "/signin/message/", address=address).status_code == 400


def test_a_forged_form_from_another_site_is_refused():
    strict = Client(enforce_csrf_checks=True)
    for path in ("/signin/message/", "/signin/verify/", "/signin/out/", "/demo-wallet/rpc/"):
        assert strict.post(path, "{}", content_type="application/json").status_code == 403


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(client, wanted):
    text = message_for(client)
    assert verify(client, text, sign(text), next=wanted).json()["next"] == "/"


def test_too_many_attempts_have_to_wait(client):
    answers = [post(client, "/signin/message/", address=PERSON.address).status_code for _ in range(31)]
    assert answers[-1] == 429
    assert answers[0] == 200


def test_the_grammar_is_kept_to_the_letter():
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    text = siwe.write(
        scheme="https",
        domain="art.example",
        address=PERSON.address,
        statement="Hi.",
        chain_id=1,
        nonce="abcdefgh1234",
        now=now,
    )
    message = siwe.read(text)
    expected = {"scheme": "https", "domain": "art.example", "chain_id": 1}
    siwe.check(message, **expected, now=now)
    for broken in (
        text + "\n",
        text.replace("\n", "\r\n"),
        text.replace(PERSON.address, PERSON.address.lower()),
        text.replace("Hi.", "Hi.\nURI: https://evil.example"),
        text.replace("2026-01-02T03:04:05.000Z", "2026-13-40T03:04:05Z", 1),
        text.replace("abcdefgh1234", "short"),
        text.replace("Chain ID: 1", "Chain ID: 01"),
    ):
        with pytest.raises(SignInRefused):
            siwe.read(broken)
    for moment in (now - timedelta(minutes=2), now + timedelta(minutes=10)):
        with pytest.raises(SignInRefused):
            siwe.check(message, **expected, now=moment)
    for changed in ({"scheme": "http"}, {"domain": "other.example"}, {"chain_id": 5}):
        with pytest.raises(SignInRefused):
            siwe.check(message, **{**expected, **changed}, now=now)
