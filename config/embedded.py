"""Everything in one process: what `make run` starts (`python -m config.embedded`).

The order matters, so that the page is up soon and nothing runs against what is not there yet: the lock on
the data folder, the port, the private chain, the database, the contracts; then the threads (indexer, two
Celery workers, beat); last the web server, in the main thread, where signals arrive (`config.process`).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.instance import CannotStart
from config.process import Process, data_folder, make_server, migrate, say

if TYPE_CHECKING:
    from chain.private import PrivateChain


def make_admin() -> str | None:
    """Make the admin user if there is none, and return the password, which is kept nowhere in clear."""
    from django.contrib.auth import get_user_model

    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(username="admin", email="", password=password)  # type: ignore[attr-defined]
    return password


class Site(Process):
    """One running artwork: started, served and stopped from the main thread."""

    def __init__(self, folder: Path, port: str) -> None:
        super().__init__(folder, port)
        self.chain: PrivateChain | None = None

    def start(self) -> None:
        self.keep_logs()
        self.check()
        self.start_chain()
        self.start_django()
        from config.asgi import application

        self.server = make_server(application)
        self.start_threads()

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
        from compute import rendering
        from gallery import repaints

        rendering.release_leases()
        repaints.release_leases()
        if self.chain is not None:
            from config import demo

            demo.ensure(say)

    def ready(self) -> None:
        say(f"Murmuration is at {self.address}")
        say("Ctrl-C stops it; the same command goes on where it stopped.")

    def put_down(self) -> None:
        if self.chain is not None:
            self.chain.stop()

    def last_children(self) -> list[Any]:
        """An adopted Anvil is no child of ours."""
        from chain.anvil import Running

        adopted = Running.read(self.folder / "chain" / "anvil.json") if self.chain is not None else None
        process = adopted.process() if adopted is not None else None
        return [] if process is None else [process]


def main() -> int:
    """Run until a signal; returns the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        return Site(data_folder(), os.environ.get("PORT", "")).run()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
