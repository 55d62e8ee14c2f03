"""The tensor root: the same however tensors are cut into files, another for any change in what they are."""

import hashlib
import json
import math
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from studio.models import files_digest
from studio.weights import UnreadableWeights, merkle_root, tensor_root, tensors

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.uint8, np.int64])
SHAPES = st.lists(st.integers(0, 5), max_size=3)


@st.composite
def weights(draw):
    """Component -> name -> array, with at least one tensor."""
    found = {}
    for component in draw(
        st.lists(st.sampled_from(["unet", "vae", "text/encoder"]), min_size=1, unique=True)
    ):
        names = draw(st.lists(NAMES.filter(lambda name: name != "__metadata__"), min_size=1, unique=True))
        found[component] = {}
        for name in names:
            shape, dtype = draw(SHAPES), np.dtype(draw(DTYPES))
            count = math.prod(shape) * dtype.itemsize
            found[component][name] = np.frombuffer(
                draw(st.binary(min_size=count, max_size=count)), dtype
            ).reshape(shape)
    return found


def save(folder, model, shards=1, metadata=None):
    """Write a model anew, each component dealt out to `shards` files."""
    shutil.rmtree(folder, ignore_errors=True)
    for component, arrays in model.items():
        (folder / component).mkdir(parents=True)
        for number in range(shards):
            part = dict(list(arrays.items())[number::shards])
            if part:
                name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
                save_file(part, folder / component / name, metadata)
    return folder


@settings(max_examples=25)
@given(model=weights(), shards=st.integers(2, 4))
def test_sharding_and_saving_again_keep_the_root(tmp_path_factory, model, shards):
    home = tmp_path_factory.mktemp("weights")
    one = save(home / "one", model)
    many = save(home / "many", model, shards, metadata={"format": "pt"})
    assert tensor_root(many) == tensor_root(one)
    again = {
        component: {
            name: array
            for path in sorted((many / component).glob("*.safetensors"), reverse=True)
            for name, array in load_file(path).items()
        }
        for component in model
    }
    assert tensor_root(save(home / "again", again)) == tensor_root(one)


@settings(max_examples=25)
@given(model=weights(), data=st.data())
def test_any_change_of_a_tensor_is_another_root(tmp_path_factory, model, data):
    home = tmp_path_factory.mktemp("weights")
    before = tensor_root(save(home / "before", model))
    component = data.draw(st.sampled_from(sorted(model)))
    name = data.draw(st.sampled_from(sorted(model[component])))
    array = model[component][name]
    changes = {"renamed": (name + "x", array), "other side": (name, array.reshape([1, *array.shape]))}
    if array.size:
        flipped = bytearray(array.tobytes())
        flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        changes["flipped bit"] = (name, np.frombuffer(bytes(flipped), array.dtype).reshape(array.shape))
    if array.dtype == np.int8:
        changes["other dtype"] = (name, array.view(np.uint8))
    for words, (new_name, new_array) in changes.items():
        changed = {one: dict(arrays) for one, arrays in model.items()}
        del changed[component][name]
        if new_name in changed[component]:
            continue
        changed[component][new_name] = new_array
        assert tensor_root(save(home / "after", changed)) != before, words
    moved = {("moved" if one == component else one): arrays for one, arrays in model.items()}
    assert tensor_root(save(home / "moved", moved)) != before


def test_the_root_is_the_documented_one(tmp_path):
    one, two, three = (np.arange(n, dtype=np.float32) for n in (1, 2, 3))
    folder = save(tmp_path / "model", {"vae": {"z": three}, "unet": {"b": two, "a": one}})

    def number(value):
        return value.to_bytes(8, "big")

    def leaf(name, array):
        return hashlib.sha256(
            b"TENSOR_LEAF_V1\n"
            + number(len(name)) + name + number(3) + b"F32"
            + number(1) + number(len(array))
            + hashlib.sha256(array.tobytes()).digest()
        ).digest()  # fmt: skip

    left = hashlib.sha256(b"TENSOR_NODE_V1\n" + leaf(b"unet/a", one) + leaf(b"unet/b", two)).digest()
    top = hashlib.sha256(b"TENSOR_NODE_V1\n" + left + leaf(b"vae/z", three)).digest()
    root = hashlib.sha256(b"TENSOR_ROOT_V1\n" + number(3) + top).hexdigest()
    assert tensor_root(folder) == "0x" + root


