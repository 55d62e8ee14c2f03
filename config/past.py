"""When the private chain begins: in the past, so that it can be given a history that ends at real time.

Used before Django is set up. The history itself is made by `config.demo`.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from chain.private import PrivateChain

DAY = 86_400
PAST_S = 9 * DAY
"""How long before real time a new chain begins."""


def marker(folder: Path) -> Path:
    """The file that says that a history is being made in this data folder, and isn't whole yet."""
    return folder / "history-unfinished"


def saved(folder: Path) -> Path:
    """The chain's state on disk: without it a deployment file names contracts that are gone."""
    return PrivateChain(folder / "chain").state_file


def is_whole(folder: Path, deployment: Path) -> bool:
    """Whether the data folder holds a chain whose history was made to its end."""
    return deployment.exists() and saved(folder).exists() and not marker(folder).exists()


def start(chain: PrivateChain, folder: Path, deployment: Path) -> None:
    """Start the private chain; one that is not whole is thrown away first, and begins anew in the past."""
    if is_whole(folder, deployment):
        chain.start()
        return
    chain.stop()
    folder.mkdir(parents=True, exist_ok=True)
    marker(folder).touch()
    if chain.folder.exists():
        shutil.rmtree(chain.folder)
    for file in (deployment, deployment.with_name(deployment.name + ".partial")):
        file.unlink(missing_ok=True)
    chain.start(timestamp=int(time.time()) - PAST_S)
