"""A private chain with an Emitter on it, its mirror, and verbs for stories."""

from __future__ import annotations

import time
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
    """`accounts[0]` deployed the Emitter. Every `send` is one block."""

    def __init__(self, chain: PrivateChain):
        self.chain = chain
        self.rpc = chain.rpc
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

    def new_indexer(self, handlers: dict[str, Handler] | None = None) -> Indexer:
        """What a process that starts now would have."""
        return Indexer(self.rpc, self.deployment, HANDLERS if handlers is None else handlers)

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
    finals = cursor.finalized_number if cursor else None
    logs = Log.objects.in_order().values_list(
        "block__number",
        "block_hash",
        "log_index",
        "tx_hash",
        "tx_from",
        "address",
        "contract",
        "event",
        "topics",
        "data",
        "args",
        "block__timestamp",
    )
    counts = Count.objects.order_by("log__block__number", "log__log_index")
    return {
        "cursor": (cursor.number, cursor.hash, finals) if cursor else None,
        "blocks": list(Block.objects.values_list("number", "hash", "parent_hash", "timestamp")),
        "logs": [tuple(map(str, row)) for row in logs],
        "counts": list(counts.values_list("log__block_hash", "number", "by", "amount", "note")),
    }


def assert_equal_to_chain(node: Node) -> None:
    """The mirror is what a fresh mirror would be, and what the contract itself says."""
    from chain import mirror

    incremental = picture()
    total = sum(row[3] for row in incremental["counts"]) % 2**256
    assert total == int(
        node.rpc.call(
            "eth_call", {"to": node.address, "data": abi.encode_call("Emitter", "total")}, "latest"
        ),
        16,
    )
    mirror.forget()
    assert not Log.objects.exists()
    assert not Count.objects.exists()
    node.new_indexer().sync()
    assert picture() == incremental
