"""Epochs on a real chain: the nominal story first, then everything that may go wrong."""

import threading
import time

import pytest
from django.db import connection

from chain import contracts
from chain.models import Transaction
from chain.rpc import Rpc
from compute import commitments, pictures, rendering
from compute.models import Picture, Rendering
from gallery import epochs, mining, recipes, rest, selectors, tasks
from gallery.models import Control, Epoch, Failure, Generation, SeedDraw
from governance import actions
from governance.models import Proposal
from live import presence
from studio import picture as studio_picture

pytestmark = pytest.mark.django_db(transaction=True)
State = Rendering.State
ACTIVE, DEFEATED = 1, 3  # IGovernor.ProposalState


@pytest.fixture
def watched(monkeypatch):
    """Somebody is looking."""
    monkeypatch.setattr(presence, "visitors", lambda now=None: 1)


def test_story_aVoteBecomesAPicture(world, watched):
    first = world.next_generation()
    proposal = world.carry({"prompt": "crystal shards", "palette": "ice"}, "Ice")
    second = world.next_generation()
    for _ in range(2):  # epochs that ended while the vote went on have what was decided before
        if second.epoch_number and world.jobs().latest("pk").recipe["prompt"] != "crystal shards":
            second = world.next_generation()

    job = Rendering.objects.get(recipe_hash=second.recipe_hash)
    assert (job.recipe["prompt"], job.recipe["palette"]) == ("crystal shards", "ice")
    assert job.recipe["parent_file"] == Generation.objects.get(number=second.number - 1).file_hash
    assert first.parent == recipes.head(Generation.objects.get(number=1))
    # What is kept is what the chain names, and the chain's head is what we compute.
    pixels = pictures.pixels(job.picture)
    onchain = world.call("generationOf", second.number)
    assert studio_picture.pixel_hash(pixels) == second.pixel_hash == onchain["result"]["pixelHash"]
    assert job.picture.thumb_hash == onchain["result"]["thumbHash"]
    assert recipes.head(second) == onchain["head"] == world.call("head")
    assert (
        commitments.result_hash(
            second.recipe_hash, second.pixel_hash, job.picture.thumb_hash, second.file_hash
        )
        == second.result_hash
    )
    # And the page says who decided it.
    page = selectors.generation_page(second.number)
    assert [decision.proposal.title for decision in page.decisions] == ["Ice"]
    assert page.decisions[0].voters[0].reason == "Yes."
    assert page.changed["Palette"][1] == "ice"
    assert str(proposal.pk) == page.decisions[0].proposal.id
    assert Control.get().error == ""


def test_tick_isIdempotent(world, watched):
    world.end_epoch()
    for _ in range(3):
        tasks.run()  # nothing is mirrored in between: the tick sees the same rows each time
    world.sync()
    assert Transaction.objects.filter(key="seal:1").count() == 1
    world.ticks(lambda: world.jobs().exists())
    for _ in range(4):
        world.tick()
    assert world.jobs().count() == 1
    assert SeedDraw.objects.count() == 1
    world.paint()
    for _ in range(6):
        world.tick()
    assert Generation.objects.count() == 2
    assert Transaction.objects.filter(state="reverted").count() == 0


def test_tick_holdsNoTransactionOverACallToTheChain(world, watched, monkeypatch):
    post = Rpc._post
    calls = []

    def outside(self, body):
        calls.append(connection.in_atomic_block)
        return post(self, body)

    world.end_epoch()
    monkeypatch.setattr(Rpc, "_post", outside)
    for _ in range(8):
        tasks.run()
        seen, calls[:] = list(calls), []
        assert not any(seen)
        world.sync()
        calls.clear()


def test_tick_oneAtATime(world):
    tasks.cache.set(tasks.LOCK, "another", 20)
    try:
        assert tasks.tick() == "busy"
    finally:
        tasks.cache.delete(tasks.LOCK)
    assert tasks.tick() == "ok"


def test_tick_neverWaitsForAPainting(world, watched, monkeypatch):
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    held, go_on = threading.Event(), threading.Event()
    step = rendering._Progress.__call__

    def hold(self, one):
        step(self, one)
        held.set()
        go_on.wait(30)

    monkeypatch.setattr(rendering._Progress, "__call__", hold)

    def painter():
        try:
            world.paint()
        finally:
            connection.close()

    thread = threading.Thread(target=painter)
    thread.start()
    try:
        assert held.wait(60)
        started = time.monotonic()
        for _ in range(3):
            assert world.tick() == "ok"
        assert time.monotonic() - started < 10
        assert selectors.now().next.kind == "painting"
        assert world.jobs().get().state == State.PAINTING
    finally:
        go_on.set()
        thread.join(60)
    world.ticks(world.generation(2))


