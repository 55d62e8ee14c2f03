"""The loop that anybody would write first, on a part of the history of `make bench-index`.

    python -m benches.index_loop NODE GOVERNOR FIRST VOTES      with DATABASE_URL in the environment

web3.py's `get_logs` by ranges of a thousand blocks, `process_log` for each log, and Django's `bulk_create`
into a table of its own. It looks at no header, has no block's time, and would not notice a reorganisation.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benches.index_history import History, artifact, recount
from benches.index_watch import cpu_of

RANGE = 1000  # blocks
LEAST = 5000  # votes


def measure(history: History, database: str, folder: Path, server: int) -> dict[str, Any]:
    """Run the loop in a process of its own on a tenth of the votes; all of them where there are few."""
    from benches.index_ours import environment, python, read_totals

    votes = max(min(history.events, LEAST), history.events // 10)
    _, counted, totals = recount(history, votes)
    settings = environment(history, database, folder)
    before = cpu_of(server)
    arguments = (history.url, history.address, str(history.first), str(votes))
    said = json.loads(python("-m", "benches.index_loop", *arguments, environment=settings))
    return {
        "events": counted,
        "events_per_s": round(counted / said["seconds"]),
        "seconds": round(said["seconds"], 2),
        "cpu_s": round(said["cpu_s"], 2),
        "database_cpu_s": round(cpu_of(server) - before, 2),
        "rss_mb": round(said["rss_mb"], 1),
        "exact": read_totals(said["totals"]) == totals,
    }


def main(url: str, address: str, first: int, votes: int) -> None:
    """Read until `votes` votes are stored; says JSON: seconds, cpu_s, rss_mb, totals."""
    import django

    django.setup()
    from django.db import connection, models
    from web3 import HTTPProvider, Web3
    from web3.contract import Contract

    class LoopVote(models.Model):
        """A vote as the loop keeps it."""

        block_number = models.BigIntegerField()
        block_hash = models.CharField(max_length=66)
        log_index = models.IntegerField()
        tx_hash = models.CharField(max_length=66)
        proposal = models.CharField(max_length=78, db_index=True)
        voter = models.CharField(max_length=42, db_index=True)
        support = models.SmallIntegerField()
        weight = models.CharField(max_length=78)
        reason = models.TextField()

        class Meta:
            app_label = "chain"
            db_table = "bench_loop_vote"
            constraints = [models.UniqueConstraint(fields=["block_hash", "log_index"], name="loop_once")]

        def __str__(self) -> str:
            return f"{self.voter} on {self.proposal}"

    with connection.schema_editor() as editor:
        editor.create_model(LoopVote)
    node = Web3(HTTPProvider(url))
    contract: Contract = node.eth.contract(address=Web3.to_checksum_address(address), abi=artifact()["abi"])
    vote_cast = contract.events.VoteCast()
    topic = "0x" + vote_cast.topic.removeprefix("0x")
    stored, start, step = 0, first, min(RANGE, votes // 25)
    began = time.perf_counter()
    while stored < votes:
        logs = node.eth.get_logs(
            {
                "address": contract.address,
                "fromBlock": start,
                "toBlock": start + step - 1,
                "topics": [topic],
            }
        )
        rows = []
        for log in logs[: votes - stored]:
            event = vote_cast.process_log(log)
            rows.append(
                LoopVote(
                    block_number=event["blockNumber"],
                    block_hash=event["blockHash"].hex(),
                    log_index=event["logIndex"],
                    tx_hash=event["transactionHash"].hex(),
                    proposal=str(event["args"]["proposalId"]),
                    voter=event["args"]["voter"],
                    support=event["args"]["support"],
                    weight=str(event["args"]["weight"]),
                    reason=event["args"]["reason"],
                )
            )
        LoopVote._default_manager.bulk_create(rows, batch_size=1000)
        stored += len(rows)
        start += step
    seconds = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    totals: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for proposal, support, weight in LoopVote._default_manager.values_list("proposal", "support", "weight"):
        total = totals[proposal, support]
        total[0] += 1
        total[1] += int(weight)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "rss_mb": usage.ru_maxrss * 1024 / 1e6,
                "totals": [[*key, str(count), str(weight)] for key, (count, weight) in totals.items()],
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
