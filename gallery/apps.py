"""The Django app of the artwork."""

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    """Epochs, generations, pictures."""

    name = "gallery"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have comings and goings at the admin written down."""
        from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

        from gallery import audit

        user_logged_in.connect(audit.logged_in, dispatch_uid="gallery.audit")
        user_logged_out.connect(audit.logged_out, dispatch_uid="gallery.audit")
        user_login_failed.connect(audit.login_failed, dispatch_uid="gallery.audit")
