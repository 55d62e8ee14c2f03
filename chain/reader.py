"""What the mirror asks a node: headers, logs, senders. Nothing here is stored, and nothing is believed
unchecked.

An answer that cannot belong to one state of the chain (a header that is gone, a log of another block) raises
`Unsettled`: the node was moving between forks while it answered, so the same question is asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chain.rpc import Rpc, RpcError

ZERO_HASH = "0x" + "00" * 32


class Unsettled(Exception):
    """The node's answers do not fit together; ask again."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header: numbers as int, hashes lower-case, time in seconds."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Header:
        """From the node's JSON."""
        return cls(
            int(raw["number"], 16), raw["hash"].lower(), raw["parentHash"].lower(), int(raw["timestamp"], 16)
        )


@dataclass(frozen=True, slots=True)
class RawLog:
    """A log as the node gave it, not decoded."""

    block_hash: str
    index: int
    tx_hash: str
    address: str
    topics: list[str]
    data: str

    @classmethod
    def read(cls, raw: dict[str, Any]) -> RawLog:
        """From the node's JSON. Raises Unsettled for a log that a reorganisation has removed."""
        if raw.get("removed"):
            raise Unsettled(f"log {raw.get('logIndex')} of block {raw.get('blockHash')} was removed")
        return cls(
            raw["blockHash"].lower(),
            int(raw["logIndex"], 16),
            raw["transactionHash"].lower(),
            raw["address"].lower(),
            [topic.lower() for topic in raw["topics"]],
            raw["data"].lower(),
        )


class Reader:
    """Questions about one set of contracts to one node. Every method may raise RpcUnavailable, RpcError."""

    def __init__(
        self,
        rpc: Rpc,
        addresses: Iterable[str],
        finality_depth: int | None = None,
        topics: Mapping[str, Sequence[str]] | None = None,
    ):
        self.rpc = rpc
        self.addresses = sorted(addresses)
        self.finality_depth = finality_depth
        self.topics = topics or {}
        """The first topics that the logs of each address have, where they are known."""

    def identity(self) -> tuple[int, str]:
        """The chain id and the genesis hash."""
        chain_id, genesis = self.rpc.batch([("eth_chainId", []), ("eth_getBlockByNumber", ["0x0", False])])
        return int(chain_id, 16), Header.read(genesis).hash

    def head(self) -> tuple[Header, int]:
        """The newest block and the number of the newest final one (-1 while there is none).

        Final is what the node's `finalized` tag says, or what is `finality_depth` blocks below the head.
        """
        calls: list[tuple[str, list[Any]]] = [("eth_getBlockByNumber", ["latest", False])]
        if self.finality_depth is None:
            calls.append(("eth_getBlockByNumber", ["finalized", False]))
        answers = self.rpc.batch(calls)
        head = Header.read(answers[0])
        if self.finality_depth is not None:
            return head, max(-1, head.number - self.finality_depth)
        return head, int(answers[1]["number"], 16) if answers[1] else -1

    def header(self, number: int) -> Header | None:
        """The header at a height of the node's chain, or None above its head."""
        raw = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        return Header.read(raw) if raw else None

    def headers(self, first: int, last: int) -> list[Header]:
        """The headers from `first` to `last`, linked by their parent hashes. Raises Unsettled if they are
        not.
        """
        calls = [("eth_getBlockByNumber", [hex(number), False]) for number in range(first, last + 1)]
        raws = self.rpc.batch(calls)
        headers = []
        for number, raw in zip(range(first, last + 1), raws, strict=True):
            if not raw:
                raise Unsettled(f"block {number} is gone")
            headers.append(Header.read(raw))
            if headers[-1].number != number:
                raise Unsettled(f"asked for block {number}, got {headers[-1].number}")
        for parent, child in pairwise(headers):
            if child.parent_hash != parent.hash:
                raise Unsettled(f"block {child.number} is not a child of block {parent.number} as given")
        return headers

    def logs_in_range(self, headers: Sequence[Header]) -> list[RawLog]:
        """Our contracts' logs in a run of final blocks, in order, asked for by number."""
        request = {
            "address": self.addresses,
            "fromBlock": hex(headers[0].number),
            "toBlock": hex(headers[-1].number),
        }
        return self._ordered([self.rpc.call("eth_getLogs", request)], headers)

    def logs_by_hash(self, headers: Sequence[Header]) -> list[RawLog]:
        """Our contracts' logs in these blocks, in order, asked for by hash: exact while the head moves."""
        calls = [
            ("eth_getLogs", [{"address": self.addresses, "blockHash": header.hash}]) for header in headers
        ]
        try:
            answers = self.rpc.batch(calls)
        except RpcError as error:
            # Nodes word "unknown block" in many ways; whether it is unknown can be asked.
            if any(not self.rpc.call("eth_getBlockByHash", header.hash, False) for header in headers):
                raise Unsettled("a block is gone while its logs were read") from error
            raise
        if not self.rpc.call("eth_getBlockByHash", headers[-1].hash, False):
            raise Unsettled(f"block {headers[-1].number} is gone while its logs were read")
        return self._ordered(answers, headers)

    def senders(self, tx_hashes: Iterable[str]) -> dict[str, str]:
        """Who sent each of these transactions. Raises Unsettled if one is gone."""
        wanted = sorted(set(tx_hashes))
        senders = {}
        raws = self.rpc.batch([("eth_getTransactionByHash", [tx_hash]) for tx_hash in wanted])
        for tx_hash, raw in zip(wanted, raws, strict=True):
            if not raw:
                raise Unsettled(f"transaction {tx_hash} is gone")
            senders[tx_hash] = raw["from"].lower()
        return senders

    def _ordered(self, answers: list[list[dict[str, Any]]], headers: Sequence[Header]) -> list[RawLog]:
        """Check that every log lies in one of the blocks, drop repetitions, sort by place in the chain."""
        heights = {header.hash: header.number for header in headers}
        ours = set(self.addresses)
        found: dict[tuple[int, int], RawLog] = {}
        for answer in answers:
            for raw in answer:
                log = RawLog.read(raw)
                if log.block_hash not in heights:
                    raise Unsettled(f"a log of block {log.block_hash} is not in the blocks that were read")
                if log.address in ours:
                    found[heights[log.block_hash], log.index] = log
        return [found[place] for place in sorted(found)]
