"""What happened reaches every open page: real sockets against a real server."""

import asyncio
import json
import threading
from typing import Any

import pytest
from django.db import transaction
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from live import hub, presence, publish
from live.topics import UnknownTopic
from tests.live.conftest import Server, hear, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def tell(topic: str, kind: str, **data: object) -> None:
    """Publish from a thread of its own, as the indexer and the Celery workers do."""
    thread = threading.Thread(target=lambda: publish(topic, kind, **data))
    thread.start()
    thread.join()


async def joined(count: int) -> None:
    """Wait until the server's hub delivers to `count` sockets."""
    async with asyncio.timeout(10):
        while presence.sockets() != count:
            await asyncio.sleep(0.01)


async def read_all(socket: ClientConnection) -> None:
    """Read until the server closes."""
    while True:
        await asyncio.wait_for(socket.recv(), 10)


async def test_a_page_hears_what_it_asked_for_and_nothing_else(server: Server) -> None:
    async with server.socket("artwork") as artwork, server.socket("governance", "proposal.7") as votes:
        await joined(2)
        tell("artwork", "generation", generation=12)
        tell("proposal.7", "vote", proposal="7", support=1)
        assert await hear(artwork) == {"topic": "artwork", "kind": "generation", "generation": 12}
        assert await hear(votes) == {"topic": "proposal.7", "kind": "vote", "proposal": "7", "support": 1}


async def test_messages_from_one_thread_arrive_in_order(server: Server) -> None:
    async with server.socket("artwork") as page:
        await joined(1)

        def paint() -> None:
            for step in range(200):
                publish("artwork", "painting", epoch=1, step=step, steps=200, image=None)

        await asyncio.to_thread(paint)
        assert [(await hear(page))["step"] for _ in range(200)] == list(range(200))


async def test_two_hundred_pages_lose_nothing(server: Server, settings: Any) -> None:
    pages, messages = 200, 20
    settings.LIVE_SOCKETS_PER_ADDRESS = pages
    async with asyncio.TaskGroup() as group:
        got: list[list[int]] = [[] for _ in range(pages)]

        async def watch(heard: list[int]) -> None:
            async with server.socket("artwork", compression=None, open_timeout=30) as page:
                heard.append(-1)
                while len(heard) <= messages:
                    heard.append((await hear(page, 30))["generation"])

        for heard in got:
            group.create_task(watch(heard))
        await joined(pages)

        def paint() -> None:
            for number in range(messages):
                publish("artwork", "generation", generation=number)

        await asyncio.to_thread(paint)
    assert all(heard == list(range(-1, messages)) for heard in got)


async def test_a_page_that_reads_nothing_is_dropped_and_holds_up_nobody(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "QUEUE_LENGTH", 16)
    big, messages = "x" * 100_000, 150  # more than the queue and the kernel's buffers hold
    async with (
        server.socket("artwork", max_queue=1, compression=None) as slow,
        server.socket("artwork", compression=None) as quick,
    ):
        await joined(2)
        for number in range(messages):
            tell("artwork", "painting", number=number, image=big)
            assert (await hear(quick))["number"] == number
        await joined(1)
        with pytest.raises(ConnectionClosed):
            await read_all(slow)


async def test_a_rolled_back_transaction_tells_nobody(server: Server) -> None:
    async with server.socket("governance") as page:
        await joined(1)

        def vote_then_fail() -> None:
            with transaction.atomic():
                publish("governance", "vote", proposal="1")
                transaction.set_rollback(True)
            with transaction.atomic():
                publish("governance", "vote", proposal="2")

        await asyncio.to_thread(vote_then_fail)
        assert (await hear(page))["proposal"] == "2"


async def test_a_transaction_tells_only_after_its_commit(server: Server) -> None:
    async with server.socket("governance") as page:
        await joined(1)
        inside, go = threading.Event(), threading.Event()

        def vote() -> None:
            with transaction.atomic():
                publish("governance", "vote", proposal="1")
                inside.set()
                go.wait(10)

        thread = threading.Thread(target=vote)
        thread.start()
        await asyncio.to_thread(inside.wait, 10)
        with pytest.raises(TimeoutError):
            await hear(page, 0.3)
        go.set()
        assert (await hear(page))["kind"] == "vote"
        thread.join()


async def test_a_page_that_comes_back_hears_again(server: Server) -> None:
    for number in range(3):
        async with server.socket("artwork") as page:
            await joined(1)
            tell("artwork", "generation", generation=number)
            assert (await hear(page))["generation"] == number
        await joined(0)


async def test_a_page_changes_its_topics_on_an_open_socket(server: Server) -> None:
    async with server.socket("artwork") as page:
        await joined(1)
        await page.send(json.dumps({"topics": ["proposal.9"]}))
        async with asyncio.timeout(10):
            while True:
                tell("artwork", "generation", generation=1)
                tell("proposal.9", "vote", proposal="9")
                if (await hear(page))["topic"] == "proposal.9":
                    break
        tell("artwork", "generation", generation=2)
        tell("proposal.9", "vote", proposal="9", last=True)
        while not (message := await hear(page)).get("last"):
            assert message["topic"] == "proposal.9"


