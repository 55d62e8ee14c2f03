"""Workers of ours paint an epoch: they vow, commit, reveal, and the result is finalized. Whatever happens on
the way, nobody's word is broken and no round is lost that could be won.
"""

from __future__ import annotations

import pytest

from chain import clock, transactions
from chain.models import Transaction
from compute import operator, rounds, workers
from compute.models import Attestation, Commitment, FeeRelease, Finalization, Refusal, Reveal, Slash, Vow
from compute.rounds import RoundState
from gallery import mining
from gallery.models import Control, Epoch, Failure, Generation
from gallery.upcoming import upcoming
from tests.compute.workshop import FEE, LIE, Workshop

COMMITTING, REVEALING, CLOSED, OVER = RoundState


def test_threeWorkersOfOurs_shareOnePaintingAndAgree(workshop: Workshop) -> None:
    workshop.open_round()
    assert Vow.objects.count() == 0
    assert workshop.paint() == ["painted"]
    made = workshop.finalized(2)

    assert workshop.jobs().count() == 1
    assert sorted(Vow.objects.values_list("worker", flat=True)) == sorted(workshop.workers)
    assert len(set(Vow.objects.values_list("manifest_hash", flat=True))) == 3
    assert Attestation.objects.count() == 3
    end = Finalization.objects.get()
    assert (end.generation, end.winners) == (2, 3)
    assert made.painter == Reveal.objects.order_by("block_number", "log_index")[0].worker
    assert not Refusal.objects.exists()

    workshop.ticks(lambda: not workers.unresolved())
    assert [one.earned for one in workers.everyone()] == [FEE // 3] * 3
    assert Transaction.objects.filter(state__in=["failed", "reverted"]).count() == 0


def test_noCommitmentLeaves_beforeItsVowIsWrittenDown(workshop: Workshop, monkeypatch) -> None:
    workshop.open_round()
    workshop.paint()
    send = transactions.send
    sent = []

    def crash(key: str, *arguments: object, **options: object) -> object:
        if key.startswith("commit:") and len(sent) < 2:
            sent.append(Vow.objects.filter(worker=options["sender"]).count())
            raise RuntimeError("the process ends here")
        return send(key, *arguments, **options)

    monkeypatch.setattr(transactions, "send", crash)
    assert "the process ends here" in workshop.tick()
    vowed = Vow.objects.get()
    assert not Commitment.objects.exists()
    workshop.ticks(workshop.generation(2))
    assert sent == [1, 1]
    assert Vow.objects.get(pk=vowed.pk).salt == vowed.salt
    assert Commitment.objects.get(worker=vowed.worker).commitment == vowed.commitment


@pytest.mark.slow
def test_aPauseKeepsOurWord_andNothingMore(workshop: Workshop) -> None:
    workshop.open_round()
    workshop.paint()
    workshop.ticks(lambda: Commitment.objects.count() == 3)
    Control.change(paused=True)
    workshop.ticks(lambda: Reveal.objects.count() == 3)
    for _ in range(3):
        workshop.tick()
    assert workshop.round().state is CLOSED
    Control.change(paused=False)
    workshop.ticks(workshop.generation(2))


def test_aRecipeOverTheEnergyBudget_isDeclinedWithTheReason_andTheEpochFails(workshop: Workshop) -> None:
    workshop.govern("ArtParameters", "setSteps", 100)
    workshop.govern("ArtParameters", "setEnergyBudget", 1)
    epoch = workshop.end_epoch()
    workshop.ticks(lambda: Refusal.objects.count() == 3)
    assert "an epoch may use 1 J" in Refusal.objects.first().reason
    assert not workshop.jobs().exists()
    while not Failure.objects.exists():
        workshop.until(workshop.round().commit_until)
        before = workshop.round().number
        workshop.ticks(lambda before=before: workshop.round().number > before or Failure.objects.exists())
    assert Epoch.objects.get(number=epoch.number).failure.reason == "paint"
    workshop.ticks(lambda: FeeRelease.objects.exists())
    assert not Commitment.objects.exists()
    assert workers.pool() == workshop.ask("pool")


@pytest.mark.slow
def test_aModelWhoseFilesAreNotHere_isDeclined_untilTheyAre(workshop: Workshop, settings) -> None:
    here, settings.PAINTER_MODELS = settings.PAINTER_MODELS, []
    epoch = workshop.end_epoch()
    Control.change(seal_requested=epoch.number)
    workshop.ticks(lambda: Refusal.objects.count() == 3)
    assert "files are not here" in Refusal.objects.first().reason
    settings.PAINTER_MODELS = here
    workshop.ticks(lambda: workshop.jobs().exists())
    assert not Refusal.objects.exists()


@pytest.mark.slow
def test_aMachineOfAnotherClass_doesNotRiskItsBond(workshop: Workshop, settings) -> None:
    workshop.open_round()
    workshop.paint()
    settings.WORKER_CLASS = ""  # what this machine is really of
    for _ in range(3):
        workshop.tick()
    assert not Commitment.objects.exists()
    assert Refusal.objects.count() == 3
    assert Refusal.objects.first().reason.startswith("This machine paints as class")
    settings.PRIVATE_CHAIN = False
    assert operator.class_id() != workers.everyone()[0].class_id


def test_aReorganisationThatTakesTheReveals_revealsTheSameAgain(workshop: Workshop) -> None:
    workshop.open_round()
    workshop.paint()
    workshop.ticks(lambda: Reveal.objects.count() == 3)
    before = workshop.shown()
    first = Reveal.objects.order_by("block_number").first()
    depth = int(workshop.rpc.call("eth_blockNumber"), 16) - first.block_number + 1
    workshop.rpc.call("anvil_reorg", depth, [])
    workshop.sync()
    assert not Reveal.objects.exists()
    workshop.ticks(workshop.generation(2))
    assert workshop.shown() == before
    assert Vow.objects.count() == 3


class TestWithStrangers:
    """One worker is ours, two aren't: what each does is up to it."""

    @pytest.fixture
    def workshop(self, world, settings) -> Workshop:
        from tests.compute.workshop import CLASS

        settings.WORKER_CLASS = CLASS
        settings.WORKER_KEYS = []
        return Workshop(world, world.accounts[10:11])

    def ours_result(self, workshop: Workshop) -> tuple[str, ...]:
        picture = workshop.jobs().get().picture
        return (picture.pixel_hash, picture.thumb_hash, picture.file_hash)

    def test_oneSilent_theOthersWin_andSilenceCosts(self, workshop: Workshop) -> None:
        honest, silent = workshop.stranger(8), workshop.stranger(9)
        workshop.open_round()
        workshop.paint()
        honest.commit(self.ours_result(workshop))
        silent.commit(self.ours_result(workshop))
        assert upcoming().detail.startswith("2 committed to a result")
        workshop.ticks(workshop.in_state(REVEALING))
        honest.reveal()
        workshop.ticks(lambda: Reveal.objects.count() == 2)
        assert upcoming().detail.startswith("2 of 3 showed their result")
        assert upcoming().at == workshop.round().reveal_until
        # A block is mined for it; an admin who moves the clock on doesn't jump over it.
        epoch, over = Epoch.objects.get(number=1), workshop.round().reveal_until + 1
        assert over in mining.deadlines(epoch, clock.now())
        assert over not in mining.deadlines(epoch, clock.now(), windows=False)
        assert workshop.round().state is REVEALING  # somebody may still reveal
        workshop.until(workshop.round().reveal_until)
        workshop.finalized(2)
        workshop.ticks(lambda: Slash.objects.exists())
        assert Slash.objects.get().worker == silent.address
        assert workers.find(silent.address).counts == workers.Counts(committed=1, silent=1)

    @pytest.mark.slow
    def test_twoLyingDifferently_noQuorum_soTheRoundReopensEarly_andTheEpochFails(
        self, workshop: Workshop
    ) -> None:
        one, other = workshop.stranger(8), workshop.stranger(9)
        workshop.open_round()
        workshop.paint()
        one.commit(LIE)
        other.commit(LIE[::-1])
        workshop.ticks(workshop.in_state(REVEALING))
        one.reveal()
        other.reveal()
        # Nobody is left to say anything else: each round is over as it opens.
        workshop.ticks(lambda: Failure.objects.exists(), most=40)
        assert [found.state for found in rounds.of(1)] == [OVER] * 3
        assert len(workshop.shown()) == 3
        assert Generation.objects.count() == 1
        workshop.ticks(lambda: FeeRelease.objects.exists())
        assert not Slash.objects.exists()  # without a quorum nobody can be said to be wrong

    def test_twoLyingAlike_win_andTheHonestOneIsChallengeablySlashed(self, workshop: Workshop) -> None:
        one, other = workshop.stranger(8), workshop.stranger(9)
        workshop.open_round()
        workshop.paint()
        one.commit(LIE)
        other.commit(LIE)
        workshop.ticks(workshop.in_state(REVEALING))
        one.reveal()
        other.reveal()
        made = workshop.finalized(2)
        assert made.pixel_hash == LIE[0]
        workshop.ticks(lambda: Slash.objects.exists())
        (held,) = workers.find(workshop.workers[0]).pending
        assert (held.epoch, held.amount) == (1, Slash.objects.get().amount)

    @pytest.mark.slow
    def test_whoIsMissedInTheFirstRound_paintsInTheSecond_andEarlierRevealsCount(
        self, workshop: Workshop
    ) -> None:
        late, absent = workshop.stranger(8), workshop.stranger(9)
        workshop.open_round()
        workshop.paint()
        late.commit(self.ours_result(workshop))
        workshop.until(workshop.round().commit_until)  # and we were away all the while
        late.reveal()
        workshop.ticks(lambda: workshop.round().number == 2)
        workshop.ticks(lambda: Commitment.objects.filter(round=2).exists())
        workshop.until(workshop.round().commit_until)
        workshop.finalized(2)
        assert workers.find(absent.address).counts == workers.Counts()  # declining costs nothing
