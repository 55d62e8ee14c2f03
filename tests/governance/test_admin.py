"""Governance in the admin: every row can be read and searched, with exact numbers and without secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import models
from tests.governance import factories
from tests.governance.factories import INES, MIRA

pytestmark = pytest.mark.django_db

HUGE = 2**255 + 12345


@pytest.fixture
def rows(deployment: dict[str, str]) -> models.Proposal:
    """A little of everything."""
    factories.electorate()
    factories.parameters()
    proposal = factories.proposal(id=HUGE, description="# <script>alert(1)</script>\n\nBecause.")
    factories.vote(proposal, INES, 1, HUGE, 1010, "Yes to <b>this</b>")
    models.Delegation.objects.create(
        **factories.place(factories.block(5)), delegator=MIRA, previous=factories.ZERO, current=INES
    )
    return proposal


def found(client: Client, model: str, query: str = "") -> str:
    response = client.get(reverse(f"admin:governance_{model}_changelist"), {"q": query} if query else {})
    assert response.status_code == 200, (model, query)
    return response.content.decode()


def test_lists_showNumbersWhole_andLeadToTheSite(admin_client: Client, rows: models.Proposal) -> None:
    votes = found(admin_client, "vote")
    assert str(HUGE) in votes
    assert f'href="/proposals/{HUGE}/"' in votes
    assert f'href="/members/{INES}/"' in votes
    assert "Yes to &lt;b&gt;this&lt;/b&gt;" in votes
    proposals = found(admin_client, "proposal")
    assert str(HUGE) in proposals
    assert "<script>alert" not in proposals
    assert "an unfolding flower" in found(admin_client, "parameterchange")


@pytest.mark.parametrize(
    ("model", "query", "hits"),
    [
        ("vote", INES, 1),
        ("vote", MIRA, 0),
        ("vote", "this", 1),
        ("proposal", str(HUGE), 1),
        ("proposal", "Because", 1),
        ("proposal", "5", 0),
        ("delegation", MIRA, 1),
        ("tokentransfer", "3", 1),
        ("tokentransfer", "not a number'; --", 0),
        ("vote", "0x12", 0),
        ("parameterchange", "palette", 1),
        ("operationexecuted", "0x", 0),
    ],
)
def test_search_findsWholeNumbersAndAddresses(
    admin_client: Client, rows: models.Proposal, model: str, query: str, hits: int
) -> None:
    assert f"{hits} result" in found(admin_client, model, query)


def test_rows_areShownWithTheirJson_andNotChanged(admin_client: Client, rows: models.Proposal) -> None:
    page = admin_client.get(reverse("admin:governance_proposal_change", args=[rows.pk]))
    text = page.content.decode()
    assert page.status_code == 200
    assert "0x12345678" in text
    assert 'name="_save"' not in text
    assert f'href="/proposals/{HUGE}/"' in text
    for name in ("delete", "change"):
        path = reverse(f"admin:governance_proposal_{name}", args=[rows.pk])
        assert admin_client.post(path, {"post": "yes"}).status_code == 403
    assert models.Proposal.objects.filter(pk=HUGE).exists()


def test_signIns_areListedWithoutTheirSecrets(admin_client: Client, deployment: Any) -> None:
    models.SignInNonce.objects.create(
        nonce="thesecretnonce",
        binding="thesecretbinding",
        address=MIRA,
        message="a message with thesecretnonce",
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    text = found(admin_client, "signinnonce", MIRA)
    assert f'href="/members/{MIRA}/"' in text
    assert "thesecret" not in text
    path = reverse("admin:governance_signinnonce_change", args=["thesecretnonce"])
    assert admin_client.get(path).status_code == 403
