"""What the status page, its JSON and the metrics say of the mirror in each of its states."""

import re
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chain import catchup
from chain import mirror as mirror_commands
from chain.follow import Follower
from chain.indexer import PROBLEMS, Indexer, WrongChain
from chain.models import Block, Cursor, ProviderHealth, ProviderState, Reorganisation, Repair
from chain.private import PrivateChain
from chain.rpc import RpcUnavailable
from gallery import alarms, attention, health, mirrored
from tests.gallery.test_metrics import scrape
from tests.live.conftest import wait_until

pytestmark = pytest.mark.django_db

HEAD, NOON = 21_480_112, 1_780_000_000
MOST_QUERIES = 18


@pytest.fixture(autouse=True)
def forget() -> None:
    cache.clear()


@pytest.fixture
def mirror() -> Cursor:
    """A mirror at the head of a public chain, 78 blocks of it not final."""
    Block.objects.create(number=HEAD, hash="0x" + "22" * 32, parent_hash="0x" + "21" * 32, timestamp=NOON)
    return Cursor.objects.create(
        pk=1, chain_id=1, genesis_hash="0x" + "11" * 32, number=HEAD, hash="0x" + "22" * 32,
        finalized_number=HEAD - 78, head_number=HEAD, head_timestamp=NOON, begin_number=20_000_000,
    )  # fmt: skip


def node(place: int = 0, age_s: float = 0, **fields: Any) -> ProviderHealth:
    values = {"name": f"https://node-{place}.example", "head_number": HEAD, "latency_ms": 41.4, **fields}
    row = ProviderHealth.objects.create(place=place, **values)
    if age_s:
        ProviderHealth.objects.filter(pk=row.pk).update(updated_at=timezone.now() - timedelta(seconds=age_s))
    return row


def page(client: Client) -> str:
    """The page's words, with one space between them."""
    response = client.get("/status/")
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))
    return re.sub(r" ([.,])", r"\1", words)


def told(client: Client) -> dict[str, Any]:
    mirror: dict[str, Any] = client.get("/status.json").json()["mirror"]
    return mirror


# --- States -------------------------------------------------------------------------------------------


def test_nothingWasReadYet_isOneSentence_withoutEmptyTables(client: Client) -> None:
    words = page(client)
    assert "Nothing was read from the chain yet." in words
    for heading in ("In these pages", "The node", "Nothing left out", "took back"):
        assert heading not in words
    assert told(client)["state"] == "empty"
    assert told(client)["head"] == {"number": None, "timestamp": None, "seen_at": None}


def test_atTheHead_eachNodeAndWhatIsFinalAreSaid(mirror: Cursor, client: Client) -> None:
    node(in_use=True, socket=True)
    node(1, latency_ms=0)
    words = page(client)
    assert "These pages show the chain as it is." in words
    assert "21 480 034" in words
    assert "78 blocks not final yet." in words
    assert "node-0.example in use good Answers; the pages are read from it." in words
    assert "newest block 21 480 112 answers in 41 ms new blocks told by websocket" in words
    assert "Answers, and stands by." in words
    assert "so far every answer fitted" in words
    mirror_now = told(client)
    assert mirror_now["final"] == {"number": HEAD - 78, "unfinal": 78}
    assert [one["latency_ms"] for one in mirror_now["nodes"]] == [41, None]
    assert mirror_now["alarm"] is None
    assert mirror_now["progress"] is None


def test_catchingUp_saysHowFarHowFastAndHowLong(mirror: Cursor, client: Client) -> None:
    Cursor.objects.update(number=20_370_028)
    Block.objects.update(number=20_370_028, timestamp=NOON - 86_400 * 3)
    cache.set(
        catchup.KEY,
        {"at": time.time(), "begin": 20_000_000, "blocks_per_s": 3700.0, "events_per_s": 21_234.0},
    )
    words = page(client)
    assert "The past is being read: until it is, these pages show the chain of 3 days ago." in words
    assert "25 %, about 5 minutes to go" in words
    assert "370 028 of 1 480 112 blocks, 21 234 events a second" in words
    assert "1 110 084 blocks not read yet." in words
    assert "Nothing in them can be taken back." in words  # what is final on the chain is ahead of them
    assert "Catching up with the chain: 1 110 084 blocks behind, about 5 minutes to go" in words
    progress = told(client)["progress"]
    assert (progress["done"], progress["total"], progress["left_s"]) == (370_028, 1_480_112, 300)
    found = scrape(client)
    assert found["murmuration_backfill_events_per_second", ""] == 21_234
    assert found["murmuration_backfill_blocks_left", ""] == 1_110_084
    assert found["murmuration_mirror_lag_seconds", ""] == 3 * 86_400


