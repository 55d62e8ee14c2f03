"""Several nodes: which one is asked, and what of one that fails, lags, dawdles or is of another chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import orjson
import pytest

from chain import providers as module
from chain import watch as watching
from chain.heads import Heads
from chain.models import ProviderHealth, ProviderState
from chain.providers import Failover, Provider, Providers, is_read
from chain.rpc import Rpc, RpcError, RpcUnavailable, get_rpc
from chain.watch import Watch
from tests.chain.answering import Answer, Answering
from tests.chain.node import Node
from tests.chain.test_heads import eventually

GENESIS = "0x" + "ab" * 32


class Kind:
    """A node that answers what the watch asks, and anything else with its own name."""

    def __init__(self, name: str):
        self.name, self.head, self.chain_id, self.pause_s = name, 100, 31337, 0.0
        self.fault: Answer | None = None
        self.server = Answering(self.answer)
        self.url = self.server.url
        self.asked = self.server.asked

    def answer(self, body: Any) -> tuple[Any, ...]:
        time.sleep(self.pause_s)
        if self.fault is not None:
            return self.fault(body)
        calls = body if isinstance(body, list) else [body]
        replies = [{"jsonrpc": "2.0", "id": call["id"]} | self.result(call) for call in calls]
        return 200, orjson.dumps(replies if isinstance(body, list) else replies[0])

    def result(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_fail":
            return {"error": {"code": -32000, "message": "execution reverted"}}
        block = {"hash": GENESIS, "number": hex(self.head)}
        results = {"eth_chainId": hex(self.chain_id), "eth_blockNumber": hex(self.head)}
        return {"result": results.get(call["method"], block if "Block" in call["method"] else self.name)}

    def fail(self, status: int = 500, **headers: str) -> None:
        self.fault = lambda body: (status, b"", headers)


@pytest.fixture
def kinds() -> Iterator[Callable[[str], Kind]]:
    made: list[Kind] = []

    def make(name: str) -> Kind:
        made.append(Kind(name))
        return made[-1]

    yield make
    for one in made:
        one.server.close()


@pytest.fixture
def two(kinds: Any, settings: Any) -> tuple[Kind, Kind]:
    """The first and the second node of the settings."""
    pair = kinds("first"), kinds("second")
    settings.CHAIN_RPC_URL = ",".join(one.url for one in pair)
    return pair


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the time of the nodes' health is ahead."""
    ahead = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() + ahead[0])
    return ahead


def names(nodes: Providers) -> list[int]:
    return [one.place for one in nodes.ranked()]


def watch(nodes: Providers) -> Watch:
    return Watch(nodes, Heads([], None, False), 31337, GENESIS)  # type: ignore[arg-type]


# --- Fail-over ---------------------------------------------------------------------------------------


def test_story_aReadIsRepeatedOnTheNext(two: tuple[Kind, Kind]) -> None:
    rpc = get_rpc()
    assert rpc.call("eth_call") == "first"
    assert two[1].asked == []
    two[0].fail()
    assert rpc.call("eth_call") == "second"
    assert rpc.batch([("eth_call", []), ("eth_call", [])]) == ["second", "second"]
    assert len(two[0].asked) == 2, "it rests"
    assert rpc.name == two[1].url


@pytest.mark.parametrize(
    "ask",
    [
        lambda rpc: rpc.call("eth_sendRawTransaction", "0x"),
        lambda rpc: rpc.batch([("eth_chainId", []), ("eth_sendTransaction", [])]),
    ],
)
def test_aSend_isNeverRepeated(two: tuple[Kind, Kind], ask: Callable[[Rpc], Any]) -> None:
    two[0].fail()
    with pytest.raises(RpcUnavailable):
        ask(get_rpc())
    assert two[1].asked == []


def test_whatChangesSomething_isNoRead() -> None:
    assert not any(map(is_read, ("eth_sendTransaction", "anvil_mine", "evm_increaseTime", "personal_sign")))
    assert all(map(is_read, ("eth_call", "eth_getLogs", "net_version", "eth_estimateGas")))


def test_anError_isAnAnswer(two: tuple[Kind, Kind]) -> None:
    """The next node would say the same, or the caller has to know that it doesn't."""
    with pytest.raises(RpcError, match="reverted"):
        get_rpc().call("eth_fail")
    assert two[1].asked == []
    assert Providers.configured()[0].state is ProviderState.GOOD


