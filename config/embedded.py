"""Everything in one process: what `make run` starts (`python -m config.embedded`).

The order matters, so that the page is up soon and nothing runs against what is not there yet: the lock on
the data folder, the port, the private chain, the database, the contracts; then the threads (indexer, two
Celery workers, beat); last the web server, in the main thread, where signals arrive.

The painter is a process of its own, a child of this one (`gallery.painter`). A stop takes STOP_S seconds at
most, and ends it at once: the row of its job lets the next start take the painting up again.
"""

import contextlib
import http.client
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from config.instance import HOST, CannotStart, Instance, keep_logs, listen

if TYPE_CHECKING:
    import uvicorn

    from chain.private import PrivateChain

log = logging.getLogger("config.embedded")

STOP_S = 4.5
QUEUES = ("control", "paint")
PAINT = {"gallery.tasks.paint", "gallery.tasks.repaint"}
CLOCK_STEP_S = 2


def say(text: str = "") -> None:
    """Write a line for the person who started this; all else goes to the log file."""
    print(text, flush=True)


# --- Threads -------------------------------------------------------------------------------------------


class Lasting(threading.Thread):
    """A thread that is to last: what it raises is logged, and it starts again, a little later each time."""

    def __init__(self, name: str, work: Callable[[threading.Event], object], halt: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.work, self.halt = work, halt

    def run(self) -> None:
        pause = 1.0
        while not self.halt.is_set():
            began = time.monotonic()
            try:
                self.work(self.halt)
            except Exception:
                log.exception("%s failed and starts again", self.name)
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            self.halt.wait(pause)


def start_worker(queue: str, on_end: Callable[[str], None]) -> threading.Thread:
    """Start a Celery worker for one queue in a thread: one task at a time, no signal handlers, no children.

    Returns when it consumes, because a worker's queues are chosen by way of the shared application: two
    that start at once would take each other's. `on_end` hears of its end. Raises CannotStart.
    """
    from config.celery import app

    ready = threading.Event()

    def work() -> None:
        # Made here, not by the caller: a worker closes the database connections of the thread it is made in.
        worker = app.WorkController(
            pool="solo",
            concurrency=1,
            queues=[queue],
            hostname=f"{queue}@embedded",
            loglevel=logging.INFO,
            quiet=True,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            ready_callback=lambda consumer: ready.set(),  # the signal worker_ready is for whole programs
        )
        worker.start()

    def last() -> None:
        try:
            work()
        except Exception:
            log.exception("the worker for %s failed", queue)
        on_end(queue)
        ended.set()

    ended = threading.Event()
    thread = threading.Thread(target=last, name=f"worker-{queue}", daemon=True)
    thread.start()
    while not ready.wait(0.05):
        if ended.is_set():
            raise CannotStart(f"The worker for {queue} did not start; the log file says why.")
    return thread


def stop_workers() -> None:
    """Ask every worker of this process to end after its task: Celery keeps one flag for all of them."""
    from celery.worker import state

    state.should_stop = 0


def tasks_at_work() -> set[str]:
    """The names of the tasks that run now. A worker without one may be left alone: its queue is in memory."""
    from celery.worker import state

    return {request.name for request in tuple(state.active_requests)}


def beat(halt: threading.Event) -> None:
    """Send what the beat table says is due; nothing is kept: a tick missed is not made up for."""
    from celery.beat import Scheduler

    from config.celery import app

    scheduler = Scheduler(app, max_interval=1)
    ahead = time.time() - time.monotonic()
    while not halt.is_set():
        # It counts by the wall clock: set back an hour, it would wait for that hour.
        if abs(time.time() - time.monotonic() - ahead) > CLOCK_STEP_S:
            log.warning("the machine's clock was set")
            scheduler, ahead = Scheduler(app, max_interval=1), time.time() - time.monotonic()
        halt.wait(max(0.02, scheduler.tick()))


def mirror(halt: threading.Event) -> None:
    """Follow the chain."""
    from chain import follow

    follow.run(halt)


# --- Steps of a start ----------------------------------------------------------------------------------


def migrate() -> None:
    """Bring the database up to date; a database that is takes no time."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def make_admin() -> str | None:
    """Make the admin user if there is none, and return the password, which is kept nowhere in clear."""
    from django.contrib.auth import get_user_model

    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(username="admin", email="", password=password)  # type: ignore[attr-defined]
    return password


def make_server() -> "uvicorn.Server":
    """uvicorn without its signal handlers, which would end the process before the chain is put down."""
    import uvicorn

    from config.asgi import application
    from live import server

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    options = uvicorn.Config(application, log_config=None, timeout_graceful_shutdown=1, **server.options())
    return Server(options)


def front_page(port: int) -> str:
    """What the front page answers: "200" or the trouble. Asked as a fragment, which counts as no visit."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", "/", headers={"HX-Request": "true"})
        response = connection.getresponse()
        response.read()
        return str(response.status)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__} {error}"
    finally:
        connection.close()


