"""A node that fails, a full disk, a wrong clock, an operator without ether: the cycle goes on."""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chain.anvil import Running
from chain.indexer import Indexer
from chain.models import Cursor, Transaction, TransactionState
from chain.rpc import Rpc, RpcUnavailable
from compute import rendering, troubles
from compute.models import Rendering
from config import threads
from gallery import tasks
from gallery.models import Control, Epoch
from tests.faults.proxy import FAULTS, Proxy
from tests.faults.verbs import finish, once_each

State = Rendering.State
QUICK = ("refuse", "garbage")


# --- The node ------------------------------------------------------------------------------------------


@pytest.fixture
def proxied(world, settings) -> Iterator[Proxy]:
    """The site reaches its node through a proxy."""
    proxy = Proxy(settings.CHAIN_RPC_URL)
    settings.CHAIN_RPC_URL = proxy.url
    world.indexer = Indexer.configured()
    world.sync()
    yield proxy
    proxy.close()


@pytest.mark.parametrize(
    "fault",
    [pytest.param(one, marks=() if one == "garbage" else pytest.mark.slow) for one in FAULTS],
)
def test_a_node_that_fails_mid_epoch(world, watched, proxied, client: Client, monkeypatch, fault):
    if fault == "hang":
        from chain.rpc import _rpc

        _rpc(proxied.url)._pool.connection_pool_kw["timeout"] = 1.0
    world.end_epoch()
    world.ticks(lambda: hasattr(Epoch.objects.get(number=1), "sealing"), most=6)
    sent = Transaction.objects.count()

    proxied.fail(fault)
    with pytest.raises(RpcUnavailable):
        world.sync()
    for _ in range(2):
        tasks.run()
    assert proxied.url in Control.get().error
    assert proxied.url in Cursor.current().error
    assert client.get("/").status_code == 200

    proxied.mend()
    generation = finish(world)
    assert generation.epoch_number == 1
    assert Transaction.objects.count() > sent
    assert Cursor.current().error == ""
    once_each()


@pytest.mark.slow
def test_a_node_that_is_frozen_and_thaws(world, watched, settings, monkeypatch):
    """Stopped by a signal: connections are taken by the kernel, and nobody answers."""
    import signal

    quick = Rpc(settings.CHAIN_RPC_URL, timeout=1)
    monkeypatch.setattr("chain.rpc._rpc", lambda url: quick)
    world.end_epoch()
    world.ticks(lambda: hasattr(Epoch.objects.get(number=1), "sealing"), most=6)
    node = Running.read(world.chain.folder / "anvil.json").process()
    node.send_signal(signal.SIGSTOP)
    try:
        monkeypatch.setattr("gallery.mining.run", lambda: None)  # whose patience is a minute
        tasks.run()
        assert "did not answer in time" in Control.get().error
    finally:
        node.send_signal(signal.SIGCONT)
        monkeypatch.undo()
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    finish(world)
    once_each()


# --- The operator --------------------------------------------------------------------------------------


def test_an_operator_without_ether_is_said_and_goes_on_once_paid(world, watched):
    operator = world.accounts[0]
    wealth = world.rpc.call("eth_getBalance", operator, "latest")
    world.end_epoch()
    world.rpc.call("anvil_setBalance", operator, "0x0")
    for _ in range(3):
        world.tick()
    assert f"sealEpoch waits: The account {operator} has too little ether" in Control.get().error
    row = Transaction.objects.get(key="seal:1")
    assert row.state == TransactionState.FAILED
    assert row.next_attempt_at - timezone.now() < timedelta(seconds=30)

    world.rpc.call("anvil_setBalance", operator, wealth)
    finish(world)
    once_each()


def test_a_nonce_that_another_program_takes(world, watched):
    operator = world.accounts[0]
    world.end_epoch()
    world.rpc.call("evm_setAutomine", False)
    tasks.run()
    ours = Transaction.objects.get(key="seal:1")
    assert ours.state == TransactionState.SENT
    world.rpc.call("anvil_dropTransaction", ours.tx_hash)
    other = {"from": operator, "to": world.accounts[5], "value": "0x1", "nonce": hex(ours.nonce)}
    world.rpc.call("eth_sendTransaction", other)
    world.rpc.call("evm_setAutomine", True)
    world.rpc.call("anvil_mine", "0x1")
    world.sync()
    tasks.run()
    assert f"sealEpoch waits: another transaction took nonce {ours.nonce}" in Control.get().error
    finish(world)
    assert Transaction.objects.get(key="seal:1").nonce > ours.nonce
    once_each()


@pytest.mark.slow
def test_a_transaction_that_nobody_mines_pays_more(world, watched, monkeypatch):
    from gallery import mining

    monkeypatch.setattr(mining, "run", lambda: None)
    world.end_epoch()
    world.rpc.call("evm_setAutomine", False)
    tasks.run()
    first = Transaction.objects.get(key="seal:1")
    Transaction.objects.filter(pk=first.pk).update(sent_at=timezone.now() - timedelta(minutes=4))
    tasks.run()
    second = Transaction.objects.get(key="seal:1")
    assert second.replaced == [first.tx_hash]
    assert int(second.request["maxFeePerGas"], 16) > int(first.request["maxFeePerGas"], 16)
    world.rpc.call("evm_setAutomine", True)
    world.rpc.call("anvil_mine", "0x1")
    monkeypatch.undo()
    monkeypatch.setattr("live.presence.visitors", lambda now=None: 1)
    finish(world)
    once_each()


# --- The clock -----------------------------------------------------------------------------------------


def test_times_that_a_wrong_clock_wrote_hold_nothing_up(world, watched):
    """The clock was an hour ahead and was set back: what it wrote lies in the future."""
    ahead = timezone.now() + timedelta(hours=1)
    world.end_epoch()
    world.ticks(lambda: world.jobs().exists())
    Transaction.objects.update(next_attempt_at=ahead)
    world.jobs().update(due_at=ahead, sent_at=ahead)
    job = world.jobs().get()
    assert rendering.send_if_lost(job, 1)
    assert rendering.claim(job.pk)
    world.jobs().update(lease_until=ahead + timedelta(minutes=10))
    assert Rendering.objects.claimable().exists()
    assert world.paint() == [State.PAINTED]
    for _ in range(8):
        world.tick()
    assert world.generation(2)()


def test_beat_goes_on_when_the_clock_is_set_back(monkeypatch):
    from celery.beat import Scheduler

    from config.celery import app

    sent: list[float] = []
    monkeypatch.setattr(Scheduler, "apply_async", lambda self, entry, **_: sent.append(time.monotonic()))
    shift = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])
    now = app.now
    monkeypatch.setattr(app, "now", lambda: now() + timedelta(seconds=shift[0]))
    halt = threading.Event()
    thread = threading.Thread(target=threads.beat, args=(halt,))
    thread.start()
    try:
        until(lambda: len(sent) >= 2)
        shift[0], before = -3600, len(sent)
        until(lambda: len(sent) >= before + 3)
    finally:
        halt.set()
        thread.join(5)


def until(true: Callable[[], object], patience_s: float = 20) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_words_name_what_helps(settings):
    assert "free some space in /srv/media" in troubles.words(OSError(errno.ENOSPC, "full", "/srv/media/x"))
    assert "cannot be written (Read-only" in troubles.words(OSError(errno.EROFS, "Read-only", "/srv/media/x"))
    assert troubles.words(ValueError("no")) == "ValueError: no"
