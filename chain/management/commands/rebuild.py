"""`manage.py rebuild`: drop everything that came from the chain, and read it again."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chain import mirror
from chain.indexer import PROBLEMS, Indexer
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
            indexer = None if options["forget_only"] else Indexer.configured()
            mirror.forget()
            if indexer is None:
                self.stdout.write("The mirror is empty.")
                return
            indexer.sync()
        except PROBLEMS as error:
            raise CommandError(str(error)) from error
        cursor = Cursor.current()
        at = f"block {cursor.number}" if cursor else "nothing"
        self.stdout.write(
            f"Mirrored {Log.objects.count()} logs up to {at} in {time.monotonic() - started:.1f} s."
        )
