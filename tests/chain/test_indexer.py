"""The mirror equals the chain, through every change of the chain's mind."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from chain import mirror
from chain.deployments import Deployment
from chain.events import load_handlers
from chain.fields import UINT256_MAX
from chain.indexer import Indexer, WrongChain
from chain.mirror import HandlerFailed, Overtaken, UndecodableLog
from chain.models import Block, Cursor, Log
from chain.rpc import Rpc, RpcError, RpcUnavailable
from tests.chain.node import HANDLERS, Node, assert_equal_to_chain, picture
from tests.chain.tables import Count, counted


def cursor() -> Cursor:
    found = Cursor.current()
    assert found is not None
    return found


def test_story_logsBecomeRows(node: Node) -> None:
    node.send("count", 1, UINT256_MAX, "the most there is")
    node.send("count", UINT256_MAX, 5, "", by=1)
    point = {"x": -(2**255), "tag": "0xdeadbeef", "names": ["one", "zwölf"]}
    node.send("shape", "0x" + "11" * 32, "a label", point, "0x0102")
    assert node.sync() == 4

    first, second = Count.objects.order_by("pk")
    assert (first.number, first.amount, first.note) == (1, UINT256_MAX, "the most there is")
    assert (second.number, second.by) == (UINT256_MAX, node.accounts[1])
    assert second.log.tx_from == node.accounts[1]
    assert second.log.args["id"] == str(UINT256_MAX)
    shaped = Log.objects.get(event="Shaped")
    assert shaped.args["point"] == {**point, "x": str(-(2**255))}
    assert shaped.args["small"] == ["1", "2", "255"]
    assert shaped.args["flag"] is True
    assert shaped.args["label"] != "a label", "only the hash of an indexed text is in the log"

    assert (cursor().number, cursor().hash) == (node.head, node.block("latest")["hash"])
    assert cursor().finalized_number == node.head - 2
    assert Log.objects.final().count() == 1
    assert node.sync() == 0
    assert_equal_to_chain(node)


def test_restart_goesOnFromTheCursor(node: Node) -> None:
    node.send("count", 1, 1, "")
    node.sync()
    node.send("count", 2, 2, "")
    assert node.new_indexer().sync() == 1
    assert Count.objects.count() == 2
    assert_equal_to_chain(node)


@pytest.mark.parametrize("depth", [1, 5, 20, 35])
def test_reorg_takesDerivedRowsWithIt(node: Node, depth: int) -> None:
    for number in range(40):
        node.send("count", number, 1, "old")
    node.sync()
    node.reorg(depth, (node.call_of("count", 100, 7, "new"), depth - 1))
    node.sync()
    assert Count.objects.filter(note="old").count() == 40 - depth
    assert Count.objects.get(note="new").amount == 7
    assert_equal_to_chain(node)


def test_reorg_whileNobodyWatched(node: Node) -> None:
    for number in range(10):
        node.send("count", number, 1, "")
    node.sync()
    node.reorg(6)
    for number in range(3):
        node.send("count", 50 + number, 1, "")
    node.new_indexer().sync()
    assert_equal_to_chain(node)


def test_reorg_toAShorterChain(node: Node) -> None:
    """What a private chain does that lost its last second: fewer blocks, and no new one."""
    for number in range(8):
        node.send("count", number, 1, "")
    node.sync()
    node.rpc.call("anvil_rollback", 3)
    node.sync()
    assert cursor().number == node.head
    assert Count.objects.count() == 5
    assert_equal_to_chain(node)


def test_reorg_backAndForth(node: Node) -> None:
    node.send("count", 1, 1, "stays")
    node.sync()
    for turn in range(4):
        node.send("count", 10 + turn, 1, "goes")
        node.sync()
        node.rpc.call("anvil_rollback", 1)
        node.sync()
    assert [row.note for row in Count.objects.all()] == ["stays"]
    assert_equal_to_chain(node)


def test_reorg_belowEverythingStored(node: Node) -> None:
    """No stored block is left on the node's chain: the mirror begins anew."""
    for number in range(6):
        node.send("count", number, 1, "")
    node.sync()
    kept = node.block(node.deployment.block - 1)["hash"]
    for place, block in enumerate(Block.objects.all()):  # as if all stored blocks were of another fork
        Block.objects.filter(pk=block.pk).update(hash=f"0x{place:064x}")
    Cursor.objects.update(hash="0x" + "ee" * 32)
    node.sync()
    assert Block.objects.order_by("number").first().parent_hash == kept
    assert Count.objects.count() == 6
    assert_equal_to_chain(node)


