"""`manage.py index`: follow the chain in a process of its own."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chain import follow
from chain.indexer import Indexer
from chain.lead import Lead


class Command(BaseCommand):
    """Follow the chain until interrupted, or, with --once, to its head. A second one stands by."""

    help = "Mirror the chain into the database, and keep it up to date until interrupted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define --once."""
        parser.add_argument("--once", action="store_true", help="stop at the head")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        if options["once"]:
            self.stdout.write(f"{Indexer.configured().sync()} blocks mirrored")
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        follow.run(stop, Lead("indexer").held)
