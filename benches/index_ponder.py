"""Ponder on the history of `make bench-index`, and a plain loop of web3.py on a part of it.

Ponder is what npm has, installed once into var/bench-ponder; its configuration, schema and handlers are in
benches/index/ponder. It is tuned: it may ask the node as often as it likes, for a thousand blocks of logs at
once, and keeps no copies of answers. It gets a database of its own on the same PostgreSQL. Its time runs
from its own "Started backfill indexing" until it says that it is ready and every vote is in its table; its
processor seconds and memory are those of its whole process tree from its start on.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benches.index_history import History
from benches.index_watch import Watch, cpu_of

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "benches" / "index" / "ponder"
HOME = ROOT / "var" / "bench-ponder"
PATIENCE_S = 900.0
SCHEMA = "ponder_bench"
QUIET = {"PONDER_TELEMETRY_DISABLED": "1", "NO_UPDATE_NOTIFIER": "1", "NODE_NO_WARNINGS": "1"}


def install() -> Path:
    """Ponder's program, installed where it is not there yet in the version that package.json names."""
    HOME.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SOURCE, HOME, dirs_exist_ok=True)
    wanted = json.loads((SOURCE / "package.json").read_text())["dependencies"]["ponder"]
    package = HOME / "node_modules" / "ponder" / "package.json"
    if not package.exists() or json.loads(package.read_text())["version"] != wanted:
        print(f"installing Ponder {wanted}", file=sys.stderr)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
        subprocess.run(command, cwd=HOME, check=True, stdout=sys.stderr)
    return HOME / "node_modules" / "ponder" / "dist" / "esm" / "bin" / "ponder.js"


def ready(port: int) -> bool:
    """Whether Ponder says that its backfill is over."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.HTTPError, OSError):
        return False


def totals_of(database: str) -> tuple[int, dict[tuple[int, int], tuple[int, int]]]:
    """(proposals, totals) of what Ponder wrote."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(database) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(SCHEMA)))
        rows = connection.execute(
            "SELECT proposal, support, count(*), sum(weight) FROM vote GROUP BY 1, 2"
        ).fetchall()
        proposals = connection.execute("SELECT count(*) FROM proposal").fetchone()
    return int(proposals[0] if proposals else 0), {
        (int(proposal), int(support)): (int(count), int(weight)) for proposal, support, count, weight in rows
    }


def ponder(history: History, database: str, server: int, folder: Path) -> dict[str, Any]:
    """Index `history` into `database` (an address), whose server has the process id `server`."""
    from config.testbed import free_port

    program, port = install(), free_port()
    environment = os.environ | QUIET | {
        "DATABASE_URL": database,
        "BENCH_RPC_URL": history.url,
        "BENCH_GOVERNOR": history.address,
        "BENCH_FIRST": str(history.first),
    }  # fmt: skip
    command = ["node", str(program), "--log-format", "json", "start", "--schema", SCHEMA, "--port", str(port)]
    output = folder / "ponder.log"
    server_before = cpu_of(server)
    with output.open("wb") as sink:
        process = subprocess.Popen(command, cwd=HOME, env=environment, stdout=sink, stderr=sink)
    try:
        watch = Watch(process.pid)
        give_up = time.monotonic() + PATIENCE_S
        while not (ready(port) and totals_of(database)[1] == history.totals):
            if process.poll() is not None or time.monotonic() > give_up:
                raise SystemExit(f"Ponder did not get there:\n{output.read_text()[-3000:]}")
            time.sleep(0.05)
        done = time.time()
        watch.stop()
        proposals, totals = totals_of(database)
    finally:
        process.terminate()
        process.wait()
    seconds = done - began(output)
    return {
        "version": json.loads((SOURCE / "package.json").read_text())["dependencies"]["ponder"],
        "events_per_s": round(history.events / seconds),
        "seconds": round(seconds, 2),
        "cpu_s": watch.cpu_s,
        "database_cpu_s": round(cpu_of(server) - server_before, 2),
        "rss_mb": watch.rss_mb,
        "exact": totals == history.totals and proposals == history.proposals,
    }


def began(output: Path) -> float:
    """When Ponder's backfill began, by its own log (seconds since 1970)."""
    for line in output.read_text().splitlines():
        if line.startswith("{") and '"Started backfill indexing"' in line:
            return float(json.loads(line)["time"]) / 1000
    raise SystemExit("Ponder did not say when it began")
