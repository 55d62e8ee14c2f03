"""The Django app of the painters."""

from django.apps import AppConfig


class ComputeConfig(AppConfig):
    """Workers, paintings, pictures."""

    name = "compute"
    default_auto_field = "django.db.models.BigAutoField"
