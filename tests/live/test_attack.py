"""Connections in thousands, half-open, slow, oversized and malformed: what they cost others is bounded."""

import asyncio
import contextlib
import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from live import door, presence, publish
from live import server as live_server
from tests.live.conftest import Server, hear
from tests.live.test_live import joined, tell

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def line(port: int, source: str = "127.0.0.1") -> Line:
    """A bare TCP connection from a local address."""
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))


async def shake(port: int, source: str = "127.0.0.1", **changed: str) -> tuple[int, Line]:
    """A websocket handshake by hand: (status, connection)."""
    reader, writer = await line(port, source)
    words = {
        "path": "/live/?topics=artwork",
        "host": f"127.0.0.1:{port}",
        "origin": f"http://127.0.0.1:{port}",
    }
    try:
        writer.write(UPGRADE.format(**words | changed).encode("latin-1"))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    except (ConnectionError, asyncio.IncompleteReadError):
        return 0, (reader, writer)
    return int(head.split(b" ", 2)[1]), (reader, writer)


def masked(opcode: int, data: bytes, fin: bool = True) -> bytes:
    """A client's frame; the mask is zero, which is allowed."""
    size = len(data)
    length = (
        bytes([0x80 | size])
        if size < 126
        else bytes([0xFE]) + size.to_bytes(2, "big")
        if size < 65536
        else bytes([0xFF]) + size.to_bytes(8, "big")
    )
    return bytes([(0x80 if fin else 0) | opcode]) + length + bytes(4) + data


