"""What the mirror says of workers and rounds is what the contract says: after every transaction, and after a
reorganisation that takes the rows.
"""

from __future__ import annotations

from typing import Any

import pytest

from chain import contracts
from chain.models import Cursor
from compute import models, roster, rounds, workers
from compute.models.mirror import EventRow
from compute.roster import FOREVER, ZERO32, Standing
from compute.rounds import RoundState
from gallery.models import Failure
from tests.compute.workshop import (
    BOND,
    CHALLENGE,
    CLASS,
    ETHER,
    EXIT_DELAY,
    FEE,
    LIE,
    MISMATCH,
    OTHER_CLASS,
    OTHERS_S,
    RULES,
    SILENCE,
    Workshop,
)

TRUTH = tuple("0x" + f"{digit}" * 64 for digit in "123")
THIRD_CLASS = "0x" + "c3" * 32
PHASES = [None, {RoundState.COMMITTING}, {RoundState.REVEALING}, {RoundState.CLOSED, RoundState.OVER}]


class Checked(Workshop):
    """A workshop whose mirror is held against the contract whenever something was mirrored."""

    checking = False

    def sync(self) -> None:
        """Mirror up to the head, and compare."""
        super().sync()
        if self.checking:
            self.agree()

    def at_head(self, function: str, *arguments: Any) -> Any:
        """What the contract says at the block that the mirror stands at."""
        cursor = Cursor.current()
        assert cursor is not None
        return contracts.call("WorkerSet", function, *arguments, block=cursor.number)

    def agree(self) -> None:
        """Compare everything that both know."""
        self.agree_on_the_roster()
        for row in models.Acceptance.objects.all():
            self.agree_on(row.epoch)
        assert workers.pool() == self.at_head("pool")
        for address in (*self.accounts, self.deployment.contracts["TimelockController"]):
            assert workers.owed(address) == self.at_head("credits", address), address

    def agree_on_the_roster(self) -> None:
        """Members, classes, rules."""
        members, held = roster.members(), workers.pending()
        for address in self.accounts:
            told, one = self.at_head("workers", address), members.get(address)
            if one is None or one.standing is Standing.OUT:
                assert told["classId"] == ZERO32
                continue
            assert told == {
                "classId": one.class_id,
                "bond": one.bond,
                "firstEpoch": one.first_epoch,
                "lastEpoch": one.last_epoch,
                "withdrawableAt": one.withdrawable_at,
                "openSlashes": len(held.get(address, ())),
            }
        for id_, one_class in roster.classes().items():
            assert one_class.listed == self.at_head("isListed", id_)
            assert (one_class.active if one_class.listed else 0) == self.at_head("activeOf", id_)
        assert roster.accepted_class() == self.at_head("acceptedClass")
        told_rules, rules = self.at_head("rules"), roster.rules()
        assert rules is not None
        assert [told_rules[name] for name in ("minBond", "quorum", "exitDelay", "maxGasPrice")] == [
            rules.min_bond,
            rules.quorum,
            rules.exit_delay,
            rules.max_gas_price,
        ]

    def agree_on(self, epoch: int) -> None:
        """An epoch's terms, its newest round, and who may paint it."""
        terms, told = self.at_head("terms", epoch), self.at_head("roundOf", epoch)
        for address in self.accounts:
            assert roster.in_snapshot(epoch, address) == self.at_head("inSnapshot", epoch, address)
        assert len(roster.snapshot(epoch)) == terms["allCount"]
        block = self.rpc.call("eth_getBlockByNumber", hex(Cursor.current().number), False)
        found = rounds.newest(epoch, int(block["timestamp"], 16))
        if found is None:
            assert told["number"] == 0
            return
        of_round = sum(one.round == found.number for one in found.reveals)
        assert told == {
            "number": found.number,
            "commitUntil": found.commit_until,
            "revealUntil": found.reveal_until,
            "deadline": found.deadline,
            "committed": len(found.commitments),
            "revealed": of_round,
            "before": len(found.reveals) - of_round,
        }
        assert (found.accepted_class, found.quorum, found.eligible, found.best) == (
            terms["acceptedClass"],
            terms["quorum"],
            terms["eligible"],
            terms["best"],
        )
        assert (found.finalization is not None) == terms["finalized"]
        assert found.state in PHASES[self.at_head("phaseOf", epoch)]

    def settled(self) -> None:
        """Let everything be settled that anybody may settle."""
        self.pass_by(OTHERS_S)
        self.ticks(lambda: not workers.unresolved())


