"""A collector at the production site: a session of its own, and a wallet whose key this test holds."""

from __future__ import annotations

import json
import re
from typing import Any

import requests
from eth_account.messages import encode_defunct

from tests.services.fleet import Fleet, account


class Visitor:
    """Signs in, proposes and votes over HTTP as the page's scripts do, and sends with its own key."""

    def __init__(self, fleet: Fleet, number: int, web: int = 0) -> None:
        self.fleet, self.wallet = fleet, account(number)
        self.base = fleet.web[web].address
        self.session = requests.Session()

    def sign_in(self) -> Visitor:
        """Sign-In with Ethereum, message and signature."""
        text = self.post("/signin/message/", json={"address": self.wallet.address})["message"]
        signature = "0x" + bytes(self.wallet.sign_message(encode_defunct(text=text)).signature).hex()
        answer = self.post("/signin/verify/", json={"message": text, "signature": signature, "next": "/"})
        assert answer["address"] == self.wallet.address.lower()
        return self

    def propose(self, title: str, **changes: Any) -> int:
        """Compose and send a proposal; its id."""
        typed = {"title": title, "reason": "To see it.", **self.today(), **changes}
        offer = self.post("/proposals/new/", data=typed)
        self.fleet.send(self.wallet, offer["transaction"])
        return int(re.search(r"/proposals/(\d+)/", offer["then"])[1])

    def vote(self, proposal: int, support: int = 1, reason: str = "") -> None:
        """Vote: 1 is for. Waits until the mirror knows that voting is open, and a wallet's trial succeeds:
        the newest block may be a second behind the clock.
        """

        def offered() -> Any:
            answer = self.raw(f"/proposals/{proposal}/vote/", data={"support": support, "reason": reason})
            transaction = answer.json().get("transaction") if answer.status_code == 200 else None
            return transaction if transaction and self.fleet.accepts(self.wallet, transaction) else None

        self.fleet.send(self.wallet, self.fleet.until(offered, "voting to open"))

    def today(self) -> dict[str, str]:
        """What the composer's fields hold as it is opened."""
        page = self.session.get(self.base + "/proposals/new/", timeout=30).text
        fields = dict(re.findall(r'<input[^>]*name="([a-z_]+)"[^>]*value="([^"]*)"', page))
        fields |= dict(re.findall(r'<textarea[^>]*name="([a-z_]+)"[^>]*>\r?\n?([^<]*)</textarea>', page))
        return {name: value for name, value in fields.items() if name not in ("title", "reason")}

    def raw(self, path: str, **body: Any) -> requests.Response:
        headers = {"Accept": "application/json", "X-CSRFToken": self._token()}
        return self.session.post(self.base + path, headers=headers, timeout=30, **body)

    def post(self, path: str, **body: Any) -> Any:
        answer = self.raw(path, **body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def _token(self) -> str:
        page = self.session.get(self.base + "/signin/", timeout=30).text
        found = re.search(r"hx-headers='([^']*)'", page)
        assert found, page[:2000]
        return str(json.loads(found[1])["X-CSRFToken"])
