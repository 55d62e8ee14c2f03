"""What the artwork's life costs, step by step, in gas of real transactions on a real node.

    python -m benches.gas

Deploys by the real script on two private chains of its own, and lives two epochs on the first, from the
proposal to the workers' pay, and one on the second, whose seed is a published round of drand. Prints a table,
and one line of JSON last:

    {"propose": 94555, "vote": ..., "vote_by_sig": ..., "queue": ..., "execute": ..., "seal": ...,
     "seed": ..., "seed_drand": ..., "register_worker": ..., "commit": ..., "reveal": ..., "finalize": ...,
     "resolve": ..., ..., "later": {...}, "limits": {"propose": 120000, ...}, "machine": {...}}

`later` holds the same steps in the second epoch, when what they write has been written before. Of several
transactions of one step (three workers commit) the dearest counts. Exit status 1 when a limit is exceeded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LIMITS = {"propose": 120_000, "vote": 110_000, "finalize": 400_000}
"""The project's own bounds: one parameter, one vote, anchor and mint included."""
CLASS = "0x" + "c1" * 32
SALT, MANIFEST = "0x" + "5a" * 32, "0x" + "3a" * 32
DRAND_DELAY_S = 120
ROUND = 12345678
SIGNATURE = (
    "0x1f82751a21ca166dcc2c804ddd5846cb5f0f8f4ded7e93a8ec9b34cdc885d99a"
    "26353f2dbf384155cc898695316de8ce942f167a0faf3906ca066ebc7200aa86"
)
"""evmnet's round 12345678, as it was published."""


