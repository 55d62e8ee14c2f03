"""Is what was read of some blocks complete? Their headers tell, by the blooms of their logs.

For each block, the logs of ours that a node gave are held against the header's `logsBloom`:

* they explain every bit of it, and their places leave no gap: nothing is missing, with no further request;
* they have bits that it has not: the node contradicts itself, which is a doubt;
* bits are left over: logs of other contracts, or some of ours that are missing. If the bloom may hold an
  address of ours together with one of its events, and no log of that address was given, that is a doubt. If
  logs were given, others of the same contract may be missing, and nothing short of the block's receipts can
  tell. Where few bits are left, the block is a quiet one and has few receipts: that is a doubt too. Where
  many are, as in every block of a busy chain, a sample of such blocks is held against their receipts.

A doubt is settled by reading the block again by its hash; then by its receipts, which are proof if the logs
in them, all contracts', explain every bit; then by the same of the other nodes. Where the bloom is so full
that its bits are there by chance, a second answer that is the same will do, but for the sample. Who gave less
than is known in the end is recorded (`Repair`), and from then on every block of that answer is held against
its receipts. If no node can prove anything, two answers that agree are accepted, where they don't go against
the bloom; all else raises `Doubtful`, and is asked again later.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod

from django.conf import settings

from chain import bloom
from chain.models import Repair
from chain.reader import Header, RawLog, Reader, Receipts, Unsettled
from chain.rpc import RpcError, RpcUnavailable

log = logging.getLogger(__name__)

SURPRISE = 1 / 500
"""A bloom that has our bits by chance with less than this probability is looked into to the end."""
FEW_BITS = 128
"""So many bits left over are few: about fourteen logs of other contracts."""
NO_BLOOMS = (0, (1 << 2048) - 1)
"""What chains write into headers that keep no blooms: such a header says nothing, for or against."""


class Doubtful(Exception):
    """What the nodes say of a block does not explain its bloom, and none of them can prove its answer."""

    def __init__(self, header: Header, reason: str):
        super().__init__(f"block {header.number} ({header.hash}): {reason}")
        self.header = header
        self.reason = reason


@dataclass(slots=True)
class Checked:
    """Logs that were held against their headers, in order.

    `doubts` counts the blocks that were read again, `samples` those that were held against their receipts,
    and `repairs` (not saved yet) are the wrong answers that were put right.
    """

    raws: list[RawLog]
    doubts: int = 0
    samples: int = 0
    repairs: list[Repair] = field(default_factory=list)


def complete(
    reader: Reader, headers: Sequence[Header], raws: Sequence[RawLog], others: Sequence[Reader]
) -> Checked:
    """The logs of these blocks, none missing and none too many.

    `raws` are what `reader` gave, in order; `others` are readers of the other nodes, the best first. Raises
    Doubtful, and what `reader` raises: Unsettled, RpcUnavailable.
    """
    given: dict[str, list[RawLog]] = defaultdict(list)
    for raw in raws:
        given[raw.block_hash].append(raw)
    expected = _expected(reader)
    doubts = [
        doubt
        for header in headers
        if header.logs_bloom or header.hash in given
        if (doubt := _examine(header, given.get(header.hash, []), expected))
    ]
    if not any(doubt.asks for doubt in doubts):
        return Checked(list(raws))
    inquiry = _Inquiry(reader, others, doubts)
    inquiry.run()
    for doubt in doubts:
        given[doubt.header.hash] = doubt.answer
    inquiry.checked.raws = [raw for header in headers for raw in given.get(header.hash, ())]
    return inquiry.checked


# --- What is doubtful ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Doubt:
    """A block whose bloom is not explained, and what is known of it.

    `why` is empty for one that has logs of ours and bits left over, which is as usual as can be; `chance` is
    the probability that an honest node's answer looks like this.
    """

    header: Header
    given: list[RawLog]
    why: str
    chance: float
    sampled: bool
    answers: list[tuple[str, list[RawLog]]] = field(default_factory=list)
    disproved: bool = False
    verdict: list[RawLog] | None = None

    @property
    def asks(self) -> bool:
        """Whether it is looked into at all."""
        return bool(self.why) or self.sampled

    @property
    def to_the_end(self) -> bool:
        """Whether a second answer that is the same is not enough."""
        return self.sampled or self.chance < SURPRISE

    @property
    def answer(self) -> list[RawLog]:
        """What the block holds."""
        return self.given if self.verdict is None else self.verdict


_Expected = list[tuple[str, int, list[int]]]
"""For each of our addresses: itself, its bits, and those of its events' first topics."""


def _expected(reader: Reader) -> _Expected:
    return [
        (address, bloom.mask(address), [bloom.mask(topic) for topic in reader.topics.get(address, ())])
        for address in reader.addresses
    ]