def test_someBlocksBehind_isNoPastToCatchUpWith(mirror: Cursor, client: Client) -> None:
    Cursor.objects.update(number=HEAD - 5)
    words = page(client)
    assert "These pages are 5 blocks behind the chain, and follow." in words
    assert "Catching up with the chain: 5 blocks behind. How" in words
    assert told(client)["progress"] is None
    assert told(client)["indexed"]["behind"] == 5


def test_oneNodeDown_isSaidWithItsErrorAndThePagesAreNot(mirror: Cursor, client: Client) -> None:
    node(state=ProviderState.RESTING, failures=14, error="<it> did not answer in time")
    node(1, in_use=True)
    node(2, state=ProviderState.BEHIND, head_number=HEAD - 61)
    words = page(client)
    assert "Does not answer. It is left alone for a while, then asked again." in words
    assert "&lt;it&gt; did not answer in time" in words
    assert "failures in a row 14" in words
    assert "Answers, but is 61 blocks behind the others." in words
    assert "These pages show the chain as it is." in words
    assert "may be behind" not in words
    check = health.report()["nodes"]
    assert not check.ok
    assert check.words.startswith("2 of 3 nodes answer. https://node-0.example: Does not answer.")
    assert client.get("/status.json").json()["parts"]["nodes"]["state"] == "late"
    assert health.readiness()["nodes"].ok


def test_noNodeAnswers_isSaidOnEveryPageInAVisitorsWords(mirror: Cursor, client: Client) -> None:
    node(state=ProviderState.RESTING, failures=31)
    Cursor.objects.update(error="RpcUnavailable: no answer from https://node-0.example: too late")
    words = page(client)
    assert "No node of the chain answers at the moment, so this page may be behind." in words
    assert "No node answers These pages show the chain as it was." in words
    assert "no answer from https://node-0.example: too late For whoever runs this site: Wait" in words
    assert client.get("/status.json").json()["parts"]["nodes"]["state"] == "down"
    assert told(client)["alarm"]["kind"] == "RpcUnavailable"
    assert scrape(client)["murmuration_mirror_stopped", ""] == 1


def test_aNodeThatRestedAndHasNotAnsweredSince_isNotCalledGood(mirror: Cursor, client: Client) -> None:
    node(failures=2, error="it did not answer in time")
    assert "Does not answer." in page(client)
    assert health.report()["nodes"].words == "The node does not answer."


def test_aNodeNobodyHasLookedAt_isNotCalledGood(mirror: Cursor, client: Client) -> None:
    node(age_s=600, in_use=True)
    assert "Nobody has looked at it for 10 minutes." in page(client)
    assert told(client)["nodes"][0]["state"] == "unheard"
    assert not health.report()["nodes"].ok


def test_aNodeOfAnotherChain_isNeverReadyAndSaysWhatToDo(mirror: Cursor, client: Client) -> None:
    node(state=ProviderState.REFUSED, error="its genesis is another")
    assert client.get("/readyz/").status_code == 503
    assert client.get("/readyz/").json()["problems"] == [
        "No node is of the artwork's chain. its genesis is another"
    ]
    Cursor.objects.update(error="WrongChain: the node has chain id 5")
    words = page(client)
    assert "The site is connected to another chain" in words
    assert "If the chain itself began anew, deploy the contracts to it" in words
    trouble = attention.troubles()[0]
    assert trouble.what == f"The mirror stands still at block {HEAD}. This is another chain: " + (
        "the node has chain id 5"
    )
    assert "rebuild" in trouble.help


def test_aNodeThatWasReset_isToldFromAWrongAddress(world, client: Client, tmp_path: Path) -> None:
    """A real node that began anew, and the indexer's own words for it."""
    anew = PrivateChain(tmp_path / "anew").start(timestamp=1_600_000_000)
    try:
        with pytest.raises(WrongChain, match="another genesis block"):
            Indexer(anew.rpc, world.indexer.deployment, {}).sync()
    finally:
        anew.stop()
    words = page(client)
    assert "The node began a new chain" in words
    assert "this is how it was before" in words
    assert told(client)["alarm"]["kind"] == "WrongChain"
    assert client.get("/readyz/").status_code == 503
    world.sync()
    assert told(client)["alarm"] is None


