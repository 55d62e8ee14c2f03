"""The Django app of the chain mirror."""

from django.apps import AppConfig


class ChainConfig(AppConfig):
    """Registers the exact sum that SQLite lacks on every new connection."""

    name = "chain"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the aggregate; a connection made earlier gets it at once."""
        from chain import fields

        fields.register_sqlite_functions()