def main() -> int:
    """Run it on folders of its own, which are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="murmuration-gas-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "VAR_DIR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/unused.sqlite3",
            "PRIVATE_CHAIN": "true",
            "LOG_LEVEL": "WARNING",
        }
        for name in ("REDIS_URL", "CHAIN_RPC_URL", "DEPLOYMENT_FILE"):
            os.environ.pop(name, None)
        import django

        django.setup()
        return measure(Path(folder))


def measure(folder: Path) -> int:
    """Live through everything and print what it cost; the exit status."""
    from benches.machine import machine
    from chain.drand import EVMNET
    from chain.private import PrivateChain

    chain = PrivateChain(folder / "blockhash")
    chain.start()
    try:
        life = Life(chain, folder / "blockhash.json", "blockhash")
        life.workers_join()
        life.decide("a heron in the reeds")
        life.paint(1)
        first, life.gas = life.gas, {}
        life.decide("starlings over a winter field")
        life.paint(2)
        later = life.gas
        life.leave()
    finally:
        chain.stop()
    due = EVMNET.time_of(ROUND)
    chain = PrivateChain(folder / "drand")
    chain.start(timestamp=due - 3600)
    try:
        life = Life(chain, folder / "drand.json", "drand")
        life.workers_join()
        life.seal(at=due - DRAND_DELAY_S)
        chain.fast_forward(due - chain.now() + 1)
        life.send("seed_drand", life.anybody, "LivingArtwork", "drawSeed", 1, SIGNATURE)
        first["seed_drand"] = life.gas["seed_drand"]
    finally:
        chain.stop()
    exit_steps = {name: later.pop(name) for name in ("request_exit", "withdraw_bond")}
    result = first | exit_steps
    for name, gas in result.items():
        bound = f"  at most {LIMITS[name]:>7,}" if name in LIMITS else ""
        again = f"{later[name]:>11,}" if name in later else " " * 11
        print(f"{name:<18}{gas:>11,}{again}{bound}", file=sys.stderr)
    print(json.dumps(result | {"later": later, "limits": LIMITS, "machine": machine()}))
    return int(any(found.get(name, 0) > most for found in (result, later) for name, most in LIMITS.items()))


class Life:
    """One artwork with four collectors and three workers; each step's gas is in `gas`."""

    def __init__(self, chain: Any, file: Path, randomness: str):
        from config.deploy import DeploySettings, deploy

        self.chain, self.rpc = chain, chain.rpc
        self.gas: dict[str, int] = {}
        accounts = chain.accounts()
        deployer, self.collectors, self.anybody = accounts[0], accounts[1:5], accounts[5]
        self.workers: Sequence[str] = accounts[6:9]
        settings = DeploySettings.profile(
            "demo",
            operator=deployer,
            parameters=first_values(),
            founding=founding(self.collectors),
            painter="workers",
            randomness=randomness,
            drand_delay=DRAND_DELAY_S,
            accepted_class=CLASS,
        )
        self.settings = settings
        began = int(self.rpc.call("eth_blockNumber"), 16)
        self.deployment = deploy(self.rpc, deployer, settings, file=file)
        ended = int(self.rpc.call("eth_blockNumber"), 16)
        receipts = (self.rpc.call("eth_getBlockReceipts", hex(at)) for at in range(began + 1, ended + 1))
        self.gas["deploy"] = sum(int(one["gasUsed"], 16) for block in receipts for one in block)

    def send(
        self, step: str, sender: str, name: str, function: str, *arguments: Any, value: int = 0
    ) -> dict[str, Any]:
        """Send a transaction, note its gas under `step` if it is the dearest so far; its receipt."""
        from chain import abi

        request = {
            "from": sender,
            "to": self.deployment.contracts[name],
            "data": abi.encode_call(name, function, *arguments),
            "value": hex(value),
            "gas": hex(5_000_000),
        }
        sent = self.rpc.call("eth_sendTransaction", request)
        while (receipt := self.rpc.call("eth_getTransactionReceipt", sent)) is None:
            self.chain.mine()
        if receipt["status"] != "0x1":
            raise SystemExit(f"{step} was refused")
        self.gas[step] = max(self.gas.get(step, 0), int(receipt["gasUsed"], 16))
        return dict(receipt)

    def call(self, name: str, function: str, *arguments: Any) -> Any:
        """What a view function returns."""
        from chain import abi

        request = {"to": self.deployment.contracts[name], "data": abi.encode_call(name, function, *arguments)}
        return abi.decode_result(name, function, self.rpc.call("eth_call", request, "latest"), len(arguments))

    # --- The steps ---------------------------------------------------------------------------------------

    def workers_join(self) -> None:
        """Three workers bond themselves."""
        bond = self.call("WorkerSet", "rules")["minBond"]
        for worker in self.workers:
            arguments = (CLASS, "https://worker.example")
            self.send("register_worker", worker, "WorkerSet", "register", *arguments, value=bond)

    def decide(self, prompt: str) -> None:
        """A proposal that changes one parameter, from its making to its effect."""
        from chain import abi

        first, second, third, _ = self.collectors
        self.chain.fast_forward(2)
        words = f"# Another picture\n\nLet us see {prompt}.\n\n#proposer={first}"
        calls = [abi.encode_call("ArtParameters", "setPrompt", prompt)]
        proposal: tuple[Any, ...] = ([self.deployment.contracts["ArtParameters"]], [0], calls)
        receipt = self.send("propose", first, "ArtGovernor", "propose", *proposal, words)
        log = receipt["logs"][0]
        number = abi.decode_log("ArtGovernor", log["topics"], log["data"])[1]["proposalId"]
        self.chain.fast_forward(self.settings.voting_delay + 1)
        self.send("vote", second, "ArtGovernor", "castVote", number, 1)
        self.send("vote_with_reason", first, "ArtGovernor", "castVoteWithReason", number, 1, "I made it.")
        signature = self.rpc.call("eth_signTypedData_v4", third, self.ballot(number, third))
        self.send(
            "vote_by_sig", self.anybody, "ArtGovernor",
            "castVoteBySig(uint256,uint8,address,bytes)", number, 1, third, signature,
        )  # fmt: skip
        self.chain.fast_forward(self.settings.voting_period + self.settings.late_extension + 1)
        described = (*proposal, "0x" + keccak(words.encode()).hex())
        kinds = "(address[],uint256[],bytes[],bytes32)"
        self.send("queue", self.anybody, "ArtGovernor", f"queue{kinds}", *described)
        self.chain.fast_forward(self.settings.timelock_delay + 1)
        self.send("execute", self.anybody, "ArtGovernor", f"execute{kinds}", *described)

    def ballot(self, number: int, voter: str) -> dict[str, Any]:
        """A ballot as EIP-712 data; its nonce is the governor's."""
        domain = self.call("ArtGovernor", "eip712Domain")
        fields = {"proposalId": "uint256", "support": "uint8", "voter": "address", "nonce": "uint256"}
        names = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
        return {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for name, kind in names.items()],
                "Ballot": [{"name": name, "type": kind} for name, kind in fields.items()],
            },
            "primaryType": "Ballot",
            "domain": {name: domain[name] for name in names},
            "message": {
                "proposalId": str(number),
                "support": 1,
                "voter": voter,
                "nonce": self.call("ArtGovernor", "nonces", voter),
            },
        }

    def seal(self, at: int | None = None) -> int:
        """Seal the open epoch once its time is up, at the second `at` if that is given; its number."""
        number: int = self.call("LivingArtwork", "currentEpoch")
        ends_at = self.call("LivingArtwork", "epochs", number)["endsAt"]
        self.chain.fast_forward(max(0, ends_at - self.chain.now() + 1))
        if at is not None:
            self.rpc.call("evm_setNextBlockTimestamp", at)
        self.send("seal", self.anybody, "LivingArtwork", "sealEpoch")
        return number

    def paint(self, picture: int) -> None:
        """One epoch: sealed, seeded, painted alike by three, anchored and paid."""
        number = self.seal()
        fixed = self.call("LivingArtwork", "epochs", number)["round"]
        self.chain.mine(max(0, fixed - int(self.rpc.call("eth_blockNumber"), 16)))
        self.send("seed", self.anybody, "LivingArtwork", "drawSeed", number, "0x")
        recipe = self.call("LivingArtwork", "epochs", number)["recipeHash"]
        result = tuple(f"0x{picture:02x}{kind:02x}" + "e7" * 30 for kind in range(3))
        agreed = "0x" + keccak(encode(recipe, result)).hex()
        for worker in self.workers:
            content = (number, 1, worker, CLASS, agreed, MANIFEST, SALT)
            commitment = self.call("WorkerSet", "commitmentOf", *content)
            self.send("commit", worker, "WorkerSet", "commit", number, commitment)
        for worker in self.workers:
            self.send("reveal", worker, "WorkerSet", "reveal", number, result, MANIFEST, SALT)
        self.send("finalize", self.anybody, "WorkerSet", "finalize", number, result)
        for worker in self.workers:
            self.send("resolve", self.anybody, "WorkerSet", "resolve", worker)
        self.send("withdraw_credit", self.workers[0], "WorkerSet", "withdrawCredit", self.workers[0])

    def leave(self) -> None:
        """A worker goes, with its bond."""
        worker = self.workers[0]
        self.send("request_exit", worker, "WorkerSet", "requestExit")
        self.chain.fast_forward(self.call("WorkerSet", "rules")["exitDelay"] + 1)
        self.send("withdraw_bond", worker, "WorkerSet", "withdrawBond", worker)


