"""A model is what its files are: edited weights are another model, an edited card is not."""

import shutil

import pytest

from studio.models import UnknownModel, files_digest, resolve


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "one"
    (root / "unet").mkdir(parents=True)
    (root / "unet" / "weights.safetensors").write_bytes(b"\1\2\3")
    (root / "model_index.json").write_text("{}")
    return root


def test_a_copy_has_the_same_id(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "elsewhere" / "copy")
    assert files_digest(copy) == files_digest(folder)


def test_the_digest_is_the_documented_one(folder):
    import hashlib

    lines = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("model_index.json", "unet/weights.safetensors")
    )
    assert files_digest(folder) == "0x" + hashlib.sha256(b"MODEL_FILES_V1\n" + lines.encode()).hexdigest()


def test_a_changed_added_or_moved_file_is_another_model(folder):
    seen = {files_digest(folder)}
    (folder / "unet" / "weights.safetensors").write_bytes(b"\1\2\4")
    seen.add(files_digest(folder))
    (folder / "extra.json").write_text("{}")
    seen.add(files_digest(folder))
    (folder / "extra.json").rename(folder / "unet" / "extra.json")
    seen.add(files_digest(folder))
    assert len(seen) == 4


def test_prose_and_hidden_files_do_not_count(folder):
    before = files_digest(folder)
    (folder / "README.md").write_text("a better card")
    (folder / "LICENSE").write_text("Apache-2.0")
    (folder / ".gitattributes").write_text("* -text")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "lock").write_text("")
    assert files_digest(folder) == before


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(FileNotFoundError):
        files_digest(tmp_path)


def test_an_id_resolves_to_the_allowed_folder_that_holds_it(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "model_index.json").write_text("[]")
    assert resolve(files_digest(other), [folder, other]) == other
    assert resolve(files_digest(other), {"a": folder, "b": str(other)}) == other


def test_an_id_that_is_not_allowed_is_refused_with_what_is(folder):
    with pytest.raises(UnknownModel, match="one is 0x"):
        resolve("0x" + "00" * 32, [folder])
    with pytest.raises(UnknownModel, match="no model is configured"):
        resolve("0x" + "00" * 32, [])
    with pytest.raises(UnknownModel, match="neither a folder nor a hub id"):
        resolve("0x" + "00" * 32, ["/no/such/folder here"])


def test_a_hub_id_is_fetched_by_the_hubs_own_client(folder, monkeypatch):
    import huggingface_hub

    asked = []

    def snapshot_download(name, revision):
        asked.append((name, revision))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert resolve(files_digest(folder), ["owner/painter@v1.0"]) == folder
    assert asked == [("owner/painter", "v1.0")]


def test_the_default_model_has_the_id_that_its_card_states(genesis):
    assert files_digest(genesis) in (genesis / "README.md").read_text()
