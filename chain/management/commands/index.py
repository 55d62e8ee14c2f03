"""`manage.py index`: follow the chain in a process of its own."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chain import follow
from chain.indexer import PROBLEMS, Indexer
from chain.lead import Lead
from chain.management.watching import Watch, interruptible


class Command(BaseCommand):
    """Follow the chain until interrupted, or, with --once, to its head. A second one stands by."""

    requires_system_checks = ()  # of pages, which are others', and take as long to load as all that is needed
    help = "Mirror the chain into the database, and keep it up to date until interrupted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define --once."""
        parser.add_argument("--once", action="store_true", help="stop at the head")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        if options["once"]:
            self._once()
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        follow.run(stop, Lead("indexer").held)

    def _once(self) -> None:
        """Mirror up to the head. Raises CommandError with what prevents it, or that it was interrupted."""
        try:
            with interruptible() as stop, Watch(self.stdout) as watch:
                indexer = Indexer.configured()
                indexer.stop, indexer.told = stop, watch.heard
                stored = indexer.sync()
        except PROBLEMS as error:
            raise CommandError(f"{type(error).__name__}: {error}") from error
        if stop.is_set():
            raise CommandError(f"Interrupted after {stored} blocks, which are kept.", returncode=130)
        self.stdout.write(f"{stored} blocks mirrored")
