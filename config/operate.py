"""An outside operator in one process: what `make operator` starts (`python -m config.operate`).

It mirrors the artwork's chain into a database of its own, paints what is due, and commits and reveals with
the keys of its workers; to others it serves what it keeps, by hash, and no pages. docs/operator.md is its
guide, `config.process` what it shares with `make run`.

With an operator's key besides (OPERATOR_KEY) it is a keeper too: it seals, draws and executes what is due
when nobody else does (docs/decisions/0182).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from config.instance import HOST, CannotStart
from config.process import ROOT, Process, make_server, migrate, say

NOT_OURS = ("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT")
"""Where a site on the same machine keeps its things."""


class Operator(Process):
    """One running operator: started, served and stopped from the main thread."""

    door = "/healthz/"

    def __init__(self, folder: Path, port: str, host: str, register: bool) -> None:
        super().__init__(folder, port, host)
        self.register = register

    def start(self) -> None:
        from django.conf import settings

        self.keep_logs()
        settings.ROOT_URLCONF = "config.operator_urls"
        settings.MIDDLEWARE = [
            "config.middleware.RequestMiddleware",
            "config.middleware.RateLimitMiddleware",
            "governance.middleware.WithholdingMiddleware",
        ]
        from config import joining, switch

        if found := [*joining.settings_problems(), *switch.problems("operator")]:
            raise CannotStart("\n".join(dict.fromkeys(found)))
        import django

        django.setup()
        migrate()
        from compute import rendering
        from compute.operator import class_id
        from config.telling import tell
        from config.threads import Lasting
        from config.turns import Handler
        from gallery import repaints

        rendering.release_leases()
        repaints.release_leases()
        say(f"The deployment is {settings.DEPLOYMENT_FILE}; what is kept is in {self.folder}.")
        joining.join(class_id(), self.register, say)
        self.server = make_server(Handler())
        self.start_threads()
        teller = Lasting("teller", lambda halt: tell(halt, say), self.halt)
        teller.start()
        self.threads.append(teller)

    def ready(self) -> None:
        say(f"The operator serves the lineage at {self.address}, and follows the chain.")
        say("Ctrl-C stops it; the same command goes on where it stopped.")


def prepare() -> Path:
    """Set what an operator's settings differ in from a site's; returns the data folder."""
    for name in NOT_OURS:
        os.environ.pop(name, None)
    folder = Path(os.environ.get("VAR_DIR") or ROOT / "var" / "operator").resolve()
    os.environ["VAR_DIR"] = str(folder)
    os.environ["PRIVATE_CHAIN"] = "false"  # it is somebody else's, even where it is somebody's Anvil
    keeper = any(os.environ.get(name) for name in ("OPERATOR_KEY", "OPERATOR_KEYSTORE"))
    os.environ.setdefault("KEEPER", "true" if keeper else "false")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    return folder


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make operator", description="Paint for a living artwork.")
    parser.add_argument("--register", action="store_true", help="bond the keys that are no workers yet")
    chosen = parser.parse_args(arguments)
    folder = prepare()
    try:
        port, host = os.environ.get("PORT", ""), os.environ.get("HOST") or HOST
        return Operator(folder, port, host, chosen.register).run()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
