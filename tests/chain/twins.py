"""Two nodes that share the beginning of a chain: the second is a copy of the first from some block on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from chain.anvil import Running
from chain.private import PrivateChain

NOBODY = 2**22 + 1  # above the largest process id that Linux gives out


def twin(chain: PrivateChain, folder: Path) -> PrivateChain:
    """Another Anvil with the same chain so far, free to go its own way. `stop` it."""
    chain.save()
    folder.mkdir(parents=True)
    shutil.copy(chain.state_file, folder)
    record = Running.read(chain.folder / "anvil.json")
    assert record is not None
    replace(record, pid=NOBODY, created=0.0).write(folder / "anvil.json")
    other = PrivateChain(folder, history=100).start()
    assert other.url != chain.url
    return other
