"""Histories of votes that happen on a real chain, and are taken back: what `test_histories` draws and runs.

An act is a small tuple of what and with which numbers; each is done as far as the chain lets it be, so every
list of acts is a history, and one with some acts left out is too. Time is the chain's: an act says how many
seconds after the newest block its own is mined.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from chain import abi
from chain.models import Block, Cursor, Log
from chain.rpc import RpcError
from governance import descriptions, members, models, parameters, weights
from governance.actions import governor_arguments, hash_proposal
from governance.selectors import State
from tests.governance.world import OPERATOR, OWNERS, World

Act = tuple[Any, ...]

ZERO = "0x" + "00" * 20
CALLS: tuple[tuple[tuple[str, str, Any], ...], ...] = (
    (("ArtParameters", "setPalette", "gilded"),),
    (("ArtParameters", "setMood", "wild"), ("ArtParameters", "setGuidance", 7250)),
    (("ArtParameters", "setSteps", 12),),
    (("ArtParameters", "setSteps", 101),),  # which the contract refuses
    (("ArtGovernor", "setVotingPeriod", 40), ("ArtGovernor", "updateMinVotes", 2)),
    (("ArtGovernor", "updateQuorumNumerator", 60), ("TimelockController", "updateDelay", 4)),
)
ROWS = (
    models.ParameterChange,
    models.Proposal,
    models.ProposalExtended,
    models.ProposalQueued,
    models.ProposalExecuted,
    models.ProposalCanceled,
    models.OperationExecuted,
    models.OperationCancelled,
    models.Vote,
    models.TokenTransfer,
    models.Delegation,
    models.VotesChanged,
    models.Exclusion,
    models.GovernorSetting,
)


class Player:
    """Does acts in a world. What is sent and not mirrored yet waits for a `sync`."""

    def __init__(self, world: World):
        self.world = world
        self.rpc = world.rpc
        contracts = world.deployment.contracts
        self.artwork, self.treasury = contracts["LivingArtwork"], contracts["TimelockController"]
        unlocked = [account.lower() for account in self.rpc.call("eth_accounts")]
        self.people = [one for one in unlocked if one != OPERATOR][:6]
        self.accounts = [*self.people, OPERATOR, self.treasury]
        self.rpc.call("anvil_setBalance", self.artwork, hex(10**18))
        self.rpc.call("anvil_impersonateAccount", self.artwork)
        self.base = self.head
        self._snapshot = self.rpc.call("evm_snapshot")
        self.tokens = list(range(1, len(OWNERS) + 1))
        self.proposed: dict[int, tuple[list[str], list[int], list[str], str]] = {}
        self.minted = 0
        self.lost: list[dict[str, Any]] = []

    def begin(self) -> None:
        """A fresh history on the founded chain, with a mirror that has seen nothing."""
        from chain import mirror

        self.rpc.call("anvil_dropAllTransactions")
        assert self.rpc.call("evm_revert", self._snapshot)
        self._snapshot = self.rpc.call("evm_snapshot")
        self.tokens = list(range(1, len(OWNERS) + 1))
        self.proposed, self.minted, self.lost = {}, 0, []
        mirror.forget()
        self.world.indexer.sync()

    # --- The chain

    @property
    def head(self) -> int:
        """The number of the newest block."""
        return int(self.rpc.call("eth_blockNumber"), 16)

    @property
    def now(self) -> int:
        """Its time, in seconds."""
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def ask(self, name: str, function: str, *arguments: Any) -> Any:
        """What a contract says at the newest block."""
        return self.world.call(name, function, *arguments)

    def request(self, sender: str, name: str, function: str, *arguments: Any) -> dict[str, Any]:
        """A transaction to a contract of ours."""
        data = abi.encode_call(name, function, *arguments)
        to = self.world.deployment.contracts[name]
        return {"from": sender, "to": to, "data": data, "gas": hex(4_000_000)}

    def mine(self, requests: Sequence[dict[str, Any]], after: int = 1, at: int = 0) -> None:
        """One block with these transactions, `after` seconds later or at a time that is later still."""
        moment = max(self.now + max(1, after), at)
        self.rpc.call("evm_setAutomine", False)
        before = self.head
        for request in requests:
            self.rpc.call("eth_sendTransaction", request)
        self.rpc.call("evm_setNextBlockTimestamp", moment)
        self.rpc.call("evm_mine")
        deadline = time.monotonic() + 30
        while self.head == before:
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.005)

    # --- Acts

    def do(self, act: Act) -> None:
        """Do one."""
        getattr(self, act[0])(*act[1:])

    def transfer(self, token: int, to: int, after: int) -> None:
        self.mine([self._transfer(token, to)], after)

    def _transfer(self, token: int, to: int) -> dict[str, Any]:
        number = self.tokens[token % len(self.tokens)]
        owner = self._owner(number) or self.people[0]
        recipient = self.accounts[to % len(self.accounts)]
        return self.request(owner, "ArtToken", "transferFrom", owner, recipient, number)

    def _owner(self, number: int) -> str | None:
        try:
            owner = str(self.ask("ArtToken", "ownerOf", number))
        except RpcError:  # a reorganisation took its mint
            return None
        return owner if owner in self.people else None

    def delegate(self, who: int, to: int, after: int) -> None:
        self.mine([self._delegate(who, to)], after)

    def _delegate(self, who: int, to: int) -> dict[str, Any]:
        choices = [*self.accounts, ZERO]
        return self.request(
            self.people[who % len(self.people)], "ArtToken", "delegate", choices[to % len(choices)]
        )

    def mint(self, to: int, count: int, after: int) -> None:
        """Several in a block, as no artwork would."""
        requests = []
        for _ in range(count):
            self.minted += 1
            number = len(OWNERS) + self.minted
            self.tokens.append(number)
            recipient = self.accounts[to % len(self.accounts)]
            requests.append(self.request(self.artwork, "ArtToken", "mint", recipient, number))
        self.mine(requests, after)

    def propose(self, who: int, calls: int, title: int, after: int) -> None:
        """A title that comes again is the same proposal, which the governor takes once."""
        who_ = self.people[who % len(self.people)]
        chosen = CALLS[calls % len(CALLS)]
        targets = [self.world.deployment.contracts[name] for name, _, _ in chosen]
        calldatas = [abi.encode_call(name, function, argument) for name, function, argument in chosen]
        description = descriptions.compose(f"Proposal {title}", "Because.", who_)
        arguments = (targets, [0] * len(chosen), calldatas, description)
        self.proposed[hash_proposal(*arguments)] = arguments
        self.mine([self.request(who_, "ArtGovernor", "propose", *arguments)], after)

    def vote(self, votes: Sequence[tuple[int, int, str]], which: int, after: int) -> None:
        """(who, support, reason) of each, all in one block, as soon as that proposal may be voted on."""
        number = self._proposal(which)
        if number is None:
            return
        opens = int(self.ask("ArtGovernor", "proposalSnapshot", number)) + 1
        requests = [
            self.request(
                self.people[who % len(self.people)],
                "ArtGovernor",
                "castVoteWithReason",
                number,
                support,
                reason,
            )
            for who, support, reason in votes
        ]
        self.mine(requests, after, at=opens)

    def queue(self, which: int, after: int) -> None:
        """As soon as its time for votes is over, if it is not yet."""
        self._further("queue", which, after, "proposalDeadline")

    def execute(self, which: int, after: int) -> None:
        """As soon as the timelock lets it."""
        self._further("execute", which, after, "proposalEta")

    def _further(self, function: str, which: int, after: int, moment: str) -> None:
        number = self._proposal(which)
        if number is None:
            return
        due = int(self.ask("ArtGovernor", moment, number)) + (function == "queue")
        arguments = self._arguments(number)
        self.mine([self.request(self.people[3], "ArtGovernor", function, *arguments)], after, at=due)

    def cancel(self, which: int, after: int) -> None:
        """By its proposer: only before votes are taken."""
        number = self._proposal(which)
        if number is not None:
            proposer = str(self.ask("ArtGovernor", "proposalProposer", number))
            arguments = self._arguments(number)
            self.mine([self.request(proposer, "ArtGovernor", "cancel", *arguments)], after)

    def _proposal(self, which: int) -> int | None:
        """One of those that the chain has now."""
        known = [number for number in self.proposed if self.ask("ArtGovernor", "proposalSnapshot", number)]
        return known[which % len(known)] if known else None

    def _arguments(self, number: int) -> tuple[Any, ...]:
        from eth_utils.crypto import keccak

        targets, values, calldatas, description = self.proposed[number]
        return targets, values, calldatas, "0x" + keccak(text=description).hex()

    def wait(self, seconds: int) -> None:
        """An empty block so much later."""
        self.mine([], seconds)

    def blocks(self, count: int) -> None:
        """Empty ones, a second each."""
        self.rpc.call("anvil_mine", hex(count), "0x1")

    def sync(self) -> None:
        """The mirror looks."""
        self.world.indexer.sync()

    def reorg(self, depth: int, again: Sequence[tuple[int, int]]) -> None:
        """Replace the newest blocks. `again`: transactions of theirs that come again, and in which block."""
        depth = min(depth, self.head - self.base)
        if depth < 1:
            return
        self.lost += self._transactions(depth)
        pairs = []
        for which, block in again:
            if self.lost:
                one = {key: value for key, value in self.lost[which % len(self.lost)].items() if key != "raw"}
                pairs.append([one, block % depth])
        self.rpc.call("anvil_reorg", depth, pairs)

    def replace(self, depth: int, again: Sequence[tuple[int, int]], after: int) -> None:
        """The same, where the same signed transactions come again, each if it still can, and time goes on."""
        depth = min(depth, self.head - self.base)
        if depth < 1:
            return
        lost = [one["raw"] for one in self._transactions(depth)]
        self.rpc.call("anvil_rollback", depth)
        for place in range(depth):
            self.mine([], after) if not lost else self._mine_raw(
                [lost[which % len(lost)] for which, block in again if block % depth == place], after
            )

    def _mine_raw(self, raws: Sequence[str], after: int) -> None:
        for raw in raws:
            # Its nonce may be taken, or it is there twice, or its sender has no code that signs.
            with contextlib.suppress(RpcError):
                self.rpc.call("eth_sendRawTransaction", raw)
        self.mine([], after)
        self.rpc.call("anvil_dropAllTransactions")

    def rollback(self, depth: int) -> None:
        """The newest blocks are gone, and nothing is in their place."""
        depth = min(depth, self.head - self.base)
        if depth >= 1:
            self.lost += self._transactions(depth)
            self.rpc.call("anvil_rollback", depth)

    def _transactions(self, depth: int) -> list[dict[str, Any]]:
        """Those of the newest blocks, as they could be sent again: anew, or `raw` as they were signed."""
        found = []
        for number in range(self.head - depth + 1, self.head + 1):
            for one in self.rpc.call("eth_getBlockByNumber", hex(number), True)["transactions"]:
                raw = self.rpc.call("eth_getRawTransactionByHash", one["hash"])
                fields = {"from": one["from"], "to": one["to"], "data": one["input"], "gas": one["gas"]}
                found.append(fields | {"raw": raw})
        return found

    # --- What must be so

    def check(self) -> None:
        """The mirror, brought to the head, says what the contracts say."""
        self.sync()
        cursor = Cursor.current()
        newest = self.rpc.call("eth_getBlockByNumber", "latest", False)
        assert cursor is not None
        assert (cursor.number, cursor.hash) == (self.head, newest["hash"])
        self.world.agree()
        self._check_proposals()
        self._check_tokens()
        self._check_parameters()

    def _check_proposals(self) -> None:
        found = {row.pk: row for row in models.Proposal.objects.all()}
        assert set(found) == {
            number for number in self.proposed if self.ask("ArtGovernor", "proposalSnapshot", number)
        }
        for number, row in found.items():
            assert row.proposer == self.ask("ArtGovernor", "proposalProposer", number)
            assert governor_arguments(row) == self._arguments(number)
            voted = set(models.Vote.objects.filter(proposal=row).values_list("voter", flat=True))
            assert voted == {one for one in self.accounts if self.ask("ArtGovernor", "hasVoted", number, one)}

    def _check_tokens(self) -> None:
        owners = weights.owners()
        assert set(owners) <= set(self.tokens)
        for number in set(self.tokens):
            try:
                owner = str(self.ask("ArtToken", "ownerOf", number))
            except RpcError:
                assert number not in owners
            else:
                assert owners[number] == owner
        balances, delegations = weights.balances(self.accounts), weights.delegations()
        past = sorted({row.at for row in models.VotesChanged.objects.all()})[-6:]
        now = self.world.now
        for account in self.accounts:
            assert weights.weight_now(account) == self.ask("ArtToken", "getVotes", account)
            assert balances.get(account, 0) == self.ask("ArtToken", "balanceOf", account)
            if account != self.treasury:
                named = self.ask("ArtToken", "delegates", account)
                assert delegations.get(account, account) == named
            for moment in past:
                if moment < now:
                    votes = self.ask("ArtToken", "getPastVotes", account, moment)
                    assert weights.weight_at(account, moment) == votes
            rows = list(members.checkpoints(account))
            for mark in members.history(account, rows, None):
                if mark.at < now:
                    assert mark.votes == self.ask("ArtToken", "getPastVotes", account, mark.at)

    def _check_parameters(self) -> None:
        newest = self.ask("ArtParameters", "version")
        versions = models.ParameterChange.objects.values_list("version", flat=True)
        assert max(versions) == newest
        for version in range(1, newest + 1):
            expected = self.ask("ArtParameters", "paramsHash", version)
            assert parameters.params_hash_of(parameters.raw_values_at(version)) == expected

    def states(self) -> set[str]:
        """What has become of the proposals, in the contract's words."""
        return {
            State(self.ask("ArtGovernor", "state", number)).name
            for number in self.proposed
            if self.ask("ArtGovernor", "proposalSnapshot", number)
        }


def picture() -> dict[str, Any]:
    """Every row of the mirror, without the database's own ids: equal ones are equal mirrors."""
    cursor = Cursor.current()
    assert cursor is not None
    rows: dict[str, Any] = {
        "cursor": (cursor.number, cursor.hash, cursor.finalized_number, cursor.contracts, cursor.error),
        "blocks": list(Block.objects.values_list("number", "hash", "parent_hash", "timestamp")),
    }
    own = {"id", "block"}
    kept = [field.attname for field in Log._meta.concrete_fields if field.name not in own]
    rows["logs"] = list(Log.objects.in_order().values_list("block__number", *kept))
    for model in ROWS:
        kept = [
            field.attname
            for field in model._meta.concrete_fields
            if field.name != "log"
            and not (field.name == "id" and field.get_internal_type() == "BigAutoField")
        ]
        found = model._default_manager.order_by("block_number", "log_index")
        rows[model.__name__] = list(found.values_list("log__block_hash", "log__log_index", *kept))
    return rows
