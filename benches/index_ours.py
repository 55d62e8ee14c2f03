"""Our own backfill in `make bench-index`: a fresh process on an empty database each time.

    python -m benches.index_ours       with DATABASE_URL, CHAIN_RPC_URL and DEPLOYMENT_FILE in the environment

The process is what `manage.py index --once` is, with a clock: `seconds` is from the start of the sync to its
end, `cpu_s` is all that the process ever used, the start of Python and Django included.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benches.index_history import History, Totals
from benches.index_watch import cpu_of

ROOT = Path(__file__).resolve().parent.parent


def sync() -> None:
    """Mirror the configured chain; says JSON: seconds, cpu_s, sync_cpu_s, rss_mb, proposals, totals."""
    import django

    django.setup()
    from chain.indexer import Indexer

    indexer = Indexer.configured()
    began, began_cpu = time.perf_counter(), time.process_time()
    indexer.sync()
    seconds, sync_cpu = time.perf_counter() - began, time.process_time() - began_cpu
    usage = resource.getrusage(resource.RUSAGE_SELF)

    from governance.models import Proposal

    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "sync_cpu_s": sync_cpu,
                "rss_mb": usage.ru_maxrss * 1024 / 1e6,
                "proposals": Proposal.objects.count(),
                "totals": totals(),
            }
        )
    )


def totals() -> list[list[str]]:
    """[proposal, support, votes, weight] of each that has votes, all in decimals; summed exactly by the
    database.
    """
    from django.db.models import Count

    from chain.fields import ExactSum
    from governance.models import Vote

    rows = Vote.objects.order_by().values_list("proposal_id", "support")
    rows = rows.annotate(count=Count("pk"), total=ExactSum("weight"))
    return [[str(value) for value in row] for row in rows]


def read_totals(rows: list[list[str]]) -> Totals:
    """What a process said of its totals."""
    return {(int(p), int(support)): (int(count), int(weight)) for p, support, count, weight in rows}


def environment(history: History, database: str, folder: Path) -> dict[str, str]:
    """The settings of a site that mirrors `history` into `database`, with nothing of this process's own."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "deployment.json"
    file.write_text(json.dumps(history.deployment()))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "a key for a benchmark " * 4,
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
        "VAR_DIR": str(folder),
        "DEPLOYMENT_FILE": str(file),
        "DATABASE_URL": database,
        "CHAIN_RPC_URL": history.url,
        "PRIVATE_CHAIN": "true",
    }


def python(*arguments: str, environment: dict[str, str]) -> str:
    """Run a program of ours to its end; what it said last."""
    command = [sys.executable, *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return ran.stdout.rstrip().rpartition("\n")[2]


def backfill(history: History, database: str, folder: Path, server: int | None = None) -> dict[str, Any]:
    """Mirror `history` into the empty `database`, whose server has the process id `server` if it has one."""
    settings = environment(history, database, folder)
    python("manage.py", "migrate", "-v0", environment=settings)
    server_before = cpu_of(server) if server else 0.0
    said = json.loads(python("-m", "benches.index_ours", environment=settings))
    exact = read_totals(said["totals"]) == history.totals and said["proposals"] == history.proposals
    found = {
        "events_per_s": round(history.events / said["seconds"]),
        "seconds": round(said["seconds"], 2),
        "cpu_s": round(said["cpu_s"], 2),
        "sync_cpu_s": round(said["sync_cpu_s"], 2),
        "rss_mb": round(said["rss_mb"], 1),
        "exact": exact,
    }
    if server:
        found["database_cpu_s"] = round(cpu_of(server) - server_before, 2)
    return found


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run of median speed; exact only if all were, and as much memory as any took."""
    middle = sorted(runs, key=lambda run: run["events_per_s"])[len(runs) // 2]
    return {
        **middle,
        "exact": all(run["exact"] for run in runs),
        "rss_mb": max(run["rss_mb"] for run in runs),
        "runs": [run["events_per_s"] for run in runs],
    }


if __name__ == "__main__":
    sync()
