"""Each intention becomes one transaction, whatever the node and the chain do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection
from django.utils import timezone
from eth_account import Account

from chain import anvil as processes
from chain import contracts, signers, transactions
from chain.models import Transaction, TransactionState
from chain.providers import Provider
from chain.rpc import Rpc, RpcUnavailable, get_rpc
from chain.transactions import send, settle
from tests.chain.node import Node
from tests.faults.proxy import Proxy

State = TransactionState
KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"  # Anvil's published second account
OTHER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"  # and its third


@pytest.fixture
def mempool(node: Node) -> Node:
    """The node mines only when asked."""
    node.rpc.call("evm_setAutomine", False)
    return node


def ticks(node: Node) -> int:
    return node.ask("ticks")


def mined(node: Node, key: str) -> Transaction:
    """The row, after the node mined what it has."""
    node.chain.mine()
    settle()
    return Transaction.objects.get(key=key)


def no_pause() -> None:
    """Time passes until every back-off is over."""
    Transaction.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_story_queuedSentMined(node: Node) -> None:
    row = send("tick:1", "Emitter", "tick")
    assert row.state == State.SENT
    assert (row.sender, row.attempts, row.error) == (node.accounts[0], 1, "")
    row = mined(node, "tick:1")
    assert row.mined
    assert row.block_number is not None
    assert row.gas_used > 21_000
    assert ticks(node) == 1


def test_sameKey_isSentOnce(node: Node) -> None:
    for _ in range(3):
        send("tick:1", "Emitter", "tick")
    mined(node, "tick:1")
    assert send("tick:1", "Emitter", "tick").mined
    assert ticks(node) == 1
    assert Transaction.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sameKey_fromManyThreads(mempool: Node) -> None:
    barrier = threading.Barrier(4)
    problems: list[BaseException] = []

    def work(key: str) -> None:
        try:
            barrier.wait()
            send(key, "Emitter", "tick")
        except BaseException as error:  # noqa: BLE001 - shown by the test
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(key,)) for key in ("a", "a", "b", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    mempool.chain.mine()
    settle()
    assert ticks(mempool) == 2
    assert {row.nonce for row in Transaction.objects.all()} == {1, 2}


def test_manyAtOnce_haveNoncesOfTheirOwn(mempool: Node) -> None:
    rows = [send(f"tick:{number}", "Emitter", "tick") for number in range(8)]
    assert [row.nonce for row in rows] == list(range(1, 9))
    mempool.chain.mine()
    settle()
    assert all(row.mined for row in Transaction.objects.all())
    assert ticks(mempool) == 8


def test_revertAtEstimation_isExplainedAndRetried(node: Node) -> None:
    row = send("refuse", "Emitter", "refuse", 5)
    assert row.state == State.FAILED
    assert row.error == f"TooMuch({node.accounts[0]}, 5, enough)"
    assert (row.attempts, row.nonce) == (1, None)
    first_pause = row.next_attempt_at - timezone.now()
    assert send("refuse", "Emitter", "refuse", 5).attempts == 1, "its pause is not over"
    no_pause()
    row = send("refuse", "Emitter", "refuse", 5)
    assert row.attempts == 2
    assert row.next_attempt_at - timezone.now() > first_pause
    no_pause()
    row = send("refuse", "Emitter", "refuse", 0)
    assert row.state == State.SENT
    assert mined(node, "refuse").mined


def test_plainRevert_isExplained(node: Node) -> None:
    assert send("explode", "Emitter", "explode").error == "plainly"


def test_revertInTheBlock_isExplainedAndRetried(mempool: Node) -> None:
    send("late", "Emitter", "refuseAfter", 1)
    faster = mempool.call_of("tick", by=1) | {"gasPrice": hex(10**11)}
    mempool.rpc.call("eth_sendTransaction", faster)
    row = mined(mempool, "late")
    assert row.state == State.REVERTED
    assert row.error == f"TooMuch({mempool.accounts[0]}, 1, late)"
    no_pause()
    assert send("late", "Emitter", "refuseAfter", 5).state == State.SENT
    assert mined(mempool, "late").mined


@pytest.mark.parametrize("depth", [1, 5])
def test_reorg_sendsAgain(node: Node, depth: int) -> None:
    send("tick:1", "Emitter", "tick")
    node.chain.mine(depth - 1)
    settle()
    before = Transaction.objects.get()
    assert before.mined
    node.reorg(depth)
    assert ticks(node) == 0
    settle()
    row = mined(node, "tick:1")
    assert row.mined
    assert row.block_hash != before.block_hash
    assert ticks(node) == 1


def test_reorgBelowTheFinalBlock_isHealedByTheMirror(node: Node) -> None:
    """A private chain that lost its end: what counted as final is gone."""
    send("tick:1", "Emitter", "tick")
    node.chain.mine(6)
    settle()
    node.sync()
    node.rpc.call("anvil_rollback", 7)
    node.sync()
    assert Transaction.objects.get().state == State.SENT
    settle()
    assert mined(node, "tick:1").mined
    assert ticks(node) == 1


def test_lostNonce_isGivenOutOnce(node: Node) -> None:
    """After a loss that nobody noticed yet, the node offers a nonce that a mined row of ours holds."""
    send("tick:1", "Emitter", "tick")
    node.chain.mine(6)
    settle()
    node.sync()
    node.rpc.call("anvil_rollback", 7)
    assert send("tick:2", "Emitter", "tick").nonce == 2
    settle()
    mined(node, "tick:2")
    assert [row.mined for row in Transaction.objects.order_by("nonce")] == [True, True]
    assert ticks(node) == 2


def test_nodeDown_waits(node: Node) -> None:
    node.chain.save()
    node.chain.leave()
    node.chain.kill()
    row = send("tick:1", "Emitter", "tick")
    assert (row.state, row.attempts) == (State.QUEUED, 0)
    assert "no answer" in row.error
    node.chain.start()
    no_pause()
    send("tick:1", "Emitter", "tick")
    assert mined(node, "tick:1").mined


def test_nodeDown_atSettling(node: Node) -> None:
    send("tick:1", "Emitter", "tick")
    node.chain.leave()
    node.chain.kill()
    with pytest.raises(RpcUnavailable):
        settle()


def test_crashBeforeSending_sendsTheSameBytes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_broadcast", lambda rpc, row: None)
    row = send("tick:1", "Emitter", "tick")
    assert row.state == State.SENDING
    monkeypatch.undo()
    settle()
    after = mined(node, "tick:1")
    assert after.mined
    assert (after.tx_hash, after.attempts) == (row.tx_hash, 1)


def test_crashAfterSending_doesNotSendTwice(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def and_die(rpc: Rpc, row: Transaction) -> None:
        rpc.call("eth_sendRawTransaction", row.raw)

    monkeypatch.setattr(transactions, "_broadcast", and_die)
    send("tick:1", "Emitter", "tick")
    monkeypatch.undo()
    assert mined(node, "tick:1").mined
    assert ticks(node) == 1


def test_nonceTakenByAnother_isDroppedAndRetried(mempool: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_broadcast", lambda rpc, row: None)
    send("tick:1", "Emitter", "tick")
    monkeypatch.undo()
    mempool.rpc.call("eth_sendTransaction", mempool.call_of("count", 1, 1, ""))
    row = mined(mempool, "tick:1")
    assert row.state == State.DROPPED
    assert "nonce 1" in row.error
    no_pause()
    send("tick:1", "Emitter", "tick")
    assert mined(mempool, "tick:1").mined
    assert ticks(mempool) == 1


def test_stuck_raisesItsFees(mempool: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "STUCK", timedelta(0))
    first = send("tick:1", "Emitter", "tick")
    settle()
    second = Transaction.objects.get()
    assert second.replaced == [first.tx_hash]
    fees = [int(row.request["maxFeePerGas"], 16) for row in (first, second)]
    assert fees[1] >= fees[0] * 1.25
    assert mined(mempool, "tick:1").mined
    assert ticks(mempool) == 1


def test_ownKey_signs(node: Node, settings: Any, tmp_path: Path) -> None:
    settings.OPERATOR_KEY = KEY
    assert send("tick:1", "Emitter", "tick").sender == node.accounts[1]
    assert mined(node, "tick:1").mined

    keystore, password = tmp_path / "operator.json", tmp_path / "password"
    keystore.write_bytes(orjson.dumps(Account.encrypt(KEY, "secret", kdf="pbkdf2", iterations=10)))
    password.write_text("secret\n")
    settings.OPERATOR_KEY = ""
    settings.OPERATOR_KEYSTORE = str(keystore)
    settings.OPERATOR_KEYSTORE_PASSWORD_FILE = str(password)
    assert send("tick:2", "Emitter", "tick").sender == node.accounts[1]
    assert mined(node, "tick:2").mined


def test_noKey_isSaid(node: Node, settings: Any) -> None:
    settings.PRIVATE_CHAIN = False
    row = send("tick:1", "Emitter", "tick")
    assert row.state == State.QUEUED
    assert "OPERATOR_KEY" in row.error


def test_unlockedAccount_onlyOnThePrivateChain(tmp_path: Path) -> None:
    child, running = processes.launch(
        ["--chain-id", "1234", "--prune-history", "8", "--silent"], tmp_path / "log"
    )
    try:
        rpc = Rpc(running.url)
        signer = signers.UnlockedSigner(rpc.call("eth_accounts")[0])
        with pytest.raises(signers.SignerMissing, match="private chain"):
            signer.sign(rpc, {})
    finally:
        running.end()
        child.wait()


def test_chainWithoutBaseFee_paysAPrice(tmp_path: Path) -> None:
    child, running = processes.launch(
        ["--chain-id", "31337", "--hardfork", "berlin", "--prune-history", "8", "--silent"], tmp_path / "log"
    )
    try:
        rpc = Rpc(running.url)
        [account, other] = rpc.call("eth_accounts")[:2]
        fees = transactions._fees(rpc)
        assert set(fees) == {"gasPrice"}
        request = {"from": account, "to": other, "data": "0x", "value": "0x1", "gas": hex(21_000)}
        raw, tx_hash = signers.UnlockedSigner(account).sign(
            rpc, request | fees | {"nonce": "0x0", "chainId": "0x7a69"}
        )
        assert rpc.call("eth_sendRawTransaction", raw) == tx_hash
        signed = signers.KeySigner(Account.from_key(KEY)).sign(
            rpc, request | fees | {"from": other, "nonce": "0x0", "chainId": "0x7a69"}
        )
        assert rpc.call("eth_sendRawTransaction", signed[0]) == signed[1]
    finally:
        running.end()
        child.wait()


# --- Several senders ---------------------------------------------------------------------------------


def test_workersAndOperator_haveNoncesOfTheirOwn(mempool: Node) -> None:
    one, two, three = (worker.address for worker in signers.workers(mempool.rpc))
    assert [one, two, three] == mempool.accounts[10:13], "the private chain's own"
    sent = [
        send("tick:1", "Emitter", "tick", sender=one),
        send("tick:2", "Emitter", "tick"),
        send("tick:3", "Emitter", "tick", sender=two),
        send("tick:4", "Emitter", "tick", sender=one),
        send("tick:5", "Emitter", "tick", sender=three),
    ]
    assert [(row.sender, row.nonce) for row in sent] == [
        (one, 0),
        (mempool.accounts[0], 1),
        (two, 0),
        (one, 1),
        (three, 0),
    ]
    mempool.chain.mine()
    settle()
    assert all(row.mined for row in Transaction.objects.all())
    assert ticks(mempool) == 5


def test_ether_goesAlong(node: Node) -> None:
    worker = signers.workers(node.rpc)[0].address
    row = send("give:1", "Emitter", "give", 1, sender=worker, value=10**17)
    assert (row.state, row.request["value"]) == (State.SENT, hex(10**17))
    assert mined(node, "give:1").mined
    assert node.ask("total") == 10**17
    assert int(node.rpc.call("eth_getBalance", node.address, "latest"), 16) == 10**17
    assert send("tick:1", "Emitter", "tick", value=1).state == State.FAILED, "which takes none"


def test_ownWorkerKeys_signAndAreTheOnlyOnes(node: Node, settings: Any, tmp_path: Path) -> None:
    keystore, password = tmp_path / "worker.json", tmp_path / "password"
    keystore.write_bytes(orjson.dumps(Account.encrypt(KEY, "secret", kdf="pbkdf2", iterations=10)))
    password.write_text("secret\n")
    settings.WORKER_KEYS = [OTHER_KEY, OTHER_KEY]
    settings.WORKER_KEYSTORES = [str(keystore)]
    settings.WORKER_KEYSTORE_PASSWORD_FILE = str(password)
    assert [worker.address for worker in signers.workers(node.rpc)] == [node.accounts[2], node.accounts[1]]
    for number in (1, 2):
        key = f"tick:{number}"
        assert send(key, "Emitter", "tick", sender=node.accounts[number]).sender == node.accounts[number]
        assert mined(node, key).mined
    row = send("tick:3", "Emitter", "tick", sender=node.accounts[10])
    assert row.state == State.QUEUED
    assert row.error.startswith(f"nothing can be sent by {node.accounts[10]}: its key is neither")


def test_stuckWorker_raisesItsFeesByItsOwnKey(
    mempool: Node, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "STUCK", timedelta(0))
    settings.WORKER_KEYS = [KEY]
    worker = mempool.accounts[1]
    first = send("give:1", "Emitter", "give", 1, sender=worker, value=7)
    settings.WORKER_KEYS = [OTHER_KEY]
    settle()
    row = Transaction.objects.get()
    assert (row.tx_hash, row.replaced) == (first.tx_hash, [])
    assert "its key is neither" in row.error
    assert transactions.troubles() == [f"give waits: {row.error}"]

    settings.WORKER_KEYS = [KEY]
    settle()
    row = Transaction.objects.get()
    assert (row.sender, row.nonce, row.replaced) == (worker, first.nonce, [first.tx_hash])
    assert (row.request["value"], row.error) == ("0x7", "")
    assert mined(mempool, "give:1").mined
    assert mempool.ask("total") == 7


def test_pennilessWorker_isNamed(node: Node) -> None:
    worker = signers.workers(node.rpc)[1].address
    node.rpc.call("anvil_setBalance", worker, "0x0")
    row = send("tick:1", "Emitter", "tick", sender=worker)
    assert row.state == State.FAILED
    assert row.error == f"The account {worker} has too little ether: send it some."
    node.rpc.call("anvil_setBalance", worker, hex(10**18))
    no_pause()
    assert send("tick:1", "Emitter", "tick", sender=worker).sender == worker
    assert mined(node, "tick:1").mined


def test_withoutOperatorsKey_aWorkerStillPaints(node: Node, settings: Any) -> None:
    settings.PRIVATE_CHAIN = False
    assert signers.workers(node.rpc) == []
    settings.OPERATOR_KEY, settings.WORKER_KEYS = "0x12", [KEY]
    assert send("tick:1", "Emitter", "tick", sender=node.accounts[1]).state == State.SENT
    assert "OPERATOR_KEY is no private key" in send("tick:2", "Emitter", "tick").error


# --- Several nodes -----------------------------------------------------------------------------------


@pytest.fixture
def two_ways(node: Node, settings: Any) -> Iterator[tuple[Proxy, Proxy]]:
    """The site knows two addresses, and by both it reaches the same chain."""
    ways = Proxy(node.chain.url), Proxy(node.chain.url)
    settings.CHAIN_RPC_URL = " ".join(way.url for way in ways)
    settings.OPERATOR_KEY = KEY
    yield ways
    for way in ways:
        way.close()


def test_firstNodeDead_theSecondSends(node: Node, two_ways: tuple[Proxy, Proxy]) -> None:
    two_ways[0].fail("refuse")
    row = send("tick:1", "Emitter", "tick")
    assert (row.state, row.error) == (State.SENT, "")
    node.chain.mine()
    settle()
    assert Transaction.objects.get().mined
    assert contracts.call("Emitter", "ticks") == 1


def test_nodeThatTakesItAndDies_isSentOnce(
    node: Node, two_ways: tuple[Proxy, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first node took the transaction, and its answer never came: nobody may take that for a refusal."""
    honest = Provider.call

    def and_die(self: Provider, method: str, *params: Any) -> Any:
        answer = honest(self, method, *params)
        if method == "eth_sendRawTransaction":
            two_ways[0].fail("refuse")
            return honest(self, "eth_chainId")  # which it answers no more
        return answer

    monkeypatch.setattr(Provider, "call", and_die)
    row = send("tick:1", "Emitter", "tick")
    assert row.state == State.SENDING
    assert two_ways[0].url in row.error
    for _ in range(2):
        settle()
        send("tick:1", "Emitter", "tick")
    assert Transaction.objects.get().mined
    assert ticks(node) == 1
    assert int(node.rpc.call("eth_getTransactionCount", row.sender, "latest"), 16) == row.nonce + 1


def test_settle_asksOneNodeForAll(node: Node, two_ways: tuple[Proxy, Proxy]) -> None:
    """One node's nonces and another's missing receipt would look like a transaction that was dropped."""
    send("tick:1", "Emitter", "tick")
    steady = get_rpc().steady()
    assert steady.call("eth_chainId") == "0x7a69"
    two_ways[0].fail("refuse")
    with pytest.raises(RpcUnavailable, match=two_ways[0].url):
        steady.call("eth_chainId")
    assert get_rpc().call("eth_chainId") == "0x7a69"
