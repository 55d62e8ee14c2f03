"""States, tallies, quorum and weights from rows alone; test_agreement.py asks the contracts."""

from __future__ import annotations

import pytest

from governance import models, selectors, weights
from governance.models import Support
from governance.selectors import State
from tests.governance import factories
from tests.governance.factories import INES, MIRA, TOMAS, TREASURY, YUKI, ZERO

pytestmark = pytest.mark.django_db


@pytest.fixture
def electorate() -> None:
    factories.electorate(at=1)


def carried(at: int = 1000) -> models.Proposal:
    proposal = factories.proposal(at)
    factories.vote(proposal, MIRA, Support.FOR, 2, at + 5)
    return proposal


def test_a_proposals_life_by_the_clock(electorate):
    proposal = carried(1000)
    at = {now: selectors.state(proposal, now) for now in (1000, 1001, 1002, 1061, 1062)}
    assert at == {
        1000: State.PENDING,
        1001: State.PENDING,  # the snapshot's own second
        1002: State.ACTIVE,
        1061: State.ACTIVE,  # the deadline's own second
        1062: State.SUCCEEDED,
    }
    models.ProposalQueued.objects.create(
        **factories.place(factories.block(1070)), proposal=proposal, eta=1080
    )
    proposal = selectors.proposals().get(pk=proposal.pk)
    assert selectors.state(proposal, 1075) is State.QUEUED
    assert not selectors.standing(proposal, 1079).ready
    assert selectors.standing(proposal, 1080).ready
    models.ProposalExecuted.objects.create(**factories.place(factories.block(1090)), proposal=proposal)
    assert selectors.state(selectors.proposals().get(pk=proposal.pk), 1091) is State.EXECUTED


def test_without_a_quorum_or_a_majority_it_is_defeated(electorate):
    nobody = factories.proposal(1000)
    tied = factories.proposal(1000)
    factories.vote(tied, MIRA, Support.FOR, 2, 1010)
    factories.vote(tied, INES, Support.AGAINST, 2, 1011)
    against = factories.proposal(1000)
    factories.vote(against, MIRA, Support.AGAINST, 2, 1010)
    for proposal in (nobody, tied, against):
        assert selectors.state(proposal, 2000) is State.DEFEATED


def test_abstentions_make_a_quorum_and_no_majority(electorate):
    factories.setting(models.GovernorSetting.Kind.QUORUM_NUMERATOR, 50, at=500)
    proposal = factories.proposal(1000)
    factories.vote(proposal, TOMAS, Support.FOR, 1, 1010)
    assert selectors.state(proposal, 2000) is State.DEFEATED
    factories.vote(proposal, MIRA, Support.ABSTAIN, 2, 1020)
    standing = selectors.standing(proposal, 2000)
    assert (standing.quorum, standing.tally.towards_quorum) == (3, 3)
    assert standing.state is State.SUCCEEDED


def test_a_late_quorum_moves_the_deadline(electorate):
    proposal = carried(1000)
    models.ProposalExtended.objects.create(
        **factories.place(factories.block(1060)), proposal=proposal, voting_ends=1100
    )
    proposal = selectors.proposals().get(pk=proposal.pk)
    assert selectors.state(proposal, 1100) is State.ACTIVE
    assert selectors.state(proposal, 1101) is State.SUCCEEDED


def test_executed_or_cancelled_at_the_timelock_itself_counts(electorate):
    for rows, expected in (
        ({"done": True}, State.EXECUTED),
        ({"lost": True}, State.CANCELED),
        ({"moved": True}, State.CANCELED),
    ):
        proposal = carried(1000)
        models.ProposalQueued.objects.create(
            **factories.place(factories.block(1070)), proposal=proposal, eta=1080
        )
        where = factories.place(factories.block(1090))
        if "done" in rows:
            models.OperationExecuted.objects.create(**where, operation_id=proposal.operation_id, index=0)
        elif "lost" in rows:
            models.OperationCancelled.objects.create(**where, operation_id=proposal.operation_id)
        else:
            factories.setting(models.GovernorSetting.Kind.TIMELOCK, int(TREASURY, 16), at=1095)
        assert selectors.state(selectors.proposals().get(pk=proposal.pk), 1100) is expected


def test_the_quorum_is_a_share_rounded_up_and_never_below_the_least(electorate):
    proposal = factories.proposal(1000)
    assert selectors.quorum(proposal) == 1  # ceil(0.6)
    factories.setting(models.GovernorSetting.Kind.QUORUM_NUMERATOR, 34, at=900)
    assert selectors.quorum(proposal) == 3  # ceil(2.04)
    factories.setting(models.GovernorSetting.Kind.MIN_VOTES, 5, at=950)
    assert selectors.quorum(proposal) == 5
    factories.setting(models.GovernorSetting.Kind.MIN_VOTES, 6, at=1500)
    assert selectors.quorum(proposal) == 5  # as at the snapshot