def test_painting_waitsUntilTheSeedIsFinal(world, watched, monkeypatch):
    monkeypatch.setattr(mining, "run", lambda: None)
    world.end_epoch()
    world.ticks(lambda: world.call("epochs", 1)["state"] == 2, most=6)
    world.chain.mine(3)
    world.sync()
    world.ticks(lambda: SeedDraw.objects.exists(), most=4)
    for _ in range(3):
        world.tick()
    assert not world.jobs().exists()
    world.chain.mine(4)
    world.sync()
    world.tick()
    assert world.jobs().exists()


def test_rest_withNobodyThereNothingIsSealed(world):
    world.end_epoch()
    head = world.rpc.call("eth_blockNumber")
    for _ in range(4):
        world.tick()
    assert world.call("currentEpoch") == 1
    assert selectors.now().next.kind == "resting"
    assert int(world.rpc.call("eth_blockNumber"), 16) - int(head, 16) <= 1  # the end itself


def test_rest_aVisitorWakesIt(world, monkeypatch):
    epoch = world.end_epoch()
    assert rest.awake(epoch) is None
    monkeypatch.setattr(presence, "visitors", lambda now=None: 1)
    assert rest.awake(epoch) is rest.Reason.VISITOR
    world.ticks(lambda: world.call("currentEpoch") == 2, most=4)


def test_rest_unchangedGenerationsEnd_andAChangeGoesOn(world, watched, monkeypatch):
    monkeypatch.setattr(rest, "UNCHANGED_IN_A_ROW", 2)
    world.next_generation()
    world.next_generation()
    epoch = world.end_epoch()
    assert rest.unchanged_in_a_row() == 2
    assert rest.awake(epoch) is None
    world.carry({"mood": "wild"})
    assert rest.awake(Epoch.objects.first()) in (rest.Reason.CHANGED, rest.Reason.PROPOSAL)
    for _ in range(3):  # two epochs may have ended before the change held
        world.next_generation()
    assert not rest.changed()
    assert rest.unchanged_in_a_row() < 2


def test_seed_thatLapsed_isFixedAnew(world, watched, monkeypatch):
    monkeypatch.setattr(mining, "run", lambda: None)
    world.end_epoch()
    world.ticks(lambda: world.call("epochs", 1)["state"] == 2, most=6)
    # Without EIP-2935's contract the chain remembers 256 blocks, which are sooner mined than 8,191.
    # After so many the round is still known, but no longer in the block that would draw from it.
    world.rpc.call("anvil_setCode", contracts.call("BlockhashRandomness", "HISTORY"), "0x")
    world.chain.mine(world.call("epochs", 1)["round"] + 256 - int(world.rpc.call("eth_blockNumber"), 16))
    world.sync()
    monkeypatch.undo()
    monkeypatch.setattr(presence, "visitors", lambda now=None: 1)
    world.ticks(lambda: SeedDraw.objects.exists(), most=8)
    assert Epoch.objects.get(number=1).refixes.count() == 1
    world.ticks(lambda: Rendering.objects.claimable().exists())
    world.paint()
    world.ticks(world.generation(2))
    assert "fixed anew 1 time" in selectors.generation_page(2).generation.seed_words


def test_painting_tooLate_getsAnotherRoundThenFails(world, watched):
    world.end_epoch()
    world.ticks(lambda: world.jobs().exists())
    assert rendering.cancel(world.jobs().get())
    for number in range(1, epochs.limits().max_rounds):
        world.pass_by(601)
        world.ticks(lambda number=number: Epoch.objects.get(number=1).rounds.count() == number + 1, most=6)
    world.pass_by(601)
    world.ticks(lambda: Failure.objects.exists(), most=6)
    assert Failure.objects.get().reason == "paint"
    assert epochs.state(Epoch.objects.get(number=1)) is epochs.EpochState.FAILED
    assert Generation.objects.count() == 1
    # The next epoch goes on from the same parent.
    assert world.next_generation().parent == recipes.head(Generation.objects.get(number=1))