def _examine(header: Header, given: list[RawLog], expected: _Expected) -> _Doubt | None:
    """What is doubtful about a node's answer for one block; None if nothing is."""
    values: set[str] = set()
    for raw in given:
        values.add(raw.address)
        values.update(raw.topics)
    explained = bloom.of_values(values)
    if explained == header.logs_bloom:
        if not given or given[-1].index + 1 == len(given):
            return None
        return _Doubt(header, given, "every bit is explained, but places of logs are left out", 0.0, True)
    if explained & ~header.logs_bloom:
        return _Doubt(header, given, "logs that its bloom denies", 0.0, True)
    sampled = _sampled(header)
    chance, suspects = 1.0, []
    for address, bits, topics in expected:
        if address in values or header.logs_bloom & bits != bits:
            continue
        if topics and not any(header.logs_bloom & topic == topic for topic in topics):
            continue
        suspects.append(address)
        chance = min(chance, _chance(header.logs_bloom, explained, bits, topics))
    if suspects:
        return _Doubt(header, given, f"no log of {', '.join(suspects)}, which its bloom has", chance, sampled)
    if not given:
        return None
    if (header.logs_bloom & ~explained).bit_count() <= FEW_BITS:
        return _Doubt(header, given, "few bits that its logs of ours don't explain", 0.0, sampled)
    return _Doubt(header, given, "", 1.0, sampled)


def _chance(logs_bloom: int, explained: int, bits: int, topics: Sequence[int]) -> float:
    """How probable it is that a block without a log of this address has its bits, and those of one of its
    events: each bit that nothing of ours explains is set with the bloom's density.
    """
    density = logs_bloom.bit_count() / 2048

    def all_set(wanted: int) -> float:
        return float(density ** (wanted & ~explained).bit_count())

    if not topics:
        return all_set(bits)
    return all_set(bits) * (1 - prod(1 - all_set(topic) for topic in topics))


def _sampled(header: Header) -> bool:
    """Whether this block is of the sample: chosen by its hash, so that every run chooses the same."""
    return int(header.hash[2:18], 16) % max(1, settings.CHAIN_CHECK_SAMPLE) == 0


def _denied(header: Header, raws: Sequence[RawLog]) -> bool:
    """Whether the header says that some of these logs are not in its block."""
    return bool(bloom.of((raw.address, raw.topics) for raw in raws) & ~header.logs_bloom)


def _proven(header: Header, raws: Sequence[RawLog]) -> bool:
    """Whether these logs of ours alone explain all that the header says."""
    return bloom.of((raw.address, raw.topics) for raw in raws) == header.logs_bloom and (
        not raws or raws[-1].index + 1 == len(raws)
    )


# --- What settles it -----------------------------------------------------------------------------------


