"""One web process: `python -m config.web` serves pages and websockets on HOST and PORT.

For more, start more, each on a port of its own behind a proxy (docs/operations.md): so each can be watched,
restarted and counted by itself.
"""

from __future__ import annotations

import os

HOST, PORT = "127.0.0.1", "8000"
STOP_S = 10
"""How long pages under way may take when it is asked to end; websockets are closed, and come back."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import uvicorn

    from config import switch
    from config.asgi import application
    from live import server

    switch.require("web")
    port = os.environ.get("PORT") or PORT
    if not port.isdecimal() or int(port) > 65535:
        switch.refuse("This process (web) cannot start:", [f"PORT is {port!r}, and must be a number."])
    uvicorn.run(
        application,
        host=os.environ.get("HOST") or HOST,
        port=int(port),
        log_config=None,  # Django's, with our formats; config/middleware.py writes an access log
        timeout_graceful_shutdown=STOP_S,
        **server.options(),
    )


if __name__ == "__main__":
    main()
