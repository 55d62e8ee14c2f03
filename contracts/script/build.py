#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build the contracts and write what is generated from them, or check that what is committed is fresh.

    python contracts/script/build.py            generate, build, export
    python contracts/script/build.py --check    build anew elsewhere; fail where the committed files differ

Generated and committed:

* ``src/generated/ParameterSpec.sol`` from ``parameters.json``, the specification of the governed parameters;
* ``abi/<Name>.json`` = ``{"abi", "bytecode", "contractName"}`` for each deployable contract, so that Python
  deploys and decodes without a compiler.

The bytecode carries no metadata hash, so two builds of the same sources are identical.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NODE_MODULES = ROOT.parent / "node_modules"
SPEC_JSON = ROOT / "parameters.json"
SPEC_SOL = ROOT / "src" / "generated" / "ParameterSpec.sol"
ABI = ROOT / "abi"

#: The contracts that are deployed, and so exported.
DEPLOYABLE = (
    "ArtGovernor",
    "ArtParameters",
    "ArtToken",
    "BlockhashRandomness",
    "DrandRandomness",
    "LivingArtwork",
    "ModelRegistry",
    "SoloPainter",
    "TimelockController",
    "TokenMetadata",
    "WorkerSet",
)


def tool(name: str) -> Path:
    """Return the path of a Foundry program's binary in ``node_modules`` (npx would cost a second each time).

    Raises FileNotFoundError when it isn't installed for this platform.
    """
    systems = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}
    machines = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    system, machine = platform.system(), platform.machine()
    package = f"{name}-{systems.get(system, system)}-{machines.get(machine, machine)}"
    binary = NODE_MODULES / "@foundry-rs" / package / "bin" / (f"{name}.exe" if system == "Windows" else name)
    if not binary.exists():
        raise FileNotFoundError(f"{name} is not installed for {system} on {machine}: run npm ci")
    return binary


def forge(*arguments: str) -> None:
    """Run forge in the contracts folder; raises subprocess.CalledProcessError when it fails."""
    # solc-js is found by Node from the wrapper's own place; forge resolves imports by its remappings.
    environment = os.environ | {"FOUNDRY_DISABLE_NIGHTLY_WARNING": "1"}
    subprocess.run([str(tool("forge")), *arguments], cwd=ROOT, env=environment, check=True)


def _constant(key: str) -> str:
    return key.upper()


def parameter_spec(spec: list[dict[str, Any]]) -> str:
    """Return the Solidity library that states the keys and bounds of ``parameters.json``.

    Raises ValueError when an entry is malformed: a key must fit 32 bytes of ASCII, bounds must be sane.
    """
    keys: list[str] = []
    numbers: list[str] = []
    texts: list[str] = []
    for entry in spec:
        key, kind = entry["key"], entry["kind"]
        if not key.isascii() or not 0 < len(key) <= 32 or key in keys:
            raise ValueError(f"parameters.json: bad or repeated key {key!r}")
        keys.append(key)
        if kind == "number":
            low, high, multiple = entry["min"], entry["max"], entry["multiple_of"]
            if not 0 <= low <= high or multiple < 1 or low % multiple or high % multiple:
                raise ValueError(f"parameters.json: bad bounds of {key}")
            numbers.append(f"        if (key == {_constant(key)}) return ({low}, {high}, {multiple});")
        elif kind == "text":
            low, high = entry["min_bytes"], entry["max_bytes"]
            if not 0 <= low <= high:
                raise ValueError(f"parameters.json: bad bounds of {key}")
            texts.append(f"        if (key == {_constant(key)}) return ({low}, {high});")
        elif kind != "bytes32":
            raise ValueError(f"parameters.json: {key} is of unknown kind {kind!r}")
    constants = "\n".join(f'    bytes32 internal constant {_constant(key)} = "{key}";' for key in keys)
    listing = "\n".join(f"        list[{i}] = {_constant(key)};" for i, key in enumerate(keys))
    return f"""\
// SPDX-License-Identifier: Apache-2.0
// Generated from parameters.json by script/build.py: change that file, then build.
pragma solidity 0.8.37;

/// @title ParameterSpec
/// @notice The governed parameters' keys, in registration order, and their bounds.
library ParameterSpec {{
{constants}

    /// @notice There are no such bounds for this key.
    error NoBounds(bytes32 key);

    /// @notice All keys in registration order.
    function keys() internal pure returns (bytes32[] memory list) {{
        list = new bytes32[]({len(keys)});
{listing}
    }}

    /// @notice A number's least and greatest value, and what it must be a multiple of.
    function numberBounds(bytes32 key) internal pure returns (uint256 min, uint256 max, uint256 multipleOf) {{
{chr(10).join(numbers)}
        revert NoBounds(key);
    }}

    /// @notice A text's least and greatest length in bytes.
    function textBounds(bytes32 key) internal pure returns (uint256 minBytes, uint256 maxBytes) {{
{chr(10).join(texts)}
        revert NoBounds(key);
    }}
}}
"""


