"""Operators as they are: processes of their own on a real chain, that agree, fall silent, lie, die, return.

The slow stories share one chain, in their order: each leaves it with no epoch under way. What a liar does,
the test does, with the liar's key and transactions of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compute.fleet import ANCHORED, BRISK, CLASS, ETHER, FAILED, PATIENT, Fleet, lineage_of
from tests.studio.conftest import build_tiny_model

CAUGHT_UP = "SELECT 1 FROM chain_cursor WHERE number >= ?"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


# --- The quick one -------------------------------------------------------------------------------------


def test_an_operator_paints_with_its_keys_and_is_paid(model: Path, tmp_path: Path):
    """One process, three keys: it registers, draws, paints once, commits, reveals, finalizes, settles."""
    fleet = Fleet(tmp_path, model)
    try:
        keys = " ".join(one.own.key.to_0x_hex() for one in fleet.workers.values())
        keeper = fleet.keeper.key.to_0x_hex()
        one = fleet.start("a", "--register", WORKER_KEYS=keys, OPERATOR_KEY=keeper)
        assert one.console.count(": registered, and paints from epoch 1 on") == 3
        epoch = fleet.seal()
        assert fleet.finished(epoch) == ANCHORED
        fleet.until(lambda: len(fleet.of(epoch, "FeeCredited")) == 3)
        [done] = fleet.events("WorkerSet", "ResultFinalized")
        assert done["winners"] == 3
        anchored = fleet.ask("LivingArtwork", "generationOf", 2)["result"]["fileHash"]
        fleet.until(lambda: one.serves(anchored))
        fleet.until(lambda: f"epoch {epoch} is generation 2: 3 found it" in one.console)
        assert one.console.count(f"epoch {epoch}: painted in") == 1, "once for all keys"
        fleet.solvent()
        assert one.stop() < 5
        assert "Traceback" not in one.story()
    finally:
        fleet.end()


# --- The slow ones -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fleet(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A keeper, `a`, and `b`, who has the lineage from `a`; `c` comes in the first story."""
    made = Fleet(tmp_path_factory.mktemp("fleet"), model)
    try:
        made.begin("a", "--register", OPERATOR_KEY=made.keeper.key.to_0x_hex())
        made.begin("b", "--register")
        for name in "ab":
            made.running[name].until_ready()
        yield made
    finally:
        made.end()


def ensure(fleet: Fleet, running: str) -> None:
    """Exactly these operators run, on their own folders, and no epoch is under way."""
    fleet.stop(*(name for name in "abc" if name not in running))
    for name in running:
        if name not in fleet.running:
            fleet.begin(name)
    for name in running:
        fleet.running[name].until_ready()
    head = fleet.head()
    for name in running:
        fleet.until(lambda one=fleet.running[name]: one.rows(CAUGHT_UP, head))


@pytest.mark.slow
def test_one_that_joins_late_fetches_the_lineage_and_paints_the_same(fleet: Fleet):
    first = fleet.seal()
    assert fleet.finished(first) == ANCHORED
    assert set(fleet.of(first, "Revealed")) == {"a", "b"}

    late = fleet.start("c", "--register", LINEAGE_MIRRORS=fleet.running["b"].url)
    epoch = fleet.seal()
    assert fleet.finished(epoch) == ANCHORED
    reveals = fleet.of(epoch, "Revealed")
    assert set(reveals) == {"a", "b", "c"}
    assert len({one["resultHash"] for one in reveals.values()}) == 1
    files = [fleet.ask("LivingArtwork", "generationOf", number)["result"]["fileHash"] for number in (1, 2, 3)]
    for one in fleet.running.values():
        fleet.until(lambda one=one: all(one.serves(name) for name in files))
    assert f"gave the picture {files[1]}" in late.story()
    fleet.until(lambda: len(fleet.of(epoch, "FeeCredited")) == 3)
    fleet.until(lambda: len({tuple(rows) for rows in lineage_of(list(fleet.running.values()))}) == 1)
    assert fleet.slashes() == 0
    fleet.solvent()


