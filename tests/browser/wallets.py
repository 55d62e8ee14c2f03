"""A wallet for stories: announced in the page by EIP-6963, its requests answered here.

It signs with a key of its own and sends raw transactions to the site's real chain, as an extension does. What
people and wallets do wrong is switched on by its attributes.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.address import to_checksum_address
from playwright.sync_api import BrowserContext, Page

from chain import abi
from chain.rpc import Rpc, RpcError
from governance import actions, descriptions
from tests.running import Site

# Accounts 1 to 4 of the private chain's well-known mnemonic: Mira, Ines, Tomas, Yuki.
KEYS = {
    "Mira": "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "Ines": "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "Tomas": "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "Yuki": "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
}
STRANGER = "0x" + "ab" * 32
FEE = 2 * 10**9  # wei a unit of gas
_numbers = itertools.count(1)

_PROVIDER = """
(() => {
  const listeners = {};
  const request = async ({ method, params = [] }) => {
    const answer = await window.%(name)s(method, params);
    if (!answer.error) return answer.result;
    throw Object.assign(new Error(answer.error.message), answer.error);
  };
  const on = (name, listener) => (listeners[name] ??= []).push(listener);
  const provider = { request, on };
  const emit = (name, value) => (listeners[name] ?? []).forEach((one) => one(value));
  (window.wallets ??= {})[%(id)s] = { emit, provider };
  const svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'>"
    + "<rect width='9' height='9' rx='2' fill='%%235b2a86'/></svg>";
  const info = { uuid: %(id)s, name: %(title)s, icon: `data:image/svg+xml,${svg}`, rdns: %(rdns)s };
  const detail = Object.freeze({ info: Object.freeze(info), provider });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


class Refuses(Exception):
    """What the wallet answers instead of a result."""

    def __init__(self, code: int, message: str = "no", data: Any = None):
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


class Wallet:
    """One browser wallet with one account."""

    def __init__(self, site: Site, key: str, title: str = "Fox", chain: int = 31337):
        self.account = Account.from_key(key)
        self.address: str = self.account.address.lower()
        self.shown: list[str] = [self.address]
        self.site, self.title, self.chain = site, title, chain
        self.known = {chain}
        self.rpc = node(site)
        self.locked = False
        self.holds_back = False  # says that it sent, and never does
        self.away = False  # can't reach its node
        self.gas: int | None = None
        self.refuses: dict[str, Refuses] = {}
        self.asked: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.id = f"00000000-0000-4000-8000-{next(_numbers):012d}"

    def into(self, context: BrowserContext) -> Wallet:
        """Be in every page of `context` from its next load on."""
        name = f"wallet{self.id[-6:]}"
        context.expose_function(name, self.answer)
        rdns = f"org.example.{self.title.lower().replace(' ', '')}"
        script = _PROVIDER % {
            "name": name,
            "id": json.dumps(self.id),
            "title": json.dumps(self.title),
            "rdns": json.dumps(rdns),
        }
        context.add_init_script(script)
        return self

    def emit(self, page: Page, event: str, value: Any) -> None:
        page.evaluate("([id, name, value]) => window.wallets[id].emit(name, value)", [self.id, event, value])

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        self.asked.append(method)
        try:
            if method in self.refuses:
                raise self.refuses[method]
            return {"result": self._do(method, params)}
        except Refuses as refusal:
            return {"error": refusal.error}
        except RpcError as error:
            return {"error": {"code": error.code, "message": error.message, "data": error.data}}

    def _do(self, method: str, params: list[Any]) -> Any:
        if method == "eth_accounts":
            return [] if self.locked else self.shown
        if method == "eth_requestAccounts":
            self.locked = False
            return self.shown
        if method == "eth_chainId":
            return hex(self.chain)
        if method == "wallet_switchEthereumChain":
            wanted = int(params[0]["chainId"], 16)
            if wanted not in self.known:
                raise Refuses(4902, "Unrecognized chain ID.")
            self.chain = wanted
            return None
        if method == "wallet_addEthereumChain":
            self.known.add(int(params[0]["chainId"], 16))
            return None
        if method == "personal_sign":
            text = encode_defunct(hexstr=params[0])
            return "0x" + bytes(self.account.sign_message(text).signature).hex()
        if method == "eth_sendTransaction":
            return self._send(params[0])
        if self.away:
            raise Refuses(-32603, "Failed to fetch")
        return self.rpc.call(method, *params)

    def _send(self, wanted: dict[str, str]) -> str:
        gas = self.gas or int(self.rpc.call("eth_estimateGas", wanted, "pending"), 16) * 5 // 4
        fields = {
            "to": to_checksum_address(wanted["to"]),
            "data": wanted.get("data", "0x"),
            "value": int(wanted.get("value", "0x0"), 16),
            "gas": gas,
            "nonce": int(self.rpc.call("eth_getTransactionCount", self.address, "pending"), 16),
            "maxFeePerGas": FEE,
            "maxPriorityFeePerGas": 1,
            "chainId": 31337,
        }
        self.sent.append(fields)
        signed = self.account.sign_transaction(fields)
        if self.holds_back:
            return "0x" + bytes(signed.hash).hex()
        return str(self.rpc.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()))

    def replace(self, **fields: Any) -> str:
        """Send another transaction in the place of the last one."""
        other = self.account.sign_transaction({**self.sent[-1], "maxFeePerGas": 2 * FEE, **fields})
        return str(self.rpc.call("eth_sendRawTransaction", "0x" + bytes(other.raw_transaction).hex()))


def node(site: Site) -> Rpc:
    running = site.node()
    assert running, site.story()
    return Rpc(running.url, timeout=30)


class Chain:
    """The site's chain, for what happens in a story without the person at the page."""

    def __init__(self, site: Site):
        self.site, self.rpc = site, node(site)
        deployment = json.loads(Path(site.folder / "deployment.json").read_text())
        self.contracts: dict[str, str] = deployment["contracts"]

    def send(self, who: str, name: str, function: str, *arguments: Any) -> str:
        request = {
            "from": who,
            "to": self.contracts[name],
            "data": abi.encode_call(name, function, *arguments),
            "gas": hex(3_000_000),
        }
        sent = str(self.rpc.call("eth_sendTransaction", request))
        self.site.until(lambda: self.rpc.call("eth_getTransactionReceipt", sent), 60)
        assert self.rpc.call("eth_getTransactionReceipt", sent)["status"] == "0x1", function
        return sent

    def voting_lasts(self, seconds: int) -> None:
        """Proposals from now on are voted on for so long.

        The demonstration's minute is short for a story on a slow machine. GovernorSettings keeps delay,
        period (bits 48 to 79) and so on in one word, which is found by the period it has now.
        """
        governor = self.contracts["ArtGovernor"]
        now = int(self.site.ask("ArtGovernor", "votingPeriod"))
        for slot in map(hex, range(32)):
            word = int(self.rpc.call("eth_getStorageAt", governor, slot, "latest"), 16)
            if word >> 48 & 0xFFFFFFFF != now or word & 0xFFFFFFFFFFFF != 1:
                continue
            changed = word & ~(0xFFFFFFFF << 48) | seconds << 48
            self.rpc.call("anvil_setStorageAt", governor, slot, f"0x{changed:064x}")
            assert int(self.site.ask("ArtGovernor", "votingPeriod")) == seconds
            return
        raise AssertionError("no slot of the governor holds its settings")

    def propose(self, who: str, title: str, mood: str = "wild") -> str:
        """A proposal on the mood, known to the site; its page's address."""
        targets = [self.contracts["ArtParameters"]]
        calls = [abi.encode_call("ArtParameters", "setMood", mood)]
        description = descriptions.compose(title, "", who)
        self.send(who, "ArtGovernor", "propose", targets, [0], calls, description)
        number = actions.hash_proposal(targets, [0], calls, description)
        path = f"/proposals/{number}/"
        self.site.until(lambda: self.site.get(path) == 200, 60)
        return path

    def give(self, account: str, ether: float = 1) -> None:
        self.rpc.call("anvil_setBalance", account, hex(int(ether * 10**18)))
