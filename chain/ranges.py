"""One range of final blocks from one provider: read, checked, and read in smaller parts where it refuses.

How blocks are read:

1. their headers, in batches, linked by their parent hashes;
2. our logs in them, by one eth_getLogs, each held against the headers (`Reader.ordered`);
3. the end again: the last header by its number and its logs by its hash, since a node that is behind, moves
   or cuts its replies short shows there;
4. are they complete? (`completeness.complete`);
5. who sent the transactions.

Where the blocks before held mostly transactions of ours, as on a private chain or in a vote's last hour, 2 to
5 are one question: the receipts of every block whose bloom does not rule us out. They name the senders, and
since they hold all logs, their bloom must be the header's to the bit. If it is not, or the node has no such
receipts, it goes the common way.

What can fail, and what is done:

* no connection, a node that wants to be left alone, or one that answers nothing else either: raised, for the
  next provider; the last one is waited for if it asks for a few seconds;
* answers that do not fit together: the same again a little later, then raised;
* a block in doubt (`Doubtful`): the blocks before it, and then raised;
* any other error, whatever it says: fewer blocks (`Pace`); for one block, its receipts; then raised.

Parts that were read are joined into one batch, so that a node's small limit does not make small transactions.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any, Protocol

from chain import bloom
from chain.completeness import Checked, Doubtful
from chain.pace import Pace
from chain.providers import Provider
from chain.reader import Broken, Header, RawLog, Reader, Receipts, Unsettled
from chain.rpc import BATCH, RpcError, RpcUnavailable

log = logging.getLogger(__name__)

PAUSES = (0.02, 0.1, 0.5)  # seconds before a node is asked again that contradicted itself
LONGEST_WAIT = 5.0  # seconds that a node may ask for and is waited for on the spot
WAITS = 8  # times in a row
TOO_MANY = 429


class Check(Protocol):
    """What `completeness.complete` is."""

    def __call__(
        self, reader: Reader, headers: Sequence[Header], raws: Sequence[RawLog], others: Sequence[Reader]
    ) -> Checked:
        """See `chain.completeness.complete`."""


@dataclass(slots=True)
class Batch:
    """A run of linked blocks with our logs in them, in order, all from one provider and found complete.

    `senders` has who sent the logs' transactions, by hash.
    """

    headers: list[Header]
    raws: list[RawLog]
    senders: dict[str, str]
    checked: Checked
    provider: Provider


class Source:
    """Reads batches. Shared by threads; `stopped` ends its waiting."""

    def __init__(
        self, make_reader: Callable[[Provider], Reader], check: Check, pace: Pace, stopped: threading.Event
    ):
        self._make_reader = make_reader
        self._check = check
        self._pace = pace
        self._stopped = stopped
        self._dense = False  # whether the last blocks held mostly transactions of ours
        self._unproven: set[str] = set()  # nodes whose receipts are missing or wrong

    def batch(
        self, provider: Provider, others: Sequence[Provider], first: int, last: int, patient: bool
    ) -> Batch:
        """The blocks from `first` to `last`, or fewer if there are too many logs in them, or if a later part
        cannot be read. Raises RpcUnavailable, RpcError, Unsettled, and what the check raises.
        """
        reader = self._make_reader(provider)
        if patient:
            reader = reader.through(_Patient(provider, self._stopped))
        rest = [self._make_reader(other) for other in others]
        batch = self._part(provider, reader, rest, first, last)
        while batch.headers[-1].number < last and not self._pace.is_full(len(batch.raws)):
            try:
                part = self._part(provider, reader, rest, batch.headers[-1].number + 1, last)
            except (RpcUnavailable, RpcError, Unsettled, Doubtful) as error:
                log.info("reading stopped before block %d: %s", batch.headers[-1].number + 1, error)
                break  # it is tried again, maybe elsewhere, as the beginning of a batch of its own
            if part.headers[0].parent_hash != batch.headers[-1].hash:
                break  # the node moved; whoever stores the batches will see where
            _join(batch, part)
        return batch

    def _part(
        self, provider: Provider, reader: Reader, others: Sequence[Reader], first: int, last: int
    ) -> Batch:
        """As many blocks from `first` on as the node gives at once."""
        blocks = min(self._pace.blocks(provider.name), last - first + 1)
        pauses = iter(PAUSES)
        while True:
            if self._stopped.is_set():
                raise Unsettled("nobody waits for these blocks any more")
            try:
                part = self._read(provider, reader, others, first, first + blocks - 1)
            except Doubtful as doubt:
                if doubt.header.number == first:
                    raise
                blocks = doubt.header.number - first  # what lies before it can be stored
                continue
            except (RpcUnavailable, RpcError, Unsettled) as error:
                if isinstance(error, Unsettled) and not isinstance(error, Broken):
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    self._stopped.wait(pause)
                    continue
                if isinstance(error, RpcUnavailable) and not _answers_else(provider, error):
                    raise
                if blocks == 1:
                    part = self._block(provider, reader, others, first, error)
                else:
                    fewer = self._pace.refused(provider.name, blocks, str(error))
                    log.warning(
                        "%s refused %d blocks at once, trying %d: %s", provider.name, blocks, fewer, error
                    )
                    blocks = fewer
                    continue
            self._pace.went_well(provider.name, blocks, len(part.raws))
            return part

    def _block(
        self, provider: Provider, reader: Reader, others: Sequence[Reader], number: int, refusal: Exception
    ) -> Batch:
        """One block whose logs the node refuses, by its receipts. Raises the refusal if that fails too."""
        try:
            header = reader.headers(number, number)[0]
            receipts = reader.receipts(header)
        except (RpcUnavailable, RpcError, Unsettled) as error:
            self._pace.forgive(provider.name)  # whatever it is, it is not the size
            raise refusal from error
        log.warning("read block %d of %s by its receipts: %s", number, provider.name, refusal)
        checked = self._check(reader, [header], receipts.raws, others)
        return Batch([header], checked.raws, receipts.senders, checked, provider)

    # --- Two ways to read ----------------------------------------------------------------------------

    def _read(
        self, provider: Provider, reader: Reader, others: Sequence[Reader], first: int, last: int
    ) -> Batch:
        headers = reader.headers(first, last)
        if self._dense and provider.name not in self._unproven:
            batch = self._from_receipts(provider, reader, headers)
            if batch is not None:
                return batch
        return self._from_logs(provider, reader, others, headers)

    def _from_logs(
        self, provider: Provider, reader: Reader, others: Sequence[Reader], headers: list[Header]
    ) -> Batch:
        raws = reader.logs_in_range(headers)
        end = headers[-1]
        if _of_end(raws, end) != reader.end(end):
            raise Broken(f"block {end.number} has other logs when it is asked for alone")
        checked = self._check(reader, headers, raws, others)
        senders = reader.senders(raw.tx_hash for raw in checked.raws) if checked.raws else {}
        hashes = {raw.block_hash for raw in checked.raws}
        with_logs = [header for header in headers if header.hash in hashes]
        # Blooms that are known to name us may be relied on where they do not.
        named = len(_naming(reader, with_logs)) == len(with_logs)
        self._note_density(with_logs, senders if named else ())
        return Batch(headers, checked.raws, senders, checked, provider)

    def _from_receipts(self, provider: Provider, reader: Reader, headers: list[Header]) -> Batch | None:
        """None if the receipts prove nothing."""
        named = _naming(reader, headers)
        try:
            blocks = reader.receipts_of(named)
        except (RpcError, Unsettled) as error:
            log.info("no receipts from %s, reading logs: %s", provider.name, error)
            self._unproven.add(provider.name)
            return None
        if not all(map(_explains, blocks, named)):
            log.warning("receipts of %s do not explain their blocks' blooms, reading logs", provider.name)
            self._unproven.add(provider.name)
            return None
        end = reader.header(headers[-1].number)
        if end is None or end.hash != headers[-1].hash:
            raise Unsettled(f"block {headers[-1].number} is another one when it is asked for again")
        raws = [raw for block in blocks for raw in block.raws]
        senders = {tx_hash: sender for block in blocks for tx_hash, sender in block.senders.items()}
        self._note_density(named, {raw.tx_hash for raw in raws})
        return Batch(headers, raws, senders, Checked(raws, samples=len(named)), provider)

    def _note_density(self, headers: Sequence[Header], ours: Iterable[str]) -> None:
        """Whether at least half of the transactions in these blocks are `ours`."""
        if headers:
            self._dense = 2 * len(set(ours)) >= sum(header.transactions for header in headers)


class _Patient:
    """A provider that is waited for when it asks for a pause of a few seconds: where there is no other.

    Each request is repeated by itself, so that even a node that answers one a second is read to the end.
    """

    def __init__(self, provider: Provider, stopped: threading.Event):
        self._provider = provider
        self._stopped = stopped
        self.name = provider.name

    def call(self, method: str, *params: Any) -> Any:
        """As the provider's."""
        return self._ask(partial(self._provider.call, method, *params))

    def batch(self, calls: Iterable[tuple[str, list[Any]]]) -> list[Any]:
        """As the provider's."""
        wanted = list(calls)
        answers: list[Any] = []
        for start in range(0, len(wanted), BATCH):
            part = wanted[start : start + BATCH]
            answers += self._ask(partial(self._provider.batch, part))
        return answers

    def _ask(self, ask: Callable[[], Any]) -> Any:
        for turn in range(WAITS):
            try:
                return ask()
            except RpcUnavailable as error:
                wait = error.retry_after if error.retry_after is not None else 0.25 * 2**turn
                if error.status != TOO_MANY or wait > LONGEST_WAIT or self._stopped.wait(wait):
                    raise
        return ask()


