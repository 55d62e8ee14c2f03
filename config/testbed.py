"""What tests need that pip and npm don't bring: a Chromium, a PostgreSQL and a Redis of their own.

    python -m config.testbed chromium            prints the path of a Chromium that starts
    python -m config.testbed postgres COMMAND…   runs COMMAND with DATABASE_URL naming a private cluster
    python -m config.testbed services COMMAND…   the same, with REDIS_URL naming a private Redis too

They are looked for on the system first and installed only where they are missing: by Playwright (Chromium),
then by apt-get where this is root. What can't be had is one clear sentence and exit status 1.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.install import Problem

CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/pgsql/bin")


def say(text: str) -> None:
    """Tell the person; stdout belongs to the answer."""
    print(text, file=sys.stderr, flush=True)


def apt_install(package: str) -> bool:
    """Install a Debian package, if this is root on such a system; False if not, or if it failed."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"Installing {package} with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
    for command in (["apt-get", "update", "-q"], install):
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if ran.returncode != 0:
            say("\n".join((ran.stdout + ran.stderr).splitlines()[-8:]))
            return False
    return True


# --- Chromium -------------------------------------------------------------------------------------------


def starts(program: str | None) -> bool:
    """Does this browser run here? Its libraries may be missing, or it may be a stub."""
    if not program:
        return False
    try:
        ran = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0 and bool(re.search(r"Chrom", ran.stdout))


def playwrights() -> str | None:
    """Where Playwright keeps its own Chromium, whether or not it is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return str(playwright.chromium.executable_path)


def find_chromium() -> str | None:
    """The first Chromium that starts: $CHROMIUM (or Problem), the system's, Playwright's."""
    if named := os.environ.get("CHROMIUM"):
        if starts(shutil.which(named)):
            return shutil.which(named)
        raise Problem(f"CHROMIUM names {named}, which does not start.")
    for name in CHROMIUMS:
        program = shutil.which(name)
        if starts(program):
            return program
    return own if starts(own := playwrights()) else None


def chromium() -> str:
    """`find_chromium`, installing one if need be; raises Problem."""
    if found := find_chromium():
        return found
    say("No Chromium here: asking Playwright for one")
    install = [sys.executable, "-m", "playwright", "install", "chromium"]
    ran = subprocess.run(install, capture_output=True, text=True, check=False)
    if not (found := find_chromium()) and apt_install("chromium"):
        found = find_chromium()
    if not found:
        say("\n".join((ran.stdout + ran.stderr).splitlines()[-5:]))
        raise Problem(
            "The browser tests need a Chromium, and none could be found or installed: "
            "install one (on Debian, sudo apt-get install chromium) or name it, CHROMIUM=/path/to/chrome"
        )
    return found


# --- PostgreSQL -----------------------------------------------------------------------------------------


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's server programs, the newest there is."""
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    folders = [folder for pattern in POSTGRES_FOLDERS for folder in Path("/").glob(pattern.lstrip("/"))]

    def version(folder: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", str(folder))]

    return max((f for f in folders if (f / "initdb").exists()), key=version, default=None)


def free_port() -> int:
    """A port that is free now, by the system's choice."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged() -> pwd.struct_passwd | None:
    """Whom to run PostgreSQL as: it refuses to be root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Problem("PostgreSQL will not run as root, and there is no user postgres or nobody to run it as.")


def found(find: Callable[[], Path | None], package: str, words: str) -> Path:
    """A server program, installed where it is missing and can be. Raises Problem with `words`."""
    program = find()
    if program is None and apt_install(package):
        program = find()
    if program is None:
        raise Problem(
            f"These tests need {words}, and none could be found or installed: install it "
            f"(on Debian, sudo apt-get install {package}) and run the same command again."
        )
    return program


class Postgres:
    """A private, empty cluster in `folder`, on a port of its own. Can be stopped, and started again."""

    def __init__(self, folder: Path) -> None:
        """Make the cluster. Raises Problem."""
        self.folder = folder
        self.programs = found(find_postgres, "postgresql", "PostgreSQL's server programs")
        user = unprivileged()
        self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.port = free_port()
        self.run("initdb", "-U", "murmuration", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgres://murmuration@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs on the cluster. Raises Problem."""
        command = [str(self.programs / program), "-D", f"{self.folder}/data", *arguments]
        # pg_ctl's server keeps its output open: a file, since a pipe would never end.
        with open(self.folder / f"{program}.log", "w+") as log:
            ran = subprocess.run(  # type: ignore[call-overload]
                command, cwd=self.folder, stdout=log, stderr=log, check=False, **self.who
            )
            if ran.returncode != 0:
                log.seek(0)
                raise Problem(f"PostgreSQL's {program} failed: {log.read().strip()[-1000:]}")

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        try:
            self.run("pg_ctl", "start", "-w", "-t", "60", "-l", f"{self.folder}/server.log", "-o", options)
        except Problem as problem:
            said = (self.folder / "server.log").read_text(errors="replace")[-1000:]
            raise Problem(f"{problem}\n{said}") from None

    def stop(self) -> None:
        """Stop it as a crash would: connections are cut, and the next start recovers."""
        self.run("pg_ctl", "stop", "-m", "immediate", "-w")


class Redis:
    """A private Redis in `folder`, on a port of its own, which keeps what it is told on disk."""

    def __init__(self, folder: Path) -> None:
        """Find the program. Raises Problem."""
        self.folder = folder
        self.program = found(find_redis, "redis-server", "a Redis server")
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers. Raises Problem."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        # As docs/operations.md has it.
        options += ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen([str(self.program), *options], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while self.process.poll() is not None or not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "server.log").read_text(errors="replace")[-1000:]
                raise Problem(f"Redis did not start: {said}")
            time.sleep(0.05)

    def stop(self, forget: bool = False) -> None:
        """End it at once, as a crash would; `forget` what it had on disk too."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        if forget:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)


def find_redis() -> Path | None:
    """Redis's server, or Valkey's, which is the same to us."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(program) if program else None


def answers(port: int) -> bool:
    """Whether a Redis answers on a port of this machine; anything else that listens there does not count."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(5) == b"+PONG"
    except OSError:
        return False


def start(server: Postgres | Redis) -> None:
    """Start a server for the first time: where another program took its port meanwhile, on another."""
    for chance in (2, 1, 0):
        try:
            server.start()
            break
        except Problem:
            if not chance:
                raise
            server.port = free_port()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A private cluster that runs, removed afterwards. Raises Problem."""
    with tempfile.TemporaryDirectory(prefix="murmuration-pg-") as folder:
        cluster = Postgres(Path(folder))
        start(cluster)
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def redis() -> Iterator[Redis]:
    """A private Redis that runs, removed afterwards. Raises Problem."""
    with tempfile.TemporaryDirectory(prefix="murmuration-redis-") as folder:
        server = Redis(Path(folder))
        start(server)
        try:
            yield server
        finally:
            server.stop()


def run(command: list[str], **environment: str) -> int:
    """Run a command with more environment; its exit status."""
    for name, value in environment.items():
        say(f"For the tests: {name}={value}")
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["chromium"]:
                print(chromium())
                return 0
            case ["postgres", *command] if command:
                with postgres() as cluster:
                    return run(command, DATABASE_URL=cluster.url)
            case ["services", *command] if command:
                with postgres() as cluster, redis() as server:
                    return run(command, DATABASE_URL=cluster.url, REDIS_URL=server.url)
        say(str(__doc__))
        return 2
    except Problem as problem:
        say(str(problem))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