@pytest.mark.slow
def test_one_that_is_killed_between_commit_and_reveal_comes_back_and_reveals(fleet: Fleet):
    ensure(fleet, "abc")
    killed, slow = fleet.running["c"], fleet.running["b"]
    slow.pause()  # while one commitment is missing, nobody reveals
    epoch = fleet.seal()
    fleet.until(lambda: {"a", "c"} <= set(fleet.of(epoch, "Committed")))
    killed.kill()
    del fleet.running["c"]
    [(vowed,)] = killed.rows("SELECT commitment FROM compute_vow WHERE epoch = ?", epoch)
    assert vowed == fleet.of(epoch, "Committed")["c"]["commitment"]
    slow.go_on()
    fleet.until(lambda: "b" in fleet.of(epoch, "Committed"))

    again = fleet.start("c")
    assert fleet.finished(epoch) == ANCHORED
    assert set(fleet.of(epoch, "Revealed")) == {"a", "b", "c"}
    assert again.rows("SELECT commitment FROM compute_vow WHERE epoch = ?", epoch) == [(vowed,)]
    fleet.until(lambda: len(fleet.of(epoch, "FeeCredited")) == 3)
    assert fleet.slashes() == 0


@pytest.mark.slow
def test_a_reorganisation_across_a_reveal_ends_right(fleet: Fleet):
    ensure(fleet, "abc")
    epoch = fleet.seal()
    before = fleet.until(lambda: fleet.of(epoch, "Revealed"))
    block = min(one["block"] for one in before.values())
    fleet.rpc.call("anvil_reorg", max(1, fleet.head() - block + 1), [])
    taken = {one["block_hash"] for one in before.values()}
    assert fleet.finished(epoch) == ANCHORED
    reveals = fleet.of(epoch, "Revealed")
    assert set(reveals) == {"a", "b", "c"}
    assert not taken & {one["block_hash"] for one in reveals.values()}, "the blocks are others"
    assert [one["epoch"] for one in fleet.events("LivingArtwork", "GenerationAnchored")].count(epoch) == 1
    fleet.until(lambda: len(fleet.of(epoch, "FeeCredited")) == 3)
    fleet.until(lambda: len({tuple(rows) for rows in lineage_of(list(fleet.running.values()))}) == 1)
    assert fleet.slashes() == 0


@pytest.mark.slow
def test_one_that_lies_loses_and_the_others_win(fleet: Fleet):
    ensure(fleet, "ab")
    bond = fleet.worker("c")["bond"]
    epoch = fleet.seal()
    fleet.until(lambda: fleet.painted(epoch))
    _, forged = fleet.forgery(200)
    fleet.reveal("c", fleet.vow("c", epoch, forged))
    assert fleet.finished(epoch) == ANCHORED
    fleet.until(lambda: {"a", "b"} == set(fleet.of(epoch, "FeeCredited")))
    slashed = fleet.until(lambda: fleet.of(epoch, "Slashed"))
    assert set(slashed) == {"c"}
    rules = fleet.ask("WorkerSet", "rules")
    assert fleet.worker("c")["bond"] == bond - rules["mismatchSlash"]
    [number] = [one["slashId"] for one in slashed.values()]
    assert fleet.ask("WorkerSet", "slashes", number)["state"] == 1, "held back: it may be challenged"
    anchored = fleet.ask("LivingArtwork", "epochs", epoch)["generation"]
    assert fleet.ask("LivingArtwork", "generationOf", anchored)["result"]["fileHash"] != forged[2]
    fleet.solvent()
    bonded(fleet, "c")


@pytest.mark.slow
def test_one_that_commits_and_never_reveals_is_slashed_and_the_others_win(fleet: Fleet):
    ensure(fleet, "ab")
    fleet.set_rules(**BRISK)
    bond = fleet.worker("c")["bond"]
    treasury = fleet.contracts["TimelockController"]
    kept = fleet.ask("WorkerSet", "credits", treasury)
    epoch = fleet.seal()
    fleet.until(lambda: fleet.painted(epoch))
    fleet.vow("c", epoch, fleet.forgery(201)[1])
    assert fleet.finished(epoch) == ANCHORED
    assert set(fleet.of(epoch, "Revealed")) == {"a", "b"}
    fleet.until(lambda: {"a", "b"} == set(fleet.of(epoch, "FeeCredited")))
    fleet.send(fleet.account, "WorkerSet", "resolve", fleet.workers["c"].address)  # as anybody may
    slashed = fleet.until(lambda: fleet.of(epoch, "Slashed"))
    rules = fleet.ask("WorkerSet", "rules")
    assert set(slashed) == {"c"}
    assert slashed["c"]["challengeUntil"] == 0, "at once, and final"
    assert fleet.worker("c")["bond"] == bond - rules["silenceSlash"]
    assert fleet.ask("WorkerSet", "credits", treasury) == kept + rules["silenceSlash"]
    fleet.solvent()
    fleet.set_rules(**PATIENT)
    bonded(fleet, "c")