@pytest.fixture
def checked(world, settings) -> Checked:
    """Nobody of ours paints here: what is done, the story does."""
    settings.WORKER_CLASS = CLASS
    made = Checked(world, [])
    made.checking = True
    made.agree()
    return made


def test_comingAndGoing(checked: Checked) -> None:
    one, other, third = checked.accounts[7:10]
    checked.register(one, uri="https://one.example")
    checked.register(other, OTHER_CLASS, bond=2 * BOND)
    checked.act(one, "setUri", "https://moved.example")
    checked.act(third, "addBond", one, value=ETHER)
    assert roster.members()[one].uri == "https://moved.example"
    assert roster.members()[one].bond == 2 * ETHER

    checked.govern("WorkerSet", "listClass", THIRD_CLASS, True)
    checked.govern("WorkerSet", "listClass", OTHER_CLASS, False)
    assert not roster.classes()[OTHER_CLASS].listed
    checked.govern("WorkerSet", "listClass", OTHER_CLASS, True)
    checked.govern("WorkerSet", "setAcceptedClass", OTHER_CLASS)
    checked.govern("WorkerSet", "setAcceptedClass", CLASS)
    checked.govern("WorkerSet", "setRules", (2 * BOND, *RULES[1:]))
    checked.act(third, "fund", value=ETHER)
    checked.govern("WorkerSet", "recall", ETHER)

    checked.act(one, "requestExit")
    assert roster.members()[one].standing is Standing.LEAVING
    checked.pass_by(EXIT_DELAY + 1)
    checked.act(one, "withdrawBond", third)
    assert roster.members()[one].standing is Standing.OUT
    checked.register(one, THIRD_CLASS, bond=2 * BOND)
    assert roster.members()[one].class_id == THIRD_CLASS
    assert roster.members()[one].last_epoch == FOREVER


def test_anEpochOfBrokenWords_andWhatEachCost(checked: Checked) -> None:
    honest, also, liar, silent = (checked.stranger(number) for number in (6, 7, 8, 9))
    other = checked.stranger(5, OTHER_CLASS)
    checked.open_round()
    for who, result in ((honest, TRUTH), (also, TRUTH), (liar, LIE), (silent, TRUTH), (other, LIE)):
        who.commit(result)
    checked.until(checked.round().commit_until)
    assert checked.round().state is RoundState.REVEALING  # nobody is left to commit
    for who in (honest, also, liar, other):
        who.reveal()
    assert checked.round().quorum == 3  # of four: two are not enough
    checked.until(checked.round().reveal_until)
    checked.ticks(lambda: checked.round().number == 2)

    checked.settled()
    assert roster.members()[silent.address].standing is Standing.DROPPED
    checked.act(silent.address, "addBond", silent.address, value=SILENCE)
    silent.commit(TRUTH)
    checked.until(checked.round().commit_until)
    silent.reveal()  # and what the others revealed in the first round goes on counting
    checked.finalized(2)
    assert workers.find(silent.address).counts == workers.Counts(committed=2, revealed=1, won=1, silent=1)


