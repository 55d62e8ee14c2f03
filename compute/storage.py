"""Where pictures are kept: content-addressed files behind Django's storage, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.deconstruct import deconstructible


@deconstructible(path="compute.storage.ContentStorage")
class ContentStorage(FileSystemStorage):
    """Files whose name is decided by their content, in `MEDIA_ROOT`.

    Saving under a name that exists already keeps the file that is there: the name says it is the same. A file
    appears under its name only when all of it is on disk, so a crash leaves nothing half written.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself, taken or not."""
        return name

    def ensure_room(self, size: int) -> None:
        """Raises OSError if the folder can't take another `size` bytes."""
        folder = Path(self.location)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".part") as file:
            file.write(b"\0" * size)
            file.flush()

    def _save(self, name: str, content: File[Any]) -> str:
        target = Path(self.path(name))
        if target.exists():
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # readable by a web server that serves the folder
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return name


def picture_storage() -> Storage:
    """The storage called "pictures" in settings.STORAGES, else content-addressed files in MEDIA_ROOT."""
    if "pictures" in settings.STORAGES:
        return storages["pictures"]
    return ContentStorage()


def picture_path(picture: Any, _filename: str) -> str:
    """`pictures/ab/<64 hexadecimal digits>.png`, by the picture's file hash."""
    return stored_name(picture.file_hash, ".png")


def stored_name(file_hash: str, suffix: str) -> str:
    """The name of a file that belongs to a picture; two hexadecimal digits spread the folders."""
    digits = file_hash.removeprefix("0x")
    return f"pictures/{digits[:2]}/{digits}{suffix}"
