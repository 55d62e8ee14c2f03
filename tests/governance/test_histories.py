"""Whatever happened and was taken back: a mirror that followed is a mirror made anew, and both say what the
contracts say.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain import mirror
from chain.models import Reorganisation
from chain.private import PrivateChain
from governance import models
from tests.governance.histories import ROWS, Act, Player, picture
from tests.governance.world import World

pytestmark = pytest.mark.django_db(transaction=True)

STATES = 20_000  # that Anvil keeps: those of lost blocks and of earlier examples count too
OPENING: list[Act] = [
    ("mint", 5, 2, 1),
    ("delegate", 3, 1, 1),
    ("propose", 0, 0, 1, 1),
    ("propose", 1, 1, 2, 1),
    ("vote", [(0, 1, "because"), (1, 1, ""), (2, 0, "no")], 0, 1),
]
"""So that there is something to lose, and to vote on."""

some = st.integers(0, 7)
after = st.sampled_from([1, 1, 2, 7, 30, 61])
reasons = st.one_of(
    st.sampled_from(["", "because", "naïve – “quoted”", "a\x00b", "🌸" * 40]), st.text(max_size=20)
)
ballot = st.tuples(some, st.integers(0, 2), reasons)
depth = st.sampled_from([*range(1, 5)] * 4 + [*range(5, 20)])
again = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=5)

acts: st.SearchStrategy[Act] = st.one_of(
    st.tuples(st.just("transfer"), some, some, after),
    st.tuples(st.just("delegate"), some, st.integers(0, 9), after),
    st.tuples(st.just("mint"), some, st.integers(1, 3), after),
    st.tuples(st.just("propose"), some, st.integers(0, 5), st.integers(1, 3), after),
    st.tuples(st.just("vote"), st.lists(ballot, min_size=1, max_size=4), some, after),
    st.tuples(st.just("vote"), st.lists(ballot, min_size=3, max_size=6), some, after),
    st.tuples(st.just("queue"), some, after),
    st.tuples(st.just("execute"), some, after),
    st.tuples(st.just("cancel"), some, after),
    st.tuples(st.just("wait"), st.integers(1, 120)),
    st.tuples(st.just("blocks"), st.integers(1, 6)),
    st.tuples(st.just("sync")),
    st.tuples(st.just("sync")),
    st.tuples(st.just("reorg"), depth, again),
    st.tuples(st.just("reorg"), depth, again),
    st.tuples(st.just("replace"), depth, again, after),
    st.tuples(st.just("rollback"), depth),
)


@pytest.fixture
def player(tmp_path: Path, settings: Any) -> Iterator[Player]:
    """A founded chain that remembers enough states to be taken back to its founding."""
    chain = PrivateChain(tmp_path / "chain", history=STATES).start()
    chain.leave()  # nobody needs its past on disk
    try:
        settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
        settings.CHAIN_RPC_URL = chain.url
        settings.CHAIN_LISTENERS = []
        settings.PRIVATE_CHAIN = True
        yield Player(World(chain.url, tmp_path))
    finally:
        chain.stop()


def play(player: Player, history: list[Act]) -> None:
    """Do all of it after the opening with a mirror that follows, and hold the end against the contracts and a
    mirror made anew.
    """
    player.begin()
    for act in [*OPENING, *history]:
        player.do(act)
    player.check()
    followed = picture()
    mirror.forget()
    assert not any(model._default_manager.exists() for model in ROWS)
    player.check()
    assert picture() == followed


def test_a_life_with_every_act_in_it(player):
    """What the random histories are made of does happen: else they would prove nothing."""
    play(
        player,
        [
            ("transfer", 0, 4, 2),
            ("propose", 1, 3, 3, 1),
            ("sync",),
            ("vote", [(3, 1, "too")], 0, 1),
            ("vote", [(0, 0, "a\x00b"), (2, 2, "")], 2, 1),
            ("sync",),
            ("replace", 1, [(1, 0), (0, 0)], 30),
            ("sync",),
            ("vote", [(1, 1, "because"), (3, 1, "")], 2, 1),
            ("sync",),
            ("queue", 0, 1),
            ("execute", 0, 1),
            ("queue", 2, 1),
            ("execute", 2, 1),  # which reverts
            ("propose", 0, 2, 4, 1),
            ("cancel", 3, 1),
        ],
    )
    assert player.states() == {"EXECUTED", "DEFEATED", "QUEUED", "CANCELED"}
    assert models.Vote.objects.filter(reason="a\ufffdb").exists()
    assert models.ParameterChange.objects.filter(version=2).exists()
    player.do(("reorg", 9, [(2, 3)]))
    player.check()
    player.do(("rollback", 12))
    player.check()
    assert Reorganisation.objects.count() >= 2
    assert not models.ProposalExecuted.objects.exists()


def property_of(examples: int, longest: int) -> Any:
    """`play` for `examples` random histories, the same ones in every run."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(history=st.lists(acts, min_size=longest // 3, max_size=longest))
    def holds(player: Player, history: list[Act]) -> None:
        play(player, history)

    return holds


def test_any_history_isMirroredAsItIs(player):
    property_of(examples=5, longest=12)(player)


@pytest.mark.slow
def test_many_histories_areMirroredAsTheyAre(player):
    property_of(examples=60, longest=40)(player)
