"""The nodes that may be asked, and which of them to ask: each with its health, the healthiest first.

A node's health is what came of asking it. One that gives no usable answer rests for a while, longer each
time, and as long as it asks for itself (Retry-After). Asked again, and answering, it has to do so for some
time before it is preferred again: two nodes never take turns. One that lags behind the others, or is several
times slower, comes after them. One of another chain is not asked at all until `chain.watch` finds it mended.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Any, TypeVar

from django.conf import settings

from chain import rpc as endpoints
from chain.models import ProviderHealth, ProviderState
from chain.rpc import Rpc, RpcError, RpcUnavailable, addresses, told_apart

FIRST_REST_S = 0.5
LONGEST_REST_S = 60.0
TRIAL_S = 30.0
"""How long a node that failed has to answer before it is preferred again; doubled with each relapse."""
LONGEST_TRIAL_S = 600.0
LAG = 3  # blocks behind the best that are nothing special
LAG_S = 5.0
HEARD_S = 60.0  # a node that fell silent since is no measure for the others
SLOWER, SLOWER_S = 3.0, 0.25  # times, and seconds besides: a node so much slower than another comes after it
WEIGHT = 0.2  # of the newest in a moving average
WRITTEN_EVERY_S = 5.0

T = TypeVar("T")


class Provider:
    """One node: asked like an `Rpc`, and what came of it remembered. Safe to share between threads."""

    def __init__(self, rpc: Rpc, place: int = 0, name: str = ""):
        self.rpc = rpc
        self.place = place
        self.name = name or rpc.name
        self.head = -1
        """The newest block that it told of."""
        self.error = ""
        """Why it was of no use last, without any key; empty once it answers."""
        self.latency_s = 0.0
        """A moving average over the requests that it answered."""
        self.pulse_s: float | None = None
        """The same over one small question, put to every node alike; None until it was."""
        self.requests = 0
        self.failures = 0
        """Unanswered requests in a row."""
        self.answered_at = 0.0
        self.peers: Sequence[Provider] = (self,)
        self._lock = threading.Lock()
        self._refused = False
        self._rest_until = self._trial_until = 0.0
        self._asked_for_rest = False
        self._relapses = 0
        self._behind_since: float | None = None
        self._head_at = 0.0

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `RpcError` or `RpcUnavailable`."""
        answer = self._ask(lambda: self.rpc.call(method, *params))
        self._overhear(method, params, answer)
        return answer

    def batch(self, calls: Iterable[tuple[str, list[Any]]]) -> list[Any]:
        """The results of many calls in their order. Raises `RpcError` or `RpcUnavailable`."""
        wanted = list(calls)
        answers = self._ask(lambda: self.rpc.batch(wanted))
        for (method, params), answer in zip(wanted[:2], answers, strict=False):
            self._overhear(method, params, answer)
        return answers

    # --- Health --------------------------------------------------------------------------------------

    @property
    def state(self) -> ProviderState:
        """How it is used now."""
        if self._refused:
            return ProviderState.REFUSED
        if self.rests_s > 0:
            return ProviderState.RESTING
        if self._behind_since is not None and self._head_at - self._behind_since > LAG_S:
            return ProviderState.BEHIND
        return ProviderState.GOOD

    @property
    def rests_s(self) -> float:
        """For how many seconds it is to be left alone."""
        return max(0.0, self._rest_until - monotonic())

    @property
    def wants_rest(self) -> bool:
        """Whether it asked for that itself."""
        return self._asked_for_rest and self.rests_s > 0

    @property
    def on_trial(self) -> bool:
        """Whether it failed so lately that another one is preferred."""
        return monotonic() < self._trial_until

    @property
    def is_heard(self) -> bool:
        """Whether what it said of its head lately counts for others."""
        return not self._refused and monotonic() < self._head_at + HEARD_S

    def refuse(self, reason: str) -> None:
        """Ask it no more: it is of another chain."""
        self._refused, self.error = True, reason

    def accept(self) -> None:
        """It is of our chain after all."""
        with self._lock:
            self._refused, self.error = False, ""
            self.head, self._behind_since = -1, None

    def saw(self, head: int) -> None:
        """It says that its newest block is `head`."""
        now = monotonic()
        best = max((one.head for one in self.peers if one.is_heard), default=-1)
        with self._lock:
            self.head, self._head_at = head, now
            if head >= best - LAG:
                self._behind_since = None
            elif self._behind_since is None:
                self._behind_since = now

    def felt(self, seconds: float) -> None:
        """It took `seconds` to answer the small question that is put to every node alike."""
        self.pulse_s = seconds if self.pulse_s is None else _mean(self.pulse_s, seconds)

    def failed(self, error: RpcUnavailable) -> None:
        """It gave no usable answer: let it rest."""
        now = monotonic()
        with self._lock:
            self.error = str(error)
            if now < self._rest_until:  # threads that asked at the same time: one failure, and one rest
                self.failures += 1
                return
            if not self.failures:
                self._relapses = self._relapses + 1 if now < self._trial_until + LONGEST_TRIAL_S else 0
            rest = random.uniform(0.5, 1) * min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(self.failures, 10))
            self._asked_for_rest = error.retry_after is not None
            if error.retry_after is not None:
                rest = min(LONGEST_REST_S, max(rest, error.retry_after))
            self.failures += 1
            self._rest_until = now + rest
            trial = min(LONGEST_TRIAL_S, TRIAL_S * 2 ** min(self._relapses, 10))
            self._trial_until = self._rest_until + trial

    def answered(self, seconds: float) -> None:
        """It answered, with a result or an error of its own."""
        with self._lock:
            self.requests += 1
            self.latency_s = _mean(self.latency_s, seconds) if self.requests > 1 else seconds
            self.answered_at = monotonic()
            if self.failures:
                self.failures, self._rest_until, self.error = 0, 0.0, ""

    def recovered(self) -> None:
        """It answers again, if no question of ours: it may be asked, and has to prove itself."""
        with self._lock:
            if self.failures:
                self.failures, self._rest_until, self.error = 0, 0.0, ""

    def _ask(self, ask: Callable[[], T]) -> T:
        began = monotonic()
        try:
            answer = ask()
        except RpcUnavailable as error:
            self.failed(error)
            raise
        except RpcError:
            self.answered(monotonic() - began)
            raise
        self.answered(monotonic() - began)
        return answer

    def _overhear(self, method: str, params: Sequence[Any], answer: Any) -> None:
        """Note the head, where the question was for it."""
        if method == "eth_getBlockByNumber" and params[:1] in (["latest"], ("latest",)):
            answer = answer.get("number") if isinstance(answer, dict) else None
        elif method != "eth_blockNumber":
            return
        if isinstance(answer, str):
            self.saw(int(answer, 16))


