"""Logs that a node leaves out are missed, and found elsewhere; what nobody can prove is not believed."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain import abi, bloom
from chain.completeness import Checked, Doubtful, complete
from chain.private import PrivateChain
from chain.reader import Header, RawLog, Reader, Unsettled
from chain.rpc import RpcUnavailable
from tests.chain.liar import Liar, hashes, ranges, receipts
from tests.chain.node import Node

Lie = Callable[[str, list[Any]], bool]


def topics_of(contract: str) -> list[str]:
    return ["0x" + topic.hex() for topic in abi.interface(contract).events]


class Story:
    """A chain with logs of ours, of others and of both in one block; a node that may lie, and an honest one.

    The last of `headers` has nobody's logs.
    """

    def __init__(self, node: Node, crowded: int = 0):
        stranger = Node(node.chain)
        self.node = node
        first = node.head + 1
        chance = random.Random(crowded)
        for block in range(crowded):
            emitters = [chance.choice((node, stranger)) for _ in range(chance.randint(1, 5))]
            calls = [
                chance.choice(
                    (
                        emitter.call_of("tick", by=by),
                        emitter.call_of("count", chance.randint(1, 3), 1, "", by=by),
                        emitter.call_of(
                            "countMany", chance.randint(1, 3) + block, chance.randint(0, 4), 1, by=by
                        ),
                    )
                )
                for by, emitter in enumerate(emitters)
            ]
            self.together(*calls)
        node.send("count", 1, 5, "alone")
        stranger.send("countMany", 4, 3, 1)
        self.together(node.call_of("countMany", 10, 3, 1), stranger.call_of("countMany", 20, 4, 1, by=1))
        node.send("countMany", 30, 4, 1)
        self.together(
            stranger.call_of("tick", by=1), node.call_of("tick"), node.call_of("count", 3, 1, "", by=2)
        )
        node.chain.mine()
        self.liar, self.witness = Liar(node.chain.url), Liar(node.chain.url, "witness")
        self.reader, self.other = self.new_reader(self.liar), self.new_reader(self.witness)
        self.headers = self.other.headers(first, node.head)
        self.truth = self.other.logs_in_range(self.headers)
        self.everything = [
            (log["blockHash"], int(log["logIndex"], 16), log["address"], log["topics"])
            for header in self.headers
            for log in self.witness.call("eth_getLogs", {"blockHash": header.hash})
        ]
        self.witness.asked.clear()

    def together(self, *requests: dict[str, Any]) -> None:
        """Several transactions in one block."""
        self.node.rpc.call("evm_setAutomine", False)
        for request in requests:
            self.node.rpc.call("eth_sendTransaction", request)
        self.node.chain.mine()
        self.node.rpc.call("evm_setAutomine", True)

    def new_reader(self, rpc: Liar) -> Reader:
        """A reader of our contract's logs."""
        return Reader(rpc, [self.node.address], None, {self.node.address: topics_of("Emitter")})

    def places(self, *numbers: int) -> list[tuple[str, int]]:
        """The logs of ours in these blocks, the first being 0; in all blocks by default."""
        wanted = {self.headers[number].hash for number in numbers or range(len(self.headers))}
        return [(raw.block_hash, raw.index) for raw in self.truth if raw.block_hash in wanted]

    def raws_of(self, *headers: Header) -> list[RawLog]:
        """Our logs in these blocks."""
        return [raw for raw in self.truth if raw.block_hash in {header.hash for header in headers}]

    def hide(self, hidden: list[tuple[str, int]], *lies: Lie, at: Liar | None = None) -> None:
        """Have a node leave logs out."""
        liar = at or self.liar
        liar.hidden, liar.lies = set(hidden), list(lies)

    def check(self, *others: Reader, headers: list[Header] | None = None) -> Checked:
        """What becomes of the liar's answer."""
        read = self.headers if headers is None else headers
        return complete(self.reader, read, self.reader.logs_in_range(read), others)

    def again(self) -> None:
        """Honest nodes that were asked nothing."""
        for node in (self.liar, self.witness):
            node.hidden.clear()
            node.lies, node.refuses, node.down = [], [], []
            node.asked.clear()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateChain]:
    fixtures = Path(__file__).parent / "fixtures"
    with pytest.MonkeyPatch.context() as patch:
        from django.conf import settings as site

        patch.setattr(site, "CONTRACTS_ABI_DIRS", [fixtures], raising=False)
        patch.setattr(site, "VAR_DIR", tmp_path_factory.mktemp("var"))
        abi.reset()
        chain = PrivateChain(tmp_path_factory.mktemp("chain")).start()
        yield chain
        chain.stop()
    abi.reset()


@pytest.fixture(scope="module")
def shared(chain: PrivateChain) -> Story:
    return Story(Node(chain))


