"""Chain time.

On a public chain it is the wall clock. The private chain's clock may be ahead of it (or behind, while its
history is being seeded) by an offset that `PrivateChain` writes to a file, so that every process of the
site agrees and a restart keeps it.
"""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings


def offset_file() -> Path:
    """Where the private chain's offset is kept: an integer number of seconds as text."""
    return Path(settings.VAR_DIR) / "chain" / "offset"


def offset() -> int:
    """The private chain's clock minus the wall clock in seconds; 0 on a public chain."""
    if not settings.PRIVATE_CHAIN:
        return 0
    try:
        return int(offset_file().read_text())
    except FileNotFoundError:
        return 0


def now() -> int:
    """Chain time in seconds: about the timestamp of a block that would be mined now."""
    return int(time.time()) + offset()