def keccak(data: bytes) -> bytes:
    """Keccak-256."""
    from eth_utils.crypto import keccak as hashed

    return bytes(hashed(data))


def encode(recipe: str, result: Sequence[str]) -> bytes:
    """What `resultHash` is the hash of (contracts/src/libraries/Commitments.sol)."""
    from eth_abi import encode as encoded

    hashes = [bytes.fromhex(one[2:]) for one in (recipe, *result)]
    return bytes(encoded(["string", *["bytes32"] * 4], ["RESULT_V1", *hashes]))


def first_values() -> dict[str, Any]:
    """The parameters at deployment, with the site's own model."""
    from django.conf import settings

    from studio.models import files_digest

    return {
        "model": files_digest(settings.PAINTER_MODELS[0]),
        "prompt": "misty ridges above flowing silk",
        "negative_prompt": "",
        "family": "",
        "palette": "dusk",
        "mood": "calm",
        "guidance": 4500,
        "steps": 24,
        "strength": 620,
        "width": 512,
        "height": 512,
    }


def founding(owners: Sequence[str]) -> Sequence[Any]:
    """Six founding generations; the owners get two, two, one and one."""
    from config.deploy import Founding

    values = {**first_values(), "epoch_length": 90, "energy_budget": 0}
    return tuple(
        Founding(
            title=f"Founding {number}",
            values=values,
            seed=f"0x{number:064x}",
            pixel_hash=f"0x{number + 100:064x}",
            thumb_hash=f"0x{number + 200:064x}",
            file_hash=f"0x{number + 300:064x}",
            owner=owners[(number - 1) % 4],
        )
        for number in range(1, 7)
    )


if __name__ == "__main__":
    sys.exit(main())
