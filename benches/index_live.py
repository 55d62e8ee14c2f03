"""How soon a mined vote is in the mirror: a part of `make bench-index`.

    python -m benches.index_live NODE GOVERNOR NEXT VOTES     with the site's settings in the environment

The follower of `manage.py index` runs in a thread, with its websocket and all. In the main thread blocks are
mined, each with one vote, each some time after the last was committed. A time runs from just before the
request to mine to the first word of the commit (a listener, as pages are told by).
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benches.index_history import GAS, GROUP, OPEN, build, calldata, node
from benches.index_ours import environment, python

VOTES = 200
PATIENCE_S = 30.0
PAUSE_S = (0.02, 0.08)

committed: dict[int, float] = {}
"""Block -> when its commit was told of (`time.perf_counter`)."""
told = threading.Event()


def listener(cursor: Any, logs: int, reorged: bool) -> None:
    """Note that the mirror is at the cursor's block."""
    committed.setdefault(cursor.number, time.perf_counter())
    told.set()


def until_committed(number: int) -> float:
    """When block `number` was committed."""
    give_up = time.monotonic() + PATIENCE_S
    while number not in committed:
        if time.monotonic() > give_up:
            raise SystemExit(f"block {number} did not arrive in the mirror")
        told.wait(0.5)
        told.clear()
    return committed[number]


def main(url: str, address: str, first: int, votes: int) -> None:
    """Mine `votes` votes from number `first` on; says a list of milliseconds."""
    import django

    django.setup()
    from django.conf import settings

    settings.CHAIN_LISTENERS = ["benches.index_live.listener"]
    from chain import follow
    from chain.rpc import Rpc

    stop = threading.Event()
    follower = threading.Thread(target=follow.run, args=(stop,))
    follower.start()
    rpc = Rpc(url)
    try:
        waits = _mine(rpc, address, first, votes)
    finally:
        stop.set()
        follower.join()
    print(json.dumps(waits))


def _mine(rpc: Any, address: str, first: int, votes: int) -> list[float]:
    fields = {"from": rpc.call("eth_accounts")[0], "to": address, "gas": hex(GAS)}
    data = calldata("propose(uint256,uint256)", first // GROUP * OPEN, OPEN)
    rpc.call("eth_sendTransaction", fields | {"data": data})
    rpc.call("evm_mine")
    number = int(rpc.call("eth_blockNumber"), 16)
    until_committed(number)
    time.sleep(1.0)  # the websocket is up too
    waits = []
    for vote in range(first, first + votes):
        rpc.call("eth_sendTransaction", fields | {"data": calldata("vote(uint256,uint256)", vote, 1)})
        time.sleep(random.uniform(*PAUSE_S))
        began = time.perf_counter()
        rpc.call("evm_mine")
        number += 1
        waits.append((until_committed(number) - began) * 1000)
    return waits


def percentile(values: list[float], share: float) -> float:
    """What `share` of the values do not exceed."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


def measure(folder: Path, database: str, votes: int = VOTES) -> dict[str, float]:
    """Mined to committed on an empty `database`: {p50, p95} in milliseconds."""
    folder.mkdir()
    with node(folder) as url:
        history = build(url, GROUP)
        settings = environment(history, database, folder)
        python("manage.py", "migrate", "-v0", environment=settings)
        arguments = (url, history.address, str(history.events), str(votes))
        waits = json.loads(python("-m", "benches.index_live", *arguments, environment=settings))
    assert len(waits) == votes
    return {"p50": percentile(waits, 0.5), "p95": percentile(waits, 0.95)}


if __name__ == "__main__":
    # By its name, since the settings name the listener by it: it would be there twice.
    from benches import index_live

    index_live.main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