def artifact(out: Path, name: str) -> str:
    """Return the text of ``abi/<name>.json`` from forge's output folder ``out``.

    Raises FileNotFoundError when forge built no such contract, ValueError when it needs linking.
    """
    found = [path for path in out.glob(f"*/{name}.json") if path.parent.name != "build-info"]
    if len(found) != 1:
        raise FileNotFoundError(f"{name}: {len(found)} artifacts in {out}")
    built = json.loads(found[0].read_text())
    bytecode = built["bytecode"]["object"]
    if "__$" in bytecode:
        raise ValueError(f"{name} must be linked to a library")
    exported = {"contractName": name, "abi": built["abi"], "bytecode": bytecode}
    return json.dumps(exported, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def expected_files(*, fresh: bool) -> dict[Path, str]:
    """Build, and return every generated file with the text that it should have.

    With ``fresh`` everything is compiled anew, in a scratch folder, so that no cache can hide a difference.
    """
    if not fresh:
        forge("build", "src")
        return {ABI / f"{name}.json": artifact(ROOT / "out", name) for name in DEPLOYABLE}
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        forge("build", "src", "--out", str(out), "--cache-path", str(Path(scratch) / "cache"))
        return {ABI / f"{name}.json": artifact(out, name) for name in DEPLOYABLE}


def stale_files() -> list[str]:
    """Build everything anew and return the generated files, relative to the repository, that aren't fresh."""
    spec = parameter_spec(json.loads(SPEC_JSON.read_text()))
    if not SPEC_SOL.exists() or SPEC_SOL.read_text() != spec:
        # Everything else is built from it: there is nothing to compare before it is right.
        return [str(SPEC_SOL.relative_to(ROOT.parent))]
    expected = expected_files(fresh=True)
    stale = [path for path, text in expected.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in ABI.glob("*.json") if path not in expected]
    return sorted(str(path.relative_to(ROOT.parent)) for path in stale)


def main() -> int:
    """Build, or check with ``--check``; return the exit status."""
    parser = argparse.ArgumentParser(description="Build the contracts and export their ABI and bytecode.")
    parser.add_argument("--check", action="store_true", help="fail when a committed generated file is stale")
    parser.add_argument("--spec", action="store_true", help="write ParameterSpec.sol alone, without forge")
    options = parser.parse_args()
    if options.check:
        stale = stale_files()
        for name in stale:
            print(f"stale: {name} (run contracts/script/build.py)", file=sys.stderr)
        return 1 if stale else 0
    SPEC_SOL.parent.mkdir(parents=True, exist_ok=True)
    spec = parameter_spec(json.loads(SPEC_JSON.read_text()))
    if not SPEC_SOL.exists() or SPEC_SOL.read_text() != spec:
        SPEC_SOL.write_text(spec)
    if options.spec:
        return 0
    ABI.mkdir(exist_ok=True)
    for path, text in expected_files(fresh=False).items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
