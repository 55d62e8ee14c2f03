#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run Slither over the contracts, and hold what it finds against what docs/security.md explains.

    python contracts/script/slither.py

Fails on a finding that no row of the table under "What Slither says" explains, and on a row that explains
nothing any more. Slither needs other versions of our dependencies, so it has an environment of its own, which
is made in `var/slither` when it is missing; `SLITHER` names another program. Runs in a scratch copy, since
Slither builds everything anew.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from build import ROOT, tool
from covered import scratch_copy

VERSION = "0.11.6"
PAGE = ROOT.parent / "docs" / "security.md"
HEADING = "### What Slither says"
OWN = ROOT.parent / "var" / "slither"


class Finding(NamedTuple):
    """A detector's name, and where it struck: `Contract.function`, or what has no contract by its name."""

    detector: str
    place: str


def read(report: dict[str, Any]) -> set[Finding]:
    """What Slither's JSON report tells of our own sources."""
    return {_finding(one) for one in report["results"].get("detectors", [])}


def _finding(told: dict[str, Any]) -> Finding:
    names = []
    element = told["elements"][0]
    while element and element.get("name"):
        names.append(element["name"])
        element = element.get("type_specific_fields", {}).get("parent")
        if element and element.get("type") not in ("contract", "function"):
            break
    return Finding(str(told["check"]), ".".join(reversed(names)))


def explained(page: str) -> set[Finding]:
    """The findings that the page's table explains: `detector` in its first column, places in its second.

    Raises ValueError when the page has no such table.
    """
    _, heading, rest = page.partition(f"\n{HEADING}\n")
    if not heading:
        raise ValueError(f"{PAGE.name} has no heading {HEADING!r}")
    section = re.split(r"\n#+ ", rest, maxsplit=1)[0]
    found = set()
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        detector = re.fullmatch(r"`([a-z0-9-]+)`", cells[0])
        if line.startswith("|") and detector and len(cells) == 3 and cells[2]:
            found |= {Finding(detector[1], place) for place in re.findall(r"`([^`]+)`", cells[1])}
    return found


def program() -> Path:
    """Slither; installed if need be. Raises subprocess.CalledProcessError."""
    if given := os.environ.get("SLITHER"):
        return Path(given)
    binary = OWN / "bin" / "slither"
    if not binary.exists():
        print(f"installing slither-analyzer {VERSION} into {OWN}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(OWN)], check=True)
        install = [str(OWN / "bin" / "pip"), "install", "--quiet", f"slither-analyzer=={VERSION}"]
        subprocess.run(install, check=True)
    return binary


def analyse() -> set[Finding]:
    """Run it. Raises RuntimeError with its own words when it could not do its work."""
    with tempfile.TemporaryDirectory(prefix="slither-") as scratch:
        folder, report = Path(scratch), Path(scratch) / "report.json"
        scratch_copy(folder)
        path = os.pathsep.join([str(tool("forge").parent), os.environ["PATH"]])
        command = [str(program()), ".", "--json", str(report), "--filter-paths", "node_modules"]
        done = subprocess.run(
            command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
        )
        if not report.exists():
            raise RuntimeError(f"Slither did not get to its end:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        told = json.loads(report.read_text())
        if not told.get("success"):
            raise RuntimeError(f"Slither failed: {told.get('error')}")
        return read(told)


def listed(findings: Iterable[Finding]) -> str:
    """A line for each."""
    return "\n".join(f"  {one.detector}: {one.place}" for one in sorted(findings))


def main() -> int:
    """Compare; the exit status."""
    known = explained(PAGE.read_text(encoding="utf-8"))
    found = analyse()
    if new := found - known:
        print(f"not explained in docs/security.md:\n{listed(new)}", file=sys.stderr)
    if gone := known - found:
        print(f"explained in docs/security.md, but not found any more:\n{listed(gone)}", file=sys.stderr)
    print(f"{len(found)} findings, {len(found & known)} of them explained")
    return int(bool(new or gone))


if __name__ == "__main__":
    sys.exit(main())
