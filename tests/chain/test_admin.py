"""The admin shows the mirror and changes nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from chain.models import Log
from tests.chain.node import Node


@pytest.fixture
def admin(db: None) -> Client:
    user: Any = get_user_model().objects.create_superuser("admin", password="secret")
    client = Client()
    client.force_login(user)
    return client


def test_everyTable_canBeReadAndNotChanged(admin: Client, node: Node) -> None:
    node.send("count", 1, 1, "")
    node.sync()
    for name in ("cursor", "block", "log", "providerhealth", "reorganisation", "repair", "transaction"):
        assert admin.get(reverse(f"admin:chain_{name}_changelist")).status_code == 200
        assert admin.get(reverse(f"admin:chain_{name}_add")).status_code == 403
    log = Log.objects.get()
    page = admin.get(reverse("admin:chain_log_change", args=[log.pk]))
    assert page.status_code == 200
    assert b"Counted" in page.content
    assert admin.post(reverse("admin:chain_log_delete", args=[log.pk])).status_code == 403
