"""The people: who holds what, votes with how much, and what they did with it."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template
from django.urls import reverse

from tests.governance import factories
from tests.governance.factories import MIRA

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
STRANGER = "0x" + "ab" * 20


@pytest.fixture(autouse=True)
def _world(chain_time: Any) -> None:
    factories.electorate(at=1)
    factories.parameters(version=1, at=1)
    chain_time(1010)


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
    assert (
        template.render(Context({"a": MIRA}))
        == f'<a class="person" href="/members/{MIRA}/"><bdi>Mira</bdi></a>'
    )
    assert template.render(Context({"a": factories.ZERO})) == "<span>nobody</span>"
