"""What it costs to tell a thousand open pages: `make bench-live`.

Fifty messages of 2 KB go to a thousand websockets of the site's own stack (uvicorn, our ASGI application, the
hub; published by `live.publish` from a thread, as the indexer of `make run` does), and just as many to a
thousand of a bare `websockets` server by its `broadcast`, which is the quickest thing that library has. Both
servers run on uvloop, each in a process of its own, and take turns: between two messages of the one comes one
of the other, so that whatever else the machine does meets both.

The clients are the same program for both, in another process: bare protocols that note the time when bytes
arrive and read them afterwards. A latency is from the call that publishes to the bytes' arrival. The last
line is one JSON object; `lost` counts messages of ours that did not arrive, each client and each message.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

MOST_RATIO = 2.0
MESSAGE_BYTES = 2048
INTERVAL_S = 0.2
PATIENCE_S = 30.0
PING, PONG = 0x89, 0x8A
TAIL = 64  # the end of a message holds its number and its time: nothing else need be kept


def message(number: int) -> dict[str, Any]:
    """The data of a message that is MESSAGE_BYTES long as JSON, give or take a few."""
    return {"image": "x" * (MESSAGE_BYTES - 100), "number": number, "sent": time.monotonic_ns()}


# --- The programs: each is a child that says JSON lines and is told words


def say(**data: Any) -> None:
    print(json.dumps(data), flush=True)


def on_each_word(act: Any) -> None:
    """Call `act(word)` in a thread for each line that the parent writes; end with the parent."""

    def read() -> NoReturn:
        for line in sys.stdin:
            act(line.strip())
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()


def publish_all(publish: Any, count: int, start: int) -> None:
    """Publish messages `start` to `start + count` at the pace of INTERVAL_S."""
    due = time.monotonic()
    for number in range(start, start + count):
        publish(message(number))
        due += INTERVAL_S
        time.sleep(max(0.0, due - time.monotonic()))
    say(published=count)


def site(count: int) -> None:
    """The site's stack; at each word, publish `count` messages from a thread that is not the server's."""
    import django
    import uvicorn

    django.setup()
    from config.asgi import application
    from live import publish, server
    from live.hub import get_hub

    uvicorn_server = uvicorn.Server(
        uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning", **server.options())
    )
    done = [0]

    def act(_word: str) -> None:
        publish_all(lambda data: publish("artwork", "painting", **data), count, done[0])
        done[0] += count

    async def serve() -> None:
        serving = asyncio.create_task(uvicorn_server.serve())
        while not uvicorn_server.started:
            await asyncio.sleep(0.01)
        get_hub()
        say(port=uvicorn_server.servers[0].sockets[0].getsockname()[1])
        on_each_word(act)
        await serving

    import uvloop

    uvloop.run(serve())


def bare(count: int) -> None:
    """Nothing but `websockets`; at each word, broadcast `count` messages from a thread."""
    import uvloop
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    pages: set[ServerConnection] = set()
    done = [0]

    async def page(connection: ServerConnection) -> None:
        pages.add(connection)
        try:
            await connection.send(json.dumps({"kind": "listening"}))
            await connection.wait_closed()
        finally:
            pages.discard(connection)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def publish(data: dict[str, Any]) -> None:
            text = json.dumps({"topic": "artwork", "kind": "painting", **data}, separators=(",", ":"))
            loop.call_soon_threadsafe(broadcast, pages, text)

        def act(_word: str) -> None:
            publish_all(publish, count, done[0])
            done[0] += count

        async with serve(page, "127.0.0.1", 0, compression=None, backlog=2048) as server:
            say(port=server.sockets[0].getsockname()[1])
            on_each_word(act)
            await asyncio.Future()

    uvloop.run(main())


class Page(asyncio.Protocol):
    """A websocket client that spends as little as it can: it measures servers, not itself."""

    def __init__(self, port: int, ready: Any) -> None:
        self.port, self.ready = port, ready
        self.rest = b""
        self.open = self.listens = False
        self.heard: list[tuple[int, bytes]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        host = f"127.0.0.1:{self.port}"
        transport.write(
            f"GET /live/?topics=artwork HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self.rest + data if self.rest else data
        if not self.open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self.rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise SystemExit(f"refused: {head[:200]!r}")
            self.open = True
        at = 0
        while len(data) >= at + 4:
            size, head_bytes = data[at + 1], 2
            if size == 126:
                size, head_bytes = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            end = at + head_bytes + size
            if end > len(data):
                break
            if data[at] == PING:  # unanswered, it would cost the connection
                self.transport.write(bytes([PONG, 0x80 | size]) + bytes(4) + data[at + head_bytes : end])
            elif size > MESSAGE_BYTES // 2:
                self.heard.append((now, data[end - TAIL : end]))
            elif not self.listens:
                self.listens = True
                self.ready()
            at = end
        self.rest = data[at:]


def clients(port: int, count: int) -> None:
    """`count` open pages; at each word, write what they heard since the last to the file of that name."""
    import uvloop

    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    pages: list[Page] = []
    listening = [0]

    def ready() -> None:
        listening[0] += 1
        if listening[0] == count:
            gc.collect()
            gc.disable()
            say(listening=count)

    def report(path: str) -> None:
        latencies = array("q")
        seen = set()
        for place, page in enumerate(pages):
            heard, page.heard = page.heard, []
            for at, tail in heard:
                data = json.loads(b"{" + tail[tail.index(b'"number"') :])
                latencies.append(at - data["sent"])
                seen.add((place, data["number"]))
        Path(path).write_bytes(latencies.tobytes())
        say(heard=len(seen))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(count):
            _, page = await loop.create_connection(lambda: Page(port, ready), "127.0.0.1", port)
            pages.append(page)
            if number % 50 == 49:
                await asyncio.sleep(0.05)
        on_each_word(lambda path: loop.call_soon_threadsafe(report, path))
        await asyncio.Future()

    uvloop.run(main())


# --- The benchmark


class Child:
    """One of the programs above in its own process."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "VAR_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "LIVE_SOCKETS_PER_ADDRESS": "100000",
            "CONNECTIONS_PER_ADDRESS": "100000",
            "LOG_LEVEL": "WARNING",
        }
        environment.pop("REDIS_URL", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benches.live", *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a program of the benchmark ended early")
        return dict(json.loads(line))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def collected(server: Child, pages: Child, path: Path, expected: int) -> tuple[list[int], int]:
    """What one server's pages heard in a round: (latencies in ns, messages lost)."""
    server.hear()
    heard, latencies, give_up = 0, array("q"), time.monotonic() + PATIENCE_S
    while True:
        pages.tell(str(path))
        heard += pages.hear()["heard"]
        latencies.frombytes(path.read_bytes())
        if heard >= expected or time.monotonic() > give_up:
            return list(latencies), expected - heard
        time.sleep(0.2)


