"""A private chain with an Emitter on it, its mirror, and verbs for stories."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chain import abi
from chain.deployments import Deployment
from chain.events import Handler
from chain.indexer import Indexer
from chain.models import Block, Cursor, Log
from chain.private import PrivateChain
from tests.chain.tables import Count, counted

HANDLERS: dict[str, Handler] = {"Emitter.Counted": counted}


class Node:
    """`accounts[0]` deployed the Emitter. Every `send` is one block.

    `rpc` is the node itself. `through` is what the mirror asks: the node too, where nothing else is given.
    """

    def __init__(self, chain: PrivateChain, through: Any = None):
        self.chain = chain
        self.rpc = chain.rpc
        self.through = chain.rpc if through is None else through
        self.accounts = chain.accounts()
        receipt = self.raw_send({"from": self.accounts[0], "data": abi.encode_constructor("Emitter")})
        self.address = receipt["contractAddress"].lower()
        self.deployment = Deployment(
            31337,
            self.block(0)["hash"],
            int(receipt["blockNumber"], 16),
            {"Emitter": self.address},
        )
        self.indexer = self.new_indexer()

    def new_indexer(self, handlers: dict[str, Handler] | None = None, through: Any = None) -> Indexer:
        """What a process that starts now would have."""
        asked = self.through if through is None else through
        return Indexer(asked, self.deployment, HANDLERS if handlers is None else handlers)

    def block(self, number: int | str) -> dict[str, Any]:
        """A block of the node's chain by number or tag."""
        tag = hex(number) if isinstance(number, int) else number
        block: dict[str, Any] = self.rpc.call("eth_getBlockByNumber", tag, False)
        return block

    @property
    def head(self) -> int:
        """The node's newest block."""
        return int(self.block("latest")["number"], 16)

    def raw_send(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send from an unlocked account and wait for the receipt."""
        sent = self.rpc.call("eth_sendTransaction", request)
        for _ in range(500):
            receipt: dict[str, Any] | None = self.rpc.call("eth_getTransactionReceipt", sent)
            if receipt is not None:
                return receipt
            time.sleep(0.005)
        raise AssertionError("not mined")

    def call_of(self, function: str, *arguments: Any, by: int = 0) -> dict[str, Any]:
        """The fields of a transaction to the Emitter."""
        data = abi.encode_call("Emitter", function, *arguments)
        return {"from": self.accounts[by], "to": self.address, "data": data, "gas": hex(1_000_000)}

    def send(self, function: str, *arguments: Any, by: int = 0) -> dict[str, Any]:
        """Call the Emitter in a block of its own."""
        return self.raw_send(self.call_of(function, *arguments, by=by))

    def fill(self, blocks: int, amount: int = 1, note: str = "filled", first: int = 1_000) -> None:
        """So many blocks, each with one Counted; quicker than as many `send`s."""
        for place in range(blocks):
            call = self.call_of("count", first + place, amount, note)
            self.together(lambda call=call: self.rpc.call("eth_sendTransaction", call))

    def together(self, sending: Callable[[], Any]) -> None:
        """Mine what `sending` sends in one block."""
        self.rpc.call("evm_setAutomine", False)
        try:
            sending()
            self.rpc.call("evm_mine")
        finally:
            self.rpc.call("evm_setAutomine", True)

    def ask(self, function: str) -> int:
        """A number that the Emitter says at the newest block."""
        return int(self.rpc.call("eth_call", self.call_of(function), "latest"), 16)

    def reorg(self, depth: int, *transactions: tuple[dict[str, Any], int]) -> None:
        """Replace the newest `depth` blocks; each transaction goes into the one named."""
        self.rpc.call("anvil_reorg", depth, [list(item) for item in transactions])

    def sync(self) -> int:
        """Mirror up to the head."""
        return self.indexer.sync()


def picture() -> dict[str, Any]:
    """All that the mirror says, without the database's own ids and times: equal ones are equal mirrors."""
    cursor = Cursor.current()
    stands = ("chain_id", "genesis_hash", "contracts", "number", "hash", "finalized_number", "head_number")
    logs = Log.objects.in_order().values_list(
        "block__number",
        "block_hash",
        "block__hash",
        "log_index",
        "tx_hash",
        "tx_from",
        "address",
        "contract",
        "event",
        "topics",
        "data",
        "block__timestamp",
    )
    counts = Count.objects.order_by("log__block__number", "log__log_index")
    return {
        "cursor": tuple(getattr(cursor, name) for name in (*stands, "head_timestamp", "begin_number"))
        if cursor
        else None,
        "blocks": list(Block.objects.values_list("number", "hash", "parent_hash", "timestamp")),
        "logs": [tuple(map(str, row)) for row in logs],
        "counts": list(
            counts.values_list("log__block_hash", "log__log_index", "number", "by", "amount", "note")
        ),
    }


def assert_says_the_chain(node: Node) -> None:
    """The mirror is at the node's head and has exactly the logs that the node has of our contract."""
    cursor = Cursor.current()
    assert cursor is not None
    assert (cursor.number, cursor.hash, cursor.error) == (node.head, node.block("latest")["hash"], "")
    wanted = {"address": node.address, "fromBlock": hex(node.deployment.block), "toBlock": "latest"}
    said = [
        (log["blockHash"], int(log["logIndex"], 16), log["transactionHash"], log["topics"], log["data"])
        for log in node.rpc.call("eth_getLogs", wanted)
    ]
    stored = Log.objects.in_order().values_list("block_hash", "log_index", "tx_hash", "topics", "data")
    assert [(*row[:3], list(row[3]), row[4]) for row in stored] == said
    assert sum(Count.objects.values_list("amount", flat=True)) % 2**256 == node.ask("total")


def assert_equal_to_chain(node: Node) -> None:
    """The mirror is what a fresh mirror would be, row for row, and what the contract itself says."""
    from chain import mirror

    assert_says_the_chain(node)
    incremental = picture()
    mirror.forget()
    assert not Log.objects.exists()
    assert not Count.objects.exists()
    node.new_indexer(through=node.rpc).sync()
    assert picture() == incremental