async def gone(reader: asyncio.StreamReader, seconds: float = 10.0) -> None:
    """Wait until the server has closed the connection."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(seconds):
            while await reader.read(65536):
                pass


@contextlib.asynccontextmanager
async def closing(*lines: Line) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for _, writer in lines:
            writer.close()


# --- One address, many sockets


async def test_one_address_has_so_many_sockets_and_others_have_theirs(server: Server, settings: Any) -> None:
    settings.LIVE_SOCKETS_PER_ADDRESS = 3
    results = [await shake(server.port) for _ in range(3)]
    assert [status for status, _ in results] == [101] * 3
    await joined(3)
    async with server.socket("artwork") as page:  # told in words, since a page can read nothing else
        with pytest.raises(ConnectionClosed) as closed:
            await page.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4429, door.CROWD)
    status, other = await shake(server.port, source="127.0.0.2")
    assert status == 101
    async with closing(other, *(held for _, held in results)):
        await joined(4)
    await joined(0)
    async with server.socket("artwork") as page:  # a place that was left is free again
        await joined(1)
        tell("artwork", "generation", generation=1)
        assert (await hear(page))["generation"] == 1


async def test_who_insists_is_refused_before_the_upgrade(
    server: Server, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LIVE_SOCKETS_PER_ADDRESS = 2
    monkeypatch.setattr(door, "POLITE", 1)
    async with server.socket("artwork"), server.socket("artwork"):
        await joined(2)
        seen = Counter()
        for _ in range(6):
            status, held = await shake(server.port)
            async with closing(held):
                seen[status] += 1
        assert seen == {101: 1, 429: 5}  # one was told, the others cost an answer each


async def test_too_many_handshakes_are_refused_even_when_each_leaves(server: Server, settings: Any) -> None:
    settings.LIVE_SOCKETS_PER_ADDRESS = 5
    statuses = []
    for _ in range(15):
        status, held = await shake(server.port)
        async with closing(held):
            statuses.append(status)
        await joined(0)
    assert statuses[:10] == [101] * 10
    assert statuses[10:].count(429) >= 4
    with pytest.raises(InvalidStatus) as refused:
        async with server.socket("artwork"):
            pass
    assert refused.value.response.headers["Retry-After"] == "60"


async def test_a_crowded_proxy_is_no_crowd(server: Server, settings: Any) -> None:
    settings.LIVE_SOCKETS_PER_ADDRESS, settings.TRUSTED_PROXIES = 1, 1
    options = [{"additional_headers": {"X-Forwarded-For": f"203.0.113.{number}"}} for number in range(5)]
    async with contextlib.AsyncExitStack() as stack:
        for option in options:
            await stack.enter_async_context(server.socket("artwork", **option))
        await joined(5)
        page = await stack.enter_async_context(server.socket("artwork", **options[0]))
        with pytest.raises(ConnectionClosed):
            await page.recv()


async def test_one_address_has_so_many_connections(server: Server, settings: Any) -> None:
    settings.CONNECTIONS_PER_ADDRESS = 4
    idle = [await line(server.port) for _ in range(4)]
    async with closing(*idle):
        reader, writer = await line(server.port)
        async with closing((reader, writer)):
            assert (await reader.readline()).startswith(b"HTTP/1.1 429 ")
            await gone(reader)
        status, other = await shake(server.port, source="127.0.0.2")
        async with closing(other):
            assert status == 101
    async with asyncio.timeout(10):
        while (result := await shake(server.port))[0] != 101:
            result[1][1].close()
    result[1][1].close()


# --- Who is slow


async def test_who_never_asks_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_server, "REQUEST_S", 0.3)
    silent, dribbling = await line(server.port), await line(server.port)
    async with closing(silent, dribbling):
        dribbling[1].write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        await gone(silent[0])
        await gone(dribbling[0])


async def test_half_open_sockets_are_found_by_a_ping(
    in_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_server, "PING_S", 0.2)
    server = Server()
    try:
        status, (reader, writer) = await shake(server.port)
        assert status == 101
        async with closing((reader, writer)):
            await joined(1)
            await gone(reader)  # never a pong
            await joined(0)
    finally:
        server.stop()


async def test_a_socket_that_reads_nothing_leaves_nothing_behind(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_server, "GOODBYE_S", 0.2)
    monkeypatch.setattr("live.socket.GOODBYE_S", 0.2)

    def kept() -> int:
        """Connections that the server has not let go."""
        connections = psutil.Process().net_connections("tcp4")
        return sum(one.laddr.port == server.port and one.status != "LISTEN" for one in connections)

    status, (_, writer) = await shake(server.port)
    assert status == 101
    async with closing((_, writer)):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await joined(1)
        assert kept() == 1
        big = "x" * 100_000
        await asyncio.to_thread(lambda: [publish("artwork", "painting", image=big) for _ in range(400)])
        async with asyncio.timeout(20):
            while presence.sockets() or kept():
                await asyncio.sleep(0.02)


# --- What is sent


@pytest.mark.parametrize(
    "frames",
    [
        masked(1, b"x" * 5000),
        masked(1, b"x" * 9000),
        bytes([0x81, 0xFF]) + (2**62).to_bytes(8, "big") + bytes(4),  # announces an exabyte
        masked(2, b'{"topics": ["artwork"]}'),  # binary
        masked(1, b'{"topics": ["\xff\xfe"]}'),  # not UTF-8
        masked(1, b"{", fin=False) + masked(1, b"{"),  # a message within a message
        masked(0, b"x"),  # goes on where nothing began
        masked(3, b""),  # a reserved opcode
        bytes([0xC1, 0x80]) + bytes(4),  # a reserved bit
        bytes([0x81, 0x02]) + b"{}",  # not masked
        masked(9, b"x" * 126),  # a ping too long
        masked(8, b"\x00"),  # half a close code
        masked(1, b'{"topics": ["proposal.' + b"9" * 4000),
        masked(1, b'{"topics":' + b"[" * 4000),
        masked(1, b'{"topics": null}'),
        masked(1, b'{"topics": "artwork"}'),
        masked(1, b'{"topics": {"artwork": 1e999}}') * 40,  # allowed once, not that often
    ],
)
async def test_bad_frames_close_their_own_socket(
    server: Server, frames: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_server, "GOODBYE_S", 0.3)
    async with server.socket("artwork") as polite:
        status, (reader, writer) = await shake(server.port)
        assert status == 101
        async with closing((reader, writer)):
            await joined(2)
            writer.write(frames)
            await gone(reader)
        await joined(1)
        tell("artwork", "generation", generation=1)
        assert (await hear(polite))["generation"] == 1


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "http://127.0.0.1:99999999"}, 403),
        ({"origin": "http://127.0.0.1@elsewhere.example"}, 403),
        ({"origin": "http://127.0.0.1.elsewhere.example"}, 403),
        ({"origin": "file://"}, 403),
        ({"origin": "chrome-extension://127.0.0.1"}, 403),
        ({"origin": "http://127.0.0.1\\elsewhere.example"}, 403),
        ({"origin": "\xff\xfe"}, 403),
        ({"host": "elsewhere.example"}, 400),
        ({"host": ""}, 400),
        ({"host": "127.0.0.1:x"}, 400),
        ({"host": "a" * 300}, 400),
        ({"path": "/"}, 404),
        ({"path": "/live/../admin/"}, 404),
        ({"path": "/live"}, 404),
    ],
)
async def test_strange_handshakes_are_refused(server: Server, changed: dict[str, str], status: int) -> None:
    answered, held = await shake(server.port, **changed)
    async with closing(held):
        assert answered == status


async def test_a_page_without_an_origin_is_no_page(server: Server) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://127.0.0.1:{server.port}/live/?topics=artwork"):
            pass


# --- Thousands


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[int, psutil.Process]]:
    """The whole web application in a process of its own: (port, process)."""
    environment = os.environ | {"VAR_DIR": str(tmp_path), "LOG_LEVEL": "WARNING"}
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/site.sqlite3"
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", "0", "--lifespan", "off"]
    command += ["--http", "live.server:Http", "--ws", "live.server:Socket", "--no-access-log"]
    command += ["--no-proxy-headers", "--backlog", "2048"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for text in process.stderr:
        if found := re.search(r"running on http://127.0.0.1:(\d+)", text):
            break
    else:
        raise AssertionError("the site did not start")
    log = open(tmp_path / "log", "w")  # noqa: SIM115 - closed with the process
    copier = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
    yield int(found[1]), psutil.Process(process.pid)
    process.kill()
    process.wait()
    copier.wait()
    log.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a second loopback address is Linux's")
async def test_ten_thousand_connections_from_one_address_leave_others_in_peace(
    site: tuple[int, psutil.Process],
) -> None:
    port, process = site
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    attack = 10_000
    if hard != resource.RLIM_INFINITY and hard < attack + 500:
        pytest.skip(f"{attack} connections need as many open files; the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    seen: Counter[int] = Counter()
    held: list[Line] = []
    waits: list[float] = []
    over = asyncio.Event()

    async def attacker(share: int) -> None:
        for _ in range(share):
            try:
                status, connection = await shake(port)
            except OSError:
                status = -1
            else:
                held.append(connection)
            seen[status] += 1

    async def visitor() -> None:
        """Look at the page and open a live line, again and again, from another address."""
        while not over.is_set():
            began = time.monotonic()
            reader, writer = await line(port, "127.0.0.2")
            writer.write(
                f"GET /about/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
            status, connection = await shake(port, "127.0.0.2")
            assert status == 101
            connection[1].close()
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.3)

    try:
        looking = asyncio.create_task(visitor())
        began = time.monotonic()
        await asyncio.gather(*(attacker(attack // 100) for _ in range(100)))
        took = time.monotonic() - began
        files = process.num_fds()
        over.set()
        await looking
    finally:
        for _, writer in held:
            writer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(
        f"{attack} in {took:.1f} s: {dict(seen)}; {files} files; a visitor waited {max(waits):.2f} s at most"
    )
    assert sum(seen.values()) == attack
    assert seen[101] <= 100 + door.POLITE * (1 + took / 60) + 1
    assert files < 800
    assert len(waits) >= 3
    assert max(waits) < 5
    assert sorted(waits)[len(waits) // 2] < 1.5
