"""The demonstration's past: a private chain on which four collectors have already voted.

`ensure` runs at every start of the embedded site and does its work once. The chain's clock starts in the past
(`config.past`) and is moved forward while history is made, so at the end it is real time. The first epoch is
about as long as that past: what was decided meanwhile is in it, and the first painting shows it.

A marker file says that history is being made. Where the next start finds it, chain and deployment are thrown
away by `config.past`, the mirror here, and all is made anew: half a demonstration is never kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from chain import clock, mirror
from chain.indexer import Indexer
from chain.models import Transaction
from chain.private import PrivateChain
from chain.signers import WORKER_ACCOUNTS
from compute.roster import THIS_MACHINE
from config import past
from config.deploy import DeploySettings, deploy, read_founding
from config.deploy_sender import Deployer, DeploymentError
from config.deploy_workers import register
from gallery import founders
from governance import actions
from governance.models import Proposal, Support

log = logging.getLogger(__name__)

DAY = past.DAY
EPOCH_S = 90
FIRST_LOOK_S = 60
"""How long after the history's end the first epoch ends: time to open a page and watch it."""
COLLECTORS = 4


class DemoError(Exception):
    """The demonstration could not be made; the message says at which step."""


@dataclass(frozen=True)
class Ballot:
    """How a collector (by number, from 0) voted."""

    collector: int
    support: Support
    reason: str = ""


@dataclass(frozen=True)
class Chapter:
    """One proposal of the past: `days_ago` before now, by a collector, changing `changes`."""

    days_ago: float
    proposer: int
    title: str
    reason: str
    changes: Mapping[str, Any]
    ballots: tuple[Ballot, ...]
    carried: bool


MIRA, INES, TOMAS, YUKI = range(COLLECTORS)
FOR, AGAINST, ABSTAIN = Support.FOR, Support.AGAINST, Support.ABSTAIN

HISTORY: tuple[Chapter, ...] = (
    Chapter(
        days_ago=7.2,
        proposer=TOMAS,
        title="Forget the parent",
        reason="Every picture leans on the one before it. Let each begin from nothing "
        "and see what the words alone do.",
        changes={"strength": 1000},
        ballots=(
            Ballot(TOMAS, FOR, "A clean wall, every time."),
            Ballot(MIRA, AGAINST, "Then it is a row of pictures and no longer one that lives."),
            Ballot(INES, AGAINST, "What it remembers is the work."),
            Ballot(YUKI, ABSTAIN, "I would like to see it once. Not for ever."),
        ),
        carried=False,
    ),
    Chapter(
        days_ago=4.6,
        proposer=MIRA,
        title="Let it open",
        reason="The flock has come round and circles something that isn’t there yet. Let it be a flower, in "
        "the evening, and give it room to change.",
        changes={"prompt": "an unfolding flower", "palette": "sunset", "strength": 700},
        ballots=(
            Ballot(MIRA, FOR),
            Ballot(INES, FOR, "After all that blue, yes."),
            Ballot(YUKI, FOR, "Only if the feathers stay in it."),
        ),
        carried=True,
    ),
    Chapter(
        days_ago=1.3,
        proposer=YUKI,
        title="A quicker pulse",
        reason="Nine days is a long breath. With a minute and a half between pictures "
        "one can watch it think.",
        changes={"epoch_length": EPOCH_S},
        ballots=(
            Ballot(YUKI, FOR, "Let it breathe faster."),
            Ballot(MIRA, FOR),
            Ballot(INES, AGAINST, "Slowness is not a flaw. Who is going to look that often?"),
            Ballot(TOMAS, FOR, "It rests when nobody looks. Fine by me."),
        ),
        carried=True,
    ),
)


def ensure(say: Callable[[str], None] = log.info) -> bool:
    """Give a private chain that `config.past` has just begun its history; True if there was anything to do.

    Takes a few seconds. Raises DemoError, with the step that was refused; the next start begins again.
    """
    folder, deployment_file = Path(settings.VAR_DIR), Path(settings.DEPLOYMENT_FILE)
    if past.is_whole(folder, deployment_file):
        return False
    began = time.monotonic()
    say("Making the demonstration: six founding pictures, four collectors, three votes")
    chain = PrivateChain(folder / "chain")
    past.marker(folder).touch()
    operator, *accounts = chain.accounts()
    collectors = accounts[:COLLECTORS]
    length = past.PAST_S + FIRST_LOOK_S
    founding = read_founding(founders.FOLDER / "founding.json", collectors, length)
    chosen = DeploySettings.profile(
        "demo",
        operator=operator,
        parameters={**founding[-1].values, "epoch_length": length},
        founding=founding,
        accepted_class=THIS_MACHINE,
    )
    deployment = deploy(chain.rpc, operator, chosen)
    if chosen.painter == "workers":
        for worker in chain.accounts()[WORKER_ACCOUNTS]:
            register(chain.rpc, worker, deployment.address_of("WorkerSet"), THIS_MACHINE)
    storyteller = Storyteller(chain, collectors)
    for chapter in HISTORY:
        storyteller.tell(chapter)
    chain.move_to(max(int(time.time()), clock.now()))
    chain.mine()
    storyteller.indexer.sync()
    founders.import_pictures()
    chain.save()
    past.marker(folder).unlink()
    log.info("the demonstration was made in %.1f s", time.monotonic() - began)
    return True


class Storyteller:
    """Proposes, votes, queues and executes as the collectors did, at the times they did."""

    def __init__(self, chain: PrivateChain, collectors: list[str]):
        self.chain = chain
        self.collectors = collectors
        self.today = int(time.time())
        mirror.forget()
        Transaction.objects.all().delete()  # a chain that was thrown away took what they did with it
        self.indexer = Indexer.configured()
        self.indexer.sync()

    def tell(self, chapter: Chapter) -> None:
        """Live through one proposal, from its making to its end. Raises DemoError."""
        proposer = self.collectors[chapter.proposer]
        self.wait_until(self.today - round(chapter.days_ago * DAY))
        draft = actions.propose(proposer, chapter.changes, chapter.title, chapter.reason)
        self.send(chapter, proposer, draft.request)
        proposal = Proposal.objects.get(pk=draft.id)
        for ballot in chapter.ballots:
            self.wait_until(clock.now() + 9)
            voter = self.collectors[ballot.collector]
            self.send(chapter, voter, actions.vote(proposal, voter, ballot.support, ballot.reason))
        self.wait_until(proposal.voting_ends + 2)
        if not chapter.carried:
            return
        self.send(chapter, proposer, actions.queue(self.again(proposal)))
        self.wait_until(self.again(proposal).queued.eta + 1)
        self.send(chapter, proposer, actions.execute(self.again(proposal)))

    def again(self, proposal: Proposal) -> Proposal:
        """The proposal with what was mirrored since."""
        return Proposal.objects.get(pk=proposal.pk)

    def wait_until(self, timestamp: int) -> None:
        """Let the chain's clock go on to `timestamp`, with a block there."""
        self.chain.move_to(timestamp)
        self.chain.mine()
        self.indexer.sync()

    def send(self, chapter: Chapter, sender: str, request: Mapping[str, str]) -> None:
        """Send a transaction of a collector's, see it mined, and mirror it. Raises DemoError."""
        what = f"the demonstration's vote “{chapter.title}”"
        try:
            Deployer(self.chain.rpc, sender).send(what, request["data"], request["to"])
        except DeploymentError as error:
            raise DemoError(str(error)) from error
        self.indexer.sync()
