#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Say how much of the contracts' sources their tests reach, and fail below 95 % of lines or of branches.

    python contracts/script/covered.py [options of forge coverage, such as --match-contract Drand]

Runs in a scratch copy: coverage compiles everything anew, without the optimizer, and would take the place of
the ordinary build. The figures of gas are not checked there, since they are others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from build import NODE_MODULES, ROOT, tool

LEAST = 0.95


class Reached(NamedTuple):
    """How many lines or branches there are, and how many of them a test came by."""

    hit: int
    all: int

    @property
    def share(self) -> float:
        """From 0 to 1; 1 where there are none."""
        return self.hit / self.all if self.all else 1.0

    def __str__(self) -> str:
        return f"{self.share:7.2%} ({self.hit}/{self.all})"


def scratch_copy(folder: Path) -> None:
    """A copy of what is compiled, with the same `node_modules`."""
    for name in ("src", "test", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("foundry.toml", "parameters.json"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "snapshots").mkdir()
    (folder / "node_modules").symlink_to(NODE_MODULES.resolve())


def read(lcov: Iterable[str]) -> dict[str, tuple[Reached, Reached]]:
    """(lines, branches) of each file under src/, from an lcov report."""
    found: dict[str, tuple[Reached, Reached]] = {}
    name, counts = "", {}
    for line in lcov:
        kind, _, value = line.strip().partition(":")
        if kind == "SF":
            name, counts = value, {}
        elif kind in ("LH", "LF", "BRH", "BRF"):
            counts[kind] = int(value)
        elif kind == "end_of_record" and name.startswith("src/"):
            lines = Reached(counts.get("LH", 0), counts.get("LF", 0))
            found[name] = (lines, Reached(counts.get("BRH", 0), counts.get("BRF", 0)))
    return found


def total(parts: Iterable[Reached]) -> Reached:
    """All of them together."""
    listed = list(parts)
    return Reached(sum(one.hit for one in listed), sum(one.all for one in listed))


def main(options: list[str]) -> int:
    """Run forge, print a line for each file; the exit status."""
    with tempfile.TemporaryDirectory(prefix="coverage-") as scratch:
        folder = Path(scratch)
        scratch_copy(folder)
        environment = os.environ | {"FORGE_SNAPSHOT_CHECK": "false", "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1"}
        report = folder / "lcov.info"
        command = [str(tool("forge")), "coverage", "--report", "lcov", "--report-file", str(report), *options]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode or not report.exists():
            print(done.stdout[-6000:], done.stderr[-6000:], file=sys.stderr)
            return done.returncode or 1
        found = read(report.read_text().splitlines())
    for name, (lines, branches) in sorted(found.items()):
        print(f"{name:<42} lines {lines!s:<22} branches {branches}")
    all_lines, all_branches = (total(one[at] for one in found.values()) for at in (0, 1))
    print(f"{'all of src':<42} lines {all_lines!s:<22} branches {all_branches}")
    if min(all_lines.share, all_branches.share) < LEAST or not found:
        print(f"less than {LEAST:.0%} of lines or branches is reached", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
