"""The wallet bundle that every page carries: small, and within the policy."""

import gzip
import re
from pathlib import Path

from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
BUNDLE = (STATIC / "dist" / "wallet.js").read_text()
MOST_BYTES = 20_000  # gzip


def test_it_is_small():
    assert len(gzip.compress(BUNDLE.encode(), 9)) < MOST_BYTES


def test_it_loads_nothing_else_and_evaluates_nothing():
    assert not re.search(
        r"\bimport\s*[({\"'*]|\bfrom\s*[\"']|\beval\(|new Function|innerHTML|document\.write", BUNDLE
    )


def test_its_modules_stay_small_enough_to_read():
    for module in (STATIC / "src" / "wallet").glob("*.js"):
        assert len(module.read_text().splitlines()) < 250, module.name


def test_no_page_loads_it_twice():
    templates = Path(settings.BASE_DIR) / "templates"
    users = [file.name for file in templates.rglob("*.html") if "dist/wallet.js" in file.read_text()]
    assert users == ["base.html"]
    for script in (STATIC / "js").glob("*.js"):
        assert "wallet" not in " ".join(re.findall(r'from "([^"]+)"', script.read_text())), script.name
