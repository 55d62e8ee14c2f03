"""What deploy/ holds says the same as the Procfile and the settings, and is well-formed."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.install.test_docs import variables
from tests.install.test_switch import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def plain(command: list[str]) -> list[str]:
    """A command without what only sets how much it says, or escapes systemd's percent signs."""
    words = [word.replace("%%", "%") for word in command]
    if "--loglevel" in words:
        place = words.index("--loglevel")
        del words[place : place + 2]
    return [Path(words[0]).name, *words[1:]]


def test_everyProcess_hasAUnitAndAService():
    kinds = {re.match(r"murmuration-([a-z]+)", unit.name)[1] for unit in UNITS}
    assert kinds == set(COMMANDS)
    assert set(COMMANDS) < set(COMPOSE["services"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_aUnit_runsWhatTheProcfileRuns(unit: Path):
    kind = re.match(r"murmuration-([a-z]+)", unit.name)[1]
    command = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.M)[1]
    assert plain(shlex.split(command)) == plain(COMMANDS[kind])


@pytest.mark.parametrize("kind", COMMANDS)
def test_aService_runsWhatTheProcfileRuns(kind: str):
    assert plain(COMPOSE["services"][kind]["command"]) == plain(COMMANDS[kind])


def test_onlyTheControlWorker_hasTheOperatorsKey():
    holders = [unit.name for unit in UNITS if "operator.env" in unit.read_text()]
    assert holders == ["murmuration-control.service"]
    services = [name for name, one in COMPOSE["services"].items() if "operator.env" in str(one)]
    assert services == ["control"]
    assert "OPERATOR_K" not in (DEPLOY / "production.env.example").read_text()


def test_theExamples_nameSettingsThatExist():
    for name in ("production.env.example", "operator.env.example"):
        named = re.findall(r"^([A-Z_]+)=", (DEPLOY / name).read_text(), re.M)
        assert named
        assert set(named) <= variables()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_findsNoFault(tmp_path: Path):
    programs = Path(sys.executable).parent
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text().replace("/opt/murmuration/.venv/bin", str(programs))
        (tmp_path / unit.name.replace("@.", "@8001.")).write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    ours = [line for line in ran.stderr.splitlines() if "murmuration" in line]
    assert not ours, "\n".join(ours)


def test_theImage_installsPinsOnly_andRunsAsNobodySpecial():
    text = (DEPLOY / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert re.match(r"FROM \S+:\d", lines[0]), "a version, and not latest"
    assert "requirements/run.txt" in text
    assert text.index("USER murmuration") < text.index("CMD [")
    assert not re.search(r"apt-get|curl |ADD |:latest", text)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"var", ".git", "deploy/*.env"} <= set(ignored)


def test_composeFile_pinsImages_keepsDataInVolumes_andPublishesOnlyToThisMachine():
    volumes = set(COMPOSE["volumes"])
    for name, service in COMPOSE["services"].items():
        assert re.search(r"murmuration$|:\d", service["image"]), name
        for mount in service.get("volumes", []):
            assert mount.split(":")[0] in volumes
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        if name in COMMANDS:
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]


def test_aProxy_tellsWhatTheSiteNeeds():
    nginx = (DEPLOY / "nginx.conf.example").read_text()
    for header in ("X-Forwarded-For $proxy_add_x_forwarded_for", "X-Forwarded-Proto $scheme", "Upgrade"):
        assert f"proxy_set_header {header}" in nginx
    assert nginx.count("{") == nginx.count("}")
    for name in ("nginx.conf.example", "Caddyfile.example"):
        assert "metrics" in (DEPLOY / name).read_text()
