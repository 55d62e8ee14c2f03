"""A history on a real node, and a real server in front of that node which refuses and errs by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import urllib3
from django.test import override_settings

from chain import abi
from chain.private import PrivateChain
from chain.reader import RawLog, Reader
from chain.rpc import Rpc
from tests.chain.answering import Answering

Call = dict[str, Any]
FIXTURES = Path(__file__).parent / "fixtures"


class History:
    """Two Emitters on a chain, the first of them ours; blocks with as many logs of each as is asked for."""

    def __init__(self, chain: PrivateChain):
        self.chain = chain
        self.rpc = chain.rpc
        self.account = self.rpc.call("eth_accounts")[0]
        self.nonce = int(self.rpc.call("eth_getTransactionCount", self.account, "latest"), 16)
        creation = {"data": abi.encode_constructor("Emitter")}
        self.ours, self.theirs = (self._send(creation)["contractAddress"].lower() for _ in range(2))
        self.rpc.call("evm_setAutomine", False)

    @property
    def head(self) -> int:
        """The newest block."""
        return int(self.rpc.call("eth_blockNumber"), 16)

    def block(self, ours: Sequence[int], theirs: Sequence[int] = ()) -> int:
        """Mine a block with these transactions, each given by its number of logs. Its number."""
        for address, counts in ((self.ours, ours), (self.theirs, theirs)):
            for count in counts:
                data = abi.encode_call("Emitter", "countMany", self.nonce * 1000, count, 7)
                self._queue({"to": address, "data": data, "gas": hex(3_000_000)})
        self.rpc.call("evm_mine")
        return self.head

    def reader(self, node: Any) -> Reader:
        """For our Emitter alone."""
        return Reader(node, [self.ours], 2)

    def truth(self, first: int, last: int) -> list[RawLog]:
        """What one eth_getLogs without any limit gives."""
        reader = self.reader(self.rpc)
        return reader.logs_in_range(reader.headers(first, last))

    def _queue(self, request: Call) -> str:
        request |= {"from": self.account, "nonce": hex(self.nonce)}
        self.nonce += 1
        sent: str = self.rpc.call("eth_sendTransaction", request)
        return sent

    def _send(self, request: Call) -> Call:
        sent = self._queue(request)
        while (receipt := self.rpc.call("eth_getTransactionReceipt", sent)) is None:
            pass
        return dict(receipt)


@contextmanager
def history_in(folder: Path) -> Iterator[History]:
    """A history on a chain of its own: for the tests of a whole module, which only ever add to it."""
    chain = PrivateChain(folder, history=100).start()
    try:
        with override_settings(CONTRACTS_ABI_DIRS=[FIXTURES]):
            abi.reset()
            made = History(chain)
            yield made
    finally:
        chain.stop()
        abi.reset()


class Limited(Answering):
    """Passes requests on to a node, as its rules allow.

    `refuse(calls)` may answer a whole request with (status, content, …) itself; `change(call, result)` gives
    what is answered to one call: a result, or an `Exception` whose words become a JSON-RPC error.
    """

    def __init__(self, url: str):
        super().__init__(self._answer)
        self._pool = urllib3.PoolManager(maxsize=8)
        self._node = url
        self.refuse: Callable[[list[Call]], tuple[Any, ...] | None] = lambda calls: None
        self.change: Callable[[Call, Any], Any] = lambda call, result: result

    def rpc(self, timeout: float = 10.0) -> Rpc:
        """A client for this server."""
        return Rpc(self.url, timeout)

    @property
    def calls(self) -> list[Call]:
        """All calls that came, one by one."""
        return [call for body in self.asked for call in (body if isinstance(body, list) else [body])]

    def of(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call["method"] == method]

    def _answer(self, body: Any) -> tuple[Any, ...]:
        calls = body if isinstance(body, list) else [body]
        refusal = self.refuse(calls)
        if refusal is not None:
            return refusal
        reply = self._pool.request("POST", self._node, body=orjson.dumps(body), headers=JSON)
        replies = orjson.loads(reply.data)
        asked = {call["id"]: call for call in calls}
        for one in replies if isinstance(replies, list) else [replies]:
            if "result" in one:
                changed = self.change(asked[one["id"]], one["result"])
                if isinstance(changed, Exception):
                    del one["result"]
                    one["error"] = {"code": -32005, "message": str(changed)}
                else:
                    one["result"] = changed
        return 200, orjson.dumps(replies)


JSON = {"content-type": "application/json"}


def span(call: Call) -> int:
    """How many blocks an eth_getLogs by numbers covers; 0 for other calls."""
    params = call["params"][0] if call["method"] == "eth_getLogs" else {}
    return int(params["toBlock"], 16) - int(params["fromBlock"], 16) + 1 if "toBlock" in params else 0
