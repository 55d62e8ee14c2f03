"""The live layer: what just happened, told to every open page.

`publish` is the only door in; `live.hub` carries messages to the sockets of this process; `live.presence`
says how many people watch. Nothing here knows a vote or a picture, and nothing here is the truth: a page
that missed a message reads the database again when it reconnects.
"""

from live.messages import publish

__all__ = ["publish"]
