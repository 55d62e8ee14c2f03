"""How quick the mirror is, beside others: `make bench-index`.

A local Anvil holds 200 proposals and 100,000 votes in about 4,000 blocks (`benches.index_history`). They are
mirrored from nothing

    postgres   by us, a fresh process on an empty PostgreSQL (config.testbed); the median of three runs
    sqlite     by us, the same on SQLite
    ponder     by Ponder (npm), tuned, into the same PostgreSQL (`benches.index_ponder`)
    web3_loop  by a plain loop of web3.py and bulk_create, a tenth of the votes (`benches.index_loop`)

each with votes a second, processor seconds (user and system, of the whole process tree; the database's server
apart), the most memory, and whether the totals of every proposal are what the chain's logs add up to when
they are counted by hand.

Then live: from just before a block with a vote is mined to the mirror's commit (`benches.index_live`), and to
the moment when another visitor's open page shows the vote (`benches.index_visible`).

The last line is one JSON object. Exit status 1, and a sentence on stderr, for each target that is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

EVENTS, RUNS = 100_000, 3
POSTGRES_PER_S, SQLITE_PER_S = 20_000, 8_000
SPEEDUP, CPU_RATIO = 7.0, 0.1
RSS_MB, COMMIT_MS, VISIBLE_MS = 300, 10, 150


def say(words: str) -> None:
    """Tell the person; stdout belongs to the answer."""
    print(words, file=sys.stderr, flush=True)


def backfills(folder: Path, events: int, runs: int, peers: bool) -> dict[str, Any]:
    """Everybody's figures for the past."""
    from benches import index_history, index_ours
    from config import testbed

    found: dict[str, Any] = {}
    with index_history.node(folder) as url, testbed.postgres() as cluster:
        history = index_history.build(url, events)
        say(f"{history.proposals} proposals, {history.events} votes, {history.head} blocks")
        server = int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0])
        ours: dict[str, list[dict[str, Any]]] = {"postgres": [], "sqlite": []}
        for number in range(runs):
            for kind, results in ours.items():
                place = folder / f"{kind}{number}"
                address = f"sqlite:///{place}/mirror.sqlite3"
                if kind == "postgres":
                    address = database(cluster.url, f"ours{number}")
                results.append(
                    index_ours.backfill(history, address, place, server if kind == "postgres" else None)
                )
                say(f"{kind}: {results[-1]}")
        found |= {kind: index_ours.median(results) for kind, results in ours.items()}
        if peers:
            from benches import index_loop, index_ponder

            found["ponder"] = index_ponder.ponder(history, database(cluster.url, "ponder"), server, folder)
            say(f"ponder: {found['ponder']}")
            address = database(cluster.url, "loop")
            found["web3_loop"] = index_loop.measure(history, address, folder / "loop", server)
            say(f"web3_loop: {found['web3_loop']}")
            found["speedup"] = round(found["postgres"]["events_per_s"] / found["ponder"]["events_per_s"], 1)
            found["cpu_ratio"] = round(found["postgres"]["cpu_s"] / found["ponder"]["cpu_s"], 3)
    return found


def live(folder: Path) -> dict[str, Any]:
    """From mined to committed on each database, and to visible; milliseconds."""
    from benches import index_live, index_visible
    from config import testbed

    waits: dict[str, Any] = {}
    with testbed.postgres() as cluster:
        waits["commit_postgres"] = index_live.measure(folder / "live-postgres", cluster.url)
    place = folder / "live-sqlite"
    waits["commit_sqlite"] = index_live.measure(place, f"sqlite:///{place}/mirror.sqlite3")
    say(f"mined to committed: {waits}")
    waits["visible"] = index_visible.measure(folder / "visible")
    say(f"mined to visible: {waits['visible']}")
    return {
        "live_commit_ms_p50": waits["commit_postgres"]["p50"],
        "live_visible_ms_p50": waits["visible"]["p50"],
        "live_ms": waits,
    }


def database(server: str, name: str) -> str:
    """Make an empty database on a PostgreSQL; its address."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of ours
    return server.rpartition("/")[0] + "/" + name


def missed(found: dict[str, Any]) -> list[str]:
    """The targets that `found` misses, each in words."""
    judged: dict[str, bool] = {}
    if "postgres" in found:
        postgres, sqlite = found["postgres"], found["sqlite"]
        judged |= {
            f"PostgreSQL: at least {POSTGRES_PER_S} votes a second": postgres["events_per_s"]
            >= POSTGRES_PER_S,
            f"SQLite: at least {SQLITE_PER_S} votes a second": sqlite["events_per_s"] >= SQLITE_PER_S,
            f"less than {RSS_MB} MB": max(postgres["rss_mb"], sqlite["rss_mb"]) < RSS_MB,
            "exact totals": postgres["exact"] and sqlite["exact"],
        }
    if "ponder" in found:
        judged |= {
            f"at least {SPEEDUP} times as quick as Ponder": found["speedup"] >= SPEEDUP,
            f"at most {CPU_RATIO} of Ponder's processor time": found["cpu_ratio"] <= CPU_RATIO,
        }
    if "live_commit_ms_p50" in found:
        judged |= {
            f"mined to committed in less than {COMMIT_MS} ms": found["live_commit_ms_p50"] < COMMIT_MS,
            f"mined to visible in less than {VISIBLE_MS} ms": found["live_visible_ms_p50"] < VISIBLE_MS,
        }
    return [words for words, met in judged.items() if not met]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=EVENTS, help="a multiple of 5,000")
    parser.add_argument("--runs", type=int, default=RUNS, help="of ours, on each database")
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--skip-backfill", action="store_true", help="measure what is live alone")
    parser.add_argument("--skip-live", action="store_true")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="murmuration-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as somebody else
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ["VAR_DIR"] = name
        import django

        django.setup()
        found: dict[str, Any] = {}
        if not arguments.skip_backfill:
            found |= backfills(folder, arguments.events, arguments.runs, not arguments.skip_peers)
        if not arguments.skip_live:
            found |= live(folder)
    from benches.machine import machine

    found |= {"events": arguments.events, "machine": machine()}
    print(json.dumps(found))
    failures = missed(found)
    for words in failures:
        say(f"missed: {words}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
