"""The indexer: follows the chain and keeps the mirror equal to it.

What may happen in one step, whose answers all come from one node:

* the head is the cursor's block: nothing, but finality may have moved;
* the head's parent is the cursor's block: its logs by its hash, in one more request with their senders;
* there are some more new blocks: their headers in a batch, and each block's logs by its hash;
* there are many final blocks ahead: ranges, fetched ahead by threads (`chain.backfill`);
* the node's chain no longer has the cursor's block, or ends below it (`Elsewhere`): the other nodes are
  asked, and what becomes of it is judged (`chain.forks`). If the mirror goes back, everything above the
  newest block that it shares with the node is deleted, and reading goes on from there. If no stored block is
  left on the node's chain, the mirror begins anew;
* the node does not answer, or not usably: the next node.

Before a node is believed it must be of the deployment's chain (`chain.gate`), and before what it says is
stored it must be complete (`chain.completeness`).

Invariants: blocks in the mirror are linked by parent hashes from the cursor's first block on; a log is
stored with its block or not at all; what a step cannot explain stops the mirror, with the reason in
`Cursor.error` and in the log, and is tried again with growing pauses (`chain.follow`). Nothing is skipped.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from django.conf import settings
from django.db import DatabaseError
from django.utils.module_loading import import_string

from chain import abi, bloom, deployments, mirror, rows
from chain.backfill import Backfill, Batch, ahead
from chain.completeness import Checked, Doubtful, complete
from chain.deployments import Deployment, DeploymentMissing
from chain.events import Event, Handler, load_handlers
from chain.forks import ChainBehind, Contradiction, Elsewhere, Judge, is_ours
from chain.gate import Gate, WrongChain
from chain.mirror import HandlerFailed, Overtaken, UndecodableLog
from chain.models import Block, Cursor
from chain.pace import Pace
from chain.providers import Provider, Providers
from chain.reader import Header, Reader, Unsettled
from chain.rpc import Rpc, RpcError, RpcUnavailable

__all__ = ["PROBLEMS", "ChainBehind", "Indexer", "WrongChain"]

log = logging.getLogger(__name__)

NEAR = 100  # blocks per step near the head, and as many final ones are read like that too
PATIENCE = 20  # times that nodes may contradict themselves within one sync
HEAD_EVERY_S = 10.0  # how often the head is looked at while the past is read

Decoded = tuple[list[Event], rows.Prepared]
"""Events, and their logs as they are stored."""

OF_A_NODE = (RpcUnavailable, RpcError, Unsettled, Doubtful, WrongChain, ChainBehind, UndecodableLog)
"""What another node may do better."""

PROBLEMS = (
    *OF_A_NODE,
    Contradiction,
    Overtaken,
    HandlerFailed,
    DeploymentMissing,
    DatabaseError,
)


class Indexer:
    """Keeps the mirror of one deployment equal to its chain. Not for use by two threads at once.

    `sync` ends between two steps, or two batches of the past, where `stop` is set. After each batch it calls
    `told` with the cursor that it moved and the number of its events.
    """

    def __init__(self, nodes: Providers | Rpc, deployment: Deployment, handlers: Mapping[str, Handler]):
        self.providers = nodes if isinstance(nodes, Providers) else Providers.of(nodes)
        self.deployment = deployment
        self.handlers = handlers
        self.stop = threading.Event()
        self.told: Callable[[Cursor, int], None] = lambda cursor, events: None
        self.gate = Gate(self.providers, deployment)
        self._judge = Judge(self._before_first)
        self._readers: dict[Provider, Reader] = {}
        self._pace = Pace()
        self._agreed = False
        self._moved: Cursor | None = None  # the cursor as this indexer left it

    @classmethod
    def configured(cls) -> Indexer:
        """The indexer that the settings describe. Raises DeploymentMissing, RpcUnavailable."""
        handlers = load_handlers(import_string(settings.CHAIN_EVENTS))
        return cls(Providers.configured(), deployments.load(), handlers)

    def sync(self) -> int:
        """Bring the mirror to the chain's head. Returns how many blocks were stored.

        Whatever prevents it is written to `Cursor.error` and raised: one of `PROBLEMS`; of them Unsettled and
        Overtaken only if that does not end.
        """
        try:
            return self._sync()
        except PROBLEMS as error:
            self._agreed = False  # it may be another database, or another deployment, the next time
            if not isinstance(error, DatabaseError):
                mirror.note_error(f"{type(error).__name__}: {error}")
            raise

    def check(self) -> None:
        """See that there is a node from which the mirror can be read.

        Raises WrongChain, RpcUnavailable, RpcError, Unsettled.
        """
        problems: list[Exception] = []
        for provider in self.gate.order():
            try:
                return self.gate.admit(provider)
            except OF_A_NODE as error:
                problems.append(error)
        raise _worst(problems)

    # --- Steps ---------------------------------------------------------------------------------------

    def _sync(self) -> int:
        if not self._agreed:
            self._agree()
        stored = 0
        patience = PATIENCE
        while not self.stop.is_set():
            try:
                step = self._step()
            except (Unsettled, Overtaken) as error:
                patience -= 1
                if not patience:
                    raise
                log.info("asking again: %s", error)
                self.stop.wait(0.02 * (PATIENCE - patience))
                continue
            if step is None:
                break
            stored += step
        return stored

    def _agree(self) -> None:
        """Deployment file and database must be of one chain. Raises WrongChain."""
        wanted, cursor, self._moved = self.deployment, Cursor.current(), None
        if cursor is not None and (
            (cursor.chain_id, cursor.genesis_hash) != (wanted.chain_id, wanted.genesis_hash)
            or cursor.contracts != wanted.contracts
        ):
            raise WrongChain(
                "the database mirrors another deployment than the deployment file names: "
                "run `manage.py rebuild`, or set DATABASE_URL or DEPLOYMENT_FILE to the one that belongs"
            )
        mirror.note_start()
        if cursor is not None and Block.objects.filter(number__gt=cursor.number).exists():
            log.warning("there are blocks above the cursor, at block %d: they are read again", cursor.number)
            with contextlib.suppress(Overtaken):  # then another indexer is at work, and they are its
                mirror.rewind(cursor, cursor.number, cursor.hash)
        self._agreed = True

    def _step(self) -> int | None:
        """Some progress by the first node that can make it: the number of blocks stored, or None if there is
        nothing to do now.
        """
        elsewhere: list[Elsewhere] = []
        problems: list[Exception] = []
        nodes = self.gate.order()
        for provider in nodes:
            least = max((one.head.number for one in elsewhere), default=-1)
            try:
                self.gate.admit(provider)
                done = self._follow(provider, [one for one in nodes if one is not provider], least)
            except Elsewhere as error:
                elsewhere.append(error)
            except OF_A_NODE as error:
                if isinstance(error, RpcUnavailable):
                    self.gate.forget(provider)
                problems.append(error)
                if len(nodes) > 1:
                    log.info("%s is of no use: %s: %s", provider.name, type(error).__name__, error)
            else:
                self._judge.rest()
                return done
        elsewhere = [one for one in elsewhere if self._is_still_ours(one.provider, problems)]
        if not elsewhere:
            raise _worst(problems)
        heard = {one.provider for one in elsewhere}
        silent = [one.name for one in self.providers.ranked() if one not in heard]
        if not self._judge.judge(elsewhere, [self._reader(one) for one in nodes], silent):
            return None
        self.gate.close()  # what was final, and what nodes are held against, is another block now
        return 0

    def _is_still_ours(self, provider: Provider, problems: list[Exception]) -> bool:
        """Whether a node whose chain is another than ours is at least of our genesis: nothing is given up for
        one that was reset since it was looked at.
        """
        self.gate.forget(provider)
        try:
            self.gate.admit(provider)
        except OF_A_NODE as error:
            problems.append(error)
            return False
        return True

    def _follow(self, provider: Provider, others: Sequence[Provider], least: int) -> int | None:
        """A step by one node, if its head is `least` or more. Raises Elsewhere if its chain is another."""
        reader = self._reader(provider)
        head, finalized = reader.head()
        if head.number < least:
            raise Elsewhere(provider, reader, head, finalized, behind=True)
        cursor = self._moved
        if cursor is None or (cursor.number + 1, cursor.hash) != (head.number, head.parent_hash):
            # Where the next block follows what was stored last, the cursor is looked at as it is moved.
            cursor = Cursor.current() or mirror.begin(self.deployment, self._before_first(reader))
        if self.gate.strays(provider):
            self.gate.forget(provider)  # it may think better of it
            raise Elsewhere(provider, reader, head, finalized, strays=True)
        if head.hash == cursor.hash:
            self._moved = mirror.note_head(cursor, head, finalized)
            return None
        if head.number <= cursor.number:
            raise Elsewhere(provider, reader, head, finalized, behind=is_ours(reader, head))
        first = cursor.number + 1
        past = finalized - cursor.number > NEAR
        last = first if past else min(head.number, first + NEAR - 1)
        headers = [head] if first == head.number else reader.headers(first, last)
        if headers[0].parent_hash != cursor.hash:
            raise Elsewhere(provider, reader, head, finalized)
        if past:
            return self._read_past(cursor, reader, head, finalized)
        return self._read_near(
            cursor, reader, [self._reader(one) for one in others], headers, head, finalized
        )

    def _read_near(
        self,
        cursor: Cursor,
        reader: Reader,
        others: Sequence[Reader],
        headers: Sequence[Header],
        head: Header,
        finalized: int,
    ) -> int:
        senders: dict[str, str] = {}
        if len(headers) == 1:
            raws, senders = reader.logs_and_senders(headers[0], self._may_hold_ours(headers[0]))
        else:
            raws = reader.logs_by_hash(headers)
        checked = complete(reader, headers, raws, others)
        missing = {raw.tx_hash for raw in checked.raws} - senders.keys()
        if missing:
            senders |= reader.senders(missing)
        self._store(cursor, headers, checked, senders, head, finalized)
        return len(headers)

    def _read_past(self, cursor: Cursor, reader: Reader, head: Header, finalized: int) -> int:
        """Store all blocks up to the final one, batch after batch.

        The batches may come from other nodes than this one. They must go on from what is stored by their
        parents' hashes, so a node of another chain has nothing to give here.
        """
        stored, looked = 0, time.monotonic()
        with self._backfill(cursor.number + 1, finalized) as batches:
            for batch, ready in ahead(batches, self._decode):
                if batch.headers[0].parent_hash != cursor.hash:
                    words = f"{batch.provider.name} has another block {cursor.number} than was stored"
                    raise Unsettled(words)
                if time.monotonic() > looked + HEAD_EVERY_S:
                    head, looked = self._newer(reader, head), time.monotonic()
                cursor = self._store(
                    cursor, batch.headers, batch.checked, batch.senders, head, finalized, ready
                )
                stored += len(batch.headers)
                self.told(cursor, len(batch.raws))
                if self.stop.is_set():
                    break
        return stored

    def _decode(self, batch: Batch) -> Decoded:
        events = mirror.decode(batch.headers, batch.checked.raws, self.deployment.names, batch.senders)
        return events, mirror.prepare(events)

    def _backfill(self, first: int, last: int) -> Backfill:
        return Backfill(self.providers, self._reader, first, last, pace=self._pace, stop=self.stop)

    def _store(
        self,
        cursor: Cursor,
        headers: Sequence[Header],
        checked: Checked,
        senders: Mapping[str, str],
        head: Header,
        finalized: int,
        ready: Future[Decoded] | None = None,
    ) -> Cursor:
        """Store blocks; where a log cannot be decoded, those before it, and raise that. `ready` are their
        events, if somebody decodes them already.
        """
        try:
            logs = None
            if ready is not None:
                decoded, logs = ready.result()
            else:
                decoded = mirror.decode(headers, checked.raws, self.deployment.names, senders)
        except UndecodableLog as error:
            good = [header for header in headers if header.number < error.block_number]
            if good:
                self._store(cursor, good, _part(checked, good), senders, head, finalized)
            raise
        durable, self._moved = ready is None, None
        self._moved = mirror.append(
            cursor, headers, decoded, self.handlers, head, finalized, checked, durable, logs
        )
        return self._moved

    # --- Nodes ---------------------------------------------------------------------------------------

    @property
    def reader(self) -> Reader:
        """A reader of the best node."""
        return self._reader(self.gate.order()[0])

    def _reader(self, provider: Provider) -> Reader:
        reader = self._readers.get(provider)
        if reader is None:
            topics = {address: _topics(name) for name, address in self.deployment.contracts.items()}
            reader = Reader(provider, topics, settings.CHAIN_FINALITY_DEPTH, topics)
            if isinstance(provider, Provider):  # and not what stands in front of one for a while
                self._readers[provider] = reader
        return reader

    def _before_first(self, reader: Reader) -> Header | None:
        """The header below the deployment's first block, None if that is genesis. Raises ChainBehind."""
        number = self.deployment.block - 1
        if number < 0:
            return None
        header = reader.header(number)
        if header is None:
            raise ChainBehind(
                f"{reader.name}'s chain ends before block {number}, where the deployment begins"
            )
        return header

    def _may_hold_ours(self, header: Header) -> bool:
        """Whether a block's bloom has one of our addresses."""
        return any(bloom.may_hold(header.logs_bloom, [bloom.mask(one)]) for one in self.deployment.names)

    @staticmethod
    def _newer(reader: Reader, head: Header) -> Header:
        """The head by now, for who looks how far the mirror is; the same if the node does not say."""
        try:
            return reader.head()[0]
        except (RpcUnavailable, RpcError, Unsettled) as error:
            log.info("the head could not be looked at: %s", error)
            return head


def _topics(contract: str) -> list[str]:
    """The first topics of a contract's events; none if there is no ABI file for it yet."""
    try:
        return ["0x" + topic.hex() for topic in abi.interface(contract).events]
    except abi.UnknownArtifact:
        return []


def _part(checked: Checked, headers: Sequence[Header]) -> Checked:
    """What was read of some of the blocks."""
    hashes = {header.hash for header in headers}
    return Checked(
        [raw for raw in checked.raws if raw.block_hash in hashes],
        checked.doubts,
        checked.samples,
        [repair for repair in checked.repairs if repair.block_hash in hashes],
    )


def _worst(problems: Sequence[Exception]) -> Exception:
    """The one to tell of: that of the best node which is of our chain."""
    ours = [error for error in problems if not isinstance(error, WrongChain)]
    return (ours or problems)[0]
