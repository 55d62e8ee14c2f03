"""A deployment on a private chain, with verbs: what a collector, a keeper and a painter do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from chain import abi
from chain.deployments import Deployment
from chain.rpc import Rpc, RpcError
from config.deploy import DeploySettings, Founding, deploy
from config.deploy_models import ModelEntry

VALUES: dict[str, Any] = {
    "model": "0x" + "11" * 32,
    "prompt": "starlings over a winter field",
    "negative_prompt": "",
    "family": "ink",
    "palette": "dusk",
    "mood": "calm",
    "guidance": 4500,
    "steps": 24,
    "strength": 620,
    "width": 512,
    "height": 512,
    "epoch_length": 90,
    "energy_budget": 0,
}
ZERO_HASH = "0x" + "0" * 64
MODEL = ModelEntry(
    id=VALUES["model"],
    tensor_root="0x" + "22" * 32,
    card_hash="0x" + "33" * 32,
    uri="hf://owner/painter@0123abc",
    licence="Apache-2.0",
    pipeline_class="StableDiffusionPipeline",
    milli_joules=80_000,
)


def ascii32(text: str) -> str:
    """A name as the contracts spell it: ASCII, left-aligned in 32 bytes."""
    return "0x" + text.encode("ascii").ljust(32, b"\0").hex()


def founding(owners: list[str]) -> tuple[Founding, ...]:
    """Six founding generations; the owners get two, two, one and one."""
    return tuple(
        Founding(
            title=f"Founding {number}",
            values={**VALUES, "steps": 20 + number},
            seed=f"0x{number:064x}",
            pixel_hash=f"0x{number + 100:064x}",
            thumb_hash=f"0x{number + 200:064x}",
            file_hash=f"0x{number + 300:064x}",
            owner=owners[(number - 1) % 4],
        )
        for number in range(1, 7)
    )


class Node:
    """A private chain with the artwork on it. Accounts: 0 deploys, 1 to 4 collect, 5 paints, 6 is nobody."""

    def __init__(self, rpc: Rpc, file: Path):
        self.rpc = rpc
        accounts = [account.lower() for account in rpc.call("eth_accounts")]
        self.deployer, self.collectors = accounts[0], accounts[1:5]
        self.operator, self.stranger = accounts[5], accounts[6]
        self.file = file
        self.settings = DeploySettings.profile(
            "demo",
            operator=self.operator,
            parameters=VALUES,
            founding=founding(self.collectors),
            models=(MODEL,),
            painter="solo",
        )

    def deploy(self) -> Deployment:
        """Deploy as `self.settings` say, by the real script."""
        self.deployment = deploy(self.rpc, self.deployer, self.settings, file=self.file)
        return self.deployment

    def at(self, name: str) -> str:
        """A contract's address."""
        return self.deployment.contracts[name]

    def call(self, name: str, function: str, *arguments: Any, sender: str | None = None) -> Any:
        """What a function returns. RpcError when it reverts."""
        request = {"to": self.at(name), "data": abi.encode_call(name, function, *arguments)}
        if sender:
            request["from"] = sender
        return abi.decode_result(name, function, self.rpc.call("eth_call", request, "latest"), len(arguments))

    def refusal(self, sender: str, name: str, function: str, *arguments: Any) -> str:
        """Why a call is refused, in words; empty when it isn't."""
        try:
            self.call(name, function, *arguments, sender=sender)
        except RpcError as error:
            return abi.explain_revert(error.revert_data)
        return ""

    def send(
        self, sender: str, name: str, function: str, *arguments: Any
    ) -> list[tuple[str, dict[str, Any]]]:
        """Send a transaction from an unlocked account; return its events as (name, arguments)."""
        data = abi.encode_call(name, function, *arguments)
        sent = self.rpc.call(
            "eth_sendTransaction", {"from": sender, "to": self.at(name), "data": data, "gas": hex(5_000_000)}
        )
        give_up = time.monotonic() + 20
        while (receipt := self.rpc.call("eth_getTransactionReceipt", sent)) is None:
            assert time.monotonic() < give_up, f"{name}.{function} was not mined"
            time.sleep(0.005)
        assert receipt["status"] == "0x1", self.refusal(sender, name, function, *arguments)
        return [self.decode(log) for log in receipt["logs"]]

    def decode(self, log: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A log of one of our contracts as (event, arguments)."""
        name = self.deployment.names[log["address"].lower()]
        return abi.decode_log(name, log["topics"], log["data"])

    def logs(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Everything that a contract has ever said."""
        query = {"address": self.at(name), "fromBlock": "0x0", "toBlock": "latest"}
        return [self.decode(log) for log in self.rpc.call("eth_getLogs", query)]

    @property
    def now(self) -> int:
        """The newest block's time."""
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def wait(self, seconds: int) -> None:
        """Let time pass, in one block."""
        self.rpc.call("evm_increaseTime", seconds)
        self.mine(1)

    def mine(self, blocks: int) -> None:
        """Mine blocks."""
        self.rpc.call("anvil_mine", hex(blocks))
