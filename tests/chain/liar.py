"""A node that does not tell everything: a real Anvil's answers, with logs left out of some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from chain.rpc import Rpc, RpcError, RpcUnavailable

RECEIPTS = ("eth_getBlockReceipts", "eth_getTransactionReceipt")
Place = tuple[str, int]
"""A log by its block's hash and its index."""


def ranges(method: str, params: list[Any]) -> bool:
    """Logs asked for by number."""
    return method == "eth_getLogs" and "fromBlock" in params[0]


def hashes(method: str, params: list[Any]) -> bool:
    """Logs asked for by a block's hash."""
    return method == "eth_getLogs" and "blockHash" in params[0]


def receipts(method: str, params: list[Any]) -> bool:
    """A block's receipts, or one of them."""
    return method in RECEIPTS


class Liar(Rpc):
    """Leaves the logs at `hidden` out of its answers to questions that one of `lies` recognises, refuses
    those of `refuses`, and gives no answer to those of `down`. `asked` counts what it was asked.
    """

    def __init__(self, url: str, name: str = "liar"):
        super().__init__(url)
        self.name = name
        self.hidden: set[Place] = set()
        self.lies: list[Callable[[str, list[Any]], bool]] = []
        self.refuses: list[Callable[[str, list[Any]], bool]] = []
        self.down: list[Callable[[str, list[Any]], bool]] = []
        self.asked: dict[str, int] = {}

    def call(self, method: str, *params: Any) -> Any:
        """As a node, but for what is left out."""
        self._take(method, list(params))
        return self._bend(method, list(params), super().call(method, *params))

    def batch(self, calls: Iterable[tuple[str, list[Any]]]) -> list[Any]:
        """As a node, but for what is left out."""
        wanted = list(calls)
        if len(wanted) == 1:
            return [self.call(wanted[0][0], *wanted[0][1])]
        for method, params in wanted:
            self._take(method, params)
        answers = super().batch(wanted)
        return [self._bend(*call, answer) for call, answer in zip(wanted, answers, strict=True)]

    def _take(self, method: str, params: list[Any]) -> None:
        self.asked[method] = self.asked.get(method, 0) + 1
        if any(known(method, params) for known in self.down):
            raise RpcUnavailable(f"{self.name} is away")
        if any(known(method, params) for known in self.refuses):
            raise RpcError(-32601, f"the method {method} does not exist")

    def _bend(self, method: str, params: list[Any], answer: Any) -> Any:
        if not any(known(method, params) for known in self.lies):
            return answer
        if method == "eth_getLogs":
            return self._without(answer)
        for receipt in answer if isinstance(answer, list) else [answer]:
            receipt["logs"] = self._without(receipt["logs"])
        return answer

    def _without(self, logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log for log in logs if (log["blockHash"], int(log["logIndex"], 16)) not in self.hidden]