# --- The whole -----------------------------------------------------------------------------------------


class Site:
    """One running artwork: started, served and stopped from the main thread."""

    def __init__(self, folder: Path, port: str) -> None:
        self.began = time.monotonic()
        self.folder = folder
        self.halt = threading.Event()
        self.status = 0
        self.server: uvicorn.Server | None = None
        self.chain: PrivateChain | None = None
        self.threads: list[threading.Thread] = []
        self.instance = Instance(folder)
        self.socket: socket.socket = listen(port)
        self.port: int = self.socket.getsockname()[1]
        self.address = f"http://{HOST}:{self.port}"

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
            log.critical("the site cannot run: %s", error, exc_info=True)
            print(f"{self.folder}/logs/murmuration.log has more.", file=sys.stderr)
        finally:
            self.stop()
        return self.status

    def start(self) -> None:
        from django.conf import settings

        keep_logs(self.folder / "logs", settings.LOGGING)
        settings.LOGGING_CONFIG = None  # Django would put its console beside ours
        self.instance.write(self.address)
        from config import switch

        if found := switch.problems("embedded"):
            raise CannotStart("\n".join(found))
        self.start_chain()
        self.start_django()
        self.server = make_server()
        self.start_threads()
        threading.Thread(target=self.announce, name="announce", daemon=True).start()

    def start_chain(self) -> None:
        """Start Anvil, or adopt the one that a killed process left. A configured chain is used as it is."""
        from django.conf import settings

        if settings.CHAIN_RPC_URL:
            return
        from chain.private import PrivateChain
        from config import past

        self.chain = PrivateChain(self.folder / "chain")
        past.start(self.chain, self.folder, settings.DEPLOYMENT_FILE)
        settings.CHAIN_RPC_URL = self.chain.url
        settings.OPERATOR_ADDRESS = settings.OPERATOR_ADDRESS or self.chain.accounts()[0]

    def start_django(self) -> None:
        import django

        django.setup()
        migrate()
        if password := make_admin():
            say(f"Admin: {self.address}/admin/ as admin, password {password} (said only once)")
        from gallery import rendering, repaints

        rendering.release_leases()
        repaints.release_leases()
        if self.chain is not None:
            from config import demo

            demo.ensure(say)

    def start_threads(self) -> None:
        for queue in QUEUES:
            start_worker(queue, self.worker_ended)
        for name, work in (("indexer", mirror), ("beat", beat)):
            thread = Lasting(name, work, self.halt)
            thread.start()
            self.threads.append(thread)

    def announce(self) -> None:
        """Say the address when the page is really there."""
        said = ""
        while (answer := front_page(self.port)) != "200":
            if answer != said:
                log.warning("the front page is not there yet: %s", answer)
                said = answer
            if self.halt.wait(0.3):
                return
        log.info("ready after %.1f s", time.monotonic() - self.began)
        say(f"Murmuration is at {self.address}")
        say("Ctrl-C stops it; the same command goes on where it stopped.")

    def worker_ended(self, queue: str) -> None:
        if not self.halt.is_set():
            log.critical("the worker for %s ended, so the site stops", queue)
            self.status = 1
            self.ask_to_stop()

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

        from chain.anvil import Running

        left = psutil.Process().children(recursive=True)
        adopted = Running.read(self.folder / "chain" / "anvil.json") if self.chain is not None else None
        if adopted is not None and (process := adopted.process()) is not None:
            left.append(process)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=0.5)  # or they stay on the process table, where nobody reaps them
        logging.shutdown()
        os._exit(self.status)

    def stop(self) -> None:
        """End what goes on, then the chain; what will not end in time ends with the process."""
        if not self.halt.is_set():
            self.ask_to_stop()
        if rendering := sys.modules.get("gallery.rendering"):
            rendering.stop()
        stop_workers()
        # A picture that was just painted is kept first, which needs no chain.
        self.wait(lambda: tasks_at_work() <= PAINT, 2.0)
        for thread in self.threads:
            thread.join(max(0.0, self.deadline - 1.5 - time.monotonic()))
        if self.chain is not None:
            self.chain.stop()
        self.wait(lambda: not tasks_at_work(), 0.5)
        if late := tasks_at_work():
            log.info("ended with the process: %s", ", ".join(late))
        self.exit_now()

    def wait(self, over: Callable[[], bool], before_deadline_s: float) -> None:
        while not over() and time.monotonic() < self.deadline - before_deadline_s:
            time.sleep(0.02)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    root = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("VAR_DIR") or root / "var").resolve()
    try:
        return Site(folder, os.environ.get("PORT", "")).run()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
