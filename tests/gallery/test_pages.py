"""What the artwork's pages tell a visitor, in every state, and that what they claim can be checked."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone

from chain.models import Cursor, Reorganisation
from compute.models import Rendering
from config import urls as site_urls
from gallery import chronicle, freshness, health, status, tasks
from gallery.chronicle import CHAPTERS
from gallery.models import Epoch, Generation
from governance import withholding
from governance.models import Withholding
from studio.recipe import Recipe
from tests.gallery.world import PAINT_PERIOD_S, World

ROOT = Path(__file__).parents[2]
PAGES = ("/", "/lineage/", "/timeline/", "/about/", "/status/", "/proposals/", "/members/")


# A site whose pages fail, for the pages that say so.
def _broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a fault of ours")


def _unreachable(request: HttpRequest) -> HttpResponse:
    raise OperationalError("no way to the database")


urlpatterns = [path("broken/", _broken), path("unreachable/", _unreachable), *site_urls.urlpatterns]
handler500 = site_urls.handler500


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def fail_epoch(world: World) -> None:
    """Let every round of the sealed epoch pass without a painting."""
    world.ticks(lambda: Epoch.objects.filter(draw__isnull=False).exists())
    while not Epoch.objects.filter(failure__isnull=False).exists():
        world.pass_by(PAINT_PERIOD_S + 5)
        world.tick()


# --- A generation -------------------------------------------------------------------------------------


def test_everyHash_isWhatItsCommandPrints(world, client: Client, live_server, tmp_path: Path):
    world.carry({"prompt": 'crystal "shards" $HOME; <b>', "palette": "ice"}, "Ice & <i>snow</i>")
    second = world.next_generation()
    while "crystal" not in world.jobs().latest("pk").recipe["prompt"]:  # its epoch had ended before the vote
        second = world.next_generation()
    programs = f"{ROOT / 'node_modules/.bin'}:{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    for number in (1, second.number):
        page = text(client, f"{live_server.url}/generations/{number}/")
        values = dict(re.findall(r'<code id="hash-(\w+)">(0x[0-9a-f]{64}|b[a-z2-7]{58})</code>', page))
        commands = dict(re.findall(r'<code id="command-(\w+)">([^<]+)</code>', page))
        assert set(values) == set(commands) == {"file", "cid", "pixels", "recipe", "result", "head"}
        for key, command in commands.items():
            if number == 1 and key not in ("file", "recipe"):
                continue
            command = unescape(command).replace("http://testserver", live_server.url)
            said = subprocess.run(  # noqa: S602 - what the page tells a visitor to type
                command, shell=True, cwd=tmp_path, env={**os.environ, "PATH": programs}, capture_output=True
            )
            assert said.returncode == 0, (key, said.stderr)
            out = said.stdout.decode().strip()
            assert out == values[key] or (key == "file" and out.endswith(": OK")), (key, out)
    onchain = world.call("generationOf", second.number)
    assert [values[key] for key in ("file", "result", "head")] == [
        onchain["result"]["fileHash"],
        onchain["resultHash"],
        onchain["head"],
    ]
    # The words of voters are words, wherever they stand, and what they decided is linked.
    assert "Ice &amp; &lt;i&gt;snow&lt;/i&gt;" in page
    assert "crystal &quot;shards&quot; $HOME; &lt;b&gt;" in page
    assert "<i>snow" not in page
    assert "; <b>" not in page
    assert "Who decided" in page
    assert second.log.tx_hash in page
    # The recipe is the painter's own.
    recipe = client.get(f"/generations/{number}/recipe.json")
    job = Rendering.objects.get(recipe_hash=second.recipe_hash)
    assert Recipe.from_json(recipe.content) == Recipe.from_mapping(job.recipe)
    assert client.get(f"/generations/{number}/environment.json").json()["dtype"] == "float32"
    # And the timeline tells how it came about.
    told = {m.kind for chapter in chronicle.chronicle().page.object_list for m in chapter.moments}
    assert {"opened", "carried", "effect", "sealed", "seed", "anchored"} <= told


def test_aFoundingGeneration_saysSo(world, client: Client):
    page = text(client, "/generations/1/")
    assert "Nobody voted: the founders painted it" in page
    assert "From nothing but noise" in page
    assert "The lineage begins here." in page
    assert "Its recipe is not known" not in page
    assert 'property="og:image" content="http://testserver/pictures/' in page


def test_withoutPictureOrRecipe_thePageStillTellsTheHashes(world, client: Client):
    Rendering.objects.all().delete()
    one = Generation.objects.get()
    from compute.models import Picture

    Picture.objects.all().delete()
    page = text(client, "/generations/1/")
    assert "The picture is not kept on this site." in page
    assert "Its recipe is not known on this site" in page
    assert one.file_hash in page
    assert "sha256sum" not in page
    assert "og:image" not in page
    assert client.get("/generations/1/recipe.json").status_code == 404
    assert client.get("/generations/2/").status_code == 404


def test_withheldWords_areNotInTheRecipeEither(world, client: Client, admin_user):
    withholding.withhold(admin_user, Withholding.Kind.WORDS, "misty", "A slogan")
    answer = client.get("/generations/1/recipe.json")
    assert (answer.status_code, answer.json()) == (451, {"withheld": "A slogan"})
    page = text(client, "/generations/1/")
    assert "Words of this recipe are withheld on this site" in page
    assert "misty" not in page
    assert "/generations/1/recipe.json" not in page


# --- The timeline -------------------------------------------------------------------------------------


def test_theTimeline_tellsOfAFailure_andWhereItStands(world, client: Client):
    client.get("/")  # somebody looks, so it does not rest
    world.end_epoch()
    world.ticks(lambda: Epoch.objects.filter(sealing__isnull=False).exists())
    fail_epoch(world)
    newest, oldest = chronicle.chronicle().page.object_list
    assert (str(newest.state), str(oldest.state)) == ("open", "failed")
    kinds = [moment.kind for moment in oldest.moments if moment.kind not in ("rest", "refixed")]
    assert kinds[:3] == ["opened", "sealed", "seed"]
    assert kinds[-1] == "failed"
    assert oldest.moments == sorted(oldest.moments, key=lambda one: one.at)
    page = text(client, "/timeline/")
    assert "Nobody finished a painting in time." in page
    assert "Ended without a picture" in page
    assert "The founding" in page


def test_theTimeline_isToldAPageAtATime(world, client: Client):
    log = Epoch.objects.get().log
    from chain.models import Log

    for number in range(2, CHAPTERS + 3):
        copy = Log.objects.get(pk=log.pk)
        copy.pk, copy.log_index = None, 1000 + number
        copy.save()
        Epoch.objects.create(number=number, ends_at=1, log=copy)
    first, second = text(client, "/timeline/"), text(client, "/timeline/?page=2")
    assert f'id="epoch-{CHAPTERS + 2}"' in first
    assert 'id="epoch-1"' not in first
    assert 'id="epoch-1"' in second
    assert "The founding" not in first
    assert "The founding" in second
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    assert text(client, "/timeline/?epoch=1").count('id="epoch-1"') == 1
    for nonsense in ("?page=999", "?page=x", "?page=-1", "?epoch=x", "?epoch=" + "9" * 400):
        assert client.get("/timeline/" + nonsense).status_code == 200


# --- Freshness and status -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({}, "good", None),
        ({"error": "RpcUnavailable: <no answer>"}, "stopped", "No node of the chain answers"),
        ({"error": "KeyError: <no answer>"}, "stopped", "can’t follow the chain"),
        ({"head_number": 1204}, "behind", "Catching up with the chain"),
        ({"updated_at": timezone.now() - timedelta(minutes=5)}, "silent", "Nothing was heard of the chain"),
    ],
)
def test_everyPage_saysWhenItMayBeBehind(world, client: Client, change, state, words):
    Cursor.objects.update(**change)
    assert freshness.current().state == state
    for address in (*PAGES, "/generations/1/", "/status/line/"):
        page = text(client, address)
        assert f'data-state="{state}"' in page, address
        assert (words in page) if words else 'class="fresh ' not in page, address
        assert "<no answer>" not in page


def test_aReorganisation_isSaidOnEveryPageForAWhile_andKeptOnTheStatusPage(world, client: Client):
    before = Cursor.objects.get().number
    world.rpc.call("anvil_reorg", 2, [])
    world.sync()
    taken = Reorganisation.objects.get()
    assert (taken.number, taken.blocks) == (before - 2, 2)
    assert "The chain took back 2 blocks; this page has been corrected." in text(client, "/about/")
    assert f"2 blocks above block {before - 2}" in text(client, "/status/")
    Reorganisation.objects.update(at=timezone.now() - timedelta(hours=1))
    assert "took back 2" not in text(client, "/about/")
    assert f"2 blocks above block {before - 2}" in text(client, "/status/")


def test_status_saysWhatIsLateAndWhatIsDown(world, client: Client):
    cache.clear()
    tasks.tick()
    assert status.status().words == "Everything works."
    Cursor.objects.update(head_number=10_000)
    told = client.get("/status.json").json()
    assert told["state"] == "late"
    assert told["parts"]["mirror"]["state"] == "late"
    assert told["parts"]["mirror"]["facts"]["blocks behind"]
    cache.delete(health.TICK)
    told = client.get("/status.json").json()
    assert (told["state"], told["parts"]["tick"]["state"]) == ("down", "down")
    page = text(client, "/status/")
    assert "Something is down: mirror and cycle." in page
    assert page.count('<strong class="state"') == len(told["parts"]) - 4  # the mirror has its own section


# --- Nothing yet, nothing there, nothing works ------------------------------------------------------------


def test_anEmptySite_saysWhatWillBeThere(transactional_db, settings, tmp_path: Path, client: Client):
    settings.DEPLOYMENT_FILE = tmp_path / "none.json"
    words = {
        "/": "The first picture will hang here.",
        "/lineage/": "Nothing was painted yet.",
        "/timeline/": "Nothing has happened yet.",
        "/about/": "No deployment was found",
        "/status/": "Something is down",
    }
    for address, expected in words.items():
        page = text(client, address)
        assert expected in page, address
        assert "Nothing was read from the chain yet." in page
    assert client.get("/status.json").json()["state"] == "down"
    assert text(client, "/sitemap.xml").count("<loc>") == 7


def test_errors_haveTheSitesLook(transactional_db, settings, client: Client):
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    for address, code, words in (
        ("/nowhere/", 404, "An empty frame"),
        ("/generations/77/", 404, "An empty frame"),
        ("/broken/", 500, "Something broke"),
        ("/unreachable/", 503, "Closed for a moment"),
    ):
        response = client.get(address)
        assert (response.status_code, words in response.content.decode()) == (code, True), address
        assert "css/murmuration.css" in response.content.decode()
    assert client.get("/unreachable/")["Retry-After"] == "10"
    refused = client.get("/", headers={"Host": "evil.example"})
    assert (refused.status_code, "not understood" in refused.content.decode()) == (400, True)
    strict = Client(enforce_csrf_checks=True)
    denied = strict.post("/signin/out/")
    assert (denied.status_code, "This door is closed" in denied.content.decode()) == (403, True)


def test_whoAsksTooOften_getsAPage_andAScriptItsAnswer(transactional_db, client: Client):
    cache.clear()
    scripts = [client.post("/signin/message/", {"address": "0x"}).status_code for _ in range(31)]
    assert scripts[-1] == 429
    script = client.post("/signin/message/", {"address": "0x"})
    assert script["Content-Type"] == "application/json"
    page = client.post("/signin/message/", {"address": "0x"}, headers={"Accept": "text/html,*/*"})
    assert (page.status_code, page["Retry-After"]) == (429, "60")
    assert "One at a time, please" in page.content.decode()
    cache.clear()


def test_brokenPages_needNoDatabase(settings, client: Client):
    # No database mark on this test: whatever asks the database fails here.
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    assert "Something broke" in client.get("/broken/").content.decode()
    assert "Closed for a moment" in client.get("/unreachable/").content.decode()


def test_forCrawlersAndForSharing(world, client: Client):
    robots = text(client, "/robots.txt")
    assert "Disallow: /admin/" in robots
    assert "Sitemap: http://testserver/sitemap.xml" in robots
    assert "<loc>http://testserver/generations/1/</loc>" in text(client, "/sitemap.xml")
    titles = set()
    for address in PAGES:
        page = text(client, address)
        titles.add(re.search(r"<title>(.*?)</title>", page)[1])
        for part in ('<meta name="description" content="', 'rel="canonical"', 'property="og:title"'):
            assert part in page, (address, part)
        navigation = page.partition('aria-label="Main"')[2].partition("</nav>")[0]
        elsewhere = page.partition("<footer")[2]
        assert (navigation + elsewhere).count('aria-current="page"') == 1, address
        assert page.count("<h1") == 1
    assert len(titles) == len(PAGES)