def test_five_hundred_unsold_tokens_do_not_freeze_governance(electorate):
    models.Exclusion.objects.create(**factories.place(factories.block(1)), account=TREASURY, excluded=True)
    for number in range(7, 507):
        factories.token(number, TREASURY, at=2)
    assert selectors.supply_at(1000) == 6
    assert selectors.quorum(factories.proposal(1000)) == 1
    holder = next(holder for holder in selectors.holders() if holder.address == TREASURY)
    assert (len(holder.tokens), holder.votes, holder.excluded) == (500, 0, True)


def test_weight_is_that_of_the_snapshot(electorate):
    factories.token(1, TOMAS, at=2000, sender=MIRA)
    factories.votes(MIRA, 2, 1, at=2000)
    factories.votes(TOMAS, 1, 2, at=2000)
    assert [weights.weight_at(MIRA, t) for t in (0, 1, 1999, 2000)] == [0, 2, 2, 1]
    assert weights.weight_now(TOMAS) == 2
    assert weights.tokens_of(TOMAS) == [1, 5]
    assert weights.tokens_of(TOMAS, 1999) == [5]
    assert weights.supply_at(2000) == 6


def test_of_two_changes_in_one_block_the_later_holds(electorate):
    where = factories.block(3000)
    for previous, current in ((2, 1), (1, 0)):
        models.VotesChanged.objects.create(
            **factories.place(where), delegate=MIRA, previous=previous, current=current
        )
    assert weights.weight_at(MIRA, 3000) == 0


def test_delegating_to_nobody_means_oneself(electorate):
    where = factories.block(2000)
    models.Delegation.objects.create(**factories.place(where), delegator=YUKI, previous=YUKI, current=MIRA)
    assert weights.delegate_of(YUKI) == MIRA
    assert weights.delegations() == {YUKI: MIRA}
    assert weights.delegate_of(YUKI, 1999) == YUKI
    models.Delegation.objects.create(**factories.place(where), delegator=YUKI, previous=MIRA, current=ZERO)
    assert weights.delegate_of(YUKI) == YUKI
    assert weights.delegations() == {}


def test_weights_and_tallies_are_exact_at_the_end_of_uint256():
    most = 2**256 - 1
    proposal = factories.proposal(1000)
    factories.vote(proposal, MIRA, Support.FOR, most, 1010)
    factories.vote(proposal, INES, Support.FOR, most, 1011)
    factories.votes(MIRA, 0, most, at=1)
    tally = selectors.tallies([proposal.pk])[proposal.pk]
    assert tally.for_ == 2 * most
    assert weights.weight_at(MIRA, 5) == most
    assert selectors.supply_at(5) == most


def test_proposals_are_numbered_by_when_they_were_made(electorate):
    made = [factories.proposal(at) for at in (100, 200, 300)]
    listed = list(selectors.proposals())
    assert [proposal.pk for proposal in listed] == [proposal.pk for proposal in reversed(made)]
    assert [proposal.number for proposal in listed] == [3, 2, 1]
    assert selectors.proposals().get(pk=made[1].pk).number == 2


def test_a_list_costs_the_same_few_queries_however_long(electorate, django_assert_max_num_queries):
    for at in range(1000, 1020):
        carried(at)
    with django_assert_max_num_queries(9):
        assert len(selectors.standings(list(selectors.proposals()), 5000)) == 20


def test_open_proposals_are_those_that_still_move(electorate):
    running, won, lost = carried(1000), carried(800), factories.proposal(700)
    old = carried(1000 - selectors.PATIENCE_S - 100)
    found = [item.proposal.pk for item in selectors.open_proposals(1010)]
    assert found == [won.pk, running.pk] or set(found) == {won.pk, running.pk}
    assert lost.pk not in found
    assert old.pk not in found
    assert old.pk in [item.proposal.pk for item in selectors.open_proposals(1010, patience=86400)]


def test_what_can_not_be_executed_keeps_nobody_awake_for_ever(electorate):
    stuck = carried(1000)
    models.ProposalQueued.objects.create(**factories.place(factories.block(1070)), proposal=stuck, eta=1080)
    assert selectors.open_proposals(1080 + selectors.PATIENCE_S) != []
    assert selectors.open_proposals(1081 + selectors.PATIENCE_S) == []


def test_versions_lead_to_the_proposals_that_made_them(electorate):
    tx = factories.hash32()
    proposal = carried(1000)
    factories.parameters(version=1, at=10)
    factories.parameters(version=2, at=1090, tx_hash=tx, mood="wild")
    models.ProposalExecuted.objects.create(
        **factories.place(factories.block(1090), tx_hash=tx), proposal=proposal
    )
    assert [item.proposal.pk for item in selectors.decided_by(1, 2, 2000)] == [proposal.pk]
    assert selectors.decided_by(0, 1, 2000) == []


def test_a_reorganisation_takes_everything_with_it(electorate):
    proposal = carried(1000)
    models.ProposalQueued.objects.create(
        **factories.place(factories.block(1070)), proposal=proposal, eta=1080
    )
    proposal.log.block.delete()
    assert not models.Proposal.objects.exists()
    assert not models.Vote.objects.exists()
    assert not models.ProposalQueued.objects.exists()