@pytest.mark.slow
def test_theWholeLife_ofAMismatchAndASilence(checked: Checked) -> None:
    honest, also, liar = (checked.stranger(number) for number in (6, 7, 8))
    foreign = checked.stranger(5, OTHER_CLASS)
    checked.open_round()
    for who, result in ((honest, TRUTH), (also, TRUTH), (liar, LIE), (foreign, LIE)):
        who.commit(result)
    assert checked.round().state is RoundState.REVEALING  # nobody is left to commit
    opened = checked.round().opened_at
    checked.until(opened + 30)
    for who in (honest, also, liar, foreign):
        who.reveal()
    assert checked.round().state is RoundState.CLOSED
    assert [one.counted for one in checked.round().reveals] == [True, True, True, False]
    checked.finalized(2)
    checked.settled()

    told = {one.address: one for one in workers.everyone()}
    assert told[honest.address].counts == workers.Counts(committed=1, revealed=1, won=1)
    assert told[liar.address].counts == workers.Counts(committed=1, revealed=1, mismatched=1)
    assert told[foreign.address].counts == workers.Counts(committed=1, revealed=1)
    assert told[honest.address].earned == told[honest.address].owed == FEE // 2
    assert 30 <= told[honest.address].latency < 90
    assert told[liar.address].standing is Standing.DROPPED
    (held,) = told[liar.address].pending
    assert (held.amount, held.decide_until) == (MISMATCH, None)
    checked.act(honest.address, "withdrawCredit", honest.address)

    # The governance believes the liar, whose bond suffices again.
    checked.act(liar.address, "challenge", held.id, "https://why.example")
    assert workers.find(liar.address).pending[0].why == "https://why.example"
    checked.govern("WorkerSet", "decide", held.id, False)
    assert workers.find(liar.address).standing is Standing.ACTIVE

    # Once more, and this time nobody challenges; and one is silent.
    checked.open_round()
    for who, result in ((honest, TRUTH), (also, TRUTH), (liar, LIE), (foreign, TRUTH)):
        who.commit(result)
    for who in (honest, also, liar):
        who.reveal()
    checked.until(checked.round().reveal_until)
    checked.finalized(3)
    checked.settled()
    assert workers.find(foreign.address).bond == BOND - SILENCE
    assert workers.find(foreign.address).counts.silent == 1
    assert workers.find(liar.address).pending
    checked.pass_by(CHALLENGE + 1)
    checked.ticks(lambda: not workers.pending())
    assert models.Settlement.objects.filter(upheld=True).count() == 1
    treasury = checked.deployment.contracts["TimelockController"]
    assert workers.owed(treasury) == SILENCE + MISMATCH

    # And an epoch that comes to nothing.
    checked.act(liar.address, "addBond", liar.address, value=BOND)
    checked.open_round()
    while not Failure.objects.exists():
        checked.until(checked.round().commit_until)
        before = checked.round().number
        checked.ticks(lambda before=before: checked.round().number > before or Failure.objects.exists())
    checked.ticks(lambda: models.FeeRelease.objects.exists())


def test_aReorganisationThatTakesTheRows_leavesWhatTheChainHas(checked: Checked) -> None:
    honest, also, liar = (checked.stranger(number) for number in (6, 7, 8))
    checked.open_round()
    for who, result in ((honest, TRUTH), (also, TRUTH), (liar, LIE)):
        who.commit(result)
    for who in (honest, also, liar):
        who.reveal()
    checked.finalized(2)
    checked.settled()
    before = {row.worker: row.result_hash for row in models.Reveal.objects.all()}

    second = models.Reveal.objects.order_by("block_number")[1]
    depth = int(checked.rpc.call("eth_blockNumber"), 16) - second.block_number + 1
    checked.rpc.call("anvil_reorg", depth, [])
    checked.sync()
    assert list(models.Reveal.objects.values_list("worker", flat=True)) == [honest.address]
    gone = (models.Finalization, models.FeeCredit, models.Slash, models.Credit)
    assert [kind._default_manager.count() for kind in gone] == [0, 0, 0, 0]
    assert checked.round().state is RoundState.REVEALING

    also.reveal()
    liar.reveal()
    checked.finalized(2)
    checked.settled()
    assert {row.worker: row.result_hash for row in models.Reveal.objects.all()} == before


def test_everyEvent_hasItsTableAndHandler() -> None:
    from chain import abi
    from config.events import EVENTS

    declared = {
        f"WorkerSet.{entry['name']}" for entry in abi.artifact("WorkerSet")["abi"] if entry["type"] == "event"
    }
    assert declared == {key for key in EVENTS if key.startswith("WorkerSet.")}
    tables = [kind for kind in vars(models).values() if isinstance(kind, type) and issubclass(kind, EventRow)]
    assert len(tables) == len(declared)
