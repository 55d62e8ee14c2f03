"""The Django app of the artwork."""

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    """Epochs, generations, pictures."""

    name = "gallery"
    default_auto_field = "django.db.models.BigAutoField"
