"""The real contracts on a real Anvil, mirrored: verbs for stories about votes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from chain import abi
from chain.deployments import Deployment
from chain.events import load_handlers
from chain.indexer import Indexer
from chain.rpc import Rpc
from config.deploy import DeploySettings, Founding, deploy
from config.events import EVENTS
from governance import actions, descriptions, selectors
from governance.models import Proposal
from governance.people import DEMO_COLLECTORS
from governance.weights import supply_at, weight_at
from tests.contracts.node import MODEL
from tests.governance.factories import VALUES

MIRA, INES, TOMAS, YUKI = DEMO_COLLECTORS
OPERATOR = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
OWNERS = (MIRA, MIRA, INES, INES, TOMAS, YUKI)


class World:
    """A deployment with four collectors. Times are chain seconds; every verb ends mirrored."""

    def __init__(self, url: str, folder: Path):
        self.rpc = Rpc(url)
        founding = tuple(
            Founding(
                title=f"Founding {number}",
                values=VALUES,
                seed=f"0x{number:064x}",
                pixel_hash=f"0x{number + 100:064x}",
                thumb_hash=f"0x{number + 200:064x}",
                file_hash=f"0x{number + 300:064x}",
                owner=owner,
            )
            for number, owner in enumerate(OWNERS, start=1)
        )
        wanted = DeploySettings.profile(
            "demo",
            operator=OPERATOR,
            parameters=VALUES,
            founding=founding,
            models=(replace(MODEL, id=str(VALUES["model"])),),
            painter="solo",
        )
        self.deployment: Deployment = deploy(self.rpc, OPERATOR, wanted, file=Path(settings.DEPLOYMENT_FILE))
        handlers = {key: path for key, path in EVENTS.items() if path.startswith("governance.")}
        self.indexer = Indexer(self.rpc, self.deployment, load_handlers(handlers))
        self.wait_until(self.now + 2)  # a proposer's votes are those of the second before

    def mirror(self) -> None:
        self.indexer.sync()

    @property
    def now(self) -> int:
        """The time that a call at the newest block sees."""
        return int(self.call("ArtGovernor", "clock"))

    def call(self, name: str, function: str, *arguments: Any) -> Any:
        request = {"to": self.deployment.contracts[name], "data": abi.encode_call(name, function, *arguments)}
        return abi.decode_result(name, function, self.rpc.call("eth_call", request, "latest"), len(arguments))

    def send(self, sender: str, name: str, function: str, *arguments: Any, at: int | None = None) -> Any:
        """Send a transaction from an account of the node, in a block at time `at`; reverts raise RpcError."""
        data = abi.encode_call(name, function, *arguments)
        return self.send_raw(sender, self.deployment.contracts[name], data, at)

    def send_raw(self, sender: str, to: str | None, data: str, at: int | None = None) -> Any:
        if at is not None:
            self.rpc.call("evm_setNextBlockTimestamp", at)
        request = {"from": sender, "data": data, "gas": hex(8_000_000)}
        tx = self.rpc.call("eth_sendTransaction", request | ({"to": to} if to else {}))
        deadline = time.monotonic() + 10
        while (receipt := self.rpc.call("eth_getTransactionReceipt", tx)) is None:
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.01)
        assert receipt["status"] == "0x1", f"{to} {data[:10]} reverted"
        self.mirror()
        return receipt

    def wait_until(self, at: int) -> None:
        """Mine a block at chain time `at`."""
        self.rpc.call("evm_setNextBlockTimestamp", at)
        self.rpc.call("evm_mine")
        self.mirror()

    def propose(self, who: str, calls: list[tuple[str, str, Any]], title: str) -> Proposal:
        """Propose calls given as (contract, function, argument); returns the mirrored row."""
        targets = [self.deployment.contracts[name] for name, _, _ in calls]
        calldatas = [abi.encode_call(name, function, argument) for name, function, argument in calls]
        description = descriptions.compose(title, "", who)
        self.send(who, "ArtGovernor", "propose", targets, [0] * len(calls), calldatas, description)
        proposal_id = actions.hash_proposal(targets, [0] * len(calls), calldatas, description)
        return self.reread(proposal_id)

    def reread(self, proposal_id: int) -> Proposal:
        return selectors.proposals().get(pk=proposal_id)

    def vote(self, who: str, proposal: Proposal, support: int, at: int | None = None) -> None:
        self.send(who, "ArtGovernor", "castVoteWithReason", proposal.pk, support, "because", at=at)

    def queue(self, proposal: Proposal, at: int | None = None) -> Proposal:
        self.send(YUKI, "ArtGovernor", "queue", *actions.governor_arguments(proposal), at=at)
        return self.reread(proposal.pk)

    def execute(self, proposal: Proposal, at: int | None = None) -> Proposal:
        self.send(YUKI, "ArtGovernor", "execute", *actions.governor_arguments(proposal), at=at)
        return self.reread(proposal.pk)

    def carry(self, calls: list[tuple[str, str, Any]], title: str) -> Proposal:
        """Take a proposal of Mira's through its whole life; Mira and Ines vote for it."""
        proposal = self.propose(MIRA, calls, title)
        self.vote(MIRA, proposal, 1, at=proposal.voting_starts + 1)
        self.vote(INES, proposal, 1)
        end = selectors.standing(self.reread(proposal.pk), self.now).deadline
        queued = self.queue(proposal, at=end + 1)
        return self.execute(proposal, at=queued.queued.eta)

    def mint_to(self, owner: str, first: int, count: int) -> None:
        """Mint generations `first`, `first + 1`, … to `owner`, as the artwork does when it anchors."""
        artwork = self.deployment.contracts["LivingArtwork"]
        self.rpc.call("anvil_setBalance", artwork, hex(10**18))
        self.rpc.call("anvil_impersonateAccount", artwork)
        for number in range(first, first + count):
            self.send(artwork, "ArtToken", "mint", owner, number)
        self.rpc.call("anvil_stopImpersonatingAccount", artwork)

    def agree(self) -> dict[int, str]:
        """Hold the mirror against the contracts at the newest block; returns the states."""
        now = self.now
        found = list(selectors.proposals())
        for standing in selectors.standings(found, now):
            proposal = standing.proposal
            assert standing.state == self.call("ArtGovernor", "state", proposal.pk), proposal.title
            assert standing.deadline == self.call("ArtGovernor", "proposalDeadline", proposal.pk)
            assert (standing.eta or 0) == self.call("ArtGovernor", "proposalEta", proposal.pk)
            votes = self.call("ArtGovernor", "proposalVotes", proposal.pk)
            tally = standing.tally
            assert [tally.against, tally.for_, tally.abstain] == list(votes.values())
            if proposal.voting_starts < now:
                self._agree_at(proposal.voting_starts)
                assert standing.quorum == self.call("ArtGovernor", "quorum", proposal.voting_starts)
        if now > 1:
            self._agree_at(now - 1)
        self._agree_on_settings()
        return {proposal.pk: selectors.state(proposal, now).name for proposal in found}

    def _agree_at(self, timestamp: int) -> None:
        assert supply_at(timestamp) == self.call("ArtToken", "getPastTotalSupply", timestamp)
        for account in (*DEMO_COLLECTORS, OPERATOR, self.deployment.contracts["TimelockController"]):
            assert weight_at(account, timestamp) == self.call("ArtGovernor", "getVotes", account, timestamp)

    def _agree_on_settings(self) -> None:
        Kind = selectors.Kind
        for kind, name, function in (
            (Kind.VOTING_DELAY, "ArtGovernor", "votingDelay"),
            (Kind.VOTING_PERIOD, "ArtGovernor", "votingPeriod"),
            (Kind.PROPOSAL_THRESHOLD, "ArtGovernor", "proposalThreshold"),
            (Kind.LATE_EXTENSION, "ArtGovernor", "lateQuorumVoteExtension"),
            (Kind.TIMELOCK_DELAY, "TimelockController", "getMinDelay"),
        ):
            assert selectors.setting(kind) == self.call(name, function), kind