class Providers(Sequence[Provider]):
    """All nodes that the settings name, in that order. Two of one host are told apart by a number."""

    def __init__(self, providers: Sequence[Provider]):
        self._all = list(providers)
        self._written_at = 0.0
        self._written: list[tuple[Any, ...]] = []
        for one, name in zip(self._all, told_apart(one.name for one in self._all), strict=True):
            one.name, one.peers = name, self._all

    @classmethod
    def of(cls, *rpcs: Rpc) -> Providers:
        """Providers around these endpoints."""
        return cls([Provider(rpc, place) for place, rpc in enumerate(rpcs)])

    @classmethod
    def configured(cls) -> Providers:
        """Those that `settings.CHAIN_RPC_URL` names now: the same object, with all it knows, until it names
        others. Raises RpcUnavailable where it names none.
        """
        urls = addresses(settings.CHAIN_RPC_URL)
        if not urls:
            raise RpcUnavailable("CHAIN_RPC_URL is not set")
        with _making:
            if urls not in _made:
                _made.clear()
                _made[urls] = cls.of(*(endpoints.endpoint(url) for url in urls))
                for one in _made[urls]:
                    one.rpc.name = one.name  # so that its errors say which of one host's addresses it is
            return _made[urls]

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: Any) -> Any:
        return self._all[index]

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._all)

    def ranked(self) -> list[Provider]:
        """Those that may be asked, the healthiest first; refused ones are not among them, and those that rest
        come last.
        """
        return sorted((one for one in self._all if one.state is not ProviderState.REFUSED), key=self._rank)

    def usable(self) -> list[Provider]:
        """The ranked ones that don't rest."""
        return [one for one in self.ranked() if one.state is not ProviderState.RESTING]

    def newest(self) -> Provider:
        """The one that answered last."""
        return max(self._all, key=lambda one: one.answered_at)

    def refuse(self, provider: Provider, reason: str) -> None:
        """Ask a node no more until it is found to be of our chain after all."""
        provider.refuse(reason)

    def _rank(self, one: Provider) -> tuple[Any, ...]:
        states = (ProviderState.GOOD, ProviderState.BEHIND, ProviderState.RESTING)
        return states.index(one.state), one.on_trial, self._is_slow(one), one.rests_s, one.place

    def _is_slow(self, one: Provider) -> bool:
        """Whether another is clearly quicker: both by much, and several times. Averages move slowly, so this
        does not change from one moment to the next.
        """
        pulses = [other.pulse_s for other in self._all if other.pulse_s is not None and not other.failures]
        if one.pulse_s is None or not pulses:
            return False
        return one.pulse_s > SLOWER * min(pulses) and one.pulse_s > min(pulses) + SLOWER_S

    # --- For pages -----------------------------------------------------------------------------------

    def write(self, socket: str = "") -> bool:
        """Keep in the database how the nodes are: at every change of state, else every few seconds. `socket`
        is the host whose websocket tells of new blocks. True if a state changed. Raises DatabaseError.
        """
        newest = self.newest()
        states = [
            (
                one.name,
                one.place,
                one.state,
                one is newest and one.answered_at > 0,
                one.rpc.host == socket != "",
            )
            for one in self._all
        ]
        if states == self._written and monotonic() < self._written_at + WRITTEN_EVERY_S:
            return False
        rows = [
            ProviderHealth(
                name=name,
                place=place,
                state=state,
                in_use=in_use,
                head_number=one.head,
                latency_ms=round(1000 * one.latency_s, 3),
                requests=one.requests,
                failures=one.failures,
                error=one.error,
                socket=told,
            )
            for one, (name, place, state, in_use, told) in zip(self._all, states, strict=True)
        ]
        changed = [field.name for field in ProviderHealth._meta.concrete_fields][2:]
        ProviderHealth.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["name"], update_fields=changed
        )
        changes = states != self._written
        if changes:
            ProviderHealth.objects.exclude(name__in=[row.name for row in rows]).delete()
        self._written, self._written_at = states, monotonic()
        return changes