def _naming(reader: Reader, headers: Iterable[Header]) -> list[Header]:
    """The blocks that may hold logs of ours, as their blooms say."""
    masks = [bloom.mask(address) for address in reader.addresses]
    return [one for one in headers if any(bloom.may_hold(one.logs_bloom, (mask,)) for mask in masks)]


def _explains(block: Receipts, header: Header) -> bool:
    """Whether these are all logs of the block: they set each bit of its bloom, and reach as far as ours."""
    return block.bloom == header.logs_bloom and (not block.raws or block.raws[-1].index < block.count)


def _of_end(raws: Sequence[RawLog], end: Header) -> list[RawLog]:
    """Those of the last block."""
    return list(takewhile(lambda raw: raw.block_hash == end.hash, reversed(raws)))[::-1]


def _answers_else(provider: Provider, error: RpcUnavailable) -> bool:
    """Whether a node that gave no usable answer gives one to the smallest question: then it was the size."""
    if error.retry_after is not None or error.status in (401, 403, 407, TOO_MANY):
        return False
    try:
        provider.call("eth_blockNumber")
    except (RpcUnavailable, RpcError):
        return False
    return True


def _join(batch: Batch, part: Batch) -> None:
    """Add the blocks that follow."""
    batch.headers += part.headers
    batch.senders |= part.senders
    batch.checked.doubts += part.checked.doubts
    batch.checked.samples += part.checked.samples
    batch.checked.repairs += part.checked.repairs
    batch.checked.raws = batch.raws = batch.raws + part.raws