@pytest.mark.slow
def test_two_that_lie_differently_come_to_nothing_and_nobody_honest_loses(fleet: Fleet):
    ensure(fleet, "a")
    before = {name: fleet.worker(name)["bond"] for name in "abc"}
    pool, slashes = fleet.ask("WorkerSet", "pool"), fleet.slashes()
    generations = fleet.ask("LivingArtwork", "generations")
    epoch = fleet.seal()
    fleet.until(lambda: fleet.painted(epoch))
    deadline = fleet.ask("WorkerSet", "roundOf", epoch)["deadline"]
    vows = {name: fleet.vow(name, epoch, fleet.forgery(shade)[1]) for name, shade in (("b", 210), ("c", 211))}
    for name, vow in vows.items():
        fleet.reveal(name, vow)
    assert fleet.finished(epoch) == FAILED
    assert fleet.now() < deadline, "early: nobody is waited for who can't change it"
    opened = [one for one in fleet.events("WorkerSet", "PaintingOpened") if one["epoch"] == epoch]
    assert len(opened) > 1, "it was tried again first"
    assert fleet.ask("LivingArtwork", "generations") == generations
    fleet.until(lambda: [one for one in fleet.events("WorkerSet", "FeeReleased") if one["epoch"] == epoch])
    assert fleet.ask("WorkerSet", "pool") == pool
    assert fleet.slashes() == slashes, "without a quorum nobody can say who lied"
    assert {name: fleet.worker(name)["bond"] for name in "abc"} == before
    fleet.solvent()


@pytest.mark.slow
def test_two_that_lie_alike_win_and_the_honest_one_may_challenge(fleet: Fleet):
    """What a quorum does not promise. Their picture is had from their mirror, and painted over next."""
    ensure(fleet, "a")
    honest, bond = fleet.workers["a"], fleet.worker("a")["bond"]
    epoch = fleet.seal()
    fleet.until(lambda: fleet.painted(epoch))
    file, forged = fleet.forgery(220)
    vows = {name: fleet.vow(name, epoch, forged) for name in "bc"}
    for name, vow in vows.items():
        fleet.reveal(name, vow)
    assert fleet.finished(epoch) == ANCHORED
    anchored = fleet.ask("LivingArtwork", "epochs", epoch)["generation"]
    assert fleet.ask("LivingArtwork", "generationOf", anchored)["result"]["fileHash"] == forged[2]
    slashed = fleet.until(lambda: fleet.of(epoch, "Slashed"))
    assert set(slashed) == {"a"}
    rules = fleet.ask("WorkerSet", "rules")
    assert fleet.worker("a")["bond"] == bond - rules["mismatchSlash"]
    told = fleet.running["a"]
    fleet.until(lambda: "it revealed another result. Held back" in told.console)
    assert f"{CLASS}" not in told.console

    number = slashed["a"]["slashId"]
    fleet.send(honest.own, "WorkerSet", "challenge", number, "https://a.example/my-repaint")
    fleet.govern("WorkerSet", "decide", number, False)
    assert fleet.worker("a")["bond"] == bond, "the governance gave it back"
    fleet.solvent()

    # The liars' picture is the parent now. Nobody has it but them, until they serve it.
    bonded(fleet, "b", "c")
    fleet.set_rules(**BRISK)
    ensure(fleet, "ab")
    epoch = fleet.seal()
    fleet.until(lambda: f"{forged[2]} is not kept here" in told.console)
    assert fleet.of(epoch, "Committed") == {}, "to wait for a parent costs nothing"
    fleet.served[forged[2]] = file
    fleet.until(lambda: {"a", "b"} <= set(fleet.of(epoch, "Committed")))
    assert fleet.finished(epoch) == ANCHORED
    assert told.serves(forged[2])


def bonded(fleet: Fleet, *names: str) -> None:
    """Their bonds are enough for another epoch."""
    least = fleet.ask("WorkerSet", "rules")["minBond"]
    for name in names:
        lacking = least - fleet.worker(name)["bond"]
        if lacking > 0:
            fleet.send(fleet.account, "WorkerSet", "addBond", fleet.workers[name].address, value=lacking)
    assert all(fleet.worker(name)["bond"] >= least for name in names)
    assert least == ETHER
