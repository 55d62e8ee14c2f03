"""The votes as a calendar (RFC 5545): when each opens and closes, and until when a decision may be stopped.

Lines end in CRLF and are folded at 75 bytes without cutting a character; text is escaped. A calendar keeps
what it read, so only final proposals are in it, and a vote that was extended or cancelled is told again under
the same UID with a higher SEQUENCE.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from governance import outcomes
from governance.feeds import Entry, safe_words, stable_id
from governance.selectors import State

_FOLD = 75


def calendar(entries: list[Entry], address: str) -> str:
    """The whole file. `address` is the site's, without a slash at its end."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Murmuration//Votes//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "NAME:Murmuration: votes",
        "X-WR-CALNAME:Murmuration: votes",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ]
    for entry in entries:
        lines += _votes(entry, address)
        lines += _timelock(entry, address)
    return "".join(f"{fold(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def text(words: str) -> str:
    """A TEXT value: backslash, semicolon and comma escaped, line breaks as `\\n`."""
    for mark in ("\\", ";", ","):
        words = words.replace(mark, "\\" + mark)
    return words.replace("\n", "\\n")


def fold(line: str) -> str:
    """A content line in pieces of at most 75 bytes; each but the first begins with a space."""
    pieces, piece = [], b""
    for character in line:
        raw = character.encode()
        if len(piece) + len(raw) > _FOLD:
            pieces.append(piece)
            piece = b" "
        piece += raw
    return b"\r\n".join([*pieces, piece]).decode()


def _votes(entry: Entry, address: str) -> Iterator[str]:
    standing = entry.standing
    proposal = standing.proposal
    yield from _event(
        entry,
        address,
        kind="vote",
        starts=proposal.voting_starts,
        ends=standing.deadline,
        summary=f"Vote: {safe_words(proposal.title)}",
    )


def _timelock(entry: Entry, address: str) -> Iterator[str]:
    """From when on a decision may take effect, while it waits for that."""
    standing = entry.standing
    if standing.eta is not None:
        yield from _event(
            entry,
            address,
            kind="effect",
            starts=standing.eta,
            ends=standing.eta,
            summary=f"May take effect: {safe_words(standing.proposal.title)}",
        )


def _event(entry: Entry, address: str, kind: str, starts: int, ends: int, summary: str) -> Iterator[str]:
    standing = entry.standing
    proposal = standing.proposal
    told = f"{standing.state.word}. {outcomes.verdict(standing)}"
    # Each later happening in a proposal's life makes a new edition of its events.
    happenings = ("extended", "queued", "executed", "canceled")
    sequence = sum(getattr(proposal, name, None) is not None for name in happenings)
    yield "BEGIN:VEVENT"
    yield f"UID:{stable_id(kind, proposal.pk)}"
    yield f"DTSTAMP:{_time(entry.updated_at)}"
    yield f"SEQUENCE:{sequence}"
    yield f"DTSTART:{_time(starts)}"
    if ends > starts:
        yield f"DTEND:{_time(ends)}"
    yield f"SUMMARY:{text(summary)}"
    yield f"DESCRIPTION:{text(told)}"
    yield f"URL:{address}/proposals/{proposal.pk}/"
    yield f"STATUS:{'CANCELLED' if standing.state is State.CANCELED else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
