"""Three roles, and what each may do: on every page of the admin, and with every control."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from gallery import controls, roles, withheld
from gallery.models import AuditEntry, Control
from governance.models import Withholding

pytestmark = pytest.mark.django_db

ROLES = ("viewer", "operator", "owner")
MODELS = sorted(
    (model._meta.app_label, model._meta.model_name or "")
    for model in admin.site._registry
    if model is not User
)


def person(role: str) -> User:
    roles.grant(apps, roles.ROLES, roles.HOMES)  # a test that empties the tables takes the groups along
    user = get_user_model().objects.create_user(f"the-{role}", password="secret", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return get_user_model().objects.get(pk=user.pk)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("role", ROLES)
def test_migration_madeTheGroupsThatTheTableSays(role: str) -> None:
    found = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    assert {f"{app}.{codename}" for app, codename in found} == roles.ROLES[role]


def test_viewer_seesEveryModelThatTheAdminHas() -> None:
    registered = {f"{model._meta.app_label}.view_{model._meta.model_name}" for model in admin.site._registry}
    assert registered == roles.VIEWER


def test_noRole_mayAddChangeOrDeleteAnyRowButUsers() -> None:
    changing = {
        name for name in roles.OWNER if name.split(".")[1].split("_")[0] in ("add", "change", "delete")
    }
    assert changing == {"auth.add_user", "auth.change_user"}


@pytest.mark.parametrize("role", [*ROLES, "superuser"])
def test_everyList_isReadAndNothingIsAddedByHand(role: str) -> None:
    if role == "superuser":
        user = get_user_model().objects.create_superuser("root", password="secret")
    else:
        user = person(role)
    client = signed_in(user)
    for app, model in MODELS:
        assert client.get(reverse(f"admin:{app}_{model}_changelist")).status_code == 200, model
        assert client.get(reverse(f"admin:{app}_{model}_add")).status_code == 403, model
    adding = client.get(reverse("admin:auth_user_add")).status_code
    assert adding == (200 if role in ("owner", "superuser") else 403)
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_pagesOfOurOwn_areOpenToEveryRole(role: str) -> None:
    client = signed_in(person(role))
    for name in ("index", "gallery_epoch_controls", "gallery_rebuild_status", "gallery_auditentry_export"):
        assert client.get(reverse(f"admin:{name}")).status_code == 200, name
    asks = client.get(reverse("admin:governance_withholding_withhold")).status_code
    assert asks == (403 if role == "viewer" else 200)


ALLOWED = {
    "viewer": set(),
    "operator": {"seal", "retry", "cancel", "repaint", "leave"},
    "owner": set(controls.ACTIONS),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(controls.ACTIONS))
def test_everyControl_obeysItsRoleAndIsWrittenDown(role: str, name: str, settings: Any) -> None:
    user = person(role)
    settings.PRIVATE_CHAIN = False  # so that nothing is asked of a chain that is not there
    settings.DEPLOYMENT_FILE = settings.VAR_DIR / "no-deployment.json"
    if name in ALLOWED[role]:
        try:
            controls.use(user, name, "1")
        except controls.Refused:
            assert AuditEntry.objects.get().outcome.startswith("refused")
    else:
        with pytest.raises(PermissionDenied):
            controls.use(user, name, "1")
        assert "denied" in AuditEntry.objects.get().outcome
        assert not Control.get().paused
    entry = AuditEntry.objects.get()
    assert (entry.username, entry.action, entry.allowed) == (user.username, name, name in ALLOWED[role])


@pytest.mark.parametrize("role", ROLES)
def test_buttons_areThoseThatTheRoleMayUse(role: str, settings: Any) -> None:
    settings.PRIVATE_CHAIN = True
    user = person(role)
    pages = (controls.CYCLE_PAGE, controls.GENERATION_PAGE, controls.CHAIN_PAGE)
    assert {action.name for page in pages for action in controls.available(user, page)} == ALLOWED[role]


@pytest.mark.parametrize("role", ROLES)
def test_withholding_isForOperators(role: str) -> None:
    user = person(role)
    if role == "viewer":
        with pytest.raises(PermissionDenied):
            withheld.withhold(user, "words", "mean word", "A slur")
        assert "denied" in AuditEntry.objects.get().outcome
        assert not Withholding.objects.exists()
        return
    withheld.withhold(user, "words", "mean word", "A slur")
    withheld.lift(user, Withholding.objects.get().pk)
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["withhold", "lift"]


def test_owner_givesARole_whichIsWrittenDown_butMakesNoSuperuser() -> None:
    owner = person("owner")
    new = get_user_model().objects.create_user("nadia", password="secret", is_staff=True)
    viewer = Group.objects.get(name="viewer")
    form = {
        "username": "nadia",
        "is_active": "on",
        "is_staff": "on",
        "groups": [viewer.pk],
        "is_superuser": "on",
    }
    response = signed_in(owner).post(reverse("admin:auth_user_change", args=[new.pk]), form)
    assert response.status_code == 302
    new.refresh_from_db()
    assert list(new.groups.all()) == [viewer]
    assert not new.is_superuser
    entry = AuditEntry.objects.get(action="change role")
    assert (entry.username, entry.target, entry.outcome) == ("the-owner", "nadia", "roles none → viewer.")


def test_owner_touchesNoSuperuser_norTheRolesThemselves() -> None:
    owner = person("owner")
    root = get_user_model().objects.create_superuser("root", password="secret")
    client = signed_in(owner)
    change = reverse("admin:auth_user_change", args=[root.pk])
    assert 'name="_save"' not in client.get(change).content.decode()
    assert client.post(change, {"username": "root", "is_active": ""}).status_code == 403
    assert client.post(reverse("admin:auth_user_password_change", args=[root.pk]), {}).status_code == 403
    group = reverse("admin:auth_group_change", args=[Group.objects.get(name="viewer").pk])
    assert client.post(group, {"name": "viewer"}).status_code == 403
    assert client.post(reverse("admin:auth_user_delete", args=[owner.pk])).status_code == 403


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_othersChangeNobody(role: str) -> None:
    user = person(role)
    client = signed_in(user)
    form = {"username": user.username, "is_active": "on", "is_staff": "on", "groups": []}
    assert client.post(reverse("admin:auth_user_change", args=[user.pk]), form).status_code == 403
    assert user.groups.get().name == role
