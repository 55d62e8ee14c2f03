"""Reorganisations: where the mirror and a node part, and which node is believed when they disagree.

Nodes need not agree. One may be behind: its head is a block of ours. One may be on another fork. The mirror
follows the best node, so:

* as long as another node has the mirror's newest block and is at least as far, that one is followed, and
  nothing is taken back;
* else the one with the highest head is believed, and the mirror goes back to the newest block that it shares;
* unless it is only behind. On a private chain a shorter head is believed at once: that is what is left after
  a crash. Elsewhere it must have stood still for a while, since nodes that are restarted or hidden behind a
  balancer show old heads for seconds;
* final blocks are given up only when no other node has them. While another one might have them and does not
  answer, the mirror waits for it, visibly and not for ever (on a private chain not at all).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from django.conf import settings

from chain import mirror
from chain.gate import newest_final
from chain.models import Block, Cursor
from chain.providers import Provider
from chain.reader import Header, Reader, Unsettled
from chain.rpc import RpcError, RpcUnavailable

log = logging.getLogger(__name__)

SHORTER_PATIENCE = 12.0  # seconds that a shorter head must have stood still, on a public chain
FINAL_PATIENCE = 60.0  # seconds that a silent node is waited for before final blocks are given up
WINDOW = 512  # stored blocks among which a fork is searched first


class ChainBehind(Exception):
    """The node's chain ends before the mirror does, or before the deployment begins."""


class Contradiction(Exception):
    """A node denies a block that was final, and those that could confirm it do not answer."""


class Elsewhere(Exception):
    """A node whose head is not the mirror's newest block, nor above it.

    `behind` says that the head is one of the mirror's own blocks; `strays` that the node has another block in
    the place of the newest final one, whatever else it has.
    """

    def __init__(
        self,
        provider: Provider,
        reader: Reader,
        head: Header,
        finalized: int,
        behind: bool = False,
        strays: bool = False,
    ):
        kind = "behind" if behind else "on another fork"
        super().__init__(f"{provider.name} is {kind}: its head is block {head.number} ({head.hash})")
        self.provider = provider
        self.reader = reader
        self.head = head
        self.finalized = finalized
        self.behind = behind
        self.strays = strays


def is_ours(reader: Reader, head: Header) -> bool:
    """Whether a head that is not above the mirror's is a block of the mirror's chain."""
    below = Block.objects.filter(number__lte=head.number).order_by("-number")
    stored = below.values_list("number", "hash").first()
    if stored is None:
        return False
    if stored[0] == head.number:
        return bool(stored[1] == head.hash)
    return _has(reader, *stored)  # headers of empty final blocks are not kept: the next one below tells


def newest_shared(reader: Reader, below: int | None = None) -> tuple[int, str] | None:
    """The newest stored block (under number `below`) that the node has, None if it has none of them.

    Who has a block has its ancestors, so the search may jump: twice as far down each time, then bisect.
    """
    blocks = Block.objects.order_by("-number")
    if below is not None:
        blocks = blocks.filter(number__lt=below)
    places = blocks.values_list("number", "hash")
    newest = list(places[:WINDOW])
    found = _bisect(newest, lambda stored: _has(reader, *stored))
    if found is None and len(newest) == WINDOW:
        found = _bisect(list(places[WINDOW:]), lambda stored: _has(reader, *stored))
    return found


def _bisect(
    stored: Sequence[tuple[int, str]], shared: Callable[[tuple[int, str]], bool]
) -> tuple[int, str] | None:
    missing, reach = -1, 1
    while reach - 1 < len(stored) and not shared(stored[reach - 1]):
        missing, reach = reach - 1, reach * 2
    known = min(reach - 1, len(stored))
    while known - missing > 1:
        middle = (known + missing) // 2
        if shared(stored[middle]):
            known = middle
        else:
            missing = middle
    return stored[known] if known < len(stored) else None