def test_allDead_saysWhy(two: tuple[Kind, Kind]) -> None:
    for one in two:
        one.fail(503)
    with pytest.raises(RpcUnavailable, match="status 503"):
        get_rpc().call("eth_call")
    two[0].fault = None
    for one in Providers.configured():
        one.refuse("it is of another chain")
    with pytest.raises(RpcUnavailable, match="of another chain"):
        get_rpc().call("eth_call")


def test_settings_areFollowed(kinds: Any, settings: Any) -> None:
    """The private chain's port is found late, and may change."""
    first, second = kinds("first"), kinds("second")
    settings.CHAIN_RPC_URL = first.url
    assert type(get_rpc()) is Rpc
    before = Providers.configured()
    assert Providers.configured() is before
    settings.CHAIN_RPC_URL = second.url
    assert [one.name for one in Providers.configured()] == [second.url]
    settings.CHAIN_RPC_URL = f"{first.url} {second.url}"
    assert isinstance(get_rpc(), Failover)
    settings.CHAIN_RPC_URL = " "
    with pytest.raises(RpcUnavailable, match="CHAIN_RPC_URL"):
        Providers.configured()


# --- Health ------------------------------------------------------------------------------------------


def test_oneThatFailed_isTriedAgain_andPreferredLater(two: tuple[Kind, Kind], clock: list[float]) -> None:
    nodes = Providers.configured()
    two[0].fail()
    get_rpc().call("eth_call")
    assert nodes[0].state is ProviderState.RESTING
    assert names(nodes) == [1, 0]
    clock[0] += 1
    assert nodes[0].state is ProviderState.GOOD, "its rest is over"
    assert names(nodes) == [1, 0], "and it has to prove itself"
    two[0].fault = None
    clock[0] += module.TRIAL_S + 1
    assert names(nodes) == [0, 1]
    assert get_rpc().call("eth_call") == "first"


def test_oneThatKeepsFailing_restsLonger_butNeverForGood(two: tuple[Kind, Kind], clock: list[float]) -> None:
    node = Providers.configured()[0]
    two[0].fail()
    rests = []
    for _ in range(12):
        with pytest.raises(RpcUnavailable):
            node.call("eth_call")
        rests.append(node.rests_s)
        clock[0] += node.rests_s + 0.01
    assert rests[0] <= module.FIRST_REST_S
    assert max(rests) <= module.LONGEST_REST_S
    assert min(rests[-3:]) > 10
    assert node.failures == 12
    two[0].fault = None
    assert node.call("eth_call") == "first"
    assert (node.failures, node.error, node.rests_s) == (0, "", 0)


def test_twoEqualOnes_doNotTakeTurns(two: tuple[Kind, Kind], clock: list[float]) -> None:
    """The first one fails every other minute: it gets its place back ever more slowly."""
    nodes = Providers.configured()
    served = []
    for minute in range(60):
        two[0].fault = None
        if minute % 2 == 0 and names(nodes)[0] == 0:
            two[0].fail()
        served.append(get_rpc().call("eth_call"))
        clock[0] += 60
    changes = sum(one != other for one, other in pairwise(served))
    assert changes < 20


def test_retryAfter_isObeyed(two: tuple[Kind, Kind], clock: list[float]) -> None:
    nodes = Providers.configured()
    two[0].fail(429, **{"retry-after": "7"})
    two[1].fail(429, **{"retry-after": "100000"})
    with pytest.raises(RpcUnavailable):
        get_rpc().call("eth_call")
    assert 6 < nodes[0].rests_s <= 7
    assert 50 < nodes[1].rests_s <= 60, "but not for days"
    asked = len(two[0].asked)
    with pytest.raises(RpcUnavailable, match="left alone for 7 s") as caught:
        get_rpc().call("eth_call")
    assert caught.value.retry_after is not None
    assert len(two[0].asked) == asked
    clock[0] += 7
    two[0].fault = None
    assert get_rpc().call("eth_call") == "first"


def test_oneThatLags_comesAfterTheOthers(two: tuple[Kind, Kind], clock: list[float]) -> None:
    nodes = Providers.configured()
    two[1].head = 110
    eye = watch(nodes)
    for _ in range(2):
        for one in reversed(nodes):
            eye.look(one)
        clock[0] += module.LAG_S + 1
    assert nodes[0].state is ProviderState.BEHIND
    assert names(nodes) == [1, 0]
    two[0].head = 109
    nodes[0].call("eth_getBlockByNumber", "latest", False)
    assert nodes[0].head == 109
    assert names(nodes) == [0, 1], "a few blocks are nothing special"