def test_anEventThatCannotBeRead_isNamed(mirror: Cursor, client: Client) -> None:
    detail = "log 14 of Governor in block 9 (transaction 0x5e) cannot be decoded: offset 4096"
    Cursor.objects.update(error=f"UndecodableLog: {detail}", number=HEAD - 40)
    words = page(client)
    assert "The chain holds something that this site cannot read, so its pages end just before it." in words
    assert detail in words
    assert client.get("/readyz/").status_code == 503


def test_everyProblemOfTheIndexer_hasItsWords(settings) -> None:
    named = [problem.__name__ for problem in PROBLEMS if problem.__name__ != "DatabaseError"]
    assert len(named) >= 8
    for name in (
        *named,
        mirror_commands.STARTING.partition(":")[0],
    ):  # no row can tell of a database that is away
        alarm = alarms.of(f"{name}: because: of this")
        assert (alarm.kind, alarm.detail) == (name, "because: of this")
        assert "can’t follow" not in alarm.line, name
        assert f"`{name}`" in (settings.BASE_DIR / "docs/indexing.md").read_text(), name


heard: list[tuple[int, str]] = []


def hear(cursor: Cursor, logs: int, reorged: bool) -> None:
    """A listener for the story below."""
    row = ProviderHealth.objects.first()
    heard.append((cursor.number, row.state if row else ""))


def test_aNodeThatChangesItsState_isToldToOpenPages(world, settings) -> None:
    settings.CHAIN_LISTENERS = [f"{__name__}.hear"]
    heard.clear()
    follower = Follower(world.indexer, threading.Event())
    try:
        assert follower.look()
        wait_until(lambda: heard and heard[-1][1] == "good", 30)
        follower.providers[0].failed(RpcUnavailable("it did not answer in time", retry_after=30))
        wait_until(lambda: heard[-1] == (Cursor.objects.get().number, "resting"), 30)
        follower.providers[0].answered(0.01)
        wait_until(lambda: heard[-1][1] == "good", 30)
    finally:
        follower.rest()


# --- What was put right, what was taken back ------------------------------------------------------------


def test_repairsAndReorganisations_areToldByBlock(mirror: Cursor, client: Client) -> None:
    Cursor.objects.update(doubts=1, samples=2147)
    values = {"number": HEAD - 9, "block_hash": "0x" + "33" * 32, "provider": "https://node-1.example"}
    Repair.objects.create(problem="left out <2> of 5 logs of ours", remedy="its receipts", **values)
    old = timezone.now() - timedelta(days=8)
    Repair.objects.create(problem="long forgotten", remedy="its receipts", at=old, **values)
    Reorganisation.objects.create(number=HEAD - 4000, blocks=2)
    words = page(client)
    assert "1 block was read again for that, and 2 147 more were held against their receipts" in words
    assert (
        "Block 21 480 103: node-1.example left out &lt;2&gt; of 5 logs of ours. Put right by its receipts."
        in words
    )
    assert "long forgotten" not in words
    assert "2 blocks above block 21 476 112" in words
    found = scrape(client)
    assert found["murmuration_mirror_doubts_total", ""] == 1
    assert found["murmuration_mirror_samples_total", ""] == 2147
    assert found["murmuration_mirror_repairs_total", ""] == 2
    assert found["murmuration_reorganisations_total", ""] == 1


def test_finalBlocksThatWereTakenBack_areToldAboveAll(world, client: Client, settings) -> None:
    world.rpc.call("anvil_mine", hex(10))
    world.sync()
    cursor = Cursor.objects.get()
    unfinal = cursor.number - cursor.finalized_number
    world.rpc.call("anvil_reorg", unfinal + 3, [])
    world.sync()
    taken = Reorganisation.objects.get()
    assert (taken.blocks, taken.final_blocks) == (unfinal + 3, 3)
    words = page(client)
    assert "Final blocks were taken back 3 blocks above block" in words
    assert "3 of which had counted as final; this page has been corrected." in words
    assert "3 of them final" in words
    assert scrape(client)["murmuration_final_blocks_lost_total", ""] == 3
    assert not any("had been final" in one.what for one in attention.troubles())
    settings.PRIVATE_CHAIN = False  # where that is no usual thing
    assert any("took back 3 blocks" in one.what for one in attention.troubles())
    Reorganisation.objects.update(at=timezone.now() - timedelta(days=2))
    assert "Final blocks were taken back" not in page(client)
    assert "3 of them final" in page(client)


