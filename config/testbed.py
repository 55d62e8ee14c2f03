"""What tests need that pip and npm don't bring: a Chromium, and a PostgreSQL of their own.

    python -m config.testbed chromium            prints the path of a Chromium that starts
    python -m config.testbed postgres COMMAND…   runs COMMAND with DATABASE_URL naming a private cluster

Both are looked for on the system first and installed only where they are missing: by Playwright (Chromium),
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
from collections.abc import Iterator
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


@contextmanager
def postgres() -> Iterator[str]:
    """A private, empty cluster on a port of its own, removed afterwards; gives its URL. Raises Problem."""
    programs = find_postgres()
    if programs is None and apt_install("postgresql"):
        programs = find_postgres()
    if programs is None:
        raise Problem(
            "These tests need PostgreSQL's server programs, and none could be found or installed: "
            "install them (on Debian, sudo apt-get install postgresql) and run the same command again."
        )
    user = unprivileged()
    with tempfile.TemporaryDirectory(prefix="murmuration-pg-") as folder:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", f"{folder}/data", *arguments]
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
            # pg_ctl's server keeps its output open: a file, since a pipe would never end.
            with open(f"{folder}/{program}.log", "w+") as log:
                ran = subprocess.run(command, cwd=folder, stdout=log, stderr=log, check=False, **who)  # type: ignore[call-overload]
                if ran.returncode != 0:
                    log.seek(0)
                    raise Problem(f"PostgreSQL's {program} failed: {log.read().strip()[-1000:]}")

        port = free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        run("initdb", "-U", "murmuration", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "start", "-w", "-t", "60", "-l", f"{folder}/server.log", "-o", options)
        try:
            yield f"postgres://murmuration@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "-m", "immediate", "-w")


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["chromium"]:
                print(chromium())
                return 0
            case ["postgres", *command] if command:
                with postgres() as url:
                    say(f"PostgreSQL for the tests: {url}")
                    return subprocess.run(
                        command, env={**os.environ, "DATABASE_URL": url}, check=False
                    ).returncode
        say(str(__doc__))
        return 2
    except Problem as problem:
        say(str(problem))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
