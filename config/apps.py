"""The composition root as a Django app, so that `manage.py check` knows its checks."""

from django.apps import AppConfig


class CompositionRoot(AppConfig):
    """Registers what `manage.py check --deploy` says of the production switch."""

    name = "config"

    def ready(self) -> None:
        """Register."""
        from django.core.checks import register

        from config import switch

        register(switch.deployed, deploy=True)
