"""One small artwork on a private chain, driven by hand: the real contracts, tick, mirror and painter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from chain import clock, contracts, deployments
from chain.indexer import Indexer
from chain.private import PrivateChain
from chain.rpc import Rpc
from compute import rendering
from compute.models import Rendering
from gallery import tasks
from gallery.models import Epoch, Generation
from governance import actions
from governance.models import Proposal, Support

EPOCH_S = 10
PAINT_PERIOD_S = 600


class World:
    """Verbs for stories. Nothing here waits for wall-clock time: the chain's clock is moved."""

    def __init__(self, chain: PrivateChain, indexer: Indexer, rpc: Rpc):
        self.chain, self.indexer, self.rpc = chain, indexer, rpc
        self.accounts = [address.lower() for address in chain.accounts()]

    def sync(self) -> None:
        """Mirror up to the head."""
        self.indexer.sync()

    def tick(self) -> str:
        """One tick and what it caused to be mirrored; returns what the tick says."""
        outcome = tasks.run()
        self.sync()
        return outcome

    def ticks(self, until: Callable[[], Any], most: int = 25) -> None:
        """Tick until something holds; a story that doesn't get there fails with the last problem."""
        said = []
        for _ in range(most):
            if until():
                return
            said.append(self.tick())
        assert until(), f"after {most} ticks: {said[-3:]}"

    def paint(self) -> list[str]:
        """Do what the paint queue would: every job that may be claimed."""
        return [rendering.paint(job.pk) for job in Rendering.objects.claimable()]

    def pass_by(self, seconds: int) -> None:
        """Move the chain's clock."""
        self.chain.fast_forward(seconds)
        self.sync()

    def end_epoch(self) -> Epoch:
        """Let the open epoch's time run out; returns it."""
        epoch = Epoch.objects.first()
        assert epoch is not None
        self.pass_by(max(1, epoch.ends_at - clock.now() + 1))
        return epoch

    def jobs(self) -> Any:
        """Painting jobs of epochs: all but the founding's."""
        return Rendering.objects.filter(epoch_number__gt=0)

    def generation(self, number: int) -> Callable[[], bool]:
        """Whether a generation is mirrored."""
        return lambda: Generation.objects.filter(number=number).exists()

    def next_generation(self) -> Generation:
        """Seal, draw, paint and anchor; returns what came of it."""
        number = Generation.objects.count() + 1
        self.end_epoch()
        self.ticks(lambda: Rendering.objects.claimable().exists())
        assert self.paint() == ["painted"]
        self.ticks(self.generation(number))
        return Generation.objects.get(number=number)

    def send(self, sender: str, request: Mapping[str, str]) -> dict[str, Any]:
        """Send a transaction from one of the node's accounts; returns its receipt."""
        sent = self.rpc.call("eth_sendTransaction", {"from": sender, **request})
        for _ in range(100):
            receipt = self.rpc.call("eth_getTransactionReceipt", sent)
            if receipt is not None:
                assert int(receipt["status"], 16) == 1
                self.sync()
                return dict(receipt)
            time.sleep(0.01)
        raise AssertionError("not mined")

    def carry(self, changes: Mapping[str, Any], title: str = "A change") -> Proposal:
        """Propose a change as a collector, vote for it, and let the keeper do the rest."""
        collector = self.accounts[1]
        self.pass_by(1)  # who proposes must have held a vote a second ago
        draft = actions.propose(collector, changes, title, "")
        self.send(collector, draft.request)
        self.pass_by(3)
        proposal = Proposal.objects.get(pk=draft.id)
        self.send(collector, actions.vote(proposal, collector, Support.FOR, "Yes."))
        self.pass_by(proposal.voting_ends - clock.now() + 10)
        self.ticks(lambda: hasattr(Proposal.objects.get(pk=draft.id), "queued"))
        self.pass_by(20)
        self.ticks(lambda: hasattr(Proposal.objects.get(pk=draft.id), "executed"))
        return Proposal.objects.get(pk=draft.id)

    def call(self, function: str, *arguments: Any) -> Any:
        """Ask the artwork's contract."""
        return contracts.call("LivingArtwork", function, *arguments)

    def address(self, name: str) -> str:
        """A contract's address."""
        return deployments.address_of(name)
