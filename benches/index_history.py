"""The history that `make bench-index` mirrors: proposals and votes by the thousand on a local Anvil.

`benches/index/Ballots.sol` says what a governor says, in events of the very same signatures. A block holds
25 votes, of one transaction or of several, and a group of ten proposals goes before its 5,000 votes. Nobody
waits for a block: the pool is filled, and so many are mined.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chain.rpc import Rpc

FIXTURES = Path(__file__).parent / "index"
GROUP, OPEN = 5000, 10  # votes and proposals that belong together: as in Ballots.sol
A_BLOCK = 25  # votes
GAS = 30_000_000
FINAL = 40  # empty blocks on top: nobody takes the votes for unsettled (Ponder's depth is 30)
PORTION = 200  # transactions in the pool; what a block takes of them divides it


Totals = dict[tuple[int, int], tuple[int, int]]
"""(proposal, support) -> (votes, sum of their weights)."""


@dataclass
class History:
    """A chain with `events` votes, and what they come to."""

    url: str
    address: str
    genesis: str
    first: int
    head: int = 0
    proposals: int = 0
    events: int = 0
    totals: Totals = field(default_factory=dict)

    def deployment(self) -> dict[str, Any]:
        """What a deployment file says of it: the emitter in the governor's place."""
        return {
            "chainId": 31337,
            "genesisHash": self.genesis,
            "block": self.first,
            "contracts": {"ArtGovernor": self.address},
        }


def artifact() -> dict[str, Any]:
    """ABI and creation code of the emitter."""
    return dict(json.loads((FIXTURES / "Ballots.json").read_bytes()))


def selector(signature: str) -> str:
    """The first four bytes of calldata."""
    from eth_utils.crypto import keccak

    return "0x" + keccak(text=signature)[:4].hex()


def calldata(signature: str, *numbers: int) -> str:
    """A call with numbers for arguments."""
    return selector(signature) + "".join(f"{number:064x}" for number in numbers)


@contextmanager
def node(folder: Path, transactions: int = 1) -> Iterator[str]:
    """An Anvil that mines when it is told, so many `transactions` in a block; its address."""
    from chain.anvil import launch

    arguments = ["--no-mining", "--slots-in-an-epoch", "1", "--order", "fifo", "--silent"]
    arguments += ["--chain-id", "31337", "--gas-limit", str(GAS), "--prune-history", "16"]
    arguments += ["--max-transactions", str(transactions), "--no-request-size-limit"]
    child, running = launch(arguments, folder / "anvil.log")
    try:
        yield running.url
    finally:
        child.terminate()
        child.wait()


def mine(rpc: Rpc, requests: list[dict[str, Any]], a_block: int) -> None:
    """Blocks of `a_block` transactions. A few hundred at a time: a full pool makes Anvil slow."""
    for start in range(0, len(requests), PORTION):
        portion = requests[start : start + PORTION]
        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(
                    rpc.batch, [[("eth_sendTransaction", [one]) for one in portion[n::4]] for n in range(4)]
                )
            )
        rpc.call("anvil_mine", hex(-(-len(portion) // a_block)))


def build(url: str, events: int, transactions: int = 1) -> History:
    """Deploy the emitter, and have it say `events` votes (a multiple of 5,000), 25 a block.

    `transactions` is how many a block has, as `node` was told; a divisor of 25.
    """
    rpc = Rpc(url, timeout=300)
    sender = rpc.call("eth_accounts")[0]
    rpc.call("eth_sendTransaction", {"from": sender, "data": artifact()["bytecode"], "gas": hex(GAS // 2)})
    rpc.call("evm_mine")
    block = rpc.call("eth_getBlockByNumber", "latest", False)
    address = rpc.call("eth_getTransactionReceipt", block["transactions"][0])["contractAddress"].lower()
    genesis = rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]
    history = History(url, address, genesis, int(block["number"], 16))
    calls, each = [], A_BLOCK // transactions
    for group in range(events // GROUP):
        calls.append(calldata("propose(uint256,uint256)", group * OPEN, OPEN))
        for first in range(group * GROUP, (group + 1) * GROUP, each):
            calls.append(calldata("vote(uint256,uint256)", first, each))
    fields = {"from": sender, "to": address, "gas": hex(GAS // transactions), "gasPrice": hex(10**10)}
    requests = [fields | {"data": data, "nonce": hex(nonce)} for nonce, data in enumerate(calls, start=1)]
    mine(rpc, requests, transactions)
    rpc.call("anvil_mine", hex(FINAL))
    history.head = int(rpc.call("eth_blockNumber"), 16)
    history.proposals, history.events, history.totals = recount(history)
    assert history.events == events, f"{history.events} votes instead of {events}"
    return history


def recount(history: History, most: int | None = None) -> tuple[int, int, Totals]:
    """What the chain says, counted with nothing of the mirror: logs as they are, cut by hand.

    (proposals, votes, totals), of the first `most` votes or of all.
    """
    from chain import abi

    rpc = Rpc(history.url, timeout=300)
    vote_cast = abi.topic_of("ArtGovernor", "VoteCast")
    proposed = abi.topic_of("ArtGovernor", "ProposalCreated")
    totals: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    votes = proposals = 0
    for first in range(0, history.head + 1, 1000):
        last = min(first + 999, history.head)
        request = {"address": history.address, "fromBlock": hex(first), "toBlock": hex(last)}
        for log in rpc.call("eth_getLogs", request):
            if log["topics"][0] != vote_cast:
                assert log["topics"][0] == proposed
                proposals += 1
            elif most is None or votes < most:
                words = log["data"][2:]
                total = totals[int(words[:64], 16), int(words[64:128], 16)]
                total[0] += 1
                total[1] += int(words[128:192], 16)
                votes += 1
    return proposals, votes, {key: (count, weight) for key, (count, weight) in totals.items()}
