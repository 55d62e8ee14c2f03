"""What went wrong, in words for the person who can mend it."""

from __future__ import annotations

import errno
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from studio.remote import PainterError, PainterFailed

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LOCKED = (errno.EROFS, errno.EACCES, errno.EPERM)


class Plain(Exception):
    """Its message is a whole sentence for people."""


def words(error: BaseException) -> str:
    """The reason, and what mends it where that is known; at most 2,000 characters."""
    return _words(error)[:2000]


def of_the_site(error: BaseException) -> bool:
    """Whether it is a trouble of this machine, not of what was being done: it will go when that is mended."""
    return isinstance(error, OSError) and error.errno in (*FULL, *LOCKED)


def _words(error: BaseException) -> str:
    if isinstance(error, Plain) or (isinstance(error, PainterError) and not isinstance(error, PainterFailed)):
        return str(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return f"The disk is full: free some space in {_folder(error)}."
    if isinstance(error, OSError) and error.errno in LOCKED:
        return f"{_folder(error)} cannot be written ({error.strerror}): let the site's user write there."
    if isinstance(error, DatabaseError) and "disk is full" in str(error):
        return f"The database's disk is full: free some space in {settings.VAR_DIR}."
    if isinstance(error, DatabaseError) and "readonly" in str(error):
        return f"The database in {settings.VAR_DIR} cannot be written: let the site's user write there."
    return f"{type(error).__name__}: {error}"


def _folder(error: OSError) -> Path:
    """The folder that is meant."""
    named = Path(error.filename) if isinstance(error.filename, str) else None
    return named.parent if named is not None else Path(settings.MEDIA_ROOT)
