"""What is generated and committed is fresh: two builds of the same sources are identical."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contracts_build", CONTRACTS / "script" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_solidity_specification_is_that_of_parameters_json(build: ModuleType) -> None:
    wanted = build.parameter_spec(json.loads(build.SPEC_JSON.read_text()))
    assert build.SPEC_SOL.read_text() == wanted


@pytest.mark.parametrize(
    "entry",
    [
        {"key": "x" * 33, "kind": "bytes32"},
        {"key": "é", "kind": "bytes32"},
        {"key": "a", "kind": "number", "min": 2, "max": 1, "multiple_of": 1},
        {"key": "a", "kind": "number", "min": 1, "max": 64, "multiple_of": 64},
        {"key": "a", "kind": "text", "min_bytes": 2, "max_bytes": 1},
        {"key": "a", "kind": "colour"},
    ],
)
def test_a_malformed_specification_is_refused(build: ModuleType, entry: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"parameters\.json"):
        build.parameter_spec([entry])


def test_every_deployable_contract_is_exported_with_its_bytecode(build: ModuleType) -> None:
    exported = {path.stem for path in (CONTRACTS / "abi").glob("*.json")}
    assert exported == set(build.DEPLOYABLE)
    for name in exported:
        text = (CONTRACTS / "abi" / f"{name}.json").read_text()
        artifact = json.loads(text)
        assert artifact["contractName"] == name
        assert artifact["bytecode"].startswith("0x6")
        assert len(artifact["bytecode"]) // 2 < 49_152  # EIP-3860: the longest creation code
        assert str(ROOT) not in text


def test_every_source_names_its_licence_and_the_compiler() -> None:
    sources = [path for folder in ("src", "test") for path in (CONTRACTS / folder).rglob("*.sol")]
    assert len(sources) > 25
    for path in sources:
        lines = path.read_text().splitlines()
        assert lines[0] == "// SPDX-License-Identifier: Apache-2.0", path
        assert "pragma solidity 0.8.37;" in lines, path


def test_the_npm_lock_file_names_no_host_and_no_local_path() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or name.startswith("node_modules/"), name


@pytest.mark.slow
def test_a_build_from_scratch_gives_the_committed_files(build: ModuleType) -> None:
    assert build.stale_files() == []
