"""A picture that is withheld is shown nowhere on this site, and its hashes everywhere."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from compute import pictures
from gallery.models import Generation
from governance import withholding
from governance.models import Withholding

REASON = "By order of <b>a court</b>"
HTML = {"Accept": "text/html,*/*"}


@pytest.fixture
def operator(transactional_db: None):
    return get_user_model().objects.create_superuser("olga", password="secret")


def test_addresses_answer451_andACachedCopyIsNotConfirmed(client: Client, colours, operator):
    picture = pictures.keep(colours)
    addresses = [f"/pictures/{picture.file_hash}/{name}" for name in ("512.webp", "160.webp", "original.png")]
    tags = {address: client.get(address)["ETag"] for address in addresses}
    row = withholding.withhold(operator, "picture", picture.file_hash, REASON)
    for address in addresses:
        response = client.get(address, headers={"If-None-Match": tags[address]})
        assert (response.status_code, response["Cache-Control"]) == (451, "no-store")
        assert response["Content-Type"].startswith("image/svg+xml")
        assert "By order of &lt;b&gt;a court" in response.content.decode()
    page = client.get(addresses[2], headers=HTML)
    assert page.status_code == 451
    assert picture.file_hash in page.content.decode()
    assert "By order of &lt;b&gt;a court" in page.content.decode()
    withholding.lift(operator, row.pk)
    assert [client.get(address).status_code for address in addresses] == [200, 200, 200]


def test_pages_showAnEmptyFrameWithTheReason_andTheHashes(world, client: Client, operator):
    one = Generation.objects.get()
    withholding.withhold(operator, "picture", one.file_hash, REASON)
    for path in ("/", "/now/label/", "/lineage/", "/generations/1/"):
        text = client.get(path).content.decode()
        assert "By order of &lt;b&gt;a court" in text, path
        assert f"/pictures/{one.file_hash}" not in text, path
    assert one.file_hash in client.get("/generations/1/").content.decode()


def test_words_areHiddenWhereverThePageShowsThem(world, client: Client, operator):
    before = client.get("/generations/1/").content.decode()
    assert before.count("misty ridges") > 1
    withholding.withhold(operator, "words", "Misty Ridges", "A slogan")
    for path in ("/", "/now/label/", "/lineage/", "/generations/1/"):
        text = client.get(path).content.decode()
        assert "isty ridges" not in text, path
        assert withholding.PLACEHOLDER in text, path
    withholding.lift(operator, Withholding.objects.get().pk)
    assert client.get("/generations/1/").content.decode().count("misty ridges") == before.count(
        "misty ridges"
    )
