"""How a painter in a process of its own is spoken to: frames over two pipes.

A frame is four bytes `MUR1`, the length of its header and of its body (4 bytes each, big-endian), the
header (a JSON object in UTF-8) and the body (bytes). Every painting has a number, which all that concerns
it carries as `id`, so that what is still said of a painting given up is not taken for the next one's.

To the painter:

    {"do": "load", "model": folder, "threads": n}                   get ready; nothing is answered
    {"do": "paint", "id", "recipe": {...}, "model", "threads"}      body: the parent's PNG, or nothing
    {"do": "cancel", "id"}                                          stop at the next step

From the painter:

    {"event": "step", "id", "step", "steps", "width", "height"}     body: the preview's RGB rows, or nothing
    {"event": "done", "id", "width", "height", "seconds", "environment", "energy"}
                                                                    body: the picture's RGB rows
    {"event": "failed", "id", "kind", "words"}                      kind: one of KINDS

The end of its standard input ends the painter.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

MAGIC = b"MUR1"
LONGEST_HEADER = 1 << 20
LONGEST_BODY = 64 << 20
"""Bytes. The largest picture that the studio paints, 1024 by 1024, takes 3 MB."""

RECIPE, MODEL, CANCELLED, MEMORY, ERROR = "recipe", "model", "cancelled", "memory", "error"
KINDS = (RECIPE, MODEL, CANCELLED, MEMORY, ERROR)

_START = struct.Struct(">4sII")

Frame = tuple[dict[str, Any], bytes]


class Garbled(ValueError):
    """What was read is no frame."""


def pack(header: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame. ValueError when it is too long."""
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > LONGEST_HEADER or len(body) > LONGEST_BODY:
        raise ValueError(f"a frame of {len(text)} and {len(body)} bytes is too long")
    return _START.pack(MAGIC, len(text), len(body)) + text + body


class Unpacker:
    """Frames from bytes that come in any pieces."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises Garbled."""
        self._held += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        if not MAGIC.startswith(bytes(self._held[:4])):
            raise Garbled(f"{bytes(self._held[:40])!r} is no frame")
        if len(self._held) < _START.size:
            return None
        _magic, header, body = _START.unpack_from(self._held)
        if header > LONGEST_HEADER or body > LONGEST_BODY:
            raise Garbled(f"a frame of {header} and {body} bytes is too long")
        end = _START.size + header + body
        if len(self._held) < end:
            return None
        text, rest = self._held[_START.size : _START.size + header], self._held[_START.size + header : end]
        del self._held[:end]
        try:
            values = json.loads(bytes(text))
        except ValueError as error:
            raise Garbled(f"a frame's header is no JSON: {error}") from error
        if not isinstance(values, dict):
            raise Garbled("a frame's header is no JSON object")
        return values, bytes(rest)
