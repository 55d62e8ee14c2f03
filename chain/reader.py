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

Logs pass through `_ordered` by the hundred thousand, so it goes through them by the column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain as joined
from itertools import islice, pairwise
from operator import lt
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
        logs = [log for answer in answers for log in _list(answer)]
        heights = {header.hash: header.number for header in headers}
        hashes = _lowered([log["blockHash"] for log in logs])
        if not heights.keys() >= set(hashes) or any(log.get("removed") for log in logs):
            raise Unsettled(_stranger(logs, heights))
        addresses = _lowered([log["address"] for log in logs])
        if not self._ours.issuperset(addresses):
            logs = [log for log, address in zip(logs, addresses, strict=True) if address in self._ours]
            return self._ordered([logs], headers)
        indexes = [int(log["logIndex"], 16) for log in logs]
        topics = [log["topics"] for log in logs]
        if not _is_low("".join(joined.from_iterable(topics))):
            topics = [_lowered(one) for one in topics]
        transactions = _lowered([log["transactionHash"] for log in logs])
        datas = _lowered([log["data"] for log in logs])
        found = list(map(RawLog, hashes, indexes, transactions, addresses, topics, datas))
        # block number * 2^32 + log index
        places = [heights[hash_] << 32 | index for hash_, index in zip(hashes, indexes, strict=True)]
        if all(map(lt, places, islice(places, 1, None))):
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
        return self._receipts([header], [self.rpc.batch(calls)])[0]

    def receipts_of(self, headers: Sequence[Header]) -> list[Receipts]:
        """Several blocks by their receipts. Raises RpcError where the node has no eth_getBlockReceipts."""
        answers = self.rpc.batch([("eth_getBlockReceipts", [header.hash]) for header in headers])
        return self._receipts(headers, answers)

    def _receipts(self, headers: Sequence[Header], answers: Sequence[Any]) -> list[Receipts]:
        found: list[Receipts] = []
        every: list[Any] = []
        for header, raws in zip(headers, answers, strict=True):
            if raws is None:
                raise Unsettled(f"block {header.number} is gone")
            if header.transactions not in (-1, len(_list(raws))) or None in raws:
                words = f"block {header.number} has {header.transactions} transactions, not {len(raws)}"
                raise Unsettled(words)
            try:
                logs = [log for raw in raws for log in _list(raw["logs"])]
                of = {raw["blockHash"].lower() for raw in raws} | {log["blockHash"].lower() for log in logs}
                if of - {header.hash}:
                    raise Unsettled(f"the receipts of block {header.number} are of another block")
                senders = {raw["transactionHash"].lower(): raw["from"].lower() for raw in raws}
                values = {log["address"] for log in logs}.union(*[log["topics"] for log in logs])
                explained = bloom.of_values({value.lower() for value in values})
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise Broken(f"a receipt of block {header.number} cannot be read: {error!r}") from error
            found.append(Receipts([], explained, senders, len(logs)))
            every += logs
        at = {header.hash: receipts.raws for header, receipts in zip(headers, found, strict=True)}
        for raw in self.ordered([every], headers):
            at[raw.block_hash].append(raw)
        return found


def _is_low(text: str) -> bool:
    """Whether there is no capital letter in hexadecimal text."""
    return not any(capital in text for capital in "ABCDEFX")


def _lowered(texts: list[str]) -> list[str]:
    """Hexadecimal texts in lower case, as nodes give them nearly always."""
    return texts if _is_low("".join(texts)) else [text.lower() for text in texts]


def _stranger(logs: Iterable[Any], heights: Mapping[str, int]) -> str:
    """What is said of the first log that lies in none of these blocks, or in none any more."""
    log = next(log for log in logs if log.get("removed") or log["blockHash"].lower() not in heights)
    return f"log {log['logIndex']} of block {log['blockHash'].lower()} is not in the blocks that were read"


def _list(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise Broken(f"there is {type(answer).__name__} in place of a list")
    return answer
