"""The demonstration's past is made once, is whole or made anew, and ends at real time."""

import time

import pytest
from django.test import Client

from chain import clock
from chain.models import Cursor
from chain.private import PrivateChain
from chain.rpc import Rpc
from compute import pictures
from compute.models import Picture
from config import demo, past
from gallery import rest, selectors
from gallery.models import Epoch, Generation
from governance.models import Proposal, Vote
from governance.selectors import State, state

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def house(tmp_path, settings):
    """A data folder with nothing in it, and the chain that will live there."""
    settings.VAR_DIR = tmp_path
    settings.DEPLOYMENT_FILE = tmp_path / "deployment.json"
    settings.PRIVATE_CHAIN = True
    chain = PrivateChain(tmp_path / "chain")

    def start() -> Rpc:
        past.start(chain, tmp_path, settings.DEPLOYMENT_FILE)
        settings.CHAIN_RPC_URL = chain.url
        settings.OPERATOR_ADDRESS = chain.accounts()[0]
        return Rpc(chain.url)

    try:
        yield start
    finally:
        chain.stop()


def test_demo_aFirstVisitorFindsAFilledGallery(house):
    house()
    began = time.monotonic()
    assert demo.ensure()
    assert time.monotonic() - began < 60
    # The clock is real time, never ahead.
    assert clock.offset() in (-1, 0)
    head = Cursor.current()
    assert head is not None
    assert abs(head.head_timestamp - time.time()) < 60
    # Six founding pictures, each kept and equal to what the chain names.
    assert list(Generation.objects.order_by("number").values_list("number", "founding")) == [
        (number, True) for number in range(1, 7)
    ]
    for generation in Generation.objects.all():
        assert pictures.canonical(Picture.objects.get(file_hash=generation.file_hash))
    # Three votes: one lost, two carried, with reasons on both sides.
    ends = [state(proposal, clock.now()) for proposal in Proposal.objects.all()]
    assert ends == [State.DEFEATED, State.EXECUTED, State.EXECUTED]
    assert Vote.objects.exclude(reason="").filter(support=0).count() >= 3
    # The first epoch is about to end, and what was decided is in it.
    epoch = Epoch.objects.get()
    assert 0 < epoch.ends_at - clock.now() <= demo.FIRST_LOOK_S
    assert rest.awake(epoch) is rest.Reason.CHANGED
    page = selectors.now()
    assert (page.generation.number, len(page.strip)) == (6, 6)
    assert (page.next.kind, page.next.at) == ("open", epoch.ends_at)
    assert page.next.detail == "“Let it open” and “A quicker pulse” take effect"
    client = Client()
    for path in ("/", "/lineage/", "/generations/6/", "/about/", page.generation.image(512)):
        assert client.get(path).status_code == 200, path
    # Once made, it is left alone.
    assert not demo.ensure()


def test_demo_cutShort_isMadeAnew(house, monkeypatch):
    tell = demo.Storyteller.tell
    told = []

    def cut_short(self, chapter):
        tell(self, chapter)
        told.append(chapter)
        if len(told) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(demo.Storyteller, "tell", cut_short)
    house()
    with pytest.raises(KeyboardInterrupt):
        demo.ensure()
    assert Proposal.objects.count() == 1
    rpc = house()
    assert int(rpc.call("eth_blockNumber"), 16) == 0
    assert demo.ensure()
    assert Proposal.objects.count() == 3
    # A start after that keeps it.
    block = rpc.call("eth_blockNumber")
    assert house().call("eth_blockNumber") == block
    assert not demo.ensure()