def percentile(values: list[int], share: float) -> float:
    """Milliseconds that `share` of the values do not exceed."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6, 2)


def main() -> int:
    """Run the benchmark; exit status 1 when the ratio is more than MOST_RATIO or a message was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    took: dict[str, list[int]] = {"site": [], "bare": []}
    lost = {"site": 0, "bare": 0}
    children: list[Child] = []
    with tempfile.TemporaryDirectory(prefix="murmuration-bench-") as name:
        folder = Path(name)
        try:
            pairs: dict[str, tuple[Child, Child]] = {}
            for kind in took:
                server = Child(folder, f"--{kind}", arguments.messages)
                children.append(server)
                pages = Child(folder, "--pages", server.hear()["port"], arguments.clients)
                children.append(pages)
                pages.hear()
                pairs[kind] = server, pages
            for number in range(arguments.rounds + 1):
                kinds = sorted(took, reverse=number % 2 == 0)
                for kind in kinds:
                    pairs[kind][0].tell("go")
                    time.sleep(INTERVAL_S / 2)
                for kind in kinds:
                    expected = arguments.clients * arguments.messages
                    latencies, missing = collected(*pairs[kind], folder / kind, expected)
                    words = f"p50 {percentile(latencies, 0.5)} ms, p99 {percentile(latencies, 0.99)} ms"
                    print(f"{kind}: {words}, lost {missing}", file=sys.stderr)
                    lost[kind] += missing
                    if number >= 1:  # the first of each warms
                        took[kind] += latencies
        finally:
            for child in children:
                child.end()
    from benches.machine import machine

    p50, bare_p50 = percentile(took["site"], 0.5), percentile(took["bare"], 0.5)
    result = {
        "clients": arguments.clients,
        "messages": arguments.messages,
        "rounds": arguments.rounds,
        "p50_ms": p50,
        "p99_ms": percentile(took["site"], 0.99),
        "bare_p50_ms": bare_p50,
        "bare_p99_ms": percentile(took["bare"], 0.99),
        "p50_ratio": round(p50 / bare_p50, 2),
        "lost": lost["site"],
        "machine": machine(),
    }
    print(json.dumps(result))
    return int(result["p50_ratio"] > MOST_RATIO or lost["site"] > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--site"]:
        site(int(sys.argv[2]))
    elif sys.argv[1:2] == ["--bare"]:
        bare(int(sys.argv[2]))
    elif sys.argv[1:2] == ["--pages"]:
        clients(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main())