@pytest.mark.parametrize(
    "topics",
    [
        "secrets",
        "proposal.",
        "proposal.-1",
        "proposal.01",
        "proposal.1x",
        "proposal." + "9" * 79,
        "live.artwork",
    ],
)
async def test_unknown_topics_are_refused(server: Server, topics: str) -> None:
    async with server.socket(topics) as page:
        with pytest.raises(ConnectionClosed) as closed:
            await page.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4400


async def test_too_many_topics_are_refused(server: Server) -> None:
    async with server.socket(*(f"proposal.{number}" for number in range(13))) as page:
        with pytest.raises(ConnectionClosed):
            await page.recv()


@pytest.mark.parametrize(
    "nonsense", ["", "{", "[]", '{"topics": 3}', '{"topics": ["x"]}', "[" * 4000, "x" * 5000]
)
async def test_nonsense_from_a_page_closes_its_socket_alone(server: Server, nonsense: str) -> None:
    async with server.socket("artwork") as rude, server.socket("artwork") as polite:
        await joined(2)
        await rude.send(nonsense)
        with pytest.raises(ConnectionClosed):
            await read_all(rude)
        tell("artwork", "generation", generation=1)
        assert (await hear(polite))["generation"] == 1


async def test_a_foreign_origin_is_refused(server: Server) -> None:
    with pytest.raises(InvalidStatus):
        async with server.socket("artwork", origin="https://elsewhere.example"):
            pass


async def test_a_full_house_says_come_back(server: Server, settings: object) -> None:
    settings.LIVE_SOCKETS = 1  # type: ignore[attr-defined]
    async with server.socket("artwork"):
        await joined(1)
        with pytest.raises(InvalidStatus):
            async with server.socket("artwork"):
                pass


async def test_a_page_is_told_from_when_on_it_misses_nothing(server: Server) -> None:
    async with server.socket("artwork") as page:
        told = json.loads(await page.recv())
        assert told == {"topic": "", "kind": "listening", "topics": ["artwork"], "spread": 2}
        await page.send('{"topics": ["governance", "artwork"]}')
        assert json.loads(await page.recv())["topics"] == ["artwork", "governance"]
        tell("governance", "vote", proposal="1")
        assert (await hear(page))["kind"] == "vote"


async def test_an_open_page_is_told_that_the_line_is_open(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "BEAT_S", 0.05)
    async with server.socket("artwork") as page:
        kinds = [json.loads(await asyncio.wait_for(page.recv(), 10))["kind"] for _ in range(3)]
    assert kinds == ["listening", "beat", "beat"]


def test_pages_ask_at_once_while_they_are_few_and_share_the_time_when_they_are_many() -> None:
    assert hub.spread_ms(1) <= 2
    assert hub.spread_ms(100) == 150
    assert hub.spread_ms(100_000) == hub.LONGEST_SPREAD_MS


async def test_a_failing_layer_makes_pages_read_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from live.layers import LocalChannelLayer

    async with server.socket("artwork") as page:
        await joined(1)
        receive = LocalChannelLayer.receive

        async def broken(self: LocalChannelLayer, channel: str) -> dict[str, object]:
            monkeypatch.setattr(LocalChannelLayer, "receive", receive)
            raise ConnectionError("the broker restarted")

        monkeypatch.setattr(LocalChannelLayer, "receive", broken)
        tell("artwork", "generation", generation=1)  # the message that is out when the layer breaks
        with pytest.raises(ConnectionClosed) as closed:
            await read_all(page)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
    async with server.socket("artwork") as page:
        await joined(1)
        tell("artwork", "generation", generation=2)
        assert (await hear(page))["generation"] in (1, 2)


async def test_numbers_that_javascript_would_round_travel_as_text(server: Server) -> None:
    async with server.socket("governance") as page:
        await joined(1)
        tell(
            "governance",
            "vote",
            proposal=2**256 - 1,
            nested=[{"weight": 10**18 + 1}],
            small=2**53 - 1,
            yes=True,
        )
        message = await hear(page)
        assert message["proposal"] == str(2**256 - 1)
        assert message["nested"] == [{"weight": str(10**18 + 1)}]
        assert message["small"] == 2**53 - 1
        assert message["yes"] is True


def test_a_wrong_topic_or_unsendable_data_fails_where_it_is_written() -> None:
    with pytest.raises(UnknownTopic):
        publish("everything", "vote")
    with pytest.raises(TypeError):
        publish("governance", "vote", voter=object())


def test_a_network_layer_that_is_down_is_logged_and_undoes_nothing(
    settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    from channels.layers import channel_layers

    settings.CHANNEL_LAYERS = {  # type: ignore[attr-defined]
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": ["redis://127.0.0.1:1/0"]},
        }
    }
    channel_layers.backends.clear()
    publish("artwork", "generation", generation=1)
    assert "could not publish to artwork" in caplog.text


def test_the_server_forgets_pages_that_left(server: Server) -> None:
    async def visit() -> None:
        async with server.socket("artwork"):
            await joined(1)

    asyncio.run(visit())
    wait_until(lambda: presence.sockets() == 0)