def test_painting_doneInAnEarlierRound_isAnchoredInALaterOne(world, watched):
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    world.pass_by(601)
    world.paint()
    world.ticks(world.generation(2))
    assert world.jobs().get().attempts == 1


def test_reorg_thatUndoesTheAnchor_anchorsTheSamePaintingAgain(world, watched):
    generation = world.next_generation()
    head = int(world.rpc.call("eth_blockNumber"), 16)
    depth = head - generation.log.block.number + 1
    world.rpc.call("anvil_reorg", depth, [])
    world.sync()
    assert not world.generation(2)()
    world.ticks(world.generation(2))
    again = Generation.objects.get(number=2)
    assert (again.recipe_hash, again.file_hash) == (generation.recipe_hash, generation.file_hash)
    assert world.jobs().get().attempts == 1
    assert Picture.objects.count() == 2


def test_recipe_thatDiffersFromTheCommitment_stopsWithAClearError(world, watched):
    world.end_epoch()
    world.ticks(lambda: SeedDraw.objects.exists())
    SeedDraw.objects.update(recipe_hash="0x" + "ab" * 32)
    said = [world.tick() for _ in range(4)]
    assert "RecipeMismatch" in said[-1]
    assert not world.jobs().exists()
    assert "the contract computed" in Control.get().error


def test_pause_beginsNothing_andResumeGoesOn(world, watched):
    Control.change(paused=True, paused_reason="Hanging day.")
    world.end_epoch()
    for _ in range(3):
        world.tick()
    assert world.call("currentEpoch") == 1
    assert (selectors.now().next.kind, selectors.now().next.detail) == ("paused", "Hanging day.")
    Control.change(paused=False)
    world.ticks(lambda: world.call("currentEpoch") == 2)


def test_pause_whilePainting_keepsThePictureForLater(world, watched):
    world.end_epoch()
    world.ticks(lambda: Rendering.objects.claimable().exists())
    Control.change(paused=True)
    assert world.paint() == ["painted"]
    for _ in range(3):
        world.tick()
    assert not world.generation(2)()
    Control.change(paused=False)
    world.ticks(world.generation(2))


def test_mining_stopsOnceNothingWaits(world, watched):
    world.next_generation()
    world.ticks(lambda: mining.wanted() == 0)
    head = world.rpc.call("eth_blockNumber")
    for _ in range(3):
        world.tick()
    assert world.rpc.call("eth_blockNumber") == head


@pytest.mark.parametrize("late_s", [1, 90])
def test_mining_tellsTheContractsThatAVoteIsOver_howeverLateTheTick(world, watched, late_s):
    Control.change(paused=True)
    world.end_epoch()  # so that nothing but the vote waits for a block
    collector = world.accounts[1]
    draft = actions.propose(collector, {"palette": "ice"}, "Nobody votes", "")
    world.send(collector, draft.request)
    world.pass_by(3)
    world.ticks(lambda: mining.wanted() == 0)
    assert contracts.call("ArtGovernor", "state", draft.id) == ACTIVE
    world.chain.move_to(Proposal.objects.get(pk=draft.id).voting_ends + late_s)
    world.tick()
    assert contracts.call("ArtGovernor", "state", draft.id) == DEFEATED
    world.sync()
    assert mining.wanted() == 0


def test_outage_isShownAndOver(world, watched, settings):
    url, settings.CHAIN_RPC_URL = settings.CHAIN_RPC_URL, "http://127.0.0.1:9"
    world.end_epoch()
    tasks.run()
    assert "no answer" in Transaction.objects.get(key="seal:1").error
    settings.CHAIN_RPC_URL = url
    Transaction.objects.update(next_attempt_at=None)
    world.ticks(lambda: SeedDraw.objects.exists())
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    Transaction.objects.filter(key__startswith="draw:").update(state="sent")
    assert "RpcUnavailable" in tasks.run()
    assert "Transactions" in Control.get().error
    settings.CHAIN_RPC_URL = url
    world.ticks(lambda: Control.get().error == "", most=3)


def test_words_nextFollowsTheEpoch(world, watched):
    kinds = [selectors.now().next.kind]
    world.end_epoch()
    for _ in range(25):
        world.tick()
        kinds.append(selectors.now().next.kind)
        world.paint()
        if world.generation(2)():
            break
    assert kinds[0] == "open"
    assert {"sealed", "painting"} <= set(kinds)
    assert "failed" not in kinds
