"""The audit: what anybody finds who looks at the same folder, and what makes it say no."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.audits import audit, audit_hash, canonical, card_hash


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "model"
    for component in ("unet", "vae"):
        (root / component).mkdir(parents=True)
        (root / component / "config.json").write_text("{}")
        save_file({"w": np.ones((2, 3), np.float16)}, root / component / "model.safetensors")
    (root / "model_index.json").write_text(
        json.dumps(
            {
                "_class_name": "StableDiffusionPipeline",
                "unet": ["diffusers", "UNet2DConditionModel"],
                "vae": ["diffusers", "AutoencoderTiny"],
                "safety_checker": [None, None],
            }
        )
    )
    (root / "README.md").write_text("# a painter")
    (root / "LICENSE").write_text("Apache-2.0")
    return root


def test_a_plain_model_passes_and_is_counted(folder):
    report = audit(folder)
    assert all(report["checks"].values())
    assert report["findings"] == []
    assert report["weights"]["parameters"] == 12
    assert report["weights"]["dtypes"] == {"F16": 12}
    assert report["weights"]["components"]["unet"] == {
        "tensors": 1,
        "parameters": 6,
        "bytes": 12,
        "dtypes": {"F16": 6},
    }
    assert report["pipeline_class"] == "StableDiffusionPipeline"
    assert report["files"] == 5
    assert report["bytes"] == sum(
        path.stat().st_size for path in folder.rglob("*") if path.suffix in (".json", ".safetensors")
    )


def test_anybody_finds_the_same(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    (copy / "README.md").write_text("# a better card")
    (copy / ".cache").mkdir()
    (copy / ".cache" / "junk.py").write_text("")
    assert canonical(audit(copy)) == canonical(audit(folder))
    assert audit_hash(audit(folder)) == "0x" + hashlib.sha256(canonical(audit(folder))).hexdigest()
    assert json.loads(canonical(audit(folder))) == audit(folder)


def test_the_default_painter_passes(genesis):
    report = audit(genesis)
    assert report["findings"] == []
    assert all(report["checks"].values())
    assert report["weights"]["dtypes"] == {"F16": 30_508_235}


@pytest.mark.parametrize(
    ("name", "content", "check", "words"),
    [
        ("unet/pytorch_model.bin", b"x", "safetensors_only", "may be a pickle"),
        ("unet/notes.txt", b"\x80\x04K\x01.", "safetensors_only", "may be a pickle"),
        ("unet/weights.json", b"PK\x03\x04", "safetensors_only", "may be a pickle"),
        ("unet/model.onnx", b"x", "safetensors_only", "does not know"),
        ("pipeline.py", b"", "no_code", "pipeline.py is code"),
        ("LICENSE.py", b"", "no_code", "LICENSE.py is code"),
        ("unet/config.json", b'{"a": [{"auto_map": {}}]}', "no_remote_code", "has auto_map"),
        ("unet/config.json", b"{", "no_remote_code", "no JSON"),
        (
            "model_index.json",
            b'{"_class_name": "X", "unet": ["my_unet", "U"]}',
            "no_remote_code",
            "from 'my_unet'",
        ),
        ("model_index.json", b'{"_class_name": ["mine", "X"]}', "no_remote_code", "names no pipeline"),
        ("vae/other.safetensors", b"no", "readable", "not a safetensors file"),
    ],
)
def test_what_a_loader_should_not_meet_is_found(folder, name, content, check, words):
    before = audit_hash(audit(folder))
    (folder / name).write_bytes(content)
    report = audit(folder)
    assert not report["checks"][check]
    assert any(words in sentence for sentence in report["findings"])
    assert audit_hash(report) != before


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_found(folder, dtype, value):
    array = np.zeros(5, dtype)
    array[3] = value
    save_file({"bad": array}, folder / "vae" / "more.safetensors")
    report = audit(folder)
    assert not report["checks"]["finite"]
    assert report["findings"] == ["vae/bad holds NaN or infinity."]


@pytest.mark.parametrize(
    ("dtype", "size", "good", "bad"),
    [
        ("BF16", 2, 0x7F7F, 0x7F80),
        ("BF16", 2, 0xFF7F, 0xFFC0),
        ("F8_E4M3", 1, 0x7E, 0xFF),
        ("F8_E5M2", 1, 0x7B, 0x7C),
    ],
)
def test_formats_that_numpy_lacks_are_read_by_their_bits(folder, dtype, size, good, bad):
    for value, finite in ((good, True), (bad, False)):
        header = json.dumps({"b": {"dtype": dtype, "shape": [1], "data_offsets": [0, size]}}).encode()
        raw = len(header).to_bytes(8, "little") + header + value.to_bytes(size, "little")
        (folder / "vae" / "more.safetensors").write_bytes(raw)
        assert audit(folder)["checks"]["finite"] is finite


def test_a_folder_without_weights_does_not_pass(folder):
    for path in list(folder.rglob("*.safetensors")):
        path.unlink()
    report = audit(folder)
    assert not report["checks"]["readable"]
    assert report["tensor_root"] == ""


def test_the_cards_hash_is_its_files(folder):
    assert card_hash(folder) == "0x" + hashlib.sha256(b"# a painter").hexdigest()
    (folder / "README.md").unlink()
    assert card_hash(folder) == "0x" + "00" * 32