def test_killedChain_comesBackWithLess(node: Node) -> None:
    node.send("count", 1, 1, "saved")
    node.chain.save()
    node.chain.leave()  # the power fails before the next save
    node.send("count", 2, 1, "lost")
    node.sync()
    node.chain.kill()
    with pytest.raises(RpcUnavailable):
        node.sync()
    assert "RpcUnavailable" in cursor().error
    node.chain.start()
    node.sync()
    assert cursor().error == ""
    assert [row.note for row in Count.objects.all()] == ["saved"]
    node.send("count", 3, 1, "after")
    node.sync()
    assert_equal_to_chain(node)


def test_backfill_rangesAndSingleBlocksAgree(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.indexer.NEAR", 3)
    for number in range(30):
        node.send("countMany", number * 3, number % 4, 2**200)
    node.new_indexer().sync()
    assert_equal_to_chain(node)


class Counted(Rpc):
    """Counts its requests, by what is in them."""

    requests: list[list[str]]

    def _post(self, body: Any) -> Any:
        self.requests.append([call["method"] for call in (body if isinstance(body, list) else [body])])
        return super()._post(body)


def test_newHead_isCommittedAfterTwoRequests(node: Node) -> None:
    """Head and finality; then logs, "is it still there", and who sent the transactions."""
    rpc = Counted(node.chain.url)
    rpc.requests = []
    indexer = Indexer(rpc, node.deployment, HANDLERS)
    indexer.sync()
    for story in (lambda: node.send("countMany", 1, 5, 1), node.chain.mine):
        story()
        rpc.requests = []
        assert indexer._step() == 1
        assert rpc.requests == [
            ["eth_getBlockByNumber", "eth_getBlockByNumber"],
            ["eth_getLogs", "eth_getBlockByHash"],
        ]
    rpc.requests = []
    assert indexer.sync() == 0
    assert len(rpc.requests) == 1
    assert set(Log.objects.values_list("tx_from", flat=True)) == {node.accounts[0]}
    assert_equal_to_chain(node)


def test_burstOfHeads_takesFewRequests(node: Node, settings: Any) -> None:
    settings.CHAIN_FINALITY_DEPTH = 1000
    rpc = Counted(node.chain.url)
    rpc.requests = []
    indexer = Indexer(rpc, node.deployment, HANDLERS)
    indexer.sync()
    for number in range(10):
        node.send("count", number, 1, "")
        node.chain.mine(19)
    rpc.requests = []
    assert indexer.sync() == 200
    assert len(rpc.requests) <= 12
    assert Count.objects.count() == 10


def test_refusedRange_isHalved(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.indexer.NEAR", 3)
    for number in range(20):
        node.send("count", number, 1, "")
    asked = []
    honest = node.rpc.call

    def limited(method: str, *params: Any) -> Any:
        if method == "eth_getLogs" and "fromBlock" in params[0]:
            size = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            asked.append(size)
            if size > 4:
                raise RpcError(-32005, "something about too many results")
        return honest(method, *params)

    monkeypatch.setattr(node.rpc, "call", limited)
    node.sync()
    assert max(asked) > 4
    monkeypatch.undo()
    assert Count.objects.count() == 20


def test_oldEmptyBlocks_areForgotten(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.mirror.KEPT_HEADERS", 10)
    monkeypatch.setattr("chain.mirror.PRUNED_AT_ONCE", 4)
    node.send("count", 1, 1, "")
    node.sync()
    for _ in range(6):
        node.chain.mine(10)
        node.sync()
    assert Block.objects.count() <= 10 + 4 + 3 + 1
    assert Count.objects.count() == 1
    node.reorg(20)  # deeper than any empty header that was kept
    node.send("count", 2, 1, "")
    node.sync()
    assert_equal_to_chain(node)


def test_undecodableLog_stopsInFrontOfIt(node: Node) -> None:
    node.send("count", 1, 1, "")
    node.send("lie", 2)
    node.send("count", 3, 1, "")
    for _ in range(2):
        with pytest.raises(UndecodableLog, match="Emitter in block 3 .*cannot be decoded"):
            node.sync()
        assert cursor().number == 2
        assert "block 3" in cursor().error
    assert Count.objects.count() == 1


def test_undecodableLog_inTheMiddleOfARange(node: Node) -> None:
    for number in range(5):
        node.send("count", number, 1, "")
    node.send("lie", 2)
    node.chain.mine(20)
    with pytest.raises(UndecodableLog):
        node.sync()
    assert Count.objects.count() == 5


def test_textThatIsNoText_isKept(node: Node) -> None:
    node.send("countBadly", 1)
    node.sync()
    [row] = Count.objects.all()
    assert row.note == "\ufffd\ufffdA"
    assert "ff0041" in row.log.data
    assert_equal_to_chain(node)


def test_failingHandler_undoesItsBlock(node: Node) -> None:
    def failing(events: Any) -> None:
        counted(events)
        raise KeyError("surprise")

    node.send("count", 1, 1, "")
    with pytest.raises(HandlerFailed, match=r"Emitter.Counted failed in blocks .*surprise"):
        node.new_indexer({"Emitter.Counted": failing}).sync()
    assert not Log.objects.exists()
    assert not Count.objects.exists()
    assert "surprise" in cursor().error
    node.sync()
    assert Count.objects.count() == 1


def test_handlers_seeEventsInTheOrderOfTheChain(node: Node) -> None:
    seen: list[tuple[str, int]] = []

    def note(events: Any) -> None:
        seen.append((events[0].name, len(events)))

    for function in ("tick", "tick", "count", "tick", "countMany"):
        node.send(function, *{"tick": (), "count": (1, 1, ""), "countMany": (1, 3, 1)}[function])
    node.new_indexer({"Emitter.Counted": note, "Emitter.Ticked": note}).sync()
    assert seen == [("Ticked", 2), ("Counted", 1), ("Ticked", 1), ("Counted", 3)]


def test_twoIndexers_storeEverythingOnce(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.send("count", 1, 1, "")
    reader = node.indexer.reader
    stale = mirror.begin(node.deployment, reader.header(node.deployment.block - 1))
    node.sync()
    head, finalized = reader.head()
    with pytest.raises(Overtaken):
        mirror.note_head(stale, head, finalized)
    node.new_indexer().sync()
    assert Count.objects.count() == 1


def test_otherGenesis_isRefused(node: Node) -> None:
    node.sync()
    before = picture()
    other = Deployment(31337, "0x" + "77" * 32, 1, node.deployment.contracts)
    with pytest.raises(WrongChain, match="manage.py rebuild"):
        Indexer(node.rpc, other, HANDLERS).sync()
    moved = Deployment(31337, node.deployment.genesis_hash, 1, {"Emitter": "0x" + "12" * 20})
    with pytest.raises(WrongChain, match="another deployment"):
        Indexer(node.rpc, moved, HANDLERS).sync()
    assert picture() == before


def test_foreignLogs_areNotOurs(node: Node) -> None:
    """The same contract at an address that is not mirrored."""
    stranger = Node(node.chain)
    stranger.send("count", 9, 9, "not ours")
    node.send("count", 1, 1, "ours")
    node.sync()
    assert [row.note for row in Count.objects.all()] == ["ours"]


def test_finalityByDepth(node: Node, settings: Any) -> None:
    settings.CHAIN_FINALITY_DEPTH = 5
    node.chain.mine(20)
    node.new_indexer().sync()
    assert cursor().finalized_number == node.head - 5


def test_listeners_hearOfCommitsAndReorgs(
    node: Node, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.CHAIN_LISTENERS = ["tests.chain.test_indexer.hear"]
    heard.clear()
    node.send("count", 1, 1, "")
    with django_capture_on_commit_callbacks(execute=True):
        node.sync()
    with django_capture_on_commit_callbacks(execute=True):
        node.sync()  # nothing new: nothing to say
    node.reorg(1)
    with django_capture_on_commit_callbacks(execute=True):
        node.sync()
    assert heard == [(2, 1, False), (1, 0, True), (2, 0, False)]


heard: list[tuple[int, int, bool]] = []


def hear(at: Cursor, logs: int, reorged: bool) -> None:
    heard.append((at.number, logs, reorged))


def test_rebuild_readsItAllAgain(node: Node, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.CHAIN_EVENTS = "tests.chain.test_indexer.EVENTS"
    for number in range(5):
        node.send("count", number, 1, "")
    call_command("index", "--once")
    before = picture()
    assert len(before["counts"]) == 5
    Count.objects.all().delete()
    call_command("rebuild")
    assert picture() == before
    assert "Mirrored 5 logs" in capsys.readouterr().out
    settings.DEPLOYMENT_FILE.write_bytes(
        orjson.dumps(node.deployment.to_json() | {"genesisHash": "0x" + "77" * 32})
    )
    with pytest.raises(CommandError, match="genesis"):
        call_command("rebuild")


EVENTS = {"Emitter.Counted": "tests.chain.tables.counted"}


def test_handlerMap_isChecked() -> None:
    assert load_handlers(EVENTS) == {"Emitter.Counted": counted}
    with pytest.raises(ImportError):
        load_handlers({"Emitter.Counted": "tests.chain.tables.nothing"})
