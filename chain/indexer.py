"""The indexer: follows the chain and keeps the mirror equal to it.

What may happen in one step, and what is done:

* the head is the cursor's block: nothing, but finality may have moved;
* the node's chain no longer has the cursor's block (a reorganisation, a node that came back with less): the
  highest stored block that it still has is searched, everything above is deleted, and reading goes on from
  there. If no stored block is left on the node's chain, the mirror begins anew;
* there are final blocks ahead: headers in batches, logs by ranges of blocks;
* there are newer blocks: each block's logs by its hash.

Invariants: blocks in the mirror are linked by parent hashes from the cursor's first block on; a log is
stored with its block or not at all; what a step cannot explain stops the mirror, with the reason in
`Cursor.error` and in the log, and is tried again with growing pauses (`chain.follow`). Nothing is skipped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db import DatabaseError
from django.utils.module_loading import import_string

from chain import deployments, mirror
from chain.deployments import Deployment, DeploymentMissing
from chain.events import Handler, load_handlers
from chain.mirror import HandlerFailed, Overtaken, UndecodableLog
from chain.models import Block, Cursor
from chain.providers import Providers
from chain.reader import Header, RawLog, Reader, Unsettled
from chain.rpc import Rpc, RpcError, RpcUnavailable

log = logging.getLogger(__name__)

RANGE = 1000  # blocks per range of logs, halved when a node refuses
NEAR = 64  # blocks per step near the head
PATIENCE = 20  # times that a node may contradict itself within one sync


class WrongChain(Exception):
    """Node, deployment file and database do not speak of the same chain; the message says what to do."""


class ChainBehind(Exception):
    """The node's chain ends before the deployment begins."""


PROBLEMS = (
    RpcUnavailable,
    RpcError,
    Unsettled,
    Overtaken,
    UndecodableLog,
    HandlerFailed,
    WrongChain,
    ChainBehind,
    DeploymentMissing,
    DatabaseError,
)


