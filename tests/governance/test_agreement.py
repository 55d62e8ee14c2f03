"""What pages compute from the mirror is what the contracts say, at every stage of a proposal's life."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from chain import abi
from chain.models import Transaction
from governance import actions, keeper, members, parameters, selectors, weights
from governance.models import ParameterChange, Proposal, VotesChanged
from governance.selectors import State
from tests.governance.world import INES, MIRA, TOMAS, YUKI, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(anvil: Any, tmp_path: Path, settings: Any) -> World:
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.CHAIN_RPC_URL = anvil.url
    settings.CHAIN_LISTENERS = []
    settings.PRIVATE_CHAIN = True
    return World(anvil.url, tmp_path)


def test_the_nominal_life_of_a_proposal(world, monkeypatch):
    proposal = world.propose(
        MIRA, [("ArtParameters", "setPalette", "gilded"), ("ArtParameters", "setGuidance", 7250)], "More gold"
    )
    assert world.agree() == {proposal.pk: "PENDING"}
    world.wait_until(proposal.voting_starts)
    assert world.agree() == {proposal.pk: "PENDING"}
    world.wait_until(proposal.voting_starts + 1)
    assert world.agree() == {proposal.pk: "ACTIVE"}

    # Made ready by the site, sent as it is.
    monkeypatch.setattr("chain.clock.now", lambda: world.now)
    ballot = actions.vote(proposal, TOMAS, actions.Support.FOR, "Gold is warm.")
    world.send_raw(TOMAS, ballot["to"], ballot["data"])
    world.agree()
    world.vote(INES, proposal, 0)
    world.vote(MIRA, proposal, 1)
    world.vote(YUKI, proposal, 2)
    world.agree()
    assert selectors.vote_of(proposal, TOMAS).reason == "Gold is warm."

    world.wait_until(proposal.voting_ends)
    assert world.agree() == {proposal.pk: "ACTIVE"}
    world.wait_until(proposal.voting_ends + 1)
    assert world.agree() == {proposal.pk: "SUCCEEDED"}
    ready = actions.queue(proposal)
    world.send_raw(YUKI, ready["to"], ready["data"])
    assert world.agree() == {proposal.pk: "QUEUED"}
    with pytest.raises(actions.Refused, match="timelock"):
        actions.execute(world.reread(proposal.pk))
    world.wait_until(world.reread(proposal.pk).queued.eta)
    ready = actions.execute(world.reread(proposal.pk))
    world.send_raw(YUKI, ready["to"], ready["data"])
    assert world.agree() == {proposal.pk: "EXECUTED"}

    for version in range(1, world.call("ArtParameters", "version") + 1):
        expected = world.call("ArtParameters", "paramsHash", version)
        assert parameters.params_hash(parameters.values_at(version)) == expected
        assert parameters.params_hash_of(parameters.raw_values_at(version)) == expected
    assert parameters.values_at()["palette"] == "gilded"
    assert parameters.values_at()["guidance"] == 7250
    newest = ParameterChange.objects.order_by("-version").first().version
    assert [item.proposal.pk for item in selectors.decided_by(1, newest, world.now)] == [proposal.pk]


def test_ends_that_are_not_success(world):
    nobody = world.propose(MIRA, [("ArtParameters", "setSteps", 12)], "Nobody came")
    against = world.propose(INES, [("ArtParameters", "setSteps", 13)], "Against")
    world.wait_until(world.now + 3)
    late = world.propose(TOMAS, [("ArtParameters", "setSteps", 14)], "Late")
    withdrawn = world.propose(YUKI, [("ArtParameters", "setSteps", 15)], "Withdrawn")
    world.send(
        YUKI, "ArtGovernor", "cancel", *actions.governor_arguments(withdrawn), at=withdrawn.voting_starts
    )
    assert world.agree()[withdrawn.pk] == "CANCELED"
    world.vote(TOMAS, against, 1, at=withdrawn.voting_starts + 1)
    world.vote(INES, against, 0)
    world.vote(MIRA, late, 1, at=late.voting_ends)
    states = world.agree()
    assert (states[nobody.pk], states[against.pk], states[late.pk]) == ("DEFEATED", "DEFEATED", "ACTIVE")
    extended = world.reread(late.pk).extended.voting_ends
    assert extended == late.voting_ends + 5
    world.wait_until(extended)
    assert world.agree()[late.pk] == "ACTIVE"
    world.wait_until(extended + 1)
    assert world.agree()[late.pk] == "SUCCEEDED"


def test_past_the_governor_through_the_timelock(world):
    proposal = world.propose(MIRA, [("ArtParameters", "setMood", "wild")], "Wild")
    world.vote(MIRA, proposal, 1, at=proposal.voting_starts + 1)
    queued = world.queue(proposal, at=proposal.voting_ends + 1)
    targets, values, calldatas, description_hash = actions.governor_arguments(proposal)
    governor = world.deployment.contracts["ArtGovernor"]
    aligned = int(governor[2:].ljust(64, "0"), 16)
    salt = f"0x{aligned ^ int(description_hash, 16):064x}"
    world.send(
        TOMAS, "TimelockController", "executeBatch", targets, values, calldatas, "0x" + "00" * 32, salt,
        at=queued.queued.eta,
    )  # fmt: skip
    assert world.agree() == {proposal.pk: "EXECUTED"}
    assert getattr(world.reread(proposal.pk), "executed", None) is None
    assert [item.proposal.pk for item in selectors.decided_by(1, 2, world.now)] == [proposal.pk]


def test_weights_follow_transfers_delegation_and_the_treasury(world):
    treasury = world.deployment.contracts["TimelockController"]
    world.send(MIRA, "ArtToken", "transferFrom", MIRA, TOMAS, 1)
    world.send(YUKI, "ArtToken", "delegate", INES)
    assert weights.delegations() == {YUKI: INES}
    world.mint_to(treasury, first=7, count=20)
    world.agree()
    assert weights.supply_at(world.now - 1) == 6
    world.send(INES, "ArtToken", "transferFrom", INES, treasury, 3)
    world.agree()
    world.send(YUKI, "ArtToken", "delegate", "0x" + "00" * 20)
    assert weights.delegations() == {}
    world.wait_until(world.now + 1)
    world.agree()
    held = {holder.address: (holder.tokens, holder.votes) for holder in weights.holders()}
    assert held == {
        MIRA: ([2], 1),
        INES: ([4], 1),
        TOMAS: ([1, 5], 2),
        YUKI: ([6], 1),
        treasury: ([3, *range(7, 27)], 0),
    }
    for token, owner in weights.owners().items():
        assert world.call("ArtToken", "ownerOf", token) == owner


def test_the_history_of_power_and_where_it_comes_from_are_the_tokens_own(world):
    treasury = world.deployment.contracts["TimelockController"]
    world.send(YUKI, "ArtToken", "delegate", INES)
    world.send(MIRA, "ArtToken", "delegate", INES)
    world.send(TOMAS, "ArtToken", "transferFrom", TOMAS, YUKI, 5)
    world.send(INES, "ArtToken", "transferFrom", INES, treasury, 3)
    world.send(INES, "ArtToken", "delegate", TOMAS)  # who has nothing of his own now
    world.send(YUKI, "ArtToken", "delegate", "0x" + "00" * 20)
    world.wait_until(world.now + 1)
    moments = sorted({row.at for row in VotesChanged.objects.all()})
    for address in (MIRA, INES, TOMAS, YUKI, treasury):
        rows = list(members.checkpoints(address))
        for mark in members.history(address, rows, None):
            assert mark.votes == world.call("ArtToken", "getPastVotes", address, mark.at)
            assert mark.before == world.call("ArtToken", "getPastVotes", address, mark.at - 1)
            assert mark.causes
        for at in moments:
            found = weights.backing([address], at)[address]
            assert sum(found.values()) == world.call("ArtToken", "getPastVotes", address, at)
    assert weights.backing([INES, TOMAS]) == {INES: {MIRA: 2}, TOMAS: {INES: 1}}
    assert weights.supply_now() == world.call("ArtToken", "getPastTotalSupply", world.now - 1)
    held = weights.balances([MIRA, INES, TOMAS, YUKI, treasury])
    for address in (MIRA, INES, TOMAS, YUKI, treasury):
        assert held.get(address, 0) == world.call("ArtToken", "balanceOf", address)


def test_the_rules_themselves_are_voted_on(world):
    before = world.propose(TOMAS, [("ArtParameters", "setSteps", 9)], "Before the rules changed")
    world.carry(
        [
            ("ArtGovernor", "updateQuorumNumerator", 51),
            ("ArtGovernor", "updateMinVotes", 2),
            ("ArtGovernor", "setVotingPeriod", 100),
            ("TimelockController", "updateDelay", 20),
        ],
        "Stricter",
    )
    after = world.propose(TOMAS, [("ArtParameters", "setSteps", 10)], "After")
    world.vote(TOMAS, after, 1, at=after.voting_starts + 1)
    world.agree()
    assert (selectors.quorum(before), selectors.quorum(after)) == (1, 4)
    assert selectors.standing(after, world.now).quorum_missing == 3
    world.wait_until(after.voting_ends + 1)
    assert world.agree()[after.pk] == "DEFEATED"


def test_a_new_timelock_orphans_what_was_queued_in_the_old(world):
    orphan = world.propose(MIRA, [("ArtParameters", "setMood", "dim")], "Orphan")
    world.vote(MIRA, orphan, 1, at=orphan.voting_starts + 1)
    world.queue(orphan, at=orphan.voting_ends + 1)
    governor = world.deployment.contracts["ArtGovernor"]
    zero = "0x" + "00" * 20
    code = abi.encode_constructor("TimelockController", 10, [governor], [zero], zero)
    other = world.send_raw(MIRA, None, code)["contractAddress"].lower()
    moved = world.carry([("ArtGovernor", "updateTimelock", other)], "Move house")
    assert world.agree() == {orphan.pk: "CANCELED", moved.pk: "EXECUTED"}


def test_descriptions_and_reasons_that_are_no_text_are_mirrored(world):
    at = world.deployment.contracts
    call = abi.encode_call("ArtParameters", "setSteps", 7)
    good = abi.encode_call("ArtGovernor", "propose", [at["ArtParameters"]], [0], [call], "ABCD")
    broken = good.replace(b"ABCD".hex(), "ff00c328")
    world.send_raw(MIRA, at["ArtGovernor"], broken)
    proposal = Proposal.objects.get()
    assert "\x00" not in proposal.description
    world.vote(MIRA, proposal, 1, at=proposal.voting_starts + 1)
    queued = world.queue(proposal, at=proposal.voting_ends + 1)
    world.execute(proposal, at=queued.queued.eta)
    assert world.agree() == {proposal.pk: "EXECUTED"}


def test_the_keeper_leaves_people_a_moment_and_then_acts(world, monkeypatch, settings):
    from chain import transactions

    settings.OPERATOR_ADDRESS = world.rpc.call("eth_accounts")[0].lower()
    settings.KEEPER_GRACE_S = 3
    proposal = world.propose(MIRA, [("ArtParameters", "setMood", "still")], "Still")
    world.vote(MIRA, proposal, 1, at=proposal.voting_starts + 1)

    def kept(now: int, expected: State) -> bool:
        """Run the keeper at `now` and give what it sent a moment to be mined."""
        world.wait_until(now)
        monkeypatch.setattr("chain.clock.now", lambda: now)
        keeper.run()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            transactions.settle()
            world.mirror()
            if selectors.state(world.reread(proposal.pk), world.now) is expected:
                return True
            time.sleep(0.05)
        return False

    assert kept(proposal.voting_ends + 1, State.SUCCEEDED)
    assert not Transaction.objects.exists()
    assert kept(proposal.voting_ends + 4, State.QUEUED)
    eta = world.reread(proposal.pk).queued.eta
    assert kept(eta, State.QUEUED)
    assert kept(eta + 3, State.EXECUTED)
    assert parameters.values_at()["mood"] == "still"
    keeper.run()
    world.agree()


def test_a_proposal_that_reverts_is_tried_in_vain_and_the_page_says_why(world, monkeypatch, settings, client):
    settings.OPERATOR_ADDRESS = world.rpc.call("eth_accounts")[0].lower()
    settings.KEEPER_GRACE_S = 0
    hopeless = world.propose(MIRA, [("ArtParameters", "setSteps", 101)], "Too many steps")
    world.vote(MIRA, hopeless, 1, at=hopeless.voting_starts + 1)
    queued = world.queue(hopeless, at=hopeless.voting_ends + 1)
    world.wait_until(queued.queued.eta)
    monkeypatch.setattr("chain.clock.now", lambda: queued.queued.eta)
    keeper.run()
    assert world.agree() == {hopeless.pk: "QUEUED"}
    page = client.get(f"/proposals/{hopeless.pk}/").content.decode()
    assert "keeper tried and could not" in page
    assert "The contract will refuse this: Between 1 and 100." in page