def _has(reader: Reader, number: int, block_hash: str) -> bool:
    header = reader.header(number)
    return header is not None and header.hash == block_hash


class Judge:
    """Decides which of the nodes that are elsewhere is believed, and takes the mirror back to it."""

    def __init__(self, before_first: Callable[[Reader], Header | None]):
        self._before_first = before_first
        self._shorter: tuple[str, float, float] = ("", 0.0, 0.0)
        self._denied: tuple[str, float] = ("", 0.0)

    def rest(self) -> None:
        """A node was followed as usual: nothing is waited for any longer."""
        self._shorter, self._denied = ("", 0.0, 0.0), ("", 0.0)

    def judge(self, elsewhere: Sequence[Elsewhere], others: Sequence[Reader], silent: Sequence[str]) -> bool:
        """Take the mirror back, if that is to be done now; False while it is to be waited.

        `others` are readers of all nodes that may be asked, `silent` the names of those that did not answer.
        Raises ChainBehind, Contradiction, and what nodes raise.
        """
        chosen = max(elsewhere, key=lambda one: one.head.number)  # the first of equals, which is the best
        if chosen.behind and not self._is_patience_over(chosen):
            return False
        cursor = Cursor.current()
        if cursor is None:
            return True
        final = newest_final()
        below = final[0] if chosen.strays and final else None
        fork = newest_shared(chosen.reader, below)
        if final is not None and (fork is None or fork[0] < final[0]):
            self._give_up_final(chosen, final, others, silent)
        if fork is None:
            before = self._before_first(chosen.reader)
            fork = (before.number, before.hash) if before else (-1, "0x" + "00" * 32)
        log.warning(
            "reorganisation at %s: back from block %d to block %d",
            chosen.provider.name,
            cursor.number,
            fork[0],
        )
        mirror.rewind(cursor, *fork, finalized=chosen.finalized)
        self.rest()
        return True

    def _is_patience_over(self, chosen: Elsewhere) -> bool:
        """Whether a head below the mirror's is believed. Raises ChainBehind while it moves, for long."""
        if settings.PRIVATE_CHAIN:
            return True
        now = time.monotonic()
        known, since, began = self._shorter
        if not known:
            began = now
            log.warning("%s: no reorganisation yet", chosen)
        if known != chosen.head.hash:
            since = now
        self._shorter = (chosen.head.hash, since, began)
        if now - since >= SHORTER_PATIENCE:
            return True
        if now - began >= 2 * SHORTER_PATIENCE:
            raise ChainBehind(f"{chosen}, and moves: it has to catch up with what was mirrored already")
        return False

    def _give_up_final(
        self, chosen: Elsewhere, final: tuple[int, str], others: Sequence[Reader], silent: Sequence[str]
    ) -> None:
        """See whether final blocks are lost. Returns if they are; raises Contradiction if that isn't sure."""
        unheard = list(silent)
        for other in others:
            if other.rpc is chosen.provider:
                continue
            try:
                if _has(other, *final):
                    words = f"{chosen.provider.name} denies block {final[0]}, which {other.name} has"
                    chosen.provider.failed(RpcUnavailable(words))
                    raise Unsettled(words)
            except (RpcError, RpcUnavailable):
                unheard.append(other.name)
        now = time.monotonic()
        if unheard and not settings.PRIVATE_CHAIN:
            if self._denied[0] != final[1]:
                self._denied = (final[1], now)
            if now - self._denied[1] < FINAL_PATIENCE:
                raise Contradiction(
                    f"{chosen.provider.name} has another block in the place of block {final[0]} "
                    f"({final[1]}), which was final; {', '.join(unheard)} could tell, and does not answer"
                )
        log.log(
            logging.WARNING if settings.PRIVATE_CHAIN else logging.CRITICAL,
            "block %d (%s) was final and is gone: no node has it any more. What is shown goes back with the "
            "chain; whatever was decided by those blocks should be looked at again",
            *final,
        )
