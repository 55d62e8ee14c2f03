"""The audit of dependencies, against a server that answers as OSV does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from config import audit

BAD = {("PyPI", "django"): "GHSA-test-django", ("npm", "viem"): "GHSA-test-viem"}


class Osv(ThreadingHTTPServer):
    """Knows the advisories of BAD, or of nothing."""

    bad: dict[tuple[str, str], str] = BAD
    asked = 0


class Answers(BaseHTTPRequestHandler):
    server: Osv

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        self.server.asked += len(queries)
        results: list[dict[str, Any]] = []
        for query in queries:
            known = self.server.bad.get((query["package"]["ecosystem"], query["package"]["name"]))
            results.append({"vulns": [{"id": known, "modified": "2026-01-01T00:00:00Z"}]} if known else {})
        body = json.dumps({"results": results}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def osv() -> Iterator[Osv]:
    server = Osv(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def url(server: Osv) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_a_known_vulnerability_fails(osv: Osv, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(url(osv)) == 1
    said = capsys.readouterr().out
    assert "GHSA-test-django" in said
    assert "GHSA-test-viem" in said
    assert osv.asked == len(audit.pins())


def test_an_advisory_that_does_not_apply_is_passed_over_by_name(
    osv: Osv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "IGNORED", dict.fromkeys(BAD.values(), "not used here"))
    assert audit.main(url(osv)) == 0


def test_nothing_known_passes(osv: Osv, capsys: pytest.CaptureFixture[str]) -> None:
    osv.bad = {}
    assert audit.main(url(osv)) == 0
    assert capsys.readouterr().out == ""


def test_what_was_not_looked_up_is_not_claimed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AUDIT", raising=False)
    assert audit.main("http://127.0.0.1:1") == 0
    assert "NOT checked" in capsys.readouterr().out
    monkeypatch.setenv("AUDIT", "strict")
    assert audit.main("http://127.0.0.1:1") == 1


def test_every_pin_is_asked_about() -> None:
    names = {(one.ecosystem, one.name) for one in audit.pins()}
    assert {("PyPI", "django"), ("PyPI", "torch"), ("PyPI", "pytest"), ("npm", "viem")} <= names


@pytest.mark.parametrize(
    ("words", "fit"),
    [
        ("MIT", True),
        ("Apache-2.0", True),
        ("BSD-3-Clause", True),
        ("LGPL-3.0-only", True),
        ("MPL-2.0 AND MIT", True),
        ("GPL-3.0-or-later", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("AGPL-3.0", False),
        ("GNU Affero General Public License v3", False),
        ("MIT OR GPL-2.0", True),
        ("SSPL-1.0", False),
        ("", False),
        ("Proprietary", False),
    ],
)
def test_licences(words: str, fit: bool) -> None:
    assert audit.acceptable(words) is fit


def test_every_dependency_of_the_site_has_a_licence_we_take() -> None:
    assert list(audit.unfit_licences(audit.runtime())) == []