@pytest.fixture(scope="module")
def crowd(chain: PrivateChain) -> Story:
    """With a dozen blocks more, of whatever calls of ours and of a stranger's chance puts into them."""
    return Story(Node(chain), crowded=12)


@pytest.fixture
def story(shared: Story) -> Story:
    shared.again()
    return shared


def test_honestNode_isAskedNothingMore(story: Story) -> None:
    """Blocks with our logs alone, as all of a private chain are, and one without any."""
    ours = [story.headers[number] for number in (0, 3, 5)]
    checked = complete(story.reader, ours, story.raws_of(*ours), [])
    assert checked == Checked(story.raws_of(*ours))
    assert story.liar.asked == {}


def test_foreignLogs_areLookedIntoWhereTheyAreFew(story: Story) -> None:
    checked = story.check()
    assert (checked.raws, checked.doubts, checked.samples, checked.repairs) == (story.truth, 2, 2, [])


def test_droppedBlock_isReadAgainByItsHash(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    story.hide(story.places(3), ranges)
    with caplog.at_level(logging.WARNING):
        checked = story.check()
    assert checked.raws == story.truth
    assert checked.doubts == 1 + 2, "and two quiet blocks with others' logs"
    [repair] = checked.repairs
    assert (repair.number, repair.block_hash) == (story.headers[3].number, story.headers[3].hash)
    assert repair.provider == "liar"
    assert repair.problem == "left out 4 of 4 logs of ours"
    assert repair.remedy == "reading it again by its hash"
    assert "liar was wrong about block" in caplog.text


def test_droppedBlock_isFoundInItsReceipts(story: Story) -> None:
    story.hide(story.places(3), ranges, hashes)
    checked = story.check()
    assert checked.raws == story.truth
    assert "the block's receipts" in {repair.remedy for repair in checked.repairs}


def test_droppedBlock_isFoundAtAnotherNode(story: Story) -> None:
    story.hide(story.places(3), ranges, hashes, receipts)
    checked = story.check(story.other)
    assert checked.raws == story.truth
    assert [repair.remedy for repair in checked.repairs if repair.number == story.headers[3].number] == [
        "reading it again by its hash, at witness"
    ]


def test_droppedLogs_areMissedWhereTheBlockHasOthersOfOurs(story: Story) -> None:
    """One of four logs of a block that holds nobody else's: bits are left over, or a place is."""
    for place in story.places(3):
        story.hide([place], ranges)
        checked = story.check()
        assert checked.raws == story.truth
        assert len(checked.repairs) == 1


def test_nodeThatWasCaught_isHeldAgainstItsReceiptsThroughout(
    story: Story, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that is missing among foreign ones is found since another block of the same answer was wrong."""
    settings.CHAIN_CHECK_SAMPLE = 10**18
    monkeypatch.setattr("chain.completeness.FEW_BITS", 0)  # as in a block with many foreign logs
    among_others = story.places(2)[:1]
    story.hide(among_others, ranges, hashes)
    assert story.check().raws != story.truth, "one in so many is not looked at"
    story.hide([*among_others, *story.places(0)], ranges, hashes)
    checked = story.check()
    assert checked.raws == story.truth
    assert {repair.number for repair in checked.repairs} == {
        story.headers[0].number,
        story.headers[2].number,
    }


def test_sample_isHeldAgainstReceipts(story: Story, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHAIN_CHECK_SAMPLE = 1
    monkeypatch.setattr("chain.completeness.FEW_BITS", 0)
    checked = story.check()
    assert (checked.raws, checked.doubts, checked.samples) == (story.truth, 0, 2)
    assert not checked.repairs
    story.hide(story.places(2)[:1], ranges, hashes)
    checked = story.check()
    assert checked.raws == story.truth
    assert len(checked.repairs) == 1


def test_inventedLog_isDenied(story: Story) -> None:
    """A log that the block does not have, in the place of one that it has."""
    wrong = RawLog(
        story.truth[0].block_hash,
        0,
        story.truth[0].tx_hash,
        story.truth[0].address,
        [story.truth[0].topics[0], "0x" + "ab" * 32],
        "0x",
    )
    checked = complete(story.reader, story.headers, [wrong, *story.truth[1:]], [])
    assert checked.raws == story.truth
    assert checked.repairs[0].problem == "gave some of 1 log of ours other than they are"


def test_withoutReceipts_whatAgreesTwiceIsAccepted(story: Story) -> None:
    """Foreign logs of the same events, bits of ours by a trick: nobody has receipts, all say the same."""
    header = story.headers[1]  # the stranger's block, whose bloom we extend by our address
    mask = bloom.mask(story.node.address)
    lookalike = Header(
        header.number, header.hash, header.parent_hash, header.timestamp, header.logs_bloom | mask
    )
    with pytest.raises(Doubtful, match="don't explain its bloom"):
        story.check(headers=[lookalike])
    story.liar.refuses = [receipts]
    checked = story.check(headers=[lookalike])
    assert (checked.raws, checked.doubts, checked.repairs) == ([], 1, [])
    assert story.liar.asked["eth_getLogs"] == 2 + 1 + 2, "by its range, then by its hash, twice"
    story.witness.refuses = [receipts]
    assert story.check(story.other, headers=[lookalike]).raws == []


def test_answersThatDiffer_areNotBelieved(story: Story) -> None:
    story.liar.refuses, story.witness.refuses = [receipts], [receipts]
    story.hide(story.places(3), ranges, hashes)
    story.hide(story.places(3)[:1], hashes, at=story.witness)
    with pytest.raises(Doubtful, match=r"liar has 0 logs of ours, witness has 3"):
        story.check(story.other)


def test_everyoneIsSilent_isNotBelieved(story: Story) -> None:
    """One node, which leaves a block out of all that it says: its own receipts don't explain its header."""
    story.hide(story.places(3), ranges, hashes, receipts)
    with pytest.raises(Doubtful, match="its receipts don't explain its bloom"):
        story.check()


def test_helpers_mayBeAway(story: Story) -> None:
    story.witness.down = [hashes, receipts]
    story.hide(story.places(3), ranges)
    assert story.check(story.other).raws == story.truth


def test_nodeThatGoesAway_isWaitedFor(story: Story) -> None:
    story.hide(story.places(3), ranges, hashes)
    story.liar.down = [receipts]
    with pytest.raises(RpcUnavailable):
        story.check()


def test_blockThatIsGone_isAskedAgain(story: Story) -> None:
    gone = Header(story.headers[3].number, "0x" + "77" * 32, "0x" + "00" * 32, 1, story.headers[3].logs_bloom)
    with pytest.raises(Unsettled):
        complete(story.reader, [gone], [], [])


def test_chainWithoutBlooms_isReadTwice(story: Story) -> None:
    """Some chains write nothing, or ones, into that field."""
    for nothing in (0, (1 << 2048) - 1):
        headers = [
            Header(one.number, one.hash, one.parent_hash, one.timestamp, nothing) for one in story.headers
        ]
        assert story.check(headers=headers).raws == story.truth


def test_fullBlooms_costLittle(story: Story, settings: Any) -> None:
    """On a busy chain our bits are there by chance: a second answer in one batch, and no receipts."""
    settings.CHAIN_CHECK_SAMPLE = 10**18
    half = int("0x" + "a5" * 256, 16)
    ours = bloom.mask(story.node.address) | bloom.mask(topics_of("Emitter")[0])
    empty = story.headers[-1]
    busy = Header(empty.number, empty.hash, empty.parent_hash, empty.timestamp, half | ours)
    checked = story.check(story.other, headers=[busy])
    assert (checked.raws, checked.doubts, checked.samples) == ([], 1, 0)
    assert story.witness.asked["eth_getLogs"] == 1
    assert "eth_getBlockReceipts" not in story.liar.asked | story.witness.asked


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_property_nothingIsMissedThatLeavesBits(crowd: Story, settings: Any, data: st.DataObject) -> None:
    """Any subset of logs, left out of any kinds of answers by either node: the truth, or no answer."""
    story = crowd
    story.again()
    settings.CHAIN_CHECK_SAMPLE = 1
    places = story.places()
    for liar in (story.liar, story.witness):
        story.hide(
            data.draw(st.lists(st.sampled_from(places), unique=True), "hidden"),
            *data.draw(st.lists(st.sampled_from([ranges, hashes, receipts]), unique=True), "lies"),
            at=liar,
        )
        liar.refuses = data.draw(st.sampled_from([[], [receipts]]), "refuses")
    helped = data.draw(st.booleans(), "helped")
    try:
        checked = story.check(*([story.other] if helped else []))
    except Doubtful:
        assert story.liar.lies or story.witness.lies
        return
    for header in story.headers:
        held = [raw for raw in checked.raws if raw.block_hash == header.hash]
        missing = [
            place for place in story.places() if place[0] == header.hash and place not in places_of(held)
        ]
        if not missing:
            continue
        # Where nobody has receipts, answers that agree are accepted; with receipts, whatever leaves no bit.
        nobody = bool(story.liar.refuses) and (bool(story.witness.refuses) or not helped)
        told = [log for log in story.everything if log[0] == header.hash and log[:2] not in missing]
        assert nobody or bloom.of(log[2:] for log in told) == header.logs_bloom
        assert bloom.of((raw.address, raw.topics) for raw in held) & ~header.logs_bloom == 0


def places_of(raws: list[RawLog]) -> set[tuple[str, int]]:
    return {(raw.block_hash, raw.index) for raw in raws}
