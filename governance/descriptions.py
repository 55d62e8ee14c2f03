"""A proposal's description: `# title`, a reason, and who may submit it (OpenZeppelin's `#proposer=0x…`).

The suffix is the governor's guard against front-running: nobody else can submit the same words first and
cancel them. It is read by the contract, so it is written here and hidden from readers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SUFFIX = re.compile(r"\s*#proposer=0x[0-9a-fA-F]{40}\Z")
_UNTITLED = "Untitled"


@dataclass(frozen=True)
class Description:
    title: str
    body: str


def compose(title: str, body: str, proposer: str) -> str:
    """The text that goes on chain; `split` gives the same title and body back."""
    parts = [f"# {title.strip()}"]
    if body.strip():
        parts.append(body.strip())
    return "\n\n".join(parts) + f"\n\n#proposer={proposer}"


def split(description: str) -> Description:
    """The title is the first line that says anything, with or without a `#`; anyone may write any text."""
    text = _SUFFIX.sub("", description).strip()
    first, _, rest = text.partition("\n")
    title = first.lstrip("#").strip()
    return Description(title=title[:200] or _UNTITLED, body=rest.strip())


def readable(raw: bytes) -> str:
    """Bytes that somebody put on chain, as text that every database and page can hold."""
    return raw.decode("utf-8", errors="replace").replace("\x00", "\ufffd")
