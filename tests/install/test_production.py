"""Django's own review of the production settings, HTTPS, and the collected static files."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "SECRET_KEY": "Zx8" * 20 + "-aBcDeFgH",
    "DATABASE_URL": "postgres://site:password@127.0.0.1:1/murmuration",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CHAIN_RPC_URL": "http://127.0.0.1:1",
    "OPERATOR_KEY": "0x" + "11" * 32,
    "ALLOWED_HOSTS": "murmuration.example",
    "CSRF_TRUSTED_ORIGINS": "https://murmuration.example",
    "HTTPS": "true",
    "TRUSTED_PROXIES": "1",
    "COLLECTED_STATIC": "true",
    "LOG_FORMAT": "json",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the static files collected."""
    folder = tmp_path_factory.mktemp("production")
    ran = manage(folder, "collectstatic", "--noinput", "--verbosity=0")
    assert ran.returncode == 0, ran.stderr
    return folder


def manage(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=kept | ENVIRONMENT | {"VAR_DIR": str(folder)} | changes,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_checkDeploy_findsNothing(folder: Path):
    ran = manage(folder, "check", "--deploy", "--fail-level", "WARNING")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_checkDeploy_saysWhatDoesNotGoTogether(folder: Path):
    ran = manage(folder, "check", "--deploy", "--fail-level", "WARNING", OPERATOR_KEY="", REDIS_URL="")
    assert ran.returncode == 1
    assert "murmuration.E001" in ran.stderr
    assert "Without REDIS_URL" in ran.stderr
    assert "set OPERATOR_KEY" in ran.stderr


LOOK = """
import django; django.setup()
from django.conf import settings
from django.test import Client
from django.test.utils import setup_test_environment
host = {"HTTP_HOST": "murmuration.example", "REMOTE_ADDR": "192.0.2.7"}
https = host | {"HTTP_X_FORWARDED_PROTO": "https"}
plain = Client().get("/signin/?next=/", **host)
print(plain.status_code, plain["Location"])
alive = Client().get("/healthz/", **https)
print(alive.status_code, alive["Strict-Transport-Security"])
print(Client().get("/healthz/", **host).status_code)
print(Client().get("/metrics", **host).status_code)
print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY)
print(Client().get("/healthz/", **https | {"HTTP_HOST": "evil.example"}).status_code)
"""


def test_https_redirectsAndTellsBrowsersToStay(folder: Path):
    ran = manage(folder, "shell", "--no-imports", "-c", LOOK)
    lines = [line for line in ran.stdout.splitlines() if line and not line.startswith("{")]
    assert lines == [
        "301 https://murmuration.example/signin/?next=/",
        "200 max-age=31536000; includeSubDomains; preload",
        "200",
        "403",
        "True True True",
        "400",
    ], ran.stdout + ran.stderr


def test_withoutHttps_nothingIsDemanded(client: Client):
    response = client.get("/healthz/")
    assert "Strict-Transport-Security" not in response


def test_modules_importOneAnotherByTheirHashedNames(folder: Path):
    """Every import of every hashed module names a file that is there, and is hashed itself."""
    root = folder / "staticfiles"
    hashed = [file for file in (root / "js").rglob("*.js") if re.search(r"\.[0-9a-f]{12}\.js$", file.name)]
    assert len(hashed) >= len(list((ROOT / "static" / "js").rglob("*.js")))
    followed = 0
    for file in hashed:
        for name in re.findall(r"""(?:from|import\(?)\s*["']([./][^"']+)["']""", file.read_text()):
            target = (
                (file.parent / name).resolve()
                if name.startswith(".")
                else root / name.removeprefix("/static/")
            )
            assert target.exists(), f"{file.name} imports {name}"
            assert re.search(r"\.[0-9a-f]{12}\.js$", target.name), f"{file.name} imports {name}"
            followed += 1
    assert followed >= 5


def test_hashedFiles_mayBeKeptForEver_andOthersNot(folder: Path):
    look = """
import django; django.setup()
from django.templatetags.static import static
from django.test import Client
from django.conf import settings
for path in (static("css/murmuration.css"), "/static/css/murmuration.css"):
    response = Client().get(path, HTTP_HOST="murmuration.example", HTTP_X_FORWARDED_PROTO="https")
    print(response.status_code, response["Cache-Control"])
"""
    ran = manage(folder, "shell", "--no-imports", "-c", look)
    lines = [line for line in ran.stdout.splitlines() if line and not line.startswith("{")]
    assert lines == ["200 max-age=315360000, public, immutable", "200 max-age=60, public"], (
        ran.stdout + ran.stderr
    )
