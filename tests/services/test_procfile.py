"""The Procfile as it is: one command starts the whole site, and it paints."""

from pathlib import Path

import pytest

from config import testbed
from tests.services.drives import Drive
from tests.services.fleet import Process, commands, running

pytestmark = pytest.mark.services


def test_honchoStartsTheSite_andItPaints(tmp_path: Path, tiny_model: Path):
    with running(tmp_path / "fleet", tiny_model, start=False) as fleet:
        port = testbed.free_port()
        environment = fleet.environment | fleet.keys | {"PORT": str(port)}
        site = Process("everything", environment, tmp_path / "honcho.txt")
        site.command = ["honcho", "--procfile", "Procfile", "start", "--port", str(port), "--no-colour"]
        try:
            site.start()
            fleet.until(lambda: fleet.ready(site), "the site to be ready")
            fleet.until(lambda: len(fleet.lineage()) == 6, "the founding generations")
            Drive(fleet).begin().arrive()
            said = site.console()
            for kind in commands():
                assert f"{kind}.1" in said, said
            family = site.tree()
            site.stop(60)
            fleet.until(lambda: not [one for one in family if one.is_running()], "everything to end")
        except AssertionError:
            print(site.console()[-6000:])
            raise
        finally:
            site.end()
