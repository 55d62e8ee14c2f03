"""What this site keeps from its pages: a picture by its hash, words by a phrase, each for a reason.

The chain is never hidden: hashes, addresses and votes stay. A phrase is found whatever its case, accents and
spaces, and across marks that nobody sees, so that it can't be slipped past by a soft hyphen; it may be part
of a longer word. What is withheld is read once a request (`remembered`), and afresh outside of one, so every
process knows of a change with its next request.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance.models import Withholding
from live import publish

PERMISSION = "governance.withhold"
PLACEHOLDER = "[withheld by this site]"
LEAST_PHRASE = 3
"""Letters of a phrase at least, without spaces and marks: fewer would hide half of everything."""
MOST_PHRASE = 500
MOST_REASON = 300
_HASH = re.compile(r"0x[0-9a-f]{64}")
_UNSEEN = ("Mn", "Me", "Cf", "Cc")
"""Unicode categories that are left out of a comparison: accents that stand apart, and format characters."""


class Refused(Exception):
    """It can't be withheld or lifted; the message says why."""


@dataclass(frozen=True)
class Standing:
    """What is withheld now: reasons by picture hash, and folded phrases with reasons, longest first."""

    pictures: dict[str, str]
    phrases: list[tuple[str, str]]


_memory: ContextVar[list[Standing] | None] = ContextVar("withheld", default=None)


@contextmanager
def remembered() -> Iterator[None]:
    """Read what is withheld once at most within this block."""
    token = _memory.set([])
    try:
        yield
    finally:
        _memory.reset(token)


def shown(text: str) -> str:
    """The words as this site may show them: every withheld phrase replaced by `PLACEHOLDER`."""
    phrases = _standing().phrases
    return hide(text, [phrase for phrase, _reason in phrases]) if phrases and text else text


def words(text: str) -> str | None:
    """The reason when the text contains a withheld phrase, else None."""
    phrases = _standing().phrases
    if not phrases or not text:
        return None
    folded, _places = _fold(text)
    return next((reason for phrase, reason in phrases if phrase in folded), None)


def picture(file_hash: str) -> str | None:
    """The reason why a picture is withheld here, or None."""
    return _standing().pictures.get(file_hash.lower())


def hide(text: str, phrases: list[str]) -> str:
    """The text with every one of these folded phrases (see `folded`) replaced."""
    plain, places = _fold(text)
    spans: list[tuple[int, int]] = []
    for phrase in phrases:
        at = plain.find(phrase)
        while at >= 0:
            spans.append((places[at], _end(text, places[at + len(phrase) - 1])))
            at = plain.find(phrase, at + 1)
    out, reached = [], 0
    for start, end in sorted(spans):
        if start >= reached:
            out += [text[reached:start], PLACEHOLDER]
        reached = max(reached, end)
    return "".join([*out, text[reached:]])


def folded(phrase: str) -> str:
    """A phrase as it is compared: one case, no accents, single spaces, nothing unseen."""
    return _fold(phrase)[0].strip()


def withhold(user: AbstractBaseUser | AnonymousUser, kind: str, subject: str, reason: str) -> Withholding:
    """Withhold a picture (`subject` its file hash) or words (a phrase).

    Raises PermissionDenied without the permission, Refused when subject or reason won't do or it is withheld
    already.
    """
    _check(user)
    kind, subject = Withholding.Kind(kind), subject.strip()
    reason = " ".join(reason.split())
    if not reason:
        raise Refused("Write a reason: the page shows it in place of what it hides.")
    if len(reason) > MOST_REASON:
        raise Refused(f"A reason has at most {MOST_REASON} characters.")
    if kind == Withholding.Kind.PICTURE:
        subject = subject.lower()
        if not _HASH.fullmatch(subject):
            raise Refused("A picture is named by its file hash: 0x and 64 hexadecimal digits.")
    else:
        if len(subject) > MOST_PHRASE:
            raise Refused(f"A phrase has at most {MOST_PHRASE} characters; part of the words will do.")
        if len(folded(subject).replace(" ", "")) < LEAST_PHRASE:
            raise Refused(f"A phrase has at least {LEAST_PHRASE} letters, or it hides too much.")
    try:
        with transaction.atomic():
            made: Withholding = Withholding.objects.create(
                kind=kind, subject=subject, reason=reason, by=user.get_username()
            )
            publish("artwork", "withholding")
    except IntegrityError:
        raise Refused("It is withheld already.") from None
    _forget()
    return made


def lift(user: AbstractBaseUser | AnonymousUser, pk: int) -> Withholding:
    """Show again what was withheld; the row stays. Raises PermissionDenied, or Refused if it isn't
    withheld.
    """
    _check(user)
    with transaction.atomic():
        lifted = Withholding.objects.standing().filter(pk=pk)
        if not lifted.update(lifted_at=timezone.now(), lifted_by=user.get_username()):
            raise Refused("That is not withheld, or no longer.")
        publish("artwork", "withholding")
    _forget()
    row: Withholding = Withholding.objects.get(pk=pk)
    return row


def _check(user: AbstractBaseUser | AnonymousUser) -> None:
    if not user.has_perm(PERMISSION):  # type: ignore[union-attr]
        raise PermissionDenied("You may not withhold anything.")


def _standing() -> Standing:
    memory = _memory.get()
    if memory:
        return memory[0]
    pictures: dict[str, str] = {}
    phrases: list[tuple[str, str]] = []
    for kind, subject, reason in Withholding.objects.standing().values_list("kind", "subject", "reason"):
        if kind == Withholding.Kind.PICTURE:
            pictures[subject] = reason
        else:
            phrases.append((folded(subject), reason))
    found = Standing(pictures, sorted(phrases, key=lambda one: -len(one[0])))
    if memory is not None:
        memory.append(found)
    return found


def _forget() -> None:
    memory = _memory.get()
    if memory is not None:
        memory.clear()


def _fold(text: str) -> tuple[str, list[int]]:
    """The text as it is compared, and for each of its characters the place in `text` that it came from."""
    plain: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character.isspace():
            if not plain or plain[-1] != " ":
                plain.append(" ")
                places.append(place)
            continue
        for part in unicodedata.normalize("NFKD", character).casefold():
            if unicodedata.category(part) not in _UNSEEN:
                plain.append(part)
                places.append(place)
    return "".join(plain), places


def _end(text: str, last: int) -> int:
    """Where a find ends: after its last character and the unseen marks that belong to it."""
    end = last + 1
    while end < len(text) and unicodedata.category(text[end]) in ("Mn", "Me", "Cf"):
        end += 1
    return end