class _Inquiry:
    """Settles the doubts about one answer of one node, the cheap ways first and many blocks at once."""

    def __init__(self, reader: Reader, others: Sequence[Reader], doubts: Sequence[_Doubt]):
        self.reader = reader
        self.others = others
        self.doubts = doubts
        self.checked = Checked([])

    def run(self) -> None:
        """Give every doubt that asks for one its verdict. Raises Doubtful, Unsettled, RpcUnavailable."""
        asking = [doubt for doubt in self.doubts if doubt.asks]
        self.checked.doubts = sum(1 for doubt in asking if doubt.why)
        self._again(self.reader, asking)
        self._second_opinion([doubt for doubt in asking if not self._settled(doubt)])
        for doubt in asking:
            if doubt.verdict is None:
                self._to_the_end(doubt)
        if self.checked.repairs:  # it was caught: nothing of its answer is believed for being usual
            for doubt in self.doubts:
                if doubt.verdict is None:
                    self._to_the_end(doubt)

    def _again(self, reader: Reader, doubts: Sequence[_Doubt]) -> bool:
        """Read blocks by their hashes, and note the answers; whether there were any."""
        if not doubts:
            return True
        try:
            raws = reader.logs_by_hash([doubt.header for doubt in doubts])
        except RpcError as error:
            if len(doubts) > 1:  # one of them may hold more than the node gives at once
                answered = [self._again(reader, [doubt]) for doubt in doubts]
                return all(answered)
            log.info("%s does not give block %d by its hash: %s", reader.name, doubts[0].header.number, error)
            return False
        for doubt in doubts:
            doubt.answers.append((reader.name, [raw for raw in raws if raw.block_hash == doubt.header.hash]))
        return True

    def _settled(self, doubt: _Doubt) -> bool:
        """Whether the last answer by hash proves itself."""
        if not doubt.answers or not _proven(doubt.header, doubt.answers[-1][1]):
            return False
        name, raws = doubt.answers[-1]
        self._conclude(doubt, raws, "reading it again by its hash" + self._at(name))
        return True

    def _second_opinion(self, doubts: Sequence[_Doubt]) -> None:
        """Accept what is probably chance, if another node says the same, or the same one, without another."""
        chances = [
            doubt
            for doubt in doubts
            if not doubt.to_the_end and doubt.answers and doubt.answers[-1][1] == doubt.given
        ]
        for other in self.others:
            if not chances or self._ask(partial(self._again, other, chances), other):
                break
        for doubt in chances:
            if all(raws == doubt.given for _, raws in doubt.answers):
                doubt.verdict = doubt.given

    def _to_the_end(self, doubt: _Doubt) -> None:
        """Receipts, then every other node's word, then what they agree on."""
        if not any(name == self.reader.name for name, _ in doubt.answers):
            self._again(self.reader, [doubt])
            if self._settled(doubt):
                return
        if self._by_receipts(doubt, self.reader):
            return
        for other in self.others:
            if not any(name == other.name for name, _ in doubt.answers):
                self._ask(partial(self._again, other, [doubt]), other)
                if self._settled(doubt):
                    return
            if self._ask(partial(self._by_receipts, doubt, other), other):
                return
        self._by_agreement(doubt)

    def _by_receipts(self, doubt: _Doubt, reader: Reader) -> bool:
        """Whether a node's receipts of the block prove what it holds."""
        header = doubt.header
        try:
            receipts = reader.receipts(header)
        except RpcUnavailable as error:
            if getattr(error, "status", None) in (None, 429):  # it will pass; all else may be for ever
                raise
            log.info("%s gives no receipts of block %d: %s", reader.name, header.number, error)
            return False
        except RpcError as error:
            log.info("%s gives no receipts of block %d: %s", reader.name, header.number, error)
            return False
        except Unsettled as error:
            log.warning("%s gives wrong receipts of block %d: %s", reader.name, header.number, error)
            doubt.disproved = True
            return False
        self.checked.samples += 1
        if not self._explains(receipts, doubt):
            doubt.disproved = header.logs_bloom not in NO_BLOOMS
            doubt.answers.append((reader.name, receipts.raws))
            return False
        self._conclude(doubt, receipts.raws, "the block's receipts" + self._at(reader.name))
        return True

    @staticmethod
    def _explains(receipts: Receipts, doubt: _Doubt) -> bool:
        """Whether these are all logs of the block.

        A chain may have logs that its blooms do not know (Polygon's state-sync transactions), so more bits
        than the header's are no fault; but ours must be among those it knows, and there must be as many logs
        as the places of those that anybody gave.
        """
        header = doubt.header
        known = [doubt.given, *(raws for _, raws in doubt.answers)]
        if any(raws and raws[-1].index >= receipts.count for raws in known):
            return False
        return not header.logs_bloom & ~receipts.bloom and not _denied(header, receipts.raws)

    def _by_agreement(self, doubt: _Doubt) -> None:
        """Accept what all answers by hash agree on, where nobody has receipts. Raises Doubtful."""
        header = doubt.header
        if len(doubt.answers) == 1:  # the only node that answers: let it say so twice
            self._again(self.reader, [doubt])
        if len(doubt.answers) < 2:
            raise Doubtful(header, f"{doubt.why or 'unexplained bits'}, and nobody gives it by its hash")
        agreed = doubt.answers[0][1]
        if any(raws != agreed for _, raws in doubt.answers):
            said = ", ".join(f"{name} has {len(raws)} logs of ours" for name, raws in doubt.answers)
            raise Doubtful(header, f"the answers differ and none can be proven: {said}")
        if doubt.disproved:
            raise Doubtful(header, f"{doubt.why or 'unexplained bits'}; its receipts don't explain its bloom")
        if header.logs_bloom not in NO_BLOOMS and _denied(header, agreed):
            raise Doubtful(header, "the nodes give logs that its bloom denies")
        self._conclude(doubt, agreed, "what the answers agree on")

    def _conclude(self, doubt: _Doubt, truth: list[RawLog], remedy: str) -> None:
        """Take this as what the block holds, and record who said otherwise."""
        doubt.verdict = truth
        wrong = {name: raws for name, raws in reversed(doubt.answers) if raws != truth}
        if doubt.given != truth:
            wrong[self.reader.name] = doubt.given
        for name, raws in wrong.items():
            repair = Repair(
                number=doubt.header.number,
                block_hash=doubt.header.hash,
                provider=name[:200],
                problem=_difference(len(raws), len(truth)),
                remedy=remedy[:200],
            )
            log.warning("%s was wrong about block %d: %s", name, doubt.header.number, repair.problem)
            self.checked.repairs.append(repair)

    def _at(self, name: str) -> str:
        return "" if name == self.reader.name else f", at {name}"

    @staticmethod
    def _ask(question: Callable[[], bool], other: Reader) -> bool:
        """What another node's answer comes to; False where it has none: it is asked for help only."""
        try:
            return question()
        except (RpcError, RpcUnavailable, Unsettled) as error:
            log.info("%s does not help: %s", other.name, error)
            return False


def _difference(given: int, there: int) -> str:
    """What a node did that gave so many logs of ours of a block, without the node: the predicate."""
    logs = f"{there} log{'' if there == 1 else 's'} of ours"
    if given < there:
        return f"left out {there - given} of {logs}"
    if given > there:
        return f"gave {given} where there {'is' if there == 1 else 'are'} {logs}"
    return f"gave some of {logs} other than they are"
