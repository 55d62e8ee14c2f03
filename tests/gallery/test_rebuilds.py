"""The mirror is read again from the chain while the site runs; the tick waits for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client

from chain.models import Cursor, Log, ProviderHealth
from gallery import controls, rebuilds, roles
from gallery.models import AuditEntry, Epoch, Generation, Rebuild


@pytest.fixture
def owner(transactional_db: None) -> Any:
    roles.grant(apps, roles.ROLES, roles.HOMES)
    user = get_user_model().objects.create_user("olga", password="secret", is_staff=True)
    user.groups.add(Group.objects.get(name="owner"))
    return user


def page(user: Any) -> str:
    client = Client()
    client.force_login(user)
    return client.get("/admin/gallery/rebuild/status/").content.decode()


def rows() -> list[Any]:
    return [
        list(Log.objects.order_by("block__number", "log_index").values_list("tx_hash", "event", "data")),
        list(Generation.objects.values_list("number", "result_hash")),
        list(Epoch.objects.values_list("number", "ends_at")),
    ]


def test_rebuild_readsEverythingAgain_andTheTickWaits(world, owner):
    before, block = rows(), Cursor.current().number
    controls.use(owner, "rebuild")
    assert AuditEntry.objects.get().action == "rebuild"
    with pytest.raises(controls.Refused, match="already"):
        controls.use(owner, "rebuild")
    from gallery import tasks

    world.end_epoch()  # the open epoch is due, which must not be acted on by half a mirror
    assert tasks.run() == "ok"
    assert Cursor.current() is None
    assert not Log.objects.exists()
    assert "0 %" in page(owner)
    assert tasks.run() == "ok"
    assert world.call("currentEpoch") == 1
    world.sync()
    assert rebuilds.current() is not None
    assert tasks.run() == "ok"
    done = Rebuild.objects.get()
    assert done.ended_at is not None
    assert (done.logs_before, done.logs_after, done.by) == (len(before[0]), len(before[0]), "olga")
    assert done.upto >= block
    assert rows() == before
    assert "Reading again" not in page(owner)


def test_rebuild_withoutANode_leavesTheMirrorAsItIs(world, owner, settings):
    from chain.rpc import RpcUnavailable

    before = rows()
    rebuilds.ask("olga")
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    with pytest.raises(RpcUnavailable):
        rebuilds.advance()
    assert rows() == before
    assert "RpcUnavailable" in Rebuild.objects.get().error
    assert "RpcUnavailable" in page(owner)


def test_status_tellsHowFarItHasCome_whichNodeIsDown_andWhatKeepsIt(world, owner):
    head = Cursor.objects.get().head_number
    values = {"state": "resting", "failures": 3, "error": "<it> did not answer in time", "head_number": head}
    ProviderHealth.objects.create(name="https://node.example", place=0, **values)
    Cursor.objects.update(head_number=head + 1000)
    found = page(owner)
    assert re.search(r'<progress value="\d+" max="100" aria-label="Caught up">', found)
    assert "blocks" in found
    assert "https://node.example" in found
    assert "&lt;it&gt; did not answer in time" in found
    assert "data-poll" in found
    Cursor.objects.update(error="RpcUnavailable: no answer from https://node.example")
    assert "another node&#x27;s address can be added to CHAIN_RPC_URL" in page(owner)


def test_status_tellsWhereTheMirrorStands(world, owner):
    text = page(owner)
    cursor = Cursor.current()
    assert cursor.hash in text
    assert "GenerationAnchored" in text
    assert f"<td>{cursor.finalized_number}</td>" in text