class Indexer:
    """Keeps the mirror of one deployment equal to its nodes' chain. Not for use by two threads at once.

    `sync` ends between two steps where `stop` is set.
    """

    def __init__(self, nodes: Providers | Rpc, deployment: Deployment, handlers: Mapping[str, Handler]):
        self.deployment = deployment
        self.handlers = handlers
        self.providers = nodes if isinstance(nodes, Providers) else Providers.of(nodes)
        self.reader = Reader(self.providers[0], deployment.contracts.values(), settings.CHAIN_FINALITY_DEPTH)
        self.stop = threading.Event()
        self._range = RANGE
        self._checked = False

    @classmethod
    def configured(cls) -> Indexer:
        """The indexer that the settings describe. Raises DeploymentMissing, RpcUnavailable."""
        return cls(
            Providers.configured(), deployments.load(), load_handlers(import_string(settings.CHAIN_EVENTS))
        )

    def sync(self) -> int:
        """Bring the mirror to the node's head. Returns how many blocks were stored.

        Whatever prevents it is written to `Cursor.error` and raised: RpcUnavailable, RpcError,
        UndecodableLog, HandlerFailed, WrongChain, ChainBehind, and Unsettled or Overtaken if that does not
        end.
        """
        try:
            return self._sync()
        except PROBLEMS as error:
            self._checked = False  # it may be another node, or another chain, that answers next
            if not isinstance(error, DatabaseError):
                mirror.note_error(f"{type(error).__name__}: {error}")
            raise

    # --- Steps ---------------------------------------------------------------------------------------

    def _sync(self) -> int:
        ranked = self.providers.ranked()
        if not ranked:
            raise RpcUnavailable(f"no node may be asked: {self.providers[0].error}")
        if ranked[0] is not self.reader.rpc:
            self.reader.rpc, self._checked = ranked[0], False
        if not self._checked:
            self._check()
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
                time.sleep(0.02 * (PATIENCE - patience))
                continue
            if step is None:
                break
            stored += step
        return stored

    def _check(self) -> None:
        """Node, deployment and database must be of one chain. Raises WrongChain."""
        chain_id, genesis = self.reader.identity()
        wanted = self.deployment
        if (chain_id, genesis) != (wanted.chain_id, wanted.genesis_hash):
            raise WrongChain(
                f"the node has chain id {chain_id} and genesis {genesis}, the deployment file "
                f"{wanted.chain_id} and {wanted.genesis_hash}: set CHAIN_RPC_URL to a node of the "
                "deployment's chain, or deploy the contracts to this one and run `manage.py rebuild`"
            )
        cursor = Cursor.current()
        if cursor is not None and (
            (cursor.chain_id, cursor.genesis_hash) != (wanted.chain_id, wanted.genesis_hash)
            or cursor.contracts != wanted.contracts
        ):
            raise WrongChain(
                "the database mirrors another deployment than the deployment file names: "
                "run `manage.py rebuild`, or set DATABASE_URL or DEPLOYMENT_FILE to the one that belongs"
            )
        self._checked = True

    def _step(self) -> int | None:
        """One transaction's worth of progress: the number of blocks stored, or None at the head."""
        head, finalized = self.reader.head()
        cursor = Cursor.current() or self._begin()
        if head.hash == cursor.hash:
            mirror.note_head(cursor, head, finalized)
            return None
        first = cursor.number + 1
        if head.number == first and head.parent_hash == cursor.hash:
            return self._store(cursor, [head], self.reader.logs_by_hash([head]), head, finalized)
        if head.number < first:
            self._rewind(cursor)
            return 0
        far = first <= finalized
        last = min(finalized, first + self._range - 1) if far else min(head.number, first + NEAR - 1)
        headers = self.reader.headers(first, last)
        if headers[0].parent_hash != cursor.hash:
            self._rewind(cursor)
            return 0
        raws = self._logs_in_range(headers) if far else self.reader.logs_by_hash(headers)
        if raws is None:
            return 0
        return self._store(cursor, headers, raws, head, finalized)

    def _begin(self) -> Cursor:
        return mirror.begin(self.deployment, self._before_first())

    def _before_first(self) -> Header | None:
        """The header below the deployment's first block, None if that is genesis. Raises ChainBehind."""
        number = self.deployment.block - 1
        if number < 0:
            return None
        header = self.reader.header(number)
        if header is None:
            raise ChainBehind(f"the node's chain ends before block {number}, where the deployment begins")
        return header

    def _logs_in_range(self, headers: Sequence[Header]) -> list[RawLog] | None:
        """The range's logs; None if the node refused so many blocks and fewer are to be tried."""
        try:
            raws = self.reader.logs_in_range(headers)
        except RpcError as error:
            if len(headers) == 1:
                raise
            self._range = max(1, len(headers) // 2)
            log.warning("the node refused %d blocks at once (%s): trying fewer", len(headers), error)
            return None
        self._range = min(RANGE, self._range * 2)
        return raws

    def _store(
        self, cursor: Cursor, headers: Sequence[Header], raws: Sequence[RawLog], head: Header, finalized: int
    ) -> int:
        senders = self.reader.senders(raw.tx_hash for raw in raws) if raws else {}
        try:
            decoded = mirror.decode(headers, raws, self.deployment.names, senders)
        except UndecodableLog as error:
            good = [header for header in headers if header.number < error.block_number]
            if not good:
                raise
            hashes = {header.hash for header in good}
            headers, raws = good, [raw for raw in raws if raw.block_hash in hashes]
            decoded = mirror.decode(headers, raws, self.deployment.names, senders)
        mirror.append(cursor, headers, decoded, self.handlers, head, finalized)
        return len(headers)

    def _rewind(self, cursor: Cursor) -> None:
        """Go back to the newest stored block that is still on the node's chain."""
        fork = self._fork()
        if fork is None:
            before = self._before_first()
            fork = (before.number, before.hash) if before else (-1, "0x" + "00" * 32)
        log.warning("reorganisation: back from block %d to block %d", cursor.number, fork[0])
        mirror.rewind(cursor, *fork)

    def _fork(self) -> tuple[int, str] | None:
        """The newest stored block that the node has, None if it has none of them.

        Whoever has a block has its ancestors, so the search may jump: twice as far down each time, then
        bisect.
        """
        stored = list(Block.objects.order_by("-number").values_list("number", "hash"))

        def shared(place: int) -> bool:
            header = self.reader.header(stored[place][0])
            return header is not None and header.hash == stored[place][1]

        missing, reach = -1, 1
        while reach - 1 < len(stored) and not shared(reach - 1):
            missing, reach = reach - 1, reach * 2
        known = min(reach - 1, len(stored))
        while known - missing > 1:
            middle = (known + missing) // 2
            if shared(middle):
                known = middle
            else:
                missing = middle
        return stored[known] if known < len(stored) else None
