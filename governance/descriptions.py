"""A proposal's description: `# title`, a reason, and who may submit it (OpenZeppelin's `#proposer=0x…`).

The suffix is the governor's guard against front-running: nobody else can submit the same words first and
cancel them. It is read by the contract, so it is written here and hidden from readers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SUFFIX = re.compile(r"\s*#proposer=0x[0-9a-fA-F]{40}\Z")
_UNTITLED = "Untitled"
# What turns the direction of the words around it, and control characters but for tab and line feed.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


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


def plain(text: str) -> str:
    """A stranger's words where no markup can hold them together (a tab's title, a feed, a calendar): without
    direction marks, and with U+FFFD for what XML forbids.
    """
    return _CONTROL.sub("\ufffd", _TURNING.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
