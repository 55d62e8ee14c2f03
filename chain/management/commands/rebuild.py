"""`manage.py rebuild`: drop everything that came from the chain, and read it again."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chain import mirror
from chain.indexer import PROBLEMS, Indexer
from chain.management.watching import Watch, interruptible
from chain.models import Cursor, Log


class Command(BaseCommand):
    """Rebuild the mirror from the chain."""

    help = "Delete the mirrored chain with every row derived from it, and read it again from the node."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define --forget-only."""
        parser.add_argument(
            "--forget-only", action="store_true", help="delete, and leave the reading to the running indexer"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete and read again. Raises CommandError if the node or the deployment is not there."""
        started = time.monotonic()
        try:
            if options["forget_only"]:
                mirror.forget()
                self.stdout.write("The mirror is empty.")
                return
            indexer = Indexer.configured()
            indexer.check()  # what cannot be read again is not forgotten
            mirror.forget()
            with interruptible() as stop, Watch(self.stdout) as watch:
                indexer.stop, indexer.told = stop, watch.heard
                indexer.sync()
        except PROBLEMS as error:
            raise CommandError(f"{type(error).__name__}: {error}") from error
        cursor = Cursor.current()
        at = f"block {cursor.number}" if cursor else "nothing"
        if stop.is_set():
            raise CommandError(
                f"Interrupted at {at}, which is kept; `manage.py index` goes on from there.", returncode=130
            )
        self.stdout.write(
            f"Mirrored {Log.objects.count()} logs up to {at} in {time.monotonic() - started:.1f} s."
        )
