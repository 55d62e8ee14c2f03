"""What the mirror asks a node: headers, logs, senders, receipts. Nothing here is stored, and nothing is
believed unchecked.

An answer that cannot belong to one state of the chain (a header that is gone, a log of another block) raises
`Unsettled`, one that is not even of the right form `Broken`: the node was moving between forks while it
answered, or is not well, so the same question is asked again, here or elsewhere.

What a node may do to a list of logs, and what is right for it:

* a log twice: once is enough; two different logs at one place: `Unsettled`;
* out of order: put in order;
* of an address that was not asked for: left out;
* of a block that was not asked for, or `removed`: the node has moved, `Unsettled`.

Logs pass through `_ordered` by the hundred thousand, so it does for each only what must be done for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chain import bloom
from chain.providers import Provider
from chain.rpc import Rpc, RpcError

ZERO_HASH = "0x" + "00" * 32


class Unsettled(Exception):
    """The node's answers do not fit together; ask again."""


class Broken(Unsettled):
    """An answer is not even of the right form: null for a list, a log without topics."""


@dataclass(slots=True)
class Header:
    """A block's header: numbers as int, hashes lower-case, time in seconds; bit n of `logs_bloom` has the
    value 2^n. `transactions` is how many there are in the block, -1 where that is not known.
    """

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    logs_bloom: int
    transactions: int = -1

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Header:
        """From the node's JSON. Raises Broken for what is none."""
        try:
            return cls(
                int(raw["number"], 16),
                raw["hash"].lower(),
                raw["parentHash"].lower(),
                int(raw["timestamp"], 16),
                int(raw["logsBloom"], 16),
                len(raw["transactions"]) if "transactions" in raw else -1,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Broken(f"a header cannot be read: {error!r}") from error


@dataclass(slots=True)
class RawLog:
    """A log as the node gave it, not decoded; all text is lower-case."""

    block_hash: str
    index: int
    tx_hash: str
    address: str
    topics: list[str]
    data: str


@dataclass(slots=True)
class Receipts:
    """One block by its receipts: our logs in order, and of all logs in it their number and their bloom.

    `senders` has who sent each of the block's transactions, by its hash.
    """

    raws: list[RawLog]
    bloom: int
    senders: dict[str, str]
    count: int


class Reader:
    """Questions about one set of contracts to one node. Every method may raise RpcUnavailable, RpcError,
    Unsettled.
    """

    def __init__(
        self,
        provider: Provider | Rpc,
        addresses: Iterable[str],
        finality_depth: int | None = None,
        topics: Mapping[str, Sequence[str]] | None = None,
    ):
        self.rpc = provider
        self.addresses = sorted(address.lower() for address in addresses)
        self._ours = frozenset(self.addresses)
        self.finality_depth = finality_depth
        self.topics = topics or {}
        """The first topics that the logs of each address have, where they are known."""

    def through(self, node: Any) -> Reader:
        """The same reader, asking by way of `node`, which has a provider's `call`, `batch` and `name`."""
        other = copy(self)
        other.rpc = node
        return other

    @property
    def name(self) -> str:
        """The node's, without its key."""
        return self.rpc.name

    # --- Where the chain is --------------------------------------------------------------------------

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
        return head, Header.read(answers[1]).number if answers[1] else -1

    # --- Headers -------------------------------------------------------------------------------------

    def header(self, number: int) -> Header | None:
        """The header at a height of the node's chain, or None above its head."""
        raw = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        return Header.read(raw) if raw else None

    def headers(self, first: int, last: int) -> list[Header]:
        """The headers from `first` to `last`, linked by their parent hashes. Raises Unsettled if they are
        not.
        """
        numbers = range(first, last + 1)
        raws = self.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
        headers = []
        for number, raw in zip(numbers, raws, strict=True):
            if not raw:
                raise Unsettled(f"block {number} is gone")
            headers.append(Header.read(raw))
            if headers[-1].number != number:
                raise Unsettled(f"asked for block {number}, got {headers[-1].number}")
        for parent, child in pairwise(headers):
            if child.parent_hash != parent.hash:
                raise Unsettled(f"block {child.number} is not a child of block {parent.number} as given")
        return headers

    # --- Logs ----------------------------------------------------------------------------------------

    def logs_in_range(self, headers: Sequence[Header]) -> list[RawLog]:
        """Our contracts' logs in a run of final blocks, in order, asked for by number."""
        request = {
            "address": self.addresses,
            "fromBlock": hex(headers[0].number),
            "toBlock": hex(headers[-1].number),
        }
        return self.ordered([self.rpc.call("eth_getLogs", request)], headers)

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
        return self.ordered(answers, headers)

    def end(self, header: Header) -> list[RawLog]:
        """The end of a range, asked for again: our logs in block `header` by its hash, if the chain still has
        it at its height. Raises Unsettled if not: the node is behind, or has moved.
        """
        again, logs = self.rpc.batch(
            [
                ("eth_getBlockByNumber", [hex(header.number), False]),
                ("eth_getLogs", [{"address": self.addresses, "blockHash": header.hash}]),
            ]
        )
        if not again or Header.read(again).hash != header.hash:
            raise Unsettled(f"block {header.number} is another one when it is asked for again")
        return self.ordered([logs], [header])

    def ordered(self, answers: Iterable[Any], headers: Sequence[Header]) -> list[RawLog]:
        """Lists of logs as a node gave them, checked against the blocks they must lie in: ours alone, each
        once, by their place in the chain. Raises Unsettled.
        """
        try:
            return self._ordered(answers, headers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Broken(f"a log cannot be read: {error!r}") from error

    def _ordered(self, answers: Iterable[Any], headers: Sequence[Header]) -> list[RawLog]:
        heights = {header.hash: header.number for header in headers}
        ours = self._ours
        found: list[RawLog] = []
        places: list[int] = []  # block number * 2^32 + log index
        for answer in answers:
            for raw in _list(answer):
                block_hash, address = raw["blockHash"], raw["address"]
                if block_hash not in heights:
                    block_hash = block_hash.lower()
                if address not in ours:  # rarely: it has capitals, or is not ours
                    address = address.lower()
                if raw.get("removed") or block_hash not in heights:
                    raise Unsettled(
                        f"log {raw['logIndex']} of block {block_hash} is not in the blocks that were read"
                    )
                if address not in ours:
                    continue
                index = int(raw["logIndex"], 16)
                places.append(heights[block_hash] << 32 | index)
                topics = [topic.lower() for topic in raw["topics"]]
                tx_hash = raw["transactionHash"].lower()
                found.append(RawLog(block_hash, index, tx_hash, address, topics, raw["data"].lower()))
        if all(one < next_one for one, next_one in pairwise(places)):
            return found
        by_place: dict[int, RawLog] = {}
        for place, log in zip(places, found, strict=True):
            if by_place.setdefault(place, log) != log:
                raise Unsettled(f"two different logs have index {log.index} in block {log.block_hash}")
        return [by_place[place] for place in sorted(by_place)]

    # --- Transactions --------------------------------------------------------------------------------

    def senders(self, tx_hashes: Iterable[str]) -> dict[str, str]:
        """Who sent each of these transactions. Raises Unsettled if one is gone."""
        wanted = sorted(set(tx_hashes))
        senders: dict[str, str] = {}
        raws = self.rpc.batch([("eth_getTransactionByHash", [tx_hash]) for tx_hash in wanted])
        for tx_hash, raw in zip(wanted, raws, strict=True):
            if not raw:
                raise Unsettled(f"transaction {tx_hash} is gone")
            try:
                senders[tx_hash] = raw["from"].lower()
            except (KeyError, TypeError, AttributeError) as error:
                raise Broken(f"transaction {tx_hash} cannot be read: {error!r}") from error
        return senders

    def logs_and_senders(self, header: Header, whole: bool) -> tuple[list[RawLog], dict[str, str]]:
        """Our contracts' logs in one block by its hash, and, if `whole`, the senders of all its transactions:
        one request, which also sees that the block is still there after its logs were read.
        """
        raws, block = self.rpc.batch(
            [
                ("eth_getLogs", [{"address": self.addresses, "blockHash": header.hash}]),
                ("eth_getBlockByHash", [header.hash, whole]),
            ]
        )
        if not block:
            raise Unsettled(f"block {header.number} is gone while its logs were read")
        senders: dict[str, str] = {}
        try:
            for sent in _list(block.get("transactions")) if whole else ():
                senders[sent["hash"].lower()] = sent["from"].lower()
        except (KeyError, TypeError, AttributeError) as error:
            raise Broken(f"a transaction of block {header.number} cannot be read: {error!r}") from error
        return self.ordered([raws], [header]), senders

    def receipts(self, header: Header) -> Receipts:
        """A block by its transactions' receipts: what a node knows of its logs without its index of logs.

        Where a node has no eth_getBlockReceipts, each transaction's own is asked for.
        """
        try:
            return self.receipts_of([header])[0]
        except RpcError:
            block = self.rpc.call("eth_getBlockByHash", header.hash, False)
        if not block:
            raise Unsettled(f"block {header.number} is gone")
        calls = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in _list(block.get("transactions"))]
        return self._receipts(header, self.rpc.batch(calls))

    def receipts_of(self, headers: Sequence[Header]) -> list[Receipts]:
        """Several blocks by their receipts. Raises RpcError where the node has no eth_getBlockReceipts."""
        answers = self.rpc.batch([("eth_getBlockReceipts", [header.hash]) for header in headers])
        return [self._receipts(header, raws) for header, raws in zip(headers, answers, strict=True)]

    def _receipts(self, header: Header, raws: Any) -> Receipts:
        if raws is None:
            raise Unsettled(f"block {header.number} is gone")
        if header.transactions not in (-1, len(_list(raws))) or None in raws:
            raise Unsettled(f"block {header.number} has {header.transactions} transactions, not {len(raws)}")
        try:
            if any(raw["blockHash"].lower() != header.hash for raw in raws):
                raise Unsettled(f"the receipts of block {header.number} are of another block")
            senders = {raw["transactionHash"].lower(): raw["from"].lower() for raw in raws}
            logs = [log for raw in raws for log in _list(raw["logs"])]
            values = {value for log in logs for value in (log["address"], *log["topics"])}
            every = bloom.of_values({value.lower() for value in values})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Broken(f"a receipt of block {header.number} cannot be read: {error!r}") from error
        return Receipts(self.ordered([logs], [header]), every, senders, len(logs))


def _list(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise Broken(f"there is {type(answer).__name__} in place of a list")
    return answer
