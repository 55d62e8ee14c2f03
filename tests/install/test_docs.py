"""The operator's page names everything that can be set and every command."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
# Set by config/embedded.py for its own process, or Django's own: nobody else's business.
INTERNAL = {"DJANGO_SETTINGS_MODULE"}


def variables() -> set[str]:
    """Environment variables that the settings and the programs in config/ read."""
    settings = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config" / "settings.py").read_text())
    programs = [
        name
        for module in ("embedded", "process", "testbed", "web", "audit")
        for name in re.findall(
            r'os\.environ(?:\.get\(|\[|\.setdefault\()"([A-Z_]+)"',
            (ROOT / "config" / f"{module}.py").read_text(),
        )
    ]
    return {*settings, *programs} - INTERNAL


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def test_there_is_something_to_document():
    assert {"PORT", "VAR_DIR", "DATABASE_URL", "CHROMIUM"} <= variables()
    assert {"run", "test", "lint"} <= targets()


@pytest.mark.parametrize("name", sorted(variables()))
def test_every_setting_is_documented(name: str):
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("name", sorted(targets()))
def test_every_command_is_documented_and_in_the_help(name: str):
    assert f"`make {name}`" in PAGE
    assert re.search(rf"^{name}:[^#\n]*## \S", (ROOT / "Makefile").read_text(), re.M)


def test_no_setting_is_documented_that_does_not_exist():
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.M))
    assert documented == variables()
