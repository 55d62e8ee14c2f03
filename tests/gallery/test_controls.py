"""What an operator may do, and that every use and every attempt is written down."""

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from chain import clock
from gallery import controls, roles
from gallery.models import AuditEntry, Control, Epoch
from live import presence

ADDRESS = "/admin/gallery/epoch/controls/"


@pytest.fixture
def users(transactional_db):
    """A viewer who may look, an operator who may use every control, and nobody's friend."""
    manager = get_user_model().objects
    made = {
        name: manager.create_user(name, password="secret", is_staff=name != "stranger")
        for name in ("viewer", "operator", "stranger")
    }
    roles.grant(apps, roles.ROLES, roles.HOMES)  # emptied tables took the groups along
    made["viewer"].groups.add(Group.objects.get(name="viewer"))
    made["operator"].groups.add(Group.objects.get(name="owner"))
    return made


def as_user(user) -> Client:
    client = Client(enforce_csrf_checks=False)
    client.force_login(user)
    return client


def last() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


def test_page_showsTheEpochAndItsControls(world, users):
    page = as_user(users["operator"]).get(ADDRESS)
    text = page.content.decode()
    assert page.status_code == 200
    assert "Epoch 1: open" in text
    assert "Fast-forward" in text
    assert "<script>" not in text
    assert " style=" not in text
    assert "Nothing needs attention" not in text  # no tick has run, and the page says so
    assert "The tick has not run" in text


def test_page_viewerSeesNoButtons(world, users):
    text = as_user(users["viewer"]).get(ADDRESS).content.decode()
    assert "Epoch 1: open" in text
    assert 'name="action"' not in text


def test_page_strangersAreSentToTheLogin(world, users):
    for client in (Client(), as_user(users["stranger"])):
        response = client.get(ADDRESS)
        assert response.status_code == 302
        assert "/login/" in response["Location"]


def test_control_isAskedForConfirmedThenDoneAndWrittenDown(world, users):
    client = as_user(users["operator"])
    asked = client.post(ADDRESS, {"action": "pause", "argument": "Hanging day"})
    assert asked.status_code == 200
    assert "Hanging day" in asked.content.decode()
    assert not Control.get().paused
    done = client.post(
        ADDRESS, {"action": "pause", "argument": "Hanging day", "confirmed": "yes"}, follow=True
    )
    assert Control.get().paused
    assert "Paused." in done.content.decode()
    entry = last()
    assert (entry.username, entry.action, entry.target, entry.allowed) == (
        "operator",
        "pause",
        "Hanging day",
        True,
    )


def test_control_withoutThePermission_isRefusedAndWrittenDown(world, users):
    response = as_user(users["viewer"]).post(ADDRESS, {"action": "pause", "confirmed": "yes"})
    assert response.status_code == 403
    assert not Control.get().paused
    entry = last()
    assert (entry.username, entry.action, entry.allowed) == ("viewer", "pause", False)
    assert "denied" in entry.outcome


def test_control_needsTheCsrfToken(world, users):
    client = Client(enforce_csrf_checks=True)
    client.force_login(users["operator"])
    assert client.post(ADDRESS, {"action": "pause", "confirmed": "yes"}).status_code == 403
    assert not Control.get().paused


def test_seal_beforeItsTime_saysHowLong(world, users):
    with pytest.raises(controls.Refused, match=r"open for another .*the contract refuses before"):
        controls.use(users["operator"], "seal")
    assert last().outcome.startswith("refused:")


def test_seal_wakesTheArtworkAtRest(world, users):
    world.end_epoch()
    world.tick()
    assert world.call("currentEpoch") == 1
    controls.use(users["operator"], "seal")
    world.ticks(lambda: world.call("currentEpoch") == 2, most=4)
    with pytest.raises(controls.Refused, match=r"Epoch 1 is (sealed|seeded) and not finished"):
        controls.use(users["operator"], "seal")


def test_cancelAndRetry_actOnTheCurrentPainting(world, users, monkeypatch):
    monkeypatch.setattr(presence, "visitors", lambda now=None: 1)
    with pytest.raises(controls.Refused, match="no painting"):
        controls.use(users["operator"], "cancel")
    world.end_epoch()
    world.ticks(lambda: world.jobs().exists())
    controls.use(users["operator"], "cancel")
    assert world.jobs().get().state == "cancelled"
    with pytest.raises(controls.Refused, match="cancelled already"):
        controls.use(users["operator"], "cancel")
    controls.use(users["operator"], "retry")
    assert world.paint() == ["painted"]
    with pytest.raises(controls.Refused, match="painted"):
        controls.use(users["operator"], "retry")
    world.ticks(world.generation(2))


def test_forward_movesTheClockAndTheNextDeadlineIsReached(world, users):
    before = clock.now()
    controls.use(users["operator"], "forward", "3600")
    assert clock.now() - before >= 3600
    world.sync()
    for wrong in ("", "soon", "0", "-5", "99999999999"):
        with pytest.raises(controls.Refused):
            controls.use(users["operator"], "forward", wrong)


def test_deadline_jumpsToTheEndOfTheEpoch(world, users):
    ends = Epoch.objects.first().ends_at
    controls.use(users["operator"], "deadline")
    assert ends <= clock.now() <= ends + 2
    with pytest.raises(controls.Refused, match="No deadline"):
        controls.use(users["operator"], "deadline")


def test_forward_isForPrivateChainsOnly(world, users, settings):
    settings.PRIVATE_CHAIN = False
    assert not [action for action in controls.available(users["operator"]) if action.private_only]
    with pytest.raises(controls.Refused, match="private chain"):
        controls.use(users["operator"], "forward", "10")


def test_admin_derivedRowsCanOnlyBeLookedAt(world, users, admin_client):
    ours = [f"gallery/{model}" for model in ("epoch", "generation", "auditentry", "sealing", "round")]
    for model in (*ours, "compute/rendering", "compute/picture", "compute/commitment", "compute/vow"):
        assert admin_client.get(f"/admin/{model}/").status_code == 200, model
        assert admin_client.get(f"/admin/{model}/add/").status_code == 403, model
    change = admin_client.get("/admin/gallery/epoch/1/change/")
    assert change.status_code == 200
    assert 'name="_save"' not in change.content.decode()
