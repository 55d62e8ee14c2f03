"""The audit log: comings and goings, tools and attempts; taken along as a file that does no harm."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from gallery import audit
from gallery.admin.audit import harmless
from gallery.models import AuditEntry

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
LIST = "/admin/gallery/auditentry/"


@pytest.fixture
def root() -> Any:
    cache.clear()
    return get_user_model().objects.create_superuser("root", password="secret")


def told() -> list[tuple[str, str, bool]]:
    return list(AuditEntry.objects.order_by("id").values_list("username", "action", "allowed"))


def test_login_logout_andAFailedLogin_areWrittenDown(client: Client, root: Any) -> None:
    client.post(LOGIN, {"username": "root", "password": "wrong"})
    client.post(LOGIN, {"username": "root", "password": "secret"})
    client.post("/admin/logout/")
    assert told() == [("nobody", "login", False), ("root", "login", True), ("root", "logout", True)]
    failed = AuditEntry.objects.earliest("id")
    assert failed.outcome.startswith("root: wrong password")
    assert failed.target == "from 127.0.0.1"


def test_failedLogin_keepsNoNameThatNobodyHas(client: Client, root: Any) -> None:
    client.post(LOGIN, {"username": "my-password-in-the-wrong-field", "password": "x"})
    assert "my-password" not in str(list(AuditEntry.objects.values()))


def test_failedLogins_ofOneAddress_fillNoTable(client: Client, root: Any) -> None:
    for _ in range(3 * audit.FAILURES_NOTED):
        client.post(LOGIN, {"username": "root", "password": "wrong"})
    assert AuditEntry.objects.count() == audit.FAILURES_NOTED


def test_entries_areNobodysToChangeOrDelete(admin_client: Client) -> None:
    entry = audit.write(None, "pause", "", "Paused.")
    for path, data in (
        (f"{LIST}{entry.pk}/delete/", {"post": "yes"}),
        (f"{LIST}{entry.pk}/change/", {"outcome": "nothing happened"}),
        (f"{LIST}add/", {"outcome": "made up"}),
    ):
        assert admin_client.post(path, data).status_code == 403
    admin_client.post(LIST, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.get(pk=entry.pk).outcome == "Paused."


def test_aUserThatIsDeleted_staysInTheLogByName(root: Any) -> None:
    user = get_user_model().objects.create_user("leaver", password="secret")
    audit.write(user, "pause", "", "Paused.")
    user.delete()
    assert AuditEntry.objects.get(action="pause").username == "leaver"


def rows(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_export_isWhatTheListShows_andIsWrittenDown(admin_client: Client) -> None:
    audit.write(None, "pause", "a", "Paused.")
    audit.write(None, "resume", "b", "Resumed.")
    response = admin_client.get(f"{LIST}export.csv?action__exact=pause")
    assert response["Content-Type"].startswith("text/csv")
    found = rows(response)
    assert [(row["action"], row["target"], row["outcome"]) for row in found] == [("pause", "a", "Paused.")]
    assert AuditEntry.objects.get(action="export").target == "action__exact=pause"
    assert [row["action"] for row in rows(admin_client.get(f"{LIST}export.csv?q=Resumed"))] == ["resume"]


def test_export_withAFilterThatIsNone_isABadRequest(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}export.csv?user__password__startswith=a").status_code == 400


def test_export_holdsNoFormula(admin_client: Client) -> None:
    for text in ('=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", "\t=1", " =1", "\uff1d1"):
        assert harmless(text).startswith("'")
        audit.write(None, "pause", text, text)
    found = [row for row in rows(admin_client.get(f"{LIST}export.csv")) if row["action"] == "pause"]
    assert len(found) == 7
    assert all(row["target"].startswith("'") and row["outcome"].startswith("'") for row in found)
    assert harmless("0x1234 = fine") == "0x1234 = fine"
