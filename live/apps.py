from django.apps import AppConfig


class LiveConfig(AppConfig):
    """Websockets; no models."""

    name = "live"
