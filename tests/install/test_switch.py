"""The production switch: settings that do not go together are refused at the start, in words that help."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from eth_account import Account

from config import switch
from tests.chain.answering import Answering, result

ROOT = Path(__file__).resolve().parents[2]
KEY = "0x" + "11" * 32
COMMANDS = {
    kind: shlex.split(command)
    for kind, _, command in (line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines())
}


@pytest.fixture
def production(settings, tmp_path: Path):
    """Settings that go together; nothing behind them has to run."""
    settings.DATABASES["default"] = settings.DATABASES["default"] | {
        "ENGINE": "django.db.backends.postgresql"
    }
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CHAIN_RPC_URL = "http://127.0.0.1:1"
    settings.PRIVATE_CHAIN = False
    settings.OPERATOR_KEY, settings.OPERATOR_KEYSTORE = KEY, ""
    settings.WORKER_KEYS, settings.WORKER_KEYSTORES, settings.WORKER_KEYSTORE_PASSWORD_FILE = [], [], ""
    settings.SECRET_KEY, settings.SECRET_KEY_GIVEN = "k" * 60, True
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["murmuration.example"]
    settings.VAR_DIR, settings.DEPLOYMENT_FILE = tmp_path, tmp_path / "deployment.json"
    settings.COLLECTED_STATIC, settings.STATIC_ROOT = True, str(tmp_path)
    (tmp_path / "staticfiles.json").write_text("{}")
    yield settings
    settings.DATABASES["default"] = settings.DATABASES["default"] | {"ENGINE": "django.db.backends.sqlite3"}


@pytest.mark.parametrize("role", switch.SEPARATE)
def test_whatGoesTogether_isRefusedNowhere(production, role):
    assert switch.problems(role) == []


@pytest.mark.parametrize(
    ("role", "changes", "words"),
    [
        ("web", {"REDIS_URL": ""}, "Without REDIS_URL"),
        ("indexer", {"SECRET_KEY_GIVEN": False}, "SECRET_KEY is not set"),
        ("web", {"SECRET_KEY": "short"}, "fewer than 50"),
        ("web", {"DEBUG": True}, "unset it"),
        ("web", {"ALLOWED_HOSTS": ["*"]}, "name the site's own hosts"),
        ("web", {"COLLECTED_STATIC": False}, "collectstatic"),
        ("web", {"STATIC_ROOT": "/nowhere"}, "collectstatic"),
        ("indexer", {"CHAIN_RPC_URL": ""}, "CHAIN_RPC_URL is not set"),
        ("control", {"OPERATOR_KEY": ""}, "set OPERATOR_KEY, or OPERATOR_KEYSTORE"),
        ("control", {"OPERATOR_KEY": "0x12"}, "no private key"),
        ("control", {"OPERATOR_KEYSTORE": "/k.json"}, "choose one"),
        ("control", {"OPERATOR_KEY": "", "OPERATOR_KEYSTORE": "/k.json"}, "OPERATOR_KEYSTORE_PASSWORD_FILE"),
        ("control", {"WORKER_KEYS": ["0x12"]}, "key of WORKER_KEYS is no private key"),
        ("control", {"WORKER_KEYSTORES": ["/k.json"]}, "needs WORKER_KEYSTORE_PASSWORD_FILE"),
        ("web", {"PRIVATE_CHAIN": True}, "not the one that is kept in VAR_DIR"),
        ("embedded", {"OPERATOR_KEY": ""}, "set OPERATOR_KEY"),
    ],
)
def test_whatDoesNotGoTogether_isSaidInOneSentence(production, role, changes, words):
    for name, value in changes.items():
        setattr(production, name, value)
    [problem] = switch.problems(role)
    assert words in problem


def test_sqlite_isForOneProcess(production):
    production.DATABASES["default"] = production.DATABASES["default"] | {
        "ENGINE": "django.db.backends.sqlite3"
    }
    assert "set DATABASE_URL to a PostgreSQL" in switch.problems("paint")[0]
    assert switch.problems("embedded") == []


def test_aPublicChain_isNeverPrivate(production):
    production.PRIVATE_CHAIN = True
    deployment = {"chainId": 1, "genesisHash": "0x" + "aa" * 32, "block": 1, "contracts": {}}
    production.DEPLOYMENT_FILE.write_bytes(orjson.dumps(deployment))
    assert "the deployment file is of chain 1: unset PRIVATE_CHAIN" in switch.problems("control")[0]


def test_aKeystore_isOpenedAtTheStart(production, tmp_path: Path):
    keystore, password = tmp_path / "operator.json", tmp_path / "password"
    keystore.write_bytes(orjson.dumps(Account.encrypt(KEY, "right", kdf="pbkdf2", iterations=2)))
    password.write_text("wrong\n")
    production.OPERATOR_KEY, production.OPERATOR_KEYSTORE = "", str(keystore)
    production.OPERATOR_KEYSTORE_PASSWORD_FILE = str(password)
    assert "can't be opened" in switch.problems("control")[0]
    password.write_text("right\n")
    (tmp_path / "other").write_text("right\n")  # a keystore that was opened, or not, is remembered
    production.OPERATOR_KEYSTORE_PASSWORD_FILE = str(tmp_path / "other")
    assert switch.problems("control") == []


@pytest.mark.parametrize("kind", COMMANDS)
def test_aProcessWithoutSettings_endsAtOnceAndSaysWhy(kind: str, tmp_path: Path):
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "VAR_DIR": str(tmp_path),
        "HOME": str(tmp_path),
    }
    ran = subprocess.run(
        COMMANDS[kind], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert ran.returncode == switch.EX_CONFIG, ran.stdout + ran.stderr
    assert f"This process ({kind}) cannot start:" in ran.stderr
    assert "set DATABASE_URL" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["VAR_DIR", "DEPLOYMENT_FILE", "MEDIA_ROOT"])
def test_aFolderSetToNothing_isNotSet(name: str):
    show = f"from config import settings; print(settings.{name})"
    environment = {key: value for key, value in os.environ.items() if key != name}
    found = [
        subprocess.run(
            [sys.executable, "-c", show], cwd=ROOT, env=one, capture_output=True, text=True, check=True
        ).stdout
        for one in (environment, environment | {name: ""})
    ]
    assert found[0] == found[1]


def test_oneProcessOnAPublicChainWithoutAKey_endsAtOnceAndSaysWhy(tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "VAR_DIR": str(tmp_path / "var"),
        "PORT": "0",
        "CHAIN_RPC_URL": "http://127.0.0.1:1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "config.embedded"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "set OPERATOR_KEY" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def nodes() -> Iterator[Callable[[int], str]]:
    """Start a node of a chain id, and give its address with a key in it."""
    servers: list[Answering] = []

    def start(chain_id: int) -> str:
        servers.append(Answering(result(hex(chain_id))))
        return f"{servers[-1].url}/key-of-{chain_id}"

    yield start
    for server in servers:
        server.close()


def test_eachNode_isOfOurChain(production, nodes, caplog: pytest.LogCaptureFixture):
    production.CHAIN_RPC_URL = f"{nodes(5)} {nodes(5)}, http://127.0.0.1:1/hidden-key"
    assert switch.problems("indexer") == []
    [record] = caplog.records
    assert "http://127.0.0.1:1 does not answer; others do" in record.message
    assert "hidden-key" not in caplog.text

    production.CHAIN_RPC_URL += f" {nodes(7)}"
    [problem] = switch.problems("web")
    assert "is of chain 7, but http" in problem
    assert "is of chain 5" in problem
    assert "key-of" not in problem
    deployment = {"chainId": 7, "genesisHash": "0x" + "aa" * 32, "block": 1, "contracts": {}}
    production.DEPLOYMENT_FILE.write_bytes(orjson.dumps(deployment))
    found = switch.problems("embedded")
    assert len(found) == 2
    assert all("is of chain 5, but the deployment file is of chain 7" in problem for problem in found)
    assert switch.problems("beat") == switch.problems("paint") == [], "they ask no node"
