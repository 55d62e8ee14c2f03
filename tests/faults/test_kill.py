"""`kill -9` of the one process at each stage of an epoch, with the chain left alive and with it killed too.

Killed within the stage, started again, it ends where an undisturbed run does: the contract's generations,
once each, every picture the one that its recipe gives when nobody disturbs the painter.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.remote import RemotePainter
from tests.faults.small import Small, plant

pytestmark = pytest.mark.slow

UNSETTLED = """SELECT max(epoch_id) FROM gallery_sealing
    WHERE epoch_id NOT IN (SELECT epoch_number FROM gallery_generation)
    AND epoch_id NOT IN (SELECT epoch_id FROM gallery_failure)"""
FINALIZE = "SELECT 1 FROM chain_transaction WHERE key LIKE 'finalize:' || epoch_id || ':%'"
COMMITTED = UNSETTLED + " AND epoch_id IN (SELECT epoch FROM compute_commitment)"
REVEALED = UNSETTLED + " AND epoch_id IN (SELECT epoch FROM compute_reveal)"
STAGES = {
    "voting": """SELECT max(1) FROM governance_vote
        WHERE NOT EXISTS (SELECT 1 FROM governance_proposalqueued)""",
    "sealed": UNSETTLED + " AND epoch_id NOT IN (SELECT epoch_id FROM gallery_seeddraw)",
    "drawn": UNSETTLED
    + """ AND epoch_id IN (SELECT epoch_id FROM gallery_seeddraw)
        AND epoch_id NOT IN (SELECT epoch_number FROM gallery_rendering)""",
    "painting": "SELECT max(epoch_number) FROM gallery_rendering WHERE state = 'painting' AND step > 1",
    "committed": COMMITTED + " AND epoch_id NOT IN (SELECT epoch FROM compute_reveal)",
    "revealed": REVEALED + f" AND NOT EXISTS ({FINALIZE})",
    "finalizing": REVEALED + f" AND EXISTS ({FINALIZE} AND state IN ('sending', 'sent', 'mined'))",
}
"""Each asks for the number of the epoch that is in that stage (1 for the vote), or NULL."""
TRIES = 6


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "var"
    plant(folder)
    return folder


@pytest.fixture(scope="module")
def painter() -> Iterator[RemotePainter]:
    """The painter that nobody disturbs."""
    one = RemotePainter()
    yield one
    one.stop()


@pytest.fixture
def small(planted: Path, tmp_path: Path) -> Iterator[Small]:
    one = Small(planted, tmp_path / "var")
    yield one
    one.end()


def in_stage(small: Small, stage: str) -> Callable[[], object]:
    return lambda: small.rows(STAGES[stage])[0][0]


def kill_in(small: Small, stage: str, chain_too: bool) -> int:
    """Kill the site in a stage; returns the epoch. A stage that was over by then is waited for again."""
    for _ in range(TRIES):
        small.start()
        voted = small.vote_for("wild") if stage == "voting" else 0
        small.until(in_stage(small, stage))
        if voted and chain_too:  # a chain that is killed may lose its last second, but not this vote
            small.until(lambda voted=voted: small.saved_block() >= voted)
        small.kill(chain_too)
        if epoch := in_stage(small, stage)():
            return int(str(epoch))
    pytest.fail(f"the stage {stage} was never caught")


@pytest.mark.parametrize("chain_too", [False, True], ids=["chain-lives", "chain-killed"])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_and_started_again_it_ends_in_the_same_lineage(small, painter, stage, chain_too):
    epoch = kill_in(small, stage, chain_too)
    promised = small.rows("SELECT recipe_hash FROM gallery_seeddraw WHERE epoch_id = ?", epoch)

    site = small.start()
    if stage == "voting":
        wild = "SELECT 1 FROM gallery_rendering r JOIN gallery_generation g ON g.recipe_hash = r.recipe_hash"
        small.until(lambda: small.rows(wild + " WHERE r.recipe LIKE '%\"wild\"%'"))
    else:
        anchored = "SELECT recipe_hash FROM gallery_generation WHERE epoch_number = ?"
        small.until(lambda: small.rows(anchored, epoch))
        # A chain that was killed may have lost its last second, and with it the seed; else nothing is lost.
        if promised and not chain_too:
            assert small.rows(anchored, epoch) == promised
        attempts = "SELECT max(attempts) FROM gallery_rendering WHERE epoch_number = ?"
        [(most,)] = small.rows(attempts, epoch)
        assert most <= 2
        # Nobody's word was broken, so that no bond is smaller than it was.
        assert chain_too or small.rows("SELECT count(*) FROM compute_slash") == [(0,)]
    assert small.rows("SELECT count(*) FROM gallery_failure") == [(0,)]
    small.check(painter)
    assert site.stop() < 5
