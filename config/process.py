"""A process that holds everything: what `make run` (`config.embedded`) and `make operator` share.

The lock on its data folder, its port, its log files, its threads, and its end. It is started and stopped from
the main thread, where signals arrive; a stop takes STOP_S seconds at most, and leaves no child.

The painter is a process of its own, a child of this one (`compute.painter`). It is ended at once: the row of
its job lets the next start take the painting up again.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from config.instance import HOST, CannotStart, Instance, keep_logs, listen
from config.threads import Lasting, beat, mirror, start_worker, stop_workers, tasks_at_work

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger("config.process")

STOP_S = 4.5
QUEUES = ("control", "paint")
PAINT = {"compute.tasks.paint", "gallery.tasks.repaint"}
ROOT = Path(__file__).resolve().parent.parent


def say(text: str = "") -> None:
    """Write a line for the person who started this; all else goes to the log file."""
    print(text, flush=True)


def migrate() -> None:
    """Bring the database up to date; a database that is takes no time."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def make_server(application: Any) -> uvicorn.Server:
    """uvicorn without its signal handlers, which would end the process before its parts are put down."""
    import uvicorn

    from live import server

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    options = uvicorn.Config(application, log_config=None, timeout_graceful_shutdown=1, **server.options())
    return Server(options)


def answer(host: str, port: int, path: str) -> str:
    """What a page of this process answers: "200" or the trouble. Asked as a fragment, which is no visit."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        connection.request("GET", path, headers={"HX-Request": "true"})
        response = connection.getresponse()
        response.read()
        return str(response.status)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__} {error}"
    finally:
        connection.close()


class Process:
    """One such process; what it does is `start`'s, and what it puts down besides is `put_down`'s."""

    door = "/"
    """The page that answers when all is there."""

    def __init__(self, folder: Path, port: str, host: str = HOST) -> None:
        self.began = time.monotonic()
        self.folder = folder
        self.halt = threading.Event()
        self.status = 0
        self.deadline = float("inf")
        self.server: uvicorn.Server | None = None
        self.threads: list[threading.Thread] = []
        self.instance = Instance(folder)
        self.socket: socket.socket = listen(port, host)
        self.port: int = self.socket.getsockname()[1]
        self.host = host
        self.address = f"http://{host}:{self.port}"

    # --- For each kind to say --------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything but the server, which `run` runs, and set `server`. Raises CannotStart."""
        raise NotImplementedError

    def ready(self) -> None:
        """Say that all is there; called once, from a thread."""
        raise NotImplementedError

    def put_down(self) -> None:
        """End what only this kind has; called when the threads have ended, or have run out of time."""

    def last_children(self) -> list[Any]:
        """Processes to end besides our children."""
        return []

    # --- The whole -------------------------------------------------------------------------------------

    def run(self) -> int:
        """Start, serve until a signal, stop; returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.interrupted)
        try:
            self.start()
            assert self.server is not None  # noqa: S101 - for the type checker
            self.server.run(sockets=[self.socket])
        except KeyboardInterrupt:
            log.info("stopped while starting")
        except CannotStart as error:
            self.status = 1
            print(error, file=sys.stderr)
        except Exception as error:
            self.status = 1
            log.critical("the process cannot run: %s", error, exc_info=True)
            print(f"{self.folder}/logs/murmuration.log has more.", file=sys.stderr)
        finally:
            self.stop()
        return self.status

    def keep_logs(self) -> None:
        """Have logs kept as files in the data folder, from now on; tells others where we are."""
        from django.conf import settings

        keep_logs(self.folder / "logs", settings.LOGGING)
        settings.LOGGING_CONFIG = None  # Django would put its console beside ours
        self.instance.write(self.address)

    def check(self) -> None:
        """Raises CannotStart with every problem of the settings."""
        from config import switch

        if found := switch.problems("embedded"):
            raise CannotStart("\n".join(found))

    def start_threads(self) -> None:
        """The workers, the mirror, the beat, and who says that we are there."""
        for queue in QUEUES:
            start_worker(queue, self.worker_ended)
        for name, work in (("indexer", mirror), ("beat", beat)):
            thread = Lasting(name, work, self.halt)
            thread.start()
            self.threads.append(thread)
        threading.Thread(target=self.announce, name="announce", daemon=True).start()

    def announce(self) -> None:
        """Say that we are there when the page is."""
        said = ""
        while (found := answer(self.host, self.port, self.door)) != "200":
            if found != said:
                log.warning("%s is not there yet: %s", self.door, found)
                said = found
            if self.halt.wait(0.3):
                return
        log.info("ready after %.1f s", time.monotonic() - self.began)
        self.ready()

    def worker_ended(self, queue: str) -> None:
        if not self.halt.is_set():
            log.critical("the worker for %s ended, so the process stops", queue)
            self.status = 1
            self.ask_to_stop()

    # --- The end ---------------------------------------------------------------------------------------

    def interrupted(self, number: int, frame: FrameType | None) -> None:
        """Signal handler. A second signal waits for no page to finish."""
        if self.halt.is_set():
            if self.server is not None:
                self.server.force_exit = True
            return
        say("\nStopping")
        self.ask_to_stop()
        if self.server is None or not self.server.started:
            raise KeyboardInterrupt

    def ask_to_stop(self) -> None:
        self.halt.set()
        self.deadline = time.monotonic() + STOP_S
        threading.Thread(target=self.give_up, name="give-up", daemon=True).start()
        if self.server is not None:
            self.server.should_exit = True

    def give_up(self) -> None:
        """The last resort: whatever hangs, the process ends in time and leaves no child."""
        time.sleep(max(0.0, self.deadline - time.monotonic()))
        log.warning("not everything ended in time: %s", ", ".join(t.name for t in threading.enumerate()))
        self.exit_now()

    def exit_now(self) -> None:
        """End the process without the interpreter's own end, which waits for threads."""
        import psutil

        left = psutil.Process().children(recursive=True) + self.last_children()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=0.5)  # or they stay on the process table, where nobody reaps them
        logging.shutdown()
        os._exit(self.status)

    def stop(self) -> None:
        """End what goes on; what will not end in time ends with the process."""
        if not self.halt.is_set():
            self.ask_to_stop()
        if rendering := sys.modules.get("compute.rendering"):
            rendering.stop()
        stop_workers()
        # A picture that was just painted is kept first, which needs no chain.
        self.wait(lambda: tasks_at_work() <= PAINT, 2.0)
        for thread in self.threads:
            thread.join(max(0.0, self.deadline - 1.5 - time.monotonic()))
        self.put_down()
        self.wait(lambda: not tasks_at_work(), 0.5)
        if late := tasks_at_work():
            log.info("ended with the process: %s", ", ".join(late))
        self.exit_now()

    def wait(self, over: Callable[[], bool], before_deadline_s: float) -> None:
        while not over() and time.monotonic() < self.deadline - before_deadline_s:
            time.sleep(0.02)


def data_folder() -> Path:
    """The data folder that VAR_DIR names, or var/. For before there are settings."""
    return Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()