def test_oneThatFellSilent_isNoMeasureForTheOther(two: tuple[Kind, Kind], clock: list[float]) -> None:
    """It may have been of a chain that is gone."""
    nodes = Providers.configured()
    nodes[0].saw(1_000_000)
    nodes[0].failed(RpcUnavailable("gone"))
    clock[0] += module.HEARD_S
    for _ in range(3):
        nodes[1].call("eth_blockNumber")
        clock[0] += module.LAG_S
    assert nodes[1].state is ProviderState.GOOD


def test_oneThatIsClearlySlower_comesAfterTheOthers(two: tuple[Kind, Kind]) -> None:
    nodes = Providers.configured()
    for one, pulses in zip(nodes, ((0.9, 0.9), (0.02, 0.02)), strict=True):
        for pulse in pulses:
            one.felt(pulse)
    assert names(nodes) == [1, 0]
    for _ in range(20):
        nodes[0].felt(0.1)
    assert names(nodes) == [0, 1], "five times is little where both are quick"


def test_watch_refusesAnotherChain_andForgives(two: tuple[Kind, Kind]) -> None:
    nodes = Providers.configured()
    eye = watch(nodes)
    two[0].chain_id = 5
    eye.look(nodes[0])
    assert nodes[0].state is ProviderState.REFUSED
    assert "chain id 5" in nodes[0].error
    assert get_rpc().call("eth_call") == "second"
    two[0].chain_id = 31337
    eye.look(nodes[0])
    assert nodes[0].state is ProviderState.GOOD
    assert get_rpc().call("eth_call") == "first"


@pytest.mark.django_db(transaction=True)
def test_watch_looksAtIdleNodes(two: tuple[Kind, Kind], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVERY_S", 0.1)
    nodes = Providers.configured()
    eye = watch(nodes)
    eye.start()
    try:
        assert eventually(lambda: nodes[1].head == 100)
        two[1].fail()
        assert eventually(lambda: ProviderHealth.objects.filter(place=1, state="resting").exists())
        assert nodes[1].requests == 0, "nobody needed it"
        two[1].fault = None
        assert eventually(lambda: not nodes[1].failures)
    finally:
        eye.stop()
    assert eventually(lambda: not eye._thread.is_alive())


# --- For pages ---------------------------------------------------------------------------------------


def test_rows_sayHowTheNodesAre(two: tuple[Kind, Kind], db: None, clock: list[float], settings: Any) -> None:
    nodes = Providers.configured()
    nodes[0].call("eth_getBlockByNumber", "latest", False)
    assert nodes.write()
    first, second = ProviderHealth.objects.all()
    assert (first.name, first.place, first.state, first.in_use) == (two[0].url, 0, "good", True)
    assert (first.head_number, first.requests, first.failures) == (100, 1, 0)
    assert first.latency_ms > 0
    assert (second.in_use, second.head_number, second.socket) == (False, -1, False)
    assert not nodes.write(), "every few seconds is enough"
    assert nodes.write(socket="127.0.0.1"), "but a change is written at once"
    assert ProviderHealth.objects.filter(socket=True).count() == 2

    two[0].fail()
    get_rpc().call("eth_call")
    assert nodes.write()
    first.refresh_from_db()
    assert (first.state, first.failures, first.in_use) == ("resting", 1, False)
    assert "status 500" in first.error
    written = first.updated_at
    clock[0] += module.WRITTEN_EVERY_S
    nodes.write()
    first.refresh_from_db()
    assert first.updated_at > written

    settings.CHAIN_RPC_URL = f"{two[1].url}/key-one {two[1].url}/key-two"
    two[1].fail()
    with pytest.raises(RpcUnavailable, match=f"{two[1].url} #2 answered with status 500"):
        get_rpc().call("eth_call")
    Providers.configured().write()
    rows = list(ProviderHealth.objects.values_list("name", "place"))
    assert rows == [(two[1].url, 0), (f"{two[1].url} #2", 1)], "told apart, without keys; the other is gone"


def test_batch_ofTheHead_isOverheard(node: Node) -> None:
    one = Provider(node.rpc)
    one.batch([("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockByNumber", ["finalized", False])])
    assert one.head == node.head
    node.chain.mine(2)
    assert one.call("eth_blockNumber") == hex(one.head)
