"""The ASGI application: pages by Django, websockets by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402

from config.turns import Handler  # noqa: E402
from live.server import raise_file_limit  # noqa: E402
from live.socket import live_socket  # noqa: E402

raise_file_limit()
application = ProtocolTypeRouter({"http": Handler(), "websocket": live_socket})