def test_aNodeThatIsWrongAgainAndAgain_needsAttention(mirror: Cursor) -> None:
    for number in range(attention.OFTEN):
        Repair.objects.create(
            number=number,
            block_hash="0x" + "33" * 32,
            provider="https://liar.example",
            problem="x",
            remedy="y",
        )
    assert any("https://liar.example gave 10 wrong answers" in one.what for one in attention.troubles())


# --- Costs ----------------------------------------------------------------------------------------------


def test_thePage_asksNoMoreWhenThereIsMore(mirror: Cursor, client: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client)
        return len(captured)

    node()
    page(client)
    few = asked()
    for number in range(1, 40):
        node(number)
        Reorganisation.objects.create(number=number, blocks=1)
        Repair.objects.create(
            number=number, block_hash="0x" + "33" * 32, provider="p", problem="x", remedy="y"
        )
    assert asked() == few <= MOST_QUERIES
    found = scrape(client)
    assert sum(name == "murmuration_provider_in_use" for name, _ in found) == mirrored.NODES
    assert sum(name == "murmuration_provider_state" for name, _ in found) == 4 * mirrored.NODES


def test_eachNode_isMeasured(mirror: Cursor, client: Client) -> None:
    node(in_use=True, socket=True, latency_ms=250)
    node(1, state=ProviderState.RESTING, failures=3, latency_ms=0, head_number=-1)
    found = scrape(client)
    first, second = "https://node-0.example", "https://node-1.example"
    assert found["murmuration_provider_head_block", first] == HEAD
    assert found["murmuration_provider_latency_seconds", first] == 0.25
    assert ("murmuration_provider_latency_seconds", second) not in found
    assert found["murmuration_provider_failures", second] == 3
    assert (found["murmuration_provider_in_use", first], found["murmuration_provider_socket", second]) == (
        1,
        0,
    )
    assert found["murmuration_provider_state", f"{second} resting"] == 1
    assert found["murmuration_provider_state", f"good {second}"] == 0
    assert found["murmuration_check_ok", "nodes"] == 0


def test_everyFigureOfTheMirror_isDocumented(mirror: Cursor, client: Client, settings) -> None:
    node()
    page_of_figures = (settings.BASE_DIR / "docs/operations.md").read_text()
    kinds = ("chain", "mirror", "backfill", "provider", "reorganisations", "final_blocks")
    names = {name.removeprefix("murmuration_") for name, _ in scrape(client)}
    figures = {name for name in names if name.startswith(kinds) and not name.endswith("_created")}
    assert len(figures) > 15
    assert {name for name in figures if not re.search(rf"`{name}[`{{]", page_of_figures)} == set()


# --- Pace -----------------------------------------------------------------------------------------------


def test_thePace_isThatOfTheLastSeconds_andEndsWithTheCatchingUp(mirror: Cursor) -> None:
    pace = catchup.Pace()
    mirror.head_number = HEAD
    for second in range(31):  # 100 blocks and 700 events a second, then twice as many
        mirror.number = 20_000_000 + 100 * second + max(0, second - 15) * 100
        pace._note(mirror, 700 * (1 + (second > 15)), 1000.0 + second)
    known = catchup.progress(mirror)
    assert known is not None
    assert known.begin == 20_000_000
    assert known.events_per_s == pytest.approx(1400)
    assert known.left_s == pytest.approx(mirror.behind / 200)
    anew = catchup.Pace()  # the indexer was restarted: the way is still that long
    mirror.number += 100
    anew._note(mirror, 10, 5.0)
    assert catchup.progress(mirror).begin == 20_000_000  # type: ignore[union-attr]
    mirror.number = HEAD
    anew._note(mirror, 1, 6.0)
    assert cache.get(catchup.KEY) is None
    assert catchup.progress(mirror) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "a few seconds"),
        (29, "about 30 seconds"),
        (70, "about a minute"),
        (301, "about 5 minutes"),
        (3600, "about an hour"),
        (90_000, "about 25 hours"),
        (864_000, "about 10 days"),
    ],
)
def test_lengthsOfTime_areSaidAsPeopleDo(seconds: int, words: str) -> None:
    assert catchup.about(seconds) == words
