"""Pictures from others: asked for where they are missing, believed only when they hash to their name."""

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from eth_utils.crypto import keccak

from chain.models import Cursor
from compute import mirrors, pictures, rendering
from compute.models import Attestation, Picture, Rendering
from gallery import keeping
from gallery.models import Generation
from governance.models import Withholding
from live import presence
from studio import picture as studio_picture
from studio.recipe import Recipe
from tests.compute import hosts
from tests.compute.hosts import Answer, Host

State = Rendering.State


@pytest.fixture(autouse=True)
def _rested() -> Iterator[None]:
    cache.clear()
    mirrors.forget()
    yield
    mirrors.forget()


@pytest.fixture
def mirror(settings) -> Iterator[Callable[[Answer], Host]]:
    """Start a mirror and name it in the settings, after those that were started before."""
    made: list[Host] = []

    def start(answer: Answer) -> Host:
        made.append(Host(answer))
        settings.LINEAGE_MIRRORS = " ".join(one.url for one in made)
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is looking, so that the artwork does not rest."""
    monkeypatch.setattr(presence, "visitors", lambda now=None: 1)


def painted(shade: int, side: int = 64) -> tuple[str, bytes]:
    """A picture that is kept nowhere: its file hash and its canonical file."""
    data = studio_picture.canonical_png(np.full((side, side, 3), (shade, 60, 90), np.uint8))
    return studio_picture.file_hash(data), data


def keeps(*files: bytes) -> Answer:
    """A mirror that serves these, each under its hash."""
    known = {f"/lineage/{studio_picture.file_hash(data)}": data for data in files}

    def answer(line, path: str) -> None:
        if path in known:
            line.sendall(hosts.head(length=len(known[path])) + known[path])
        else:
            line.sendall(hosts.head(404, "text/plain", 0))

    return answer


@pytest.mark.django_db
def test_the_first_mirror_that_has_it_gives_it(mirror):
    name, data = painted(1)
    first, second, third = mirror(keeps()), mirror(keeps(data)), mirror(keeps(data))
    picture = mirrors.fetch(name)
    assert (picture.file_hash, picture.width) == (name, 64)
    assert pictures.canonical(picture) == data
    assert (len(first.asked), len(second.asked), third.asked) == (1, 1, [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        hosts.gives(painted(2)[1]),
        hosts.gives(painted(1)[1][:-1]),
        hosts.gives(b"<html>", kind="text/html"),
        hosts.gives(b"", status=302, Location="http://127.0.0.1:1/"),
        hosts.says(hosts.head(length=10**9)),
        hosts.endless,
        hosts.says(b""),
    ],
    ids=["another", "short", "page", "elsewhere", "large", "endless", "nothing"],
)
def test_a_mirror_that_lies_is_passed_over(mirror, answer: Answer):
    name, data = painted(1)
    mirror(answer)
    mirror(keeps(data))
    assert mirrors.fetch(name).file_hash == name
    assert Picture.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG no picture at all, but what the chain names",
        studio_picture.write(np.zeros((64, 64, 3), np.uint8)),
        painted(1)[1] + b"more",
        painted(1)[1][:16] + (8000).to_bytes(4, "big") * 2 + painted(1)[1][24:],
    ],
    ids=["no-picture", "compressed", "longer", "bomb"],
)
def test_what_the_chain_names_and_is_no_canonical_picture_is_not_kept(mirror, data: bytes):
    mirror(keeps(data))
    with pytest.raises(mirrors.Missing, match="no canonical picture"):
        mirrors.fetch(studio_picture.file_hash(data))
    assert not Picture.objects.exists()


@pytest.mark.django_db
def test_who_was_asked_and_what_each_said_is_told(mirror, settings):
    name, _data = painted(1)
    withheld, empty = mirror(hosts.gives(b"A court.", status=451, kind="text/plain")), mirror(keeps())
    with pytest.raises(mirrors.Missing) as missing:
        mirrors.fetch(name)
    assert str(missing.value) == (
        f"The picture {name} is not kept here, and no mirror gave it: {withheld.url} withholds it: A court.; "
        f"{empty.url} does not have it."
    )
    settings.LINEAGE_MIRRORS = ""
    with pytest.raises(mirrors.Missing, match="LINEAGE_MIRRORS names nobody"):
        mirrors.fetch(name)


@pytest.mark.django_db
def test_a_mirror_that_does_not_answer_is_left_alone_by_who_is_in_no_hurry(mirror):
    name, data = painted(1)
    silent, good = mirror(hosts.says(b"")), mirror(keeps(data))
    other, more = painted(2)
    assert mirrors.fetch(name, hurry=False).file_hash == name
    assert len(silent.asked) == 1
    with pytest.raises(mirrors.Missing, match="is not asked again yet"):
        mirrors.fetch(other, hurry=False)
    assert len(silent.asked) == 1
    silent.answer = keeps(more)
    assert mirrors.fetch(other).file_hash == other
    assert len(good.asked) == 3, "the one that answered is asked first"


@pytest.mark.django_db
def test_a_damaged_picture_is_had_again(mirror, media):
    name, data = painted(1)
    mirror(keeps(data))
    row = mirrors.fetch(name)
    (media / row.file.name).write_bytes(b"rot")
    assert np.asarray(mirrors.image(name)).tolist() == np.full((64, 64, 3), (1, 60, 90)).tolist()
    assert pictures.canonical(row) == data


# --- A parent that is missing --------------------------------------------------------------------------


def test_a_missing_parent_is_fetched_and_painted_over(world, watched, mirror, settings):
    ground = Generation.objects.get()
    data = pictures.canonical(Picture.objects.get())
    Rendering.objects.update(picture=None)
    Picture.objects.all().delete()
    server = mirror(keeps(data))

    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    settings.LINEAGE_MIRRORS = ""
    assert world.paint() == [State.QUEUED]
    job = Rendering.objects.get(epoch_number=1)
    assert (job.attempts, job.state) == (0, State.QUEUED), "to wait for a picture is no attempt"
    assert f"{ground.file_hash} is not kept here" in rendering.trouble(job)
    assert "LINEAGE_MIRRORS" in world.tick()

    settings.LINEAGE_MIRRORS = server.url
    Rendering.objects.filter(pk=job.pk).update(due_at=job.created_at)
    assert world.paint() == [State.PAINTED]
    world.ticks(world.generation(2))
    assert Recipe.from_mapping(job.recipe).parent_file == ground.file_hash
    assert Picture.objects.filter(file_hash=ground.file_hash).exists()


def test_a_painter_that_waits_for_a_mirror_can_be_cancelled(world, watched, mirror):
    Rendering.objects.update(picture=None)
    Picture.objects.all().delete()
    mirror(hosts.silent)
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    job = Rendering.objects.get(epoch_number=1)
    from threading import Thread

    from django.db import connection

    states: list[str] = []

    def paint() -> None:
        states.append(rendering.paint(job.pk))
        connection.close()

    thread = Thread(target=paint)
    thread.start()
    while not Rendering.objects.filter(pk=job.pk, state=State.PAINTING).exists():
        pass
    assert rendering.cancel(job)
    thread.join(20)
    assert states == [State.CANCELLED]


# --- The whole lineage ---------------------------------------------------------------------------------


def anchored(world, shade: int) -> None:
    """A generation that nobody took the trouble to paint."""
    number = Generation.objects.count() + 1
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    picture = pictures.keep(np.full((64, 64, 3), (shade, 60, 90), np.uint8))
    Rendering.objects.claimable().update(state=State.PAINTED, picture=picture)
    world.ticks(world.generation(number))


def test_the_lineage_is_completed_in_the_background_parents_first(world, watched, mirror, monkeypatch):
    for shade in (1, 2):
        anchored(world, shade)
    files = [one.file_hash for one in Generation.objects.order_by("number")]
    data = {name: pictures.canonical(Picture.objects.get(file_hash=name)) for name in files}
    Rendering.objects.update(picture=None)
    Picture.objects.all().delete()
    sent: list[list[str]] = []
    monkeypatch.setattr("compute.tasks.complete.apply_async", lambda args, **options: sent.append(args[0]))
    assert keeping.complete() == 0, "without mirrors nobody is asked"
    server = mirror(keeps(data[files[0]], data[files[2]]))
    final = Cursor.objects.get().finalized_number
    assert keeping.complete() == Generation.objects.filter(log__block__number__lte=final).count()
    assert keeping.complete() == 0, "not so often"
    world.chain.mine(3)
    world.sync()
    cache.clear()
    assert keeping.complete() == 3
    assert sent[-1] == files

    assert mirrors.complete(sent[-1]) == 2
    assert server.asked == [f"/lineage/{name}" for name in files]
    assert list(keeping.missing()) == [], "what nobody has is not asked for again at once"
    cache.clear()
    assert list(keeping.missing()) == [files[1]]
    server.answer = keeps(*data.values())
    assert mirrors.complete(files) == 1
    assert [pictures.canonical(Picture.objects.get(file_hash=name)) for name in files] == list(data.values())


def test_a_painting_that_waits_goes_first(world, mirror):
    name, data = painted(3)
    server = mirror(keeps(data))
    Rendering.objects.create(recipe_hash="0x" + "01" * 32, epoch_number=9, recipe={}, steps=1)
    assert mirrors.complete([name]) == 0
    assert server.asked == []


# --- Serving -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_picture_is_served_under_its_hash(client: Client, colours):
    picture = pictures.keep(colours)
    address = f"/lineage/{picture.file_hash}"
    answer = client.get(address)
    assert studio_picture.file_hash(answer.content) == picture.file_hash
    assert answer["Content-Type"] == "image/png"
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    again = client.get(address, headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.post(address).status_code == 405


@pytest.mark.django_db
def test_a_withheld_picture_is_refused_with_the_reason(client: Client, colours):
    picture = pictures.keep(colours)
    Withholding.objects.create(kind="picture", subject=picture.file_hash, reason="A court.", by="ines")
    answer = client.get(f"/lineage/{picture.file_hash}", headers={"if-none-match": f'"{picture.file_hash}"'})
    assert (answer.status_code, answer.content) == (451, b"Withheld here: A court.\n")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_what_is_not_kept_or_damaged_is_not_found(client: Client, colours, media):
    assert client.get("/lineage/0x" + "00" * 32).status_code == 404
    assert client.get("/lineage/0xzz").status_code == 404
    picture = pictures.keep(colours)
    (media / picture.file.name).write_bytes(studio_picture.write(np.zeros((96, 128, 3), np.uint8)))
    answer = client.get(f"/lineage/{picture.file_hash}")
    assert (answer.status_code, answer["Cache-Control"]) == (404, "no-store")


@pytest.mark.django_db
def test_an_attestation_is_served_under_its_hash(client: Client):
    body = '{"seconds":"9.1","words":"é"}'
    name = "0x" + keccak(body.encode()).hex()
    Attestation.objects.create(
        manifest_hash=name, body=body, worker="0x" + "01" * 20, epoch=1, recipe_hash="0x" + "02" * 32
    )
    answer = client.get(f"/attestations/{name}")
    assert "0x" + keccak(answer.content).hex() == name
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client.get("/attestations/0x" + "00" * 32).status_code == 404


def test_the_deployment_file_is_served_as_it_is(world, client: Client, settings):
    answer = client.get("/deployment.json")
    assert answer.json() == json.loads(settings.DEPLOYMENT_FILE.read_text())
    settings.DEPLOYMENT_FILE = settings.DEPLOYMENT_FILE.with_name("none.json")
    assert client.get("/deployment.json").status_code == 404
