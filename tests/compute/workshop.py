"""A small artwork that bonded workers paint: the real contracts, mirror, tick and painter, driven by hand."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from chain import abi, clock, contracts
from chain.deployments import Deployment
from chain.models import Cursor
from compute import commitments, rounds
from compute.models import Reveal
from compute.rounds import PaintingRound, RoundState
from config.deploy_sender import Deployer
from gallery.models import Control, Epoch, Generation
from tests.gallery.world import PAINT_PERIOD_S, World

CLASS, OTHER_CLASS = "0x" + "c1" * 32, "0x" + "c2" * 32
ETHER = 10**18
BOND, FEE, SILENCE, MISMATCH = ETHER, ETHER // 100, ETHER // 10, ETHER // 2
EXIT_DELAY, CHALLENGE, RESOLVE = 600, 600, 3600
RULES = (BOND, FEE, SILENCE, MISMATCH, 2, 500, 300, EXIT_DELAY, CHALLENGE, RESOLVE, 10**11)
OTHERS_S = 40  # what others have for what anybody may do, before we do it
COMMIT_S, REVEAL_S = PAINT_PERIOD_S // 2, PAINT_PERIOD_S * 3 // 10
LIE = tuple("0x" + f"{digit}" * 64 for digit in "abc")


@dataclass
class Stranger:
    """A worker that isn't ours: it commits to what it likes, and keeps its word or doesn't."""

    workshop: Workshop
    address: str
    class_id: str = CLASS
    vow: dict[str, Any] = field(default_factory=dict)

    def commit(self, result: tuple[str, ...]) -> None:
        """Commit to a result (pixel, thumb and file hash) in the newest round."""
        current = self.workshop.round()
        recipe = Epoch.objects.get(number=current.epoch).draw.recipe_hash
        deployment = self.workshop.deployment
        salt, manifest = "0x" + secrets.token_hex(32), "0x" + "99" * 32
        made = commitments.commitment(
            deployment.chain_id,
            deployment.address_of("WorkerSet"),
            current.epoch,
            current.number,
            self.address,
            self.class_id,
            commitments.result_hash(recipe, *result),
            manifest,
            salt,
        )
        self.vow = {"epoch": current.epoch, "result": result, "manifest": manifest, "salt": salt}
        self.workshop.act(self.address, "commit", current.epoch, made)

    def reveal(self) -> None:
        """Keep its word."""
        vow = self.vow
        self.workshop.act(self.address, "reveal", vow["epoch"], vow["result"], vow["manifest"], vow["salt"])


class Workshop(World):
    """The gallery's world with a set of workers as its painter: some ours (the node signs), some not."""

    def __init__(self, world: World, workers: list[str], pool: int = ETHER, rules: tuple[int, ...] = RULES):
        super().__init__(world.chain, world.indexer, world.rpc)
        self.workers = workers
        self._deploy(rules)
        self.act(self.accounts[0], "fund", value=pool)
        for address in workers:
            self.register(address)

    def _deploy(self, rules: tuple[int, ...]) -> None:
        """As `config.deploy` does it, but into a world that began with a solo painter."""
        sender = Deployer(self.rpc, self.accounts[0])
        old = Deployment.from_json(_read())
        timelock, artwork = old.contracts["TimelockController"], old.contracts["LivingArtwork"]
        code = abi.encode_constructor("WorkerSet", timelock, artwork, rules, [CLASS, OTHER_CLASS], CLASS)
        address = sender.send("creating WorkerSet", code)["contractAddress"].lower()
        self.deployment = Deployment(
            old.chain_id, old.genesis_hash, old.block, {**old.contracts, "WorkerSet": address}
        )
        _write(self.deployment)
        Cursor.objects.update(contracts=self.deployment.contracts)  # mirrored from its creation on
        self.indexer = type(self.indexer).configured()
        self.sync()
        self.govern("LivingArtwork", "setSlot", "0x" + b"painter".ljust(32, b"\0").hex(), address)

    def govern(self, name: str, function: str, *arguments: Any) -> None:
        """Act as the timelock, as if a vote had passed."""
        timelock = self.deployment.contracts["TimelockController"]
        self.rpc.call("anvil_impersonateAccount", timelock)
        self.rpc.call("anvil_setBalance", timelock, hex(ETHER))
        self.send(timelock, contracts.transaction_request(name, function, *arguments))

    def act(self, sender: str, function: str, *arguments: Any, value: int = 0) -> None:
        """Call the set of workers."""
        request = contracts.transaction_request("WorkerSet", function, *arguments)
        self.send(sender, {**request, "value": hex(value)})

    def register(self, address: str, class_id: str = CLASS, bond: int = BOND, uri: str = "") -> None:
        """Bond an account."""
        self.act(address, "register", class_id, uri, value=bond)

    def stranger(self, number: int, class_id: str = CLASS) -> Stranger:
        """Bond one of the node's accounts that isn't ours."""
        address = self.accounts[number]
        self.register(address, class_id)
        return Stranger(self, address, class_id)

    def ask(self, function: str, *arguments: Any) -> Any:
        """What the set of workers says."""
        return contracts.call("WorkerSet", function, *arguments, block="pending")

    def round(self) -> PaintingRound:
        """The newest round of the epoch that is painted."""
        number = (
            Epoch.objects.filter(sealing__isnull=False).order_by("-number").values_list("number", flat=True)
        )
        found = rounds.newest(number[0])
        assert found is not None
        return found

    def in_state(self, state: RoundState) -> Any:
        """Whether the newest round is in this state."""
        return lambda: self.round().state is state

    def open_round(self) -> PaintingRound:
        """Seal, draw, and let the first round be final."""
        epoch = self.end_epoch()
        Control.change(seal_requested=epoch.number)
        self.ticks(lambda: rounds.newest(epoch.number) is not None)
        self.ticks(lambda: self.jobs().filter(epoch_number=epoch.number).exists() or not self.workers)
        return self.round()

    def finalized(self, number: int) -> Generation:
        """Tick until a generation is anchored, by us if those whose turn comes first don't."""
        self.ticks(lambda: self.generation(number)() or self.round().state is RoundState.CLOSED)
        if not self.generation(number)():
            self.pass_by(OTHERS_S)
        self.ticks(self.generation(number))
        return Generation.objects.get(number=number)

    def until(self, second: int) -> None:
        """Move the chain's clock past a second."""
        self.pass_by(max(1, second - clock.now() + 1))

    def shown(self) -> dict[str, str]:
        """By worker, the result that it revealed in the newest round's epoch."""
        return dict(Reveal.objects.filter(epoch=self.round().epoch).values_list("worker", "result_hash"))


def _read() -> dict[str, Any]:
    import json

    return dict(json.loads(settings.DEPLOYMENT_FILE.read_text()))


def _write(deployment: Deployment) -> None:
    import json

    settings.DEPLOYMENT_FILE.write_text(json.dumps(deployment.to_json()))
