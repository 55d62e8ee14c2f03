"""The pinned dependencies: known vulnerabilities and licences (`make lint` runs it).

    python -m config.audit

* Vulnerabilities: every pin of requirements/*.txt, PyTorch's, and every package of package-lock.json is
  asked of the OSV database (https://google.github.io/osv.dev/post-v1-querybatch/), which holds the advisories
  of PyPI and npm. A known one fails. A database that can't be reached is said, and fails only with
  AUDIT=strict: nothing is claimed that was not looked up.
* Licences: every installed distribution that run.txt names must say a licence of LICENCES; offline.

An advisory that does not apply is written into IGNORED with the reason.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OSV = "https://api.osv.dev"
PATIENCE_S = 20
BATCH = 500

IGNORED: dict[str, str] = {}
"""Advisory -> why it does not apply here."""

LICENCES = re.compile(
    r"apache|mit\b|bsd|psf|python software foundation|python-2\.0|isc|mpl|mozilla public|zlib|unlicense|0bsd|"
    r"public domain|cc0|hpnd|historical permission|lgpl|lesser general public|zpl|boost",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"(?<!l)\b(a?gpl|sspl|busl)|(?<!lesser )(affero )?general public|proprietary|non-?commercial",
    re.IGNORECASE,
)


class Package(NamedTuple):
    """One pin."""

    ecosystem: str
    name: str
    version: str


class Unreachable(Exception):
    """The database of advisories did not answer."""


def pins() -> list[Package]:
    """Every pinned package, Python's and npm's."""
    found = set()
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        for name, version in re.findall(
            r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", file.read_text(), re.M
        ):
            found.add(Package("PyPI", name.lower(), version))
    for name, version in re.findall(r"\b(torch)==([0-9.]+)", (ROOT / "config" / "install.py").read_text()):
        found.add(Package("PyPI", name, version))
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for path, entry in lock["packages"].items():
        if path and entry.get("version"):
            name = entry.get("name") or path.rpartition("node_modules/")[2]
            found.add(Package("npm", name, entry["version"]))
    return sorted(found)


def advisories(packages: list[Package], service: str = OSV) -> dict[Package, list[str]]:
    """The known advisories of each package that has any. Raises Unreachable."""
    found: dict[Package, list[str]] = {}
    for start in range(0, len(packages), BATCH):
        batch = packages[start : start + BATCH]
        queries = [
            {"package": {"ecosystem": one.ecosystem, "name": one.name}, "version": one.version}
            for one in batch
        ]
        results = _ask(service, {"queries": queries})
        if len(results) != len(batch):
            raise Unreachable(f"{service} answered {len(results)} of {len(batch)} questions")
        for package, result in zip(batch, results, strict=True):
            ids = [one["id"] for one in result.get("vulns") or () if one["id"] not in IGNORED]
            if ids:
                found[package] = sorted(ids)
    return found


def _ask(service: str, question: dict[str, object]) -> list[dict[str, list[dict[str, str]]]]:
    request = urllib.request.Request(  # noqa: S310 - https, or a test's own server
        f"{service}/v1/querybatch",
        json.dumps(question).encode(),
        {"Content-Type": "application/json", "User-Agent": "murmuration-audit"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return list(json.load(answer)["results"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"{service}: {error}") from error


def runtime() -> list[str]:
    """What the site runs with, by name."""
    text = (ROOT / "requirements" / "run.txt").read_text()
    return [*re.findall(r"^([A-Za-z0-9._-]+)==", text, re.M), "torch"]


def licence(name: str) -> str:
    """What an installed distribution says of its licence; empty when it says nothing."""
    told = metadata.metadata(name)
    classifiers = [one for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    named = _told(told, "License-Expression") or " ".join(one.rpartition(" :: ")[2] for one in classifiers)
    # Old metadata holds the whole text of the licence: its first lines say which.
    return (named or " ".join(_told(told, "License").split("\n")[:3])).strip()


def _told(fields: metadata.PackageMetadata, name: str) -> str:
    return fields[name] or "" if name in fields else ""


def unfit_licences(names: list[str]) -> Iterator[str]:
    """A sentence for each distribution whose licence is refused, unknown or not said."""
    for name in names:
        try:
            words = licence(name)
        except metadata.PackageNotFoundError:
            yield f"{name} is pinned and not installed."
            continue
        if not acceptable(words):
            yield f"{name} has the licence {words[:80]!r}, which is not among those that we take."


def acceptable(words: str) -> bool:
    """Whether a licence is one of ours; of several that may be chosen from, one suffices."""
    choices = re.split(r"\s+or\s+", words, flags=re.IGNORECASE)
    return any(LICENCES.search(one) and not REFUSED.search(one) for one in choices)


def main(service: str = OSV) -> int:
    """Exit status 1 for a known vulnerability or an unfit licence."""
    status = 0
    for sentence in unfit_licences(runtime()):
        print(sentence)
        status = 1
    packages = pins()
    try:
        found = advisories(packages, service)
    except Unreachable as error:
        print(f"Vulnerabilities were NOT checked, the database cannot be reached: {error}")
        return 1 if os.environ.get("AUDIT") == "strict" else status
    for package, ids in found.items():
        known = ", ".join(ids)
        print(f"{package.name} {package.version} ({package.ecosystem}) has known vulnerabilities: {known}")
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
