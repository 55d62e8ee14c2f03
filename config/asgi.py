"""The ASGI application: pages by Django, websockets by Channels."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from live.server import raise_file_limit  # noqa: E402
from live.socket import live_socket  # noqa: E402

raise_file_limit()
application = ProtocolTypeRouter({"http": http, "websocket": live_socket})