def test_no_two_lists_of_leaves_share_a_root():
    leaves = [bytes([number]) * 32 for number in range(9)]
    roots = {merkle_root(leaves[:count]) for count in range(1, 10)}
    # an odd leaf moves up as it is: it may be neither doubled nor left out unseen
    roots |= {merkle_root([*leaves[:count], leaves[count - 1]]) for count in range(1, 10)}
    assert len(roots) == 18
    with pytest.raises(ValueError, match="needs a leaf"):
        merkle_root([])


def test_saving_again_is_another_files_digest_and_the_same_weights(genesis, tmp_path):
    copy = shutil.copytree(genesis, tmp_path / "copy")
    path = copy / "vae" / "diffusion_pytorch_model.safetensors"
    arrays = load_file(path)
    path.unlink()
    half = len(arrays) // 2
    save_file(dict(list(arrays.items())[:half]), copy / "vae" / "one.safetensors")
    save_file(dict(list(arrays.items())[half:]), copy / "vae" / "two.safetensors")
    assert files_digest(copy) != files_digest(genesis)
    assert tensor_root(copy) == tensor_root(genesis)


def test_headers_agree_with_the_library(genesis):
    found = {tensor.full_name: tensor for tensor in tensors(genesis)}
    arrays = load_file(genesis / "vae" / "diffusion_pytorch_model.safetensors")
    assert {name for name in found if name.startswith("vae/")} == {f"vae/{name}" for name in arrays}
    for name, array in arrays.items():
        tensor = found[f"vae/{name}"]
        assert tensor.shape == array.shape
        assert b"".join(tensor.pieces()) == array.tobytes()


@pytest.mark.parametrize(
    ("header", "data", "why"),
    [
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"1234", "not F32"),
        ({"a": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}}, b"1234", "unknown dtype"),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}}, b"1234", "no number"),
        ({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}, b"12345", "1 bytes that no tensor"),
        ({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}, b"123", "bytes that no tensor"),
        ({"a": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]}}, b"1234", "gap or an overlap"),
        (
            {
                "a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
                "b": {"dtype": "U8", "shape": [3], "data_offsets": [1, 4]},
            },
            b"1234",
            "gap or an overlap before b",
        ),
        ({"a": {"dtype": "U8"}}, b"", "header is not"),
        ([], b"", "header is not"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path, header, data, why):
    raw = json.dumps(header).encode()
    (tmp_path / "w.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw + data)
    with pytest.raises(UnreadableWeights, match=why):
        tensor_root(tmp_path)


def test_a_name_may_stand_once(tmp_path):
    entry = '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
    raw = f"{{{entry},{entry}}}".encode()
    (tmp_path / "w.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw + b"1")
    with pytest.raises(UnreadableWeights, match="twice"):
        tensor_root(tmp_path)
    (tmp_path / "w.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(UnreadableWeights, match="not a safetensors file"):
        tensor_root(tmp_path)
    for name in ("w", "w.fp16"):
        save_file({"a": np.zeros(1, np.int8)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(UnreadableWeights, match=r"both in .* and in"):
        tensor_root(tmp_path)


def test_without_weights_there_is_no_root(tmp_path):
    (tmp_path / ".cache").mkdir()
    save_file({"a": np.zeros(1, np.int8)}, tmp_path / ".cache" / "hidden.safetensors")
    with pytest.raises(FileNotFoundError):
        tensor_root(tmp_path)
