"""The past: ranges of final blocks, fetched ahead by a few threads and handed over in order.

`ranges.Source` reads one batch from one provider; here is who reads which blocks when. The ranges lie in a
list without gaps; a thread takes the first that nobody reads, cuts it to the size of a batch, and where a
provider gives less than was wanted, the rest is a range of its own again. Where no provider can read one, the
error is raised where its batch would have been handed over, so that all before it is stored.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from chain.completeness import complete
from chain.pace import Pace
from chain.providers import Provider, Providers
from chain.ranges import Batch, Check, Source
from chain.reader import Reader, Unsettled
from chain.rpc import RpcError, RpcUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

THREADS = 3
LOOK_EVERY = 0.25  # seconds between looks whether to stop
COLLECTED_EVERY = 50_000  # objects made, between looks for garbage among the young
LEAVING = 0.5  # seconds that the threads get to notice that nobody waits for them


@dataclass(slots=True)
class _Range:
    """Blocks that are read or are to be read, and what came of it."""

    first: int
    last: int
    taken: bool = False
    batch: Batch | None = None
    error: BaseException | None = None


class Backfill:
    """The blocks from `first` to `last`, as batches in order: iterate over it inside its `with`.

    At most `threads` + 1 batches are in memory, the one that was handed over last among them. Iterating
    raises what no provider could answer (RpcUnavailable, RpcError, Unsettled) and what `check` raises, after
    every batch before that place. It ends early where `stop` is set. `pace` may be kept from one backfill to
    the next: it knows the nodes' limits.
    """

    def __init__(
        self,
        providers: Providers,
        make_reader: Callable[[Provider], Reader],
        first: int,
        last: int,
        threads: int = THREADS,
        check: Check = complete,
        pace: Pace | None = None,
        stop: threading.Event | None = None,
    ):
        self._providers = providers
        self._asked_to_stop = stop or threading.Event()
        self._stopped = threading.Event()
        self._pace = pace or Pace()
        self._source = Source(make_reader, check, self._pace, self._stopped)
        self._room = threads + 1
        self._held = 0  # ranges in work, read, or in the hands of whom we read for
        self._handed = 0
        self._ranges = [_Range(first, last)] if first <= last else []  # in order, without gaps
        self._changed = threading.Condition()
        ranges = -(-(last - first + 1) // self._pace.wanted)
        self._threads = [
            threading.Thread(target=self._work, name=f"backfill-{number}", daemon=True)
            for number in range(max(0, min(threads, ranges)))
        ]
        self._collections = gc.get_threshold()

    def __enter__(self) -> Self:
        # What is read lives until it is stored: to look for garbage in it all the time costs a fifth.
        gc.set_threshold(max(COLLECTED_EVERY, self._collections[0]), *self._collections[1:])
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.set_threshold(*self._collections)
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        until = time.monotonic() + LEAVING
        for thread in self._threads:  # one that waits for a node's answer may stay: it ends with that
            thread.join(max(0.0, until - time.monotonic()))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        with self._changed:
            self._held -= self._handed
            self._handed = 0
            self._changed.notify_all()
            while self._ranges:
                head = self._ranges[0]
                if head.error is not None:
                    raise head.error
                if head.batch is not None:
                    self._ranges.pop(0)
                    self._handed = 1
                    return head.batch
                if self._asked_to_stop.is_set():
                    break
                self._changed.wait(LOOK_EVERY)
        raise StopIteration

    # --- The threads ---------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopped.is_set():
            with self._changed:
                taken = self._take()
                if taken is None:
                    if not any(one.batch is None and one.error is None for one in self._ranges):
                        return  # all is read
                    self._changed.wait()
                    continue
            self._fetch(taken)

    def _take(self) -> _Range | None:
        """The first range that nobody reads yet, cut to the size of a batch; None if there is none, or no
        room for it.

        There is room for the first range of all sooner or later: what is held was taken before it, and is
        handed over without it.
        """
        for place, one in enumerate(self._ranges):
            if one.error is not None or self._held >= self._room:
                return None
            if not one.taken:
                self._cut(place, one.first + self._pace.wanted - 1)
                one.taken = True
                self._held += 1
                return one
        return None

    def _cut(self, place: int, last: int) -> None:
        one = self._ranges[place]
        if last < one.last:
            self._ranges.insert(place + 1, _Range(last + 1, one.last))
            one.last = last

    def _fetch(self, one: _Range) -> None:
        batch = error = None
        try:
            batch = self._read(one.first, one.last)
        except BaseException as failure:  # noqa: BLE001 - raised where the batch would have been handed over
            error = failure
        with self._changed:
            if batch is not None:
                self._cut(self._ranges.index(one), batch.headers[-1].number)
            one.batch, one.error = batch, error
            self._changed.notify_all()

    def _read(self, first: int, last: int) -> Batch:
        """A batch that begins with block `first`, by the first provider that can give one."""
        ranked = self._providers.ranked()
        errors: list[Exception] = []
        for place, provider in enumerate(ranked):
            others = [one for one in ranked if one is not provider]
            try:
                return self._source.batch(provider, others, first, last, patient=place == len(ranked) - 1)
            except (RpcUnavailable, RpcError, Unsettled) as error:
                log.warning("blocks from %d on could not be read from %s: %s", first, provider.name, error)
                errors.append(error)
        if not errors:
            raise RpcUnavailable("there is no node that may be asked")
        raise min(errors, key=_wait)


def _wait(error: Exception) -> float:
    """For ordering failures: the shortest time that a node asked for, before those that named none."""
    retry_after = getattr(error, "retry_after", None)
    return float("inf") if retry_after is None else retry_after


def ahead(batches: Iterable[T], make: Callable[[T], R]) -> Iterator[tuple[T, Future[R]]]:
    """Each batch with what a thread makes of it, which is at the next one while this one is used.

    What ends the batches is raised behind the last of them; what `make` raises, by its future.
    """
    rest = iter(batches)
    waiting: deque[tuple[T, Future[R]]] = deque()
    problem: Exception | None = None
    with ThreadPoolExecutor(1, "ahead") as thread:
        while True:
            try:
                batch = next(rest)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - raised below, in its place
                problem = error
                break
            waiting.append((batch, thread.submit(make, batch)))
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting
    if problem is not None:
        raise problem
