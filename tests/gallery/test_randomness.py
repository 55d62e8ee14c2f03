"""An epoch whose seed comes from drand: real rounds, a real chain at their time, and relays of every kind."""

import hashlib
import json
import threading
import time

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak

from chain import abi, contracts
from chain.drand import EVMNET
from chain.models import Transaction
from chain.private import PrivateChain
from config.deploy_sender import Deployer
from gallery import controls, epochs, randomness, selectors
from gallery.models import Epoch, Failure, SeedDraw
from live import presence
from tests import relays
from tests.relays import ROUND, Raw, Relay

pytestmark = pytest.mark.django_db(transaction=True)
DELAY = 120
DUE = EVMNET.time_of(ROUND)
PATIENCE_S = 60


@pytest.fixture
def anvil(tmp_path):
    """A chain that begins an hour before the published round was due."""
    chain = PrivateChain(tmp_path / "chain")
    chain.start(timestamp=DUE - 3600)
    try:
        yield chain
    finally:
        chain.stop()


@pytest.fixture
def sealed(world, settings, monkeypatch):
    """The artwork takes its seeds from drand; its first epoch was sealed a delay before the round's time."""
    monkeypatch.setattr(presence, "visitors", lambda now=None: 1)
    randomness._attempts.clear()
    data = abi.encode_constructor("DrandRandomness", EVMNET.public_key, EVMNET.genesis, EVMNET.period, DELAY)
    address = Deployer(world.rpc, world.accounts[0]).send("creating DrandRandomness", data)["contractAddress"]
    file = json.loads(settings.DEPLOYMENT_FILE.read_text())
    file["contracts"]["DrandRandomness"] = address
    settings.DEPLOYMENT_FILE.write_text(json.dumps(file))
    timelock = world.address("TimelockController")
    world.rpc.call("anvil_setBalance", timelock, hex(10**18))
    world.rpc.call("anvil_impersonateAccount", timelock)
    name = "0x" + b"randomness".ljust(32, b"\0").hex()
    world.send(timelock, contracts.transaction_request("LivingArtwork", "setSlot", name, address))
    world.end_epoch()
    assert world.chain.now() < DUE - DELAY, "the machine is too slow for an hour"
    # Anybody may seal; at this very second, so that the round is the published one.
    world.rpc.call("evm_setNextBlockTimestamp", DUE - DELAY)
    world.send(world.accounts[3], contracts.transaction_request("LivingArtwork", "sealEpoch"))
    epoch = epochs.unsettled()
    assert (epoch.sealing.source, epoch.sealing.round) == (address.lower(), ROUND)
    return world


@pytest.fixture
def start():
    """Starts relays, and ends them with the test."""
    made = []

    def begin(what):
        made.append(what)
        return what

    yield begin
    for one in made:
        one.close()


def until(world, true):
    """Tick until something holds, however slow the machine."""
    give_up = time.monotonic() + PATIENCE_S
    said = ""
    while not true():
        assert time.monotonic() < give_up, said
        said = world.tick()
        time.sleep(0.05)


def to_the_round(world):
    """Let the round's time come."""
    world.pass_by(DUE - world.chain.now() + 1)


def test_story_theRoundIsFixedBeforeItExists_andBecomesTheSeed(sealed, start, settings):
    released = threading.Event()
    good = start(Relay())
    settings.DRAND_URLS = [
        start(Relay(relays.lying)).url,
        start(Raw(lambda connection: released.wait(PATIENCE_S) and None)).url,
        start(Relay(relays.tampering)).url,
        relays.unused(),
        good.url,
    ]
    assert "drand round 12 345 678 will decide its seed" in selectors.now().next.detail
    for _ in range(3):
        assert sealed.tick() == "ok"
    assert not good.asked, "nobody is asked before the time has come"

    to_the_round(sealed)
    until(sealed, SeedDraw.objects.exists)
    released.set()
    draw = SeedDraw.objects.get()
    signature = bytes.fromhex(relays.SIGNATURES[ROUND])
    assert draw.randomness == "0x" + hashlib.sha256(signature).hexdigest()
    epoch = Epoch.objects.get(number=1)
    content = (
        "EPOCH_SEED_V1",
        31337,
        sealed.address("LivingArtwork"),
        1,
        bytes.fromhex(epoch.sealing.params_hash[2:]),
        hashlib.sha256(signature).digest(),
    )
    kinds = ["string", "uint256", "address", "uint256", "bytes32", "bytes32"]
    assert draw.seed == "0x" + keccak(encode(kinds, content)).hex()
    assert epoch.refixes.count() == 0
    draws = Transaction.objects.filter(function="drawSeed")
    until(sealed, lambda: draws.get().state == "mined")  # one only: nothing that is refused was ever sent
    assert "drand" in selectors.about().randomness_words


def test_whileEveryRelayLiesOrIsDown_theSeedWaits_andItIsSaidWhy(sealed, start, settings):
    liar, cheat = start(Relay(relays.lying)), start(Relay(relays.tampering))
    settings.DRAND_URLS = [liar.url, cheat.url, relays.unused()]
    to_the_round(sealed)
    outcome = sealed.tick()
    assert "Round 12345678 of drand cannot be had so far" in outcome
    assert "WrongSignature" in outcome
    assert "NotAPoint" in outcome
    assert "cannot be reached" in outcome
    for _ in range(5):
        assert "the seed waits" in sealed.tick()
    assert len(liar.asked) < 4, "it is asked again after a pause, which grows"
    assert not Transaction.objects.filter(function="drawSeed").exists()
    assert epochs.state(Epoch.objects.get(number=1)) is epochs.EpochState.SEALED

    liar.answer = relays.honest  # somebody has come to reason
    until(sealed, SeedDraw.objects.exists)
    assert sealed.tick() == "ok"


def test_aNetworkThatIsSilent_makesTheEpochWaitAndThenFail_andNeverTakesAnotherRound(sealed, start, settings):
    late = start(Relay(lambda round: (404, b"{}")))
    settings.DRAND_URLS = [late.url]
    to_the_round(sealed)
    assert sealed.tick() == "ok", "a few seconds late is nothing special"
    sealed.pass_by(randomness.GRACE_S + 5)
    until(sealed, lambda: "does not have round 12345678 yet" in sealed.tick())
    timeout = epochs.limits().seed_timeout
    sealed.pass_by(timeout - DELAY - 60 - (sealed.chain.now() - DUE))
    for _ in range(3):
        assert "the seed waits" in sealed.tick()
    assert not Failure.objects.exists()

    sealed.pass_by(120)
    until(sealed, Failure.objects.exists)
    epoch = Epoch.objects.get(number=1)
    assert epoch.failure.reason == "seed"
    assert (epoch.refixes.count(), epochs.fixed_round(epoch)) == (0, ROUND)
    assert not SeedDraw.objects.exists()


def test_theClockCannotBeMoved_whileSeedsComeFromDrand(sealed, django_user_model):
    admin = django_user_model.objects.create_superuser("owner", password="owner")
    for name, argument in (("forward", "60"), ("deadline", "")):
        with pytest.raises(controls.Refused, match="drand"):
            controls.use(admin, name, argument)


def test_withoutAnyRelay_theSettingIsNamed(sealed, settings):
    settings.DRAND_URLS = []
    to_the_round(sealed)
    assert "DRAND_URLS names no relay" in sealed.tick()
