"""Pictures are kept under their hash, shown in a few sizes, and served so that they are fetched once."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.test import Client
from PIL import Image

from compute import pictures
from compute.models import Picture
from compute.storage import ContentStorage, picture_storage, stored_name

pytestmark = pytest.mark.django_db


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_keep_givesBackTheCanonicalFileThatTheHashNames(colours):
    picture = pictures.keep(colours)
    canonical = pictures.canonical(picture)
    assert "0x" + hashlib.sha256(canonical).hexdigest() == picture.file_hash
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(canonical))), colours)
    assert (picture.width, picture.height) == (128, 96)


def test_keep_twiceIsOnce(colours, media):
    first = pictures.keep(colours)
    before = files(media)
    assert pictures.keep(colours) == first
    assert files(media) == before
    assert Picture.objects.count() == 1


def test_keep_makesAFileThatWasLostAgain(colours):
    picture = pictures.keep(colours)
    Path(picture.file.path).unlink()
    assert pictures.canonical(pictures.keep(colours))


def test_aSmallPicture_hasOneDisplayFileForEverySize(colours, media):
    picture = pictures.keep(colours)
    pictures.prepare(picture, colours)
    assert {pictures.display(picture, size) for size in pictures.SIZES} == {pictures.display(picture, 160)}
    assert len([name for name in files(media) if name.endswith(".webp")]) == 1


def test_display_isNeverLargerThanAskedForNorThanThePicture():
    wide = np.zeros((640, 1024, 3), np.uint8)
    picture = pictures.keep(wide)
    sizes = {size: Image.open(io.BytesIO(pictures.display(picture, size))).size for size in pictures.SIZES}
    assert sizes == {160: (160, 100), 512: (512, 320), 1024: (1024, 640)}


def test_display_isMadeAgainWhenItIsMissing(colours, media):
    picture = pictures.keep(colours)
    pictures.prepare(picture, colours)
    for name in files(media):
        if name.endswith(".webp"):
            (media / name).unlink()
    assert pictures.display(picture, 512).startswith(b"RIFF")


def test_aDamagedFile_isNoticedNotServed(colours):
    picture = pictures.keep(colours)
    other = colours.copy()
    other[0, 0] ^= 1
    Image.fromarray(other).save(picture.file.path)
    with pytest.raises(pictures.PictureDamaged):
        pictures.canonical(picture)


def test_storage_leavesNothingBehindWhenWritingFails(media):
    class Broken(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        ContentStorage().save(stored_name("0x" + "ab" * 32, ".png"), Broken(b"half"))
    assert files(media) == []


def test_storage_keepsWhatIsThere():
    name = stored_name("0x" + "ab" * 32, ".png")
    storage = picture_storage()
    assert storage.save(name, ContentFile(b"one")) == storage.save(name, ContentFile(b"two")) == name
    with storage.open(name) as file:
        assert file.read() == b"one"


def test_preview_isTooSmallToBeCopied():
    data = pictures.preview(Image.new("RGB", (512, 384)))
    assert Image.open(io.BytesIO(data)).size == (160, 120)


def test_original_isServedAsTheFileThatTheChainNames(client: Client, colours):
    picture = pictures.keep(colours)
    response = client.get(f"/pictures/{picture.file_hash}/original.png")
    assert "0x" + hashlib.sha256(response.content).hexdigest() == picture.file_hash
    assert response["Content-Type"] == "image/png"


def test_picture_isKeptByCachesAndAskedForWithoutABody(client: Client, colours):
    picture = pictures.keep(colours)
    address = f"/pictures/{picture.file_hash}/512.webp"
    response = client.get(address)
    assert response.status_code == 200
    assert response["Cache-Control"] == "public, no-cache"
    again = client.get(address, headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["513.webp", "512.png", "0.webp", "original.webp"])
def test_picture_hasNoOtherSizes(client: Client, colours, path):
    picture = pictures.keep(colours)
    assert client.get(f"/pictures/{picture.file_hash}/{path}").status_code == 404


def test_picture_thatIsNotKeptIsNotFound(client: Client):
    assert client.get(f"/pictures/0x{'00' * 32}/512.webp").status_code == 404
