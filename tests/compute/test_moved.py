"""A database from before there was an app of the painters keeps its pictures, paintings and permissions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from compute.models import Picture, Rendering
from gallery.roles import grant

FILE, RECIPE = "0x" + "ab" * 32, "0x" + "cd" * 32


@pytest.fixture
def old_database(transactional_db: None) -> Iterator[Any]:
    """The apps as they were: pictures and paintings are the gallery's."""
    call_command("migrate", "compute", "zero", verbosity=0)
    was = [("gallery", "0006_lean_indexes"), ("auth", "0012_alter_user_first_name_max_length")]
    then = MigrationExecutor(connection).loader.project_state(was).apps
    # Tests that empty all tables take the groups of the migrations along.
    grant(then, {"viewer": {"gallery.view_picture", "gallery.view_rendering"}}, {})
    yield then
    call_command("migrate", verbosity=0)


def seen_by_viewers() -> set[tuple[str, str]]:
    viewer = Group.objects.get(name="viewer")
    found = viewer.permissions.values_list("content_type__app_label", "codename")
    return {(app, name) for app, name in found if name in ("view_picture", "view_rendering")}


def test_what_is_in_the_tables_stays_and_permissions_come_along(old_database: Any) -> None:
    picture = old_database.get_model("gallery", "Picture").objects.create(
        file_hash=FILE, pixel_hash=FILE, thumb_hash=FILE, width=64, height=32, file="pictures/ab/x.png"
    )
    old_database.get_model("gallery", "Rendering").objects.create(
        recipe_hash=RECIPE, epoch_number=3, recipe={"seed": 7}, state="painted", picture=picture
    )
    assert seen_by_viewers() == {("gallery", "view_picture"), ("gallery", "view_rendering")}
    kind = ContentType.objects.get(app_label="gallery", model="picture")
    person = User.objects.create(username="ines")
    LogEntry.objects.create(user=person, content_type=kind, object_id=FILE, action_flag=2)

    call_command("migrate", verbosity=0)

    kept = Rendering.objects.select_related("picture").get(recipe_hash=RECIPE)
    assert (kept.recipe, kept.picture.width, kept.picture.file.name) == ({"seed": 7}, 64, "pictures/ab/x.png")
    assert seen_by_viewers() == {("compute", "view_picture"), ("compute", "view_rendering")}
    assert not ContentType.objects.filter(app_label="gallery", model__in=["picture", "rendering"]).exists()
    assert LogEntry.objects.get().get_edited_object() == Picture.objects.get(pk=FILE)


@pytest.mark.slow
def test_and_back_again(old_database: Any) -> None:
    call_command("migrate", verbosity=0)
    Picture.objects.create(
        file_hash=FILE, pixel_hash=FILE, thumb_hash=FILE, width=64, height=32, file="pictures/ab/x.png"
    )
    call_command("migrate", "compute", "zero", verbosity=0)

    assert old_database.get_model("gallery", "Picture").objects.get().width == 64
    assert seen_by_viewers() == {("gallery", "view_picture"), ("gallery", "view_rendering")}