_made: dict[tuple[str, ...], Providers] = {}
_making = threading.Lock()


def _mean(so_far: float, newest: float) -> float:
    return so_far + WEIGHT * (newest - so_far)


class Failover(Rpc):
    """Several nodes asked as if they were one. A read is repeated on the next node where one gives no usable
    answer; whatever may change something is asked once.
    """

    def __init__(self, providers: Providers, steady: bool = False):
        self.providers = providers
        self._steady = steady
        self._chosen: Provider | None = None

    @property
    def name(self) -> str:  # type: ignore[override]
        """Of the node that is asked next."""
        return (self._chosen or next(iter(self.providers.ranked()), self.providers[0])).name

    @property
    def url(self) -> str:  # type: ignore[override]
        """The address of the node that is asked next."""
        return (self._chosen or next(iter(self.providers.ranked()), self.providers[0])).rpc.url

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `RpcError` or `RpcUnavailable`."""
        return self._ask(lambda one: one.call(method, *params), is_read(method))

    def batch(self, calls: Iterable[tuple[str, list[Any]]]) -> list[Any]:
        """The results of many calls in their order, all by one node. Raises as `call`."""
        wanted = list(calls)
        return self._ask(lambda one: one.batch(wanted), all(is_read(method) for method, _ in wanted))

    def steady(self) -> Rpc:
        """One that stays with the node that answers first: what several nodes say need not fit together."""
        return Failover(self.providers, steady=True)

    def close(self) -> None:
        """Close the kept connections."""
        for one in self.providers:
            one.rpc.close()

    def _ask(self, ask: Callable[[Provider], T], read: bool) -> T:
        if self._chosen is not None:
            return ask(self._chosen)
        nodes = self.providers.usable() or self.providers.ranked()[:1]
        if not nodes:
            raise RpcUnavailable(f"no node may be asked: {self.providers[0].error}")
        if nodes[0].wants_rest:
            rest = nodes[0].rests_s
            raise RpcUnavailable(f"{nodes[0].name} asked to be left alone for {rest:.0f} s", rest, 429)
        for place, one in enumerate(nodes):
            try:
                answer = ask(one)
            except RpcUnavailable:
                if not read or place == len(nodes) - 1:
                    raise
                continue
            except RpcError:
                self._settle_on(one)
                raise
            self._settle_on(one)
            return answer
        raise AssertionError("unreachable: the last node answers or raises")

    def _settle_on(self, one: Provider) -> None:
        if self._steady:
            self._chosen = one


def is_read(method: str) -> bool:
    """Whether a call changes nothing anywhere, so that it may be repeated."""
    changes = ("eth_send", "eth_submit", "eth_new", "eth_uninstall")
    return method.startswith(("eth_", "net_", "web3_", "debug_")) and not method.startswith(changes)
