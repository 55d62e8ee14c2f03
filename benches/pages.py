"""How many pages a second, and how soon: `make bench-pages`.

A site with a hundred generations, fifty proposals and two thousand votes (`benches.seed`) is asked for its
front page, a proposal that is being voted on, the list of proposals and the lineage, by sixteen visitors at
once on connections that stay open, from this process. Twice:

    embedded    SQLite and memory, one web process: what `make run` serves with
    production  PostgreSQL and Redis of its own, two web processes as the Procfile starts them

`floor` is a Django view that says "ok" and nothing else, through the same server and middleware, in the same
run: what no page can be quicker than. The last line is one JSON object; `embedded` and `production` are the
front page and the proposal page together.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

VISITORS = 16
PATIENCE_S = 60.0
BOTH = ("front", "proposal")


class Visitor:
    """One connection that asks for one page after another."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def ask(self, path: str, seconds: float, waits: list[float]) -> None:
        """Ask for a page until the time is up; note each wait in seconds."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        question = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUser-Agent: bench\r\n\r\n".encode()
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            writer.write(question)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 200 "):
                raise SystemExit(f"{path} answered {head.splitlines()[0]!r}")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0]))
            waits.append(time.perf_counter() - began)
        writer.close()


def load(ports: list[int], path: str, seconds: float) -> list[float]:
    """All visitors at once, shared among the ports; each wait in seconds."""
    waits: list[float] = []

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(VISITORS):
                group.create_task(Visitor(ports[number % len(ports)]).ask(path, seconds, waits))

    asyncio.run(all_of_them())
    return waits


def figures(waits: list[float], seconds: float) -> dict[str, float]:
    """{rps, p50_ms, p95_ms} of waits that filled `seconds`."""
    ordered = sorted(waits)
    return {
        "rps": round(len(ordered) / seconds, 1),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)] * 1000, 1),
    }


def measure(ports: list[int], paths: dict[str, str], seconds: float) -> dict[str, Any]:
    """Each page for `seconds` after a second of warming: {page: figures}, and "both" for the two of BOTH."""
    found: dict[str, Any] = {}
    waits: dict[str, list[float]] = {}
    for name, path in paths.items():
        load(ports, path, 1.0)
        waits[name] = load(ports, path, seconds)
        found[name] = figures(waits[name], seconds)
        print(f"{name}: {found[name]}", file=sys.stderr)
    found["both"] = figures([wait for name in BOTH for wait in waits[name]], seconds * len(BOTH))
    return found


# --- The two sites


def python(*arguments: str, environment: dict[str, str]) -> str:
    """Run a program of ours to its end; its output."""
    command = [sys.executable, *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return ran.stdout


@contextmanager
def served(commands: list[tuple[list[str], dict[str, str]]]) -> Iterator[list[int]]:
    """Web processes on ports of their own, each ready to answer."""
    from config.testbed import free_port

    processes, ports = [], []
    try:
        for arguments, environment in commands:
            port = free_port()
            processes.append(
                subprocess.Popen(
                    [sys.executable, *arguments], cwd=ROOT, env=environment | {"PORT": str(port)}
                )
            )
            ports.append(port)
        for port, process in zip(ports, processes, strict=True):
            wait_for(port, process)
        yield ports
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until somebody listens on the port."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            asyncio.run(Visitor(port).ask("/healthz/", 0.0, []))
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise SystemExit("a web process did not start") from None
            time.sleep(0.1)
        else:
            return


def settings_for(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a site in `folder`, with nothing of this process's own settings."""
    from benches.seed import deployment

    folder.mkdir(exist_ok=True)
    deployment(folder / "deployment.json")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(folder),
        "DEPLOYMENT_FILE": str(folder / "deployment.json"),
        "SECRET_KEY": "a key for a benchmark " * 4,
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
        **more,
    }


def fill(environment: dict[str, str]) -> dict[str, str]:
    """Migrate and seed; the pages to ask for by name."""
    python("manage.py", "migrate", "-v0", environment=environment)
    proposal = python("-m", "benches.pages", "--seed", environment=environment).split()[-1]
    return {
        "floor": "/bench-floor/",
        "front": "/",
        "proposal": f"/proposals/{proposal}/",
        "proposals": "/proposals/",
        "lineage": "/lineage/",
    }


def embedded(folder: Path, seconds: float) -> dict[str, Any]:
    """One process on SQLite."""
    environment = settings_for(folder, DATABASE_URL=f"sqlite:///{folder}/bench.sqlite3")
    paths = fill(environment)
    with served([(["-m", "benches.pages", "--serve"], environment)]) as ports:
        return measure(ports, paths, seconds)


def production(folder: Path, seconds: float) -> dict[str, Any]:
    """Two processes on PostgreSQL and Redis."""
    from config import testbed

    with ExitStack() as stack:
        postgres = stack.enter_context(testbed.postgres())
        redis = stack.enter_context(testbed.redis())
        environment = settings_for(
            folder,
            DATABASE_URL=postgres.url,
            REDIS_URL=redis.url,
            CHAIN_RPC_URL="http://127.0.0.1:1",  # no page asks a node
            COLLECTED_STATIC="true",
        )
        paths = fill(environment)
        python("manage.py", "collectstatic", "--noinput", "-v0", environment=environment)
        command = (["-m", "benches.pages", "--serve"], environment)
        ports = stack.enter_context(served([command, command]))
        return measure(ports, paths, seconds)


# --- In a web process


def serve() -> None:
    """The site with the floor's view besides, as `config.web` and `config.embedded` serve it."""
    import uvicorn
    from django.conf import settings

    settings.ROOT_URLCONF = "benches.floor"
    from config.asgi import application
    from live import server

    uvicorn.run(application, port=int(os.environ["PORT"]), log_level="warning", **server.options())


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="for each page")
    parser.add_argument("--only", choices=["embedded", "production"])
    arguments = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="murmuration-bench-") as name:
        Path(name).chmod(0o755)  # PostgreSQL may run as somebody else
        for kind, run in (("embedded", embedded), ("production", production)):
            if arguments.only in (None, kind):
                print(kind, file=sys.stderr)
                found[kind] = run(Path(name) / kind, arguments.seconds)
    from benches.machine import machine

    result: dict[str, Any] = {kind: pages.pop("both") for kind, pages in found.items()}
    result["floor"] = {kind: pages.pop("floor") for kind, pages in found.items()}
    print(json.dumps({**result, "pages": found, "visitors": VISITORS, "machine": machine()}))
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    elif sys.argv[1:] == ["--seed"]:
        import django

        django.setup()
        from benches.seed import seed

        print(seed())
    else:
        sys.exit(main())
